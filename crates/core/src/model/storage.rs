//! Weights of fewer bits than f32 has.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::quantization::QuantValue;
use burn::tensor::{DType, Tensor};
use serde::{Deserialize, Serialize};

use super::network::{Configured, Network};
use crate::Dtype;
use crate::ops::scheme;

/// How many bits a weight is kept in. Blocks of 32 inputs of an output (32 outputs of an input on a GPU) share a scale s:
/// w ≈ s q with s = max |w| / q_max.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantization {
    /// Eight: −127 ≤ q ≤ 127.
    Q8,
    /// Four: −7 ≤ q ≤ 7. On the processor each takes a byte all the same.
    Q4,
}

impl Quantization {
    fn value(self) -> QuantValue {
        match self {
            Self::Q8 => QuantValue::Q8S,
            Self::Q4 => QuantValue::Q4S,
        }
    }
}

/// How weights are kept for products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Storage {
    /// The type of the matrices that are not quantised, and of the states between them.
    pub dtype: Dtype,
    /// The bits of the linear maps of the layers, where it is fewer than those of `dtype`.
    pub quantization: Option<Quantization>,
}

impl From<Dtype> for Storage {
    fn from(dtype: Dtype) -> Self {
        Self { dtype, quantization: None }
    }
}

impl<M: Network> Configured<M> {
    /// The same network for inference: without gradients, its matrices kept as `storage` says, adapters
    /// folded in or, in half precision, beside them.
    ///
    /// Norms, biases and the heads of reward models stay as they are. Maps that blocks of 32 do not
    /// fill are not quantised.
    pub fn for_inference(&self, storage: impl Into<Storage>) -> Self {
        let storage = storage.into();
        // In half precision the little that an adapter adds would vanish beside the weight it is folded into.
        let apart = storage.dtype != Dtype::F32 && storage.quantization.is_none();
        let model = if apart { self.model.valid() } else { self.frozen().model };
        Self { config: self.config.clone(), model: kept(model, storage, &["layers", "embed_tokens", "lm_head"]) }
    }
}

/// A copy of `model` to form products and gradients with, the matrices of its layers in `dtype`. Its parameters have the
/// names of those of `model`.
pub(crate) fn working<M: Module>(model: &M, dtype: Dtype) -> M {
    kept(model.clone(), dtype.into(), &["layers"])
}

/// `model` with the matrices in the modules of these names kept as `storage` says.
fn kept<M: Module>(model: M, storage: Storage, places: &'static [&'static str]) -> M {
    match storage == Storage::default() {
        true => model,
        false => model.map(&mut Keep { storage, places, path: Vec::new() }),
    }
}

struct Keep {
    storage: Storage,
    places: &'static [&'static str],
    path: Vec<String>,
}

impl Keep {
    fn is_in(&self, places: &[&str]) -> bool {
        self.path.iter().any(|name| places.contains(&name.as_str()))
    }
}

impl ModuleMapper for Keep {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D != 2 || !self.is_in(self.places) {
            return param;
        }
        let few_bits = self.storage.quantization.filter(|_| self.is_in(&["layers"]));
        let sizes = [param.dims()[0], param.dims()[1]];
        match few_bits.and_then(|bits| scheme(bits.value(), sizes, &param.device())) {
            Some(scheme) => param.map(|weight| weight.quantize_dynamic(&scheme)),
            None => param.map(|weight| {
                let learns = weight.is_require_grad();
                weight.cast(DType::from(self.storage.dtype)).detach().set_require_grad(learns)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::module::{Module as _, ModuleVisitor};
    use burn::tensor::Device;

    use super::*;
    use crate::model::ModelConfig;
    use crate::numbers::numbers;
    use crate::policy::{Packed, Policy, Row};

    #[derive(Default)]
    struct Kinds {
        few_bits: usize,
        half: usize,
        whole: usize,
    }

    impl ModuleVisitor for Kinds {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            match param.val().dtype() {
                DType::QFloat(_) => self.few_bits += 1,
                DType::F16 | DType::BF16 => self.half += 1,
                _ => self.whole += 1,
            }
        }
    }

    fn policy(device: &Device) -> Policy {
        Policy::new(ModelConfig::small(64, 64, 2, 2), 5, device)
    }

    fn log_probs(policy: &Policy) -> Vec<f32> {
        let packed = Packed::continuations(&[vec![Row { shared: &[1, 2], own: &[7, 40, 11, 5, 9, 60, 33, 2, 8, 21] }]]);
        numbers(policy.log_probs(&packed))
    }

    fn few_bits(quantization: Quantization) -> Storage {
        Storage { quantization: Some(quantization), ..Storage::default() }
    }

    /// The closer, the more bits; and something is lost, so that the weights were in fact replaced.
    #[test]
    fn log_probs_are_close_to_those_of_the_whole_weights() {
        let policy = policy(&Device::flex());
        let exact = log_probs(&policy);
        let error = |storage: Storage| {
            let found = log_probs(&policy.for_inference(storage));
            exact.iter().zip(found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        let (eight, four) = (error(few_bits(Quantization::Q8)), error(few_bits(Quantization::Q4)));
        // Four bits are 127 / 7 times as coarse as eight.
        assert!(eight > 0.0 && eight < 0.1 && four > 5.0 * eight && four < 2.0, "{eight} and {four}");
        let (half, brain) = (error(Dtype::F16.into()), error(Dtype::Bf16.into()));
        // Three bits of precision less.
        assert!(half > 0.0 && half < 0.01 && brain > 3.0 * half && brain < 0.1, "{half} and {brain}");
        assert_eq!(error(Dtype::F32.into()), 0.0);
    }

    #[test]
    fn only_matrices_of_layers_and_vocabulary_are_replaced() {
        let kinds = |storage: Storage| {
            let mut kinds = Kinds::default();
            policy(&Device::flex()).for_inference(storage).model.visit(&mut kinds);
            [kinds.few_bits, kinds.half, kinds.whole]
        };
        // Norms and biases of two layers, and the last norm.
        let vectors = (2 * 2 + 1) + 2 * 3;
        // Six maps in each of two layers. What stays beside: embedding and the maps down from 176 inputs.
        assert_eq!(kinds(few_bits(Quantization::Q8)), [2 * 6, 0, vectors + 1 + 2]);
        assert_eq!(kinds(Dtype::F16.into()), [0, 2 * 7 + 1, vectors]);
        let both = Storage { dtype: Dtype::Bf16, quantization: Some(Quantization::Q4) };
        assert_eq!(kinds(both), [2 * 6, 1 + 2, vectors]);
    }
}
