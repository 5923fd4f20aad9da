//! The architecture of a model: its family and sizes, checked once.

use super::metadata::required;
use super::{Gguf, GgufError};

/// `general.architecture`.
const ARCHITECTURE: &str = "general.architecture";

/// A model family that is converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Llama,
    Qwen2,
}

/// Sizes and constants of the model, in the words of `config.json`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hyper {
    pub(super) family: Family,
    pub(super) hidden_size: usize,
    pub(super) intermediate_size: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) head_dim: usize,
    pub(super) vocab_size: usize,
    pub(super) context: usize,
    pub(super) epsilon: f64,
    pub(super) rope_theta: f64,
}

impl Family {
    fn of(gguf: &Gguf<'_>) -> Result<Self, GgufError> {
        match required(ARCHITECTURE, gguf.text(ARCHITECTURE)?)? {
            "llama" => Ok(Self::Llama),
            "qwen2" => Ok(Self::Qwen2),
            other => Err(GgufError::UnsupportedArchitecture(other.to_owned())),
        }
    }

    /// What the metadata keys of the family begin with.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
        }
    }

    /// The full metadata key of a family-specific entry.
    pub(super) fn key(self, name: &str) -> String {
        format!("{}.{name}", self.prefix())
    }
}

impl Hyper {
    /// Reads the sizes from the metadata.
    pub(super) fn read(gguf: &Gguf<'_>) -> Result<Self, GgufError> {
        let family = Family::of(gguf)?;
        refuse_experts(gguf, family)?;
        let size = |name: &str| positive(gguf, &family.key(name));
        let hidden_size = size("embedding_length")?;
        let heads = size("attention.head_count")?;
        let kv_heads = gguf.integer(&family.key("attention.head_count_kv"))?.unwrap_or(heads);
        Ok(Self {
            family,
            hidden_size,
            intermediate_size: size("feed_forward_length")?,
            layers: size("block_count")?,
            heads,
            kv_heads: sharing(family, heads, kv_heads)?,
            head_dim: head_dim(gguf, family, hidden_size, heads)?,
            vocab_size: vocab_size(gguf)?,
            context: size("context_length")?,
            epsilon: real(gguf, &family.key("attention.layer_norm_rms_epsilon"), None)?,
            // Files without the entry mean the constant of the first Llama models.
            rope_theta: real(gguf, &family.key("rope.freq_base"), Some(10_000.0))?,
        })
    }
}

fn positive(gguf: &Gguf<'_>, key: &str) -> Result<usize, GgufError> {
    match required(key, gguf.integer(key)?)? {
        0 => Err(problem(key, "is 0; convert the model again with a current llama.cpp")),
        value => Ok(value),
    }
}

fn real(gguf: &Gguf<'_>, key: &str, default: Option<f64>) -> Result<f64, GgufError> {
    let value = required(key, gguf.float(key)?.or(default))?;
    let positive = value.is_finite() && value > 0.0;
    positive
        .then_some(value)
        .ok_or_else(|| problem(key, format!("is {value}, not a positive number; get the file again")))
}

fn sharing(family: Family, heads: usize, kv_heads: usize) -> Result<usize, GgufError> {
    if kv_heads > 0 && heads.is_multiple_of(kv_heads) {
        return Ok(kv_heads);
    }
    let key = family.key("attention.head_count_kv");
    Err(problem(&key, format!("is {kv_heads}, which does not divide the {heads} heads; get the file again")))
}

fn head_dim(gguf: &Gguf<'_>, family: Family, hidden_size: usize, heads: usize) -> Result<usize, GgufError> {
    let key = family.key("attention.key_length");
    let head_dim = gguf.integer(&key)?.unwrap_or(hidden_size / heads);
    if head_dim == 0 || !head_dim.is_multiple_of(2) {
        return Err(problem(
            &key,
            format!("gives heads of width {head_dim}, not a positive even number; get the file again"),
        ));
    }
    for name in ["rope.dimension_count", "attention.value_length"] {
        let key = family.key(name);
        let value = gguf.integer(&key)?.unwrap_or(head_dim);
        if value != head_dim {
            let text = format!(
                "is {value}, other than the width {head_dim} of a head; such models are not converted, use one of plain Llama or Qwen2 form"
            );
            return Err(problem(&key, text));
        }
    }
    Ok(head_dim)
}

fn vocab_size(gguf: &Gguf<'_>) -> Result<usize, GgufError> {
    const NAME: &str = "token_embd.weight";
    let embedding = gguf.tensor(NAME).ok_or_else(|| GgufError::MissingTensor(NAME.to_owned()))?;
    Ok(embedding.shape.first().copied().unwrap_or_default())
}

fn refuse_experts(gguf: &Gguf<'_>, family: Family) -> Result<(), GgufError> {
    let key = family.key("expert_count");
    match gguf.integer(&key)? {
        None | Some(0) => Ok(()),
        Some(count) => {
            Err(problem(&key, format!("is {count}: mixtures of experts are not converted, use a dense model")))
        }
    }
}

fn problem(key: &str, problem: impl Into<String>) -> GgufError {
    GgufError::Metadata { key: key.to_owned(), problem: problem.into() }
}
