//! The "K" types: blocks of 256 values in groups, each group with its own small integer scale.

use super::dequantise::half_at;

/// x = (d·s)·q − (dₘ·m) with 4-bit q; s and m are 6-bit numbers, one pair for each 32 values.
pub(super) fn q4_k(block: &[u8; 144], values: &mut [f32; 256]) {
    let groups = Groups::read(block);
    let (values, _) = values.as_chunks_mut::<64>();
    let (nibbles, _) = block[16..].as_chunks::<32>();
    for (pair, (values, nibbles)) in values.iter_mut().zip(nibbles).enumerate() {
        let (low, high) = (groups.get(2 * pair), groups.get(2 * pair + 1));
        for (i, packed) in nibbles.iter().enumerate() {
            values[i] = low.value(packed & 15);
            values[i + 32] = high.value(packed >> 4);
        }
    }
}

/// As [`q4_k`], with a fifth bit for every value in the 32 bytes before the nibbles.
pub(super) fn q5_k(block: &[u8; 176], values: &mut [f32; 256]) {
    let groups = Groups::read(block);
    let (values, _) = values.as_chunks_mut::<64>();
    let (nibbles, _) = block[48..].as_chunks::<32>();
    for (pair, (values, nibbles)) in values.iter_mut().zip(nibbles).enumerate() {
        let (low, high) = (groups.get(2 * pair), groups.get(2 * pair + 1));
        for (i, (packed, bits)) in nibbles.iter().zip(&block[16..48]).enumerate() {
            let bits = bits >> (2 * pair);
            values[i] = low.value((packed & 15) | ((bits & 1) << 4));
            values[i + 32] = high.value((packed >> 4) | ((bits & 2) << 3));
        }
    }
}

/// x = (d·s)·(q − 32) with 6-bit q and an 8-bit scale s for each 16 values.
///
/// A block is two halves of 128 values: 64 bytes with the low four bits, 32 bytes with the high two.
pub(super) fn q6_k(block: &[u8; 210], values: &mut [f32; 256]) {
    let scale = half_at(block, 208);
    let (values, _) = values.as_chunks_mut::<128>();
    for (half, values) in values.iter_mut().enumerate() {
        let low = &block[64 * half..];
        let high = &block[128 + 32 * half..];
        let scales = &block[192 + 8 * half..];
        for (i, value) in values.iter_mut().enumerate() {
            let quarter = i / 32;
            // Quarters 0 and 1 lie in the low nibbles of bytes 0..64, quarters 2 and 3 in the high ones.
            let nibble = (low[i % 64] >> (4 * (quarter / 2))) & 15;
            let top = (high[i % 32] >> (2 * quarter)) & 3;
            let group_scale = scale * f32::from(scales[i / 16].cast_signed());
            *value = group_scale * (f32::from(nibble | (top << 4)) - 32.0);
        }
    }
}

/// The two scales and the twelve bytes of packed 6-bit numbers at the head of a block.
struct Groups {
    scale: f32,
    offset: f32,
    packed: [u8; 12],
}

/// Scale and offset of one group of 32 values.
struct Group {
    scale: f32,
    offset: f32,
}

impl Groups {
    fn read<const BYTES: usize>(block: &[u8; BYTES]) -> Self {
        let mut packed = [0; 12];
        packed.copy_from_slice(&block[4..16]);
        Self { scale: half_at(block, 0), offset: half_at(block, 2), packed }
    }

    /// Groups 0 to 3 have a byte each for scale and offset; 4 to 7 share nibbles with the top bits of those.
    fn get(&self, index: usize) -> Group {
        let packed = &self.packed;
        let (scale, offset) = if index < 4 {
            (packed[index] & 63, packed[index + 4] & 63)
        } else {
            let nibbles = packed[index + 4];
            ((nibbles & 15) | (packed[index - 4] >> 6 << 4), (nibbles >> 4) | (packed[index] >> 6 << 4))
        };
        Group { scale: self.scale * f32::from(scale), offset: self.offset * f32::from(offset) }
    }
}

impl Group {
    fn value(&self, stored: u8) -> f32 {
        self.scale * f32::from(stored) - self.offset
    }
}
