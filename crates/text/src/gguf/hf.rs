//! The contents of a Hugging Face model folder.

use serde_json::Value as Json;

use super::hyper::Hyper;
use super::names::{Placed, place};
use super::vocabulary::Vocabulary;
use super::{Gguf, GgufError, TensorType, config, dequantise, tokenizer};

/// What a Hugging Face model folder holds, made from a GGUF file.
#[derive(Debug, Clone)]
pub struct HfModel<'a> {
    /// `config.json`.
    pub config: Json,
    /// `generation_config.json`.
    pub generation_config: Json,
    /// `tokenizer.json`.
    pub tokenizer_json: String,
    /// `tokenizer_config.json`, with the chat template.
    pub tokenizer_config: Json,
    /// The tensors in the order of the layers, not decoded yet; see [`HfModel::tensor`].
    pub tensors: Vec<HfTensor<'a>>,
}

/// A tensor under its Hugging Face name, not decoded yet.
#[derive(Debug, Clone)]
pub struct HfTensor<'a> {
    /// The name, such as `model.layers.0.self_attn.q_proj.weight`.
    pub name: String,
    /// The row-major shape.
    pub shape: Vec<usize>,
    /// How the file stores the values.
    pub stored_as: TensorType,
    bytes: &'a [u8],
    interleaved_heads: Option<usize>,
}

/// Converts a parsed file to the contents of a Hugging Face model folder.
///
/// The architectures `llama` and `qwen2` are converted. No tensor is decoded here.
pub fn to_hf<'a>(gguf: &Gguf<'a>) -> Result<HfModel<'a>, GgufError> {
    let hyper = Hyper::read(gguf)?;
    let tensors = place(gguf, &hyper)?.into_iter().map(HfTensor::new).collect();
    let vocabulary = Vocabulary::read(gguf, hyper.vocab_size)?;
    Ok(HfModel {
        config: config::config(gguf, &hyper, &vocabulary.special)?,
        generation_config: config::generation_config(&vocabulary.special),
        tokenizer_json: tokenizer::tokenizer_json(gguf, &vocabulary)?,
        tokenizer_config: tokenizer::tokenizer_config(gguf, &vocabulary, hyper.context)?,
        tensors,
    })
}

impl HfModel<'_> {
    /// Decodes the tensor at `index` in [`HfModel::tensors`].
    ///
    /// Only this tensor is held as `f32`, so a large model can be converted tensor by tensor.
    pub fn tensor(&self, index: usize) -> Result<Vec<f32>, GgufError> {
        let tensor = self.tensors.get(index).ok_or_else(|| GgufError::MissingTensor(format!("number {index}")))?;
        tensor.decode()
    }
}

impl<'a> HfTensor<'a> {
    fn new(placed: Placed<'a>) -> Self {
        let Placed { name, tensor, interleaved_heads } = placed;
        let (shape, stored_as, bytes) = (tensor.shape, tensor.tensor_type, tensor.bytes);
        Self { name, shape, stored_as, bytes, interleaved_heads }
    }

    /// Decodes the values, in row-major order.
    pub fn decode(&self) -> Result<Vec<f32>, GgufError> {
        let count = self.shape.iter().product();
        match self.interleaved_heads {
            None => dequantise(self.stored_as, self.bytes, count),
            Some(heads) => dequantise(self.stored_as, &half_split_rows(self.bytes, self.shape[0], heads), count),
        }
    }
}

/// Reorders the rows of a query or key projection from interleaved to half-split order.
///
/// llama.cpp rotates neighbouring rows (2i, 2i+1) of a head, transformers the rows (i, i + width/2), so
/// Llama files store row i + p·width/2 of a head at place 2i + p. Rows are whole blocks, hence the stored
/// bytes can be moved before they are decoded.
fn half_split_rows(bytes: &[u8], rows: usize, heads: usize) -> Vec<u8> {
    let row_bytes = bytes.len() / rows;
    let width = rows / heads;
    let row_of = |row: usize| {
        let (head, within) = (row / width, row % width);
        let (part, i) = (within / (width / 2), within % (width / 2));
        head * width + 2 * i + part
    };
    let mut reordered = Vec::with_capacity(bytes.len());
    for row in 0..rows {
        reordered.extend_from_slice(&bytes[row_of(row) * row_bytes..][..row_bytes]);
    }
    reordered
}
