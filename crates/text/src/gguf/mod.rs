//! GGUF weight files: from the bytes of a file to the contents of a Hugging Face model folder.
//!
//! [`Gguf::parse`] reads the header: metadata and a list of tensors whose bytes lie inside the file.
//! [`dequantise`] turns the bytes of one tensor into `f32`. [`to_hf`] builds on both and answers with what a
//! Hugging Face folder holds: `config.json`, the tokenizer files and the tensors under the names that
//! `LlamaForCausalLM` and `Qwen2ForCausalLM` use. Tensors are decoded one at a time, on request.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>

mod config;
mod dequantise;
mod dequantise_k;
mod error;
mod hf;
mod hyper;
mod metadata;
mod names;
mod parse;
mod read;
mod rope;
mod tensor;
mod tensor_type;
mod tokenizer;
mod tokenizer_bpe;
mod tokenizer_spm;
mod value;
mod vocabulary;

pub use dequantise::dequantise;
pub use error::GgufError;
pub use hf::{HfModel, HfTensor, to_hf};
pub use parse::Gguf;
pub use tensor::Tensor;
pub use tensor_type::TensorType;
pub use value::{Array, Value};
