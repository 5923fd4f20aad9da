//! From stored blocks to `f32`: plain types and the blocks of 32 values.
//!
//! A block holds small integers q and one scale d, and in the `_1` types an offset m as well:
//! x = d·q or x = d·q + m. The arithmetic is in `f32`, in the order of the reference implementation,
//! so that the results agree to the last bit.

use half::{bf16, f16};

use super::dequantise_k::{q4_k, q5_k, q6_k};
use super::{GgufError, TensorType};

/// Decodes `count` values stored as `tensor_type`.
///
/// `bytes` must be exactly the bytes of these values and `count` a whole number of blocks.
pub fn dequantise(tensor_type: TensorType, bytes: &[u8], count: usize) -> Result<Vec<f32>, GgufError> {
    check_size(tensor_type, bytes, count)?;
    Ok(match tensor_type {
        TensorType::F32 => bytes.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect(),
        TensorType::F16 => bytes.as_chunks().0.iter().map(|value| f16::from_le_bytes(*value).to_f32()).collect(),
        TensorType::BF16 => bytes.as_chunks().0.iter().map(|value| bf16::from_le_bytes(*value).to_f32()).collect(),
        TensorType::Q4_0 => decode(bytes, count, q4_0),
        TensorType::Q4_1 => decode(bytes, count, q4_1),
        TensorType::Q5_0 => decode(bytes, count, q5_0),
        TensorType::Q5_1 => decode(bytes, count, q5_1),
        TensorType::Q8_0 => decode(bytes, count, q8_0),
        TensorType::Q4_K => decode(bytes, count, q4_k),
        TensorType::Q5_K => decode(bytes, count, q5_k),
        TensorType::Q6_K => decode(bytes, count, q6_k),
    })
}

fn check_size(kind: TensorType, bytes: &[u8], count: usize) -> Result<(), GgufError> {
    let needed = kind.bytes_for(count);
    if needed == Some(bytes.len()) {
        return Ok(());
    }
    let needed = match needed {
        Some(needed) => format!("{needed} bytes"),
        None => format!("a multiple of {} values", kind.block_values()),
    };
    Err(GgufError::DataSize { kind, count, needed, found: bytes.len() })
}

/// Decodes block by block: `BYTES` bytes become `VALUES` values.
fn decode<const BYTES: usize, const VALUES: usize>(
    bytes: &[u8],
    count: usize,
    block: fn(&[u8; BYTES], &mut [f32; VALUES]),
) -> Vec<f32> {
    let mut values = vec![0.0; count];
    for (stored, decoded) in bytes.as_chunks().0.iter().zip(values.as_chunks_mut().0) {
        block(stored, decoded);
    }
    values
}

/// The `f16` at a place in a block.
pub(super) fn half_at<const BYTES: usize>(block: &[u8; BYTES], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

// Blocks of 32 nibbles keep the values 0..16 in the low halves of 16 bytes and 16..32 in the high halves.

fn q4_0(block: &[u8; 18], values: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    for (i, packed) in block[2..].iter().enumerate() {
        values[i] = scale * (f32::from(packed & 15) - 8.0);
        values[i + 16] = scale * (f32::from(packed >> 4) - 8.0);
    }
}

fn q4_1(block: &[u8; 20], values: &mut [f32; 32]) {
    let (scale, offset) = (half_at(block, 0), half_at(block, 2));
    for (i, packed) in block[4..].iter().enumerate() {
        values[i] = scale * f32::from(packed & 15) + offset;
        values[i + 16] = scale * f32::from(packed >> 4) + offset;
    }
}

fn q5_0(block: &[u8; 22], values: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    let fifth_bits = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    for (i, packed) in block[6..].iter().enumerate() {
        values[i] = scale * (with_fifth_bit(packed & 15, fifth_bits, i) - 16.0);
        values[i + 16] = scale * (with_fifth_bit(packed >> 4, fifth_bits, i + 16) - 16.0);
    }
}

fn q5_1(block: &[u8; 24], values: &mut [f32; 32]) {
    let (scale, offset) = (half_at(block, 0), half_at(block, 2));
    let fifth_bits = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
    for (i, packed) in block[8..].iter().enumerate() {
        values[i] = scale * with_fifth_bit(packed & 15, fifth_bits, i) + offset;
        values[i + 16] = scale * with_fifth_bit(packed >> 4, fifth_bits, i + 16) + offset;
    }
}

fn with_fifth_bit(nibble: u8, fifth_bits: u32, index: usize) -> f32 {
    let high = if (fifth_bits >> index) & 1 == 1 { 16 } else { 0 };
    f32::from(nibble | high)
}

fn q8_0(block: &[u8; 34], values: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    for (value, stored) in values.iter_mut().zip(&block[2..]) {
        *value = scale * f32::from(stored.cast_signed());
    }
}
