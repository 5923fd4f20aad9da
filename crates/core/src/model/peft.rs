//! Adapters as the library PEFT keeps them: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! burn multiplies from the right, x W, PyTorch from the left, W x; so the factors are transposed: `lora_A = Aᵀ`,
//! `lora_B = Bᵀ`. The head of a reward model is among the tensors, as PEFT's `modules_to_save`.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use safetensors::tensor::{Dtype as Stored, SafeTensors, TensorView};
use serde_json::{Value, json};

use super::heads::TokenClassifier;
use crate::read::read;
use crate::{Dtype, Error, Result};

/// What PEFT puts before the names of a model's tensors.
const PREFIX: &str = "base_model.model.";

/// An adapter: low-rank changes of a decoder, and the head of a reward model.
#[derive(Debug, Clone)]
pub struct PeftAdapter {
    rank: usize,
    alpha: f32,
    /// Shape and values by name without [`PREFIX`].
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl PeftAdapter {
    /// What a model has learned through adapters, and its head. Without adapters it is the head alone.
    ///
    /// # Errors
    /// If the device cannot be read.
    pub async fn of(model: &impl Module, rank: usize, alpha: f32) -> Result<Self> {
        let mut collect = Collect::default();
        model.visit(&mut collect);
        let mut tensors = BTreeMap::new();
        for (name, tensor) in collect.matrices {
            let tensor = tensor.transpose();
            let shape = tensor.dims().to_vec();
            tensors.insert(name, (shape, read(tensor).await?));
        }
        for (name, tensor) in collect.vectors {
            tensors.insert(name, (tensor.dims().to_vec(), read(tensor).await?));
        }
        Ok(Self { rank, alpha, tensors })
    }

    /// Reads the two files.
    ///
    /// # Errors
    /// Files of another kind of adapter, or ones that cannot be read.
    pub fn from_files(config: &[u8], weights: &[u8]) -> Result<Self> {
        let config: Value = serde_json::from_slice(config).map_err(|error| refused("", &error.to_string()))?;
        let kind = config["peft_type"].as_str().unwrap_or_default();
        if kind != "LORA" || config["use_dora"] == true || config["use_rslora"] == true {
            return Err(refused("peft_type", "is not plain LORA, the one kind that is read"));
        }
        let is_plain = |key: &str| config[key].as_object().is_none_or(serde_json::Map::is_empty);
        if !is_plain("rank_pattern") || !is_plain("alpha_pattern") {
            return Err(refused(
                "rank_pattern, alpha_pattern",
                "must be empty: one rank and one alpha for all projections",
            ));
        }
        let rank = config["r"].as_u64().and_then(|rank| usize::try_from(rank).ok());
        let alpha = config["lora_alpha"].as_f64().map(|alpha| alpha as f32);
        let file = SafeTensors::deserialize(weights).map_err(|error| Error::WeightFile(error.to_string()))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            let name = name.strip_prefix(PREFIX).unwrap_or(name).replace(".modules_to_save.default", "");
            tensors.insert(name, (view.shape().to_vec(), floats(&view)?));
        }
        let (Some(rank), Some(alpha)) = (rank, alpha) else {
            return Err(refused("r and lora_alpha", "must be numbers"));
        };
        Ok(Self { rank, alpha, tensors })
    }

    /// The files `(name, bytes)` of a folder; `base` names the model they belong to.
    ///
    /// # Errors
    /// Values that no file can hold.
    pub fn files(&self, base: &str, dtype: Dtype) -> Result<Vec<(String, Vec<u8>)>> {
        let (task, saved) = match self.has_head() {
            true => ("TOKEN_CLS", json!(["score"])),
            false => ("CAUSAL_LM", Value::Null),
        };
        let config = json!({
            "peft_type": "LORA",
            "task_type": task,
            "base_model_name_or_path": base,
            "r": self.rank,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "bias": "none",
            "fan_in_fan_out": false,
            "inference_mode": true,
            "target_modules": self.targets(),
            "modules_to_save": saved,
        });
        let named: Vec<(String, Vec<usize>, Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, (shape, values))| (format!("{PREFIX}{name}"), shape.clone(), bytes(values, dtype)))
            .collect();
        let stored = match dtype {
            Dtype::F32 => Stored::F32,
            Dtype::Bf16 => Stored::BF16,
            Dtype::F16 => Stored::F16,
        };
        let unwritten = |error: safetensors::SafeTensorError| Error::WeightFile(error.to_string());
        let views = named
            .iter()
            .map(|(name, shape, bytes)| Ok((name, TensorView::new(stored, shape.clone(), bytes).map_err(unwritten)?)))
            .collect::<Result<Vec<_>>>()?;
        let weights = safetensors::serialize(views, None).map_err(unwritten)?;
        let config = serde_json::to_vec_pretty(&config).map_err(|error| Error::WeightFile(error.to_string()))?;
        Ok(vec![("adapter_config.json".into(), config), ("adapter_model.safetensors".into(), weights)])
    }

    /// Whether it brings the head of a reward model along.
    pub fn has_head(&self) -> bool {
        ["score.weight", "score.bias"].iter().all(|name| self.tensors.contains_key(*name))
    }

    /// The names of the projections that are adapted.
    fn targets(&self) -> Vec<&str> {
        let projections =
            self.tensors.keys().filter_map(|name| name.strip_suffix(".lora_A.weight")?.rsplit('.').next());
        let mut names: Vec<&str> = projections.collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// `model` with the adapter folded into its weights: W + (α / r) A B, and the head of the adapter.
    ///
    /// # Errors
    /// Names or shapes that the model does not have.
    pub fn fold_into(&self, model: TokenClassifier) -> Result<TokenClassifier> {
        let mut put = Put { adapter: self, path: Vec::new(), used: Vec::new(), wrong: Vec::new() };
        let model = model.map(&mut put);
        let Put { used, wrong, .. } = put;
        let foreign = self.tensors.keys().filter(|name| !used.contains(name)).cloned();
        let mismatched: Vec<String> = wrong.into_iter().chain(foreign).collect();
        match mismatched.is_empty() {
            true => Ok(model),
            false => Err(Error::Weights { missing: Vec::new(), mismatched }),
        }
    }

    fn scale(&self) -> f32 {
        self.alpha / self.rank.max(1) as f32
    }
}

