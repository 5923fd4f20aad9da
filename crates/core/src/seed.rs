//! One seed, many independent streams.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

/// A generator for one purpose: the same `seed` and `path` always give the same stream.
///
/// `path` names the purpose by numbers, for example `[update, prompt, sample]`, so that what is drawn for one
/// sample does not depend on which samples share its batch.
pub fn stream(seed: u64, path: &[u64]) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(path.iter().fold(seed, |state, part| mix_in(state, *part)))
}

/// The finaliser of SplitMix64: every input bit reaches every output bit.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A new seed for part `index` of something seeded by `seed`.
pub fn mix_in(seed: u64, index: u64) -> u64 {
    mix(mix(seed) ^ mix(index))
}
