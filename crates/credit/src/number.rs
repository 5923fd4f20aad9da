//! Numbers at the edge of the crate: f32 outside, finite f64 inside.

use alloc::vec::Vec;

/// Largest size of a value inside the crate; leaves room for sums and squares in f64.
const LARGEST: f64 = 1e30;

/// A finite f64: NaN becomes `instead_of_nan`, everything else is held within ±1e30.
pub(crate) fn finite(value: f32, instead_of_nan: f64) -> f64 {
    if value.is_nan() { instead_of_nan } else { f64::from(value).clamp(-LARGEST, LARGEST) }
}

/// Back to f32, held within the finite range; NaN becomes 0.
pub(crate) fn narrow(value: f64) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32 }
}

/// [`narrow`] for a whole slice.
pub(crate) fn narrow_all(values: &[f64]) -> Vec<f32> {
    values.iter().copied().map(narrow).collect()
}

/// `numerator / denominator`, or 0 where the denominator is 0.
pub(crate) fn ratio_or_zero(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 { 0.0 } else { numerator / denominator }
}
