//! The precision of products.

use burn::tensor::DType;
use serde::{Deserialize, Serialize};

/// The kind of number that weights are multiplied in.
///
/// Halves of f32 need half the memory traffic, and devices with matrix units multiply them many times faster. What is
/// summed over many terms is f32 all the same: norms, softmax, losses, gradients over micro-batches, and the weights
/// that an optimizer changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Dtype {
    /// 24 bits of precision.
    #[default]
    F32,
    /// 8 bits of precision and the range of f32.
    Bf16,
    /// 11 bits of precision, from 6·10⁻⁸ to 65504.
    F16,
}

impl Dtype {
    /// As configurations name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    /// The `torch_dtype` of `config.json`.
    pub fn torch_dtype(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::Bf16 => "bfloat16",
            Self::F16 => "float16",
        }
    }
}

impl From<Dtype> for DType {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::F32,
            Dtype::Bf16 => Self::BF16,
            Dtype::F16 => Self::F16,
        }
    }
}
