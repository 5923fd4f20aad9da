//! The tensor types of the format and the sizes of their blocks.

use std::fmt;

/// How the values of a tensor are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(non_camel_case_types, reason = "`Q4_K` is the name everybody knows; `Q4K` would have to be looked up")]
pub enum TensorType {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
    /// The upper half of single precision.
    BF16,
    /// Blocks of 32 values of 4 bits with a scale.
    Q4_0,
    /// The same with a smallest value.
    Q4_1,
    /// Blocks of 32 values of 5 bits with a scale.
    Q5_0,
    /// The same with a smallest value.
    Q5_1,
    /// Blocks of 32 values of 8 bits with a scale.
    Q8_0,
    /// Blocks of 256 values of 4 bits; scales and smallest values of each 32 have 6 bits.
    Q4_K,
    /// The same with values of 5 bits.
    Q5_K,
    /// Blocks of 256 values of 6 bits; scales of each 16 have 8 bits.
    Q6_K,
}

impl TensorType {
    /// The names of all types, for messages.
    pub const NAMES: &'static str = "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K";

    /// The type with this number in the file, or the name of the type that is not decoded.
    pub(super) fn from_number(number: u32) -> Result<Self, String> {
        Ok(match number {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            6 => Self::Q5_0,
            7 => Self::Q5_1,
            8 => Self::Q8_0,
            12 => Self::Q4_K,
            13 => Self::Q5_K,
            14 => Self::Q6_K,
            30 => Self::BF16,
            other => return Err(foreign_name(other)),
        })
    }

    /// How many values one block holds (1 for the plain types).
    pub fn block_values(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => 1,
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => 32,
            Self::Q4_K | Self::Q5_K | Self::Q6_K => 256,
        }
    }

    /// How many bytes one block takes.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q4_K => 144,
            Self::Q5_K => 176,
            Self::Q6_K => 210,
        }
    }

    /// How many bytes `values` values take, or `None` if they do not fill whole blocks or overflow.
    pub fn bytes_for(self, values: usize) -> Option<usize> {
        let whole = values.is_multiple_of(self.block_values());
        whole.then(|| (values / self.block_values()).checked_mul(self.block_bytes())).flatten()
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// The name of a type that exists but is not decoded, or its number.
fn foreign_name(number: u32) -> String {
    let name = match number {
        9 => "Q8_1",
        10 => "Q2_K",
        11 => "Q3_K",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        _ => return format!("type {number}"),
    };
    name.to_owned()
}