fn refused(key: &str, problem: &str) -> Error {
    Error::Config { key: format!("adapter_config.json {key}").trim_end().into(), problem: problem.into() }
}

fn floats(view: &TensorView<'_>) -> Result<Vec<f32>> {
    let data = view.data();
    match view.dtype() {
        Stored::F32 => Ok(data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()),
        Stored::F16 => Ok(data.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect()),
        Stored::BF16 => Ok(data.chunks_exact(2).map(|b| half::bf16::from_le_bytes([b[0], b[1]]).to_f32()).collect()),
        other => Err(Error::WeightFile(format!("adapter of type {other:?}; expected F32, F16 or BF16"))),
    }
}

fn bytes(values: &[f32], dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Dtype::Bf16 => values.iter().flat_map(|value| half::bf16::from_f32(*value).to_le_bytes()).collect(),
        Dtype::F16 => values.iter().flat_map(|value| half::f16::from_f32(*value).to_le_bytes()).collect(),
    }
}

/// Factors and head by the names PEFT gives them.
#[derive(Default)]
struct Collect {
    path: Vec<String>,
    matrices: Vec<(String, Tensor<2>)>,
    vectors: Vec<(String, Tensor<1>)>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        let factor = |end: &str, name: &str| path.strip_suffix(end).map(|stem| format!("{stem}.{name}.weight"));
        let head = path.starts_with("score.").then(|| path.clone());
        let named = factor(".weight.lora.a", "lora_A").or_else(|| factor(".weight.lora.b", "lora_B")).or(head);
        let Some(name) = named else { return };
        match *param.dims().as_slice() {
            [length] => self.vectors.push((name, inner(param.val()).reshape([length]))),
            [rows, columns] => self.matrices.push((name, inner(param.val()).reshape([rows, columns]))),
            _ => {}
        }
    }
}

/// Without gradients, where there are any.
fn inner<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    if tensor.is_autodiff() { tensor.inner() } else { tensor }
}

/// Adds the changes and replaces the head.
struct Put<'a> {
    adapter: &'a PeftAdapter,
    path: Vec<String>,
    used: Vec<&'a String>,
    wrong: Vec<String>,
}

impl<'a> Put<'a> {
    fn tensor(&mut self, name: &str) -> Option<(&'a [usize], &'a [f32])> {
        let (name, (shape, values)) = self.adapter.tensors.get_key_value(name)?;
        self.used.push(name);
        Some((shape, values))
    }

    /// (α / r) A B of the projection at `stem`, `[in, out]`.
    fn change(&mut self, stem: &str, shape: &[usize], device: &burn::tensor::Device) -> Option<Tensor<2>> {
        let a = self.tensor(&format!("{stem}.lora_A.weight"));
        let b = self.tensor(&format!("{stem}.lora_B.weight"));
        let (Some((a_shape, a)), Some((b_shape, b))) = (a, b) else {
            if a.is_some() || b.is_some() {
                self.wrong.push(format!("{stem}: one of lora_A and lora_B is missing"));
            }
            return None;
        };
        let (&[rank, input], &[output, b_rank]) = (a_shape, b_shape) else {
            self.wrong.push(format!("{stem}: factors are not matrices"));
            return None;
        };
        if rank != b_rank || shape != [input, output] {
            self.wrong.push(format!("{stem}: factors {a_shape:?} and {b_shape:?} for a projection of {shape:?}"));
            return None;
        }
        let matrix = |values: &[f32], shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), device).transpose()
        };
        let product = matrix(a, [rank, input]).matmul(matrix(b, [output, rank]));
        Some(product * self.adapter.scale())
    }

    /// A tensor of the head as burn keeps it.
    fn head(&mut self, path: &str, shape: &[usize], device: &burn::tensor::Device) -> Option<Tensor<1>> {
        let (found, values) = self.tensor(path)?;
        let expected: Vec<usize> = shape.iter().rev().copied().collect();
        if found != expected {
            self.wrong.push(format!("{path}: {found:?}, not {expected:?}"));
            return None;
        }
        let flat = Tensor::<1>::from_data(TensorData::new(values.to_vec(), [values.len()]), device);
        Some(match *found {
            [rows, columns] => flat.reshape([rows, columns]).transpose().reshape([rows * columns]),
            _ => flat,
        })
    }
}

impl ModuleMapper for Put<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.join(".");
        let (shape, device) = (param.dims(), param.val().device());
        let device = &device;
        if path.starts_with("score.") {
            let head = self.head(&path, &shape, device);
            return match head {
                Some(head) => param.map(|_| head.reshape(shape)),
                None => param,
            };
        }
        let Some(stem) = path.strip_suffix(".weight") else { return param };
        match self.change(stem, &shape, device) {
            Some(change) => param.map(|weight| weight + change.reshape(shape)),
            None => param,
        }
    }
}
