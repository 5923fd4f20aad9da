//! Loops over slices in a form that compilers turn into vector instructions.
//!
//! Sums are kept in [`LANES`] independent parts, since floating-point addition may not be reordered behind one's back.
//! Every function is inlined into the closure given to [`vectorised`], which is compiled for the widest vectors the
//! processor has.

const LANES: usize = 16;

/// Runs `work` compiled for the widest vectors of this processor.
pub(super) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Σ aᵢ bᵢ.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_blocks.remainder().iter().zip(b_blocks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_blocks.zip(b_blocks) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// Σ aᵢ bᵢ cᵢ.
#[inline(always)]
pub(super) fn dot3(a: &[f32], b: &[f32], c: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (a_blocks, b_blocks, c_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES), c.chunks_exact(LANES));
    let rest = a_blocks.remainder().iter().zip(b_blocks.remainder()).zip(c_blocks.remainder());
    let rest: f32 = rest.map(|((a, b), c)| a * b * c).sum();
    for ((a, b), c) in a_blocks.zip(b_blocks).zip(c_blocks) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane] * c[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// The largest value; −∞ of nothing. A NaN may be passed over: the sum of exponentials keeps it.
#[inline(always)]
pub(super) fn max(values: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let blocks = values.chunks_exact(LANES);
    let rest = blocks.remainder().iter().copied().fold(f32::NEG_INFINITY, larger);
    for block in blocks {
        for lane in 0..LANES {
            lanes[lane] = larger(lanes[lane], block[lane]);
        }
    }
    lanes.iter().copied().fold(rest, larger)
}

/// Σ exp(valueᵢ − shift).
#[inline(always)]
fn sum_exp(values: &[f32], shift: f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let blocks = values.chunks_exact(LANES);
    let rest: f32 = blocks.remainder().iter().map(|value| exp(value - shift)).sum();
    for block in blocks {
        for lane in 0..LANES {
            lanes[lane] += exp(block[lane] - shift);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// log Σ exp(valueᵢ), shifted by the maximum. −∞ of nothing.
#[inline(always)]
pub(super) fn log_sum_exp(values: &[f32]) -> f32 {
    let highest = max(values);
    if highest == f32::NEG_INFINITY { highest } else { highest + sum_exp(values, highest).ln() }
}

/// Replaces the values by softmax(scale · values) and returns log Σ exp(scale · valueᵢ); `scale > 0`.
#[inline(always)]
pub(super) fn softmax_in_place(values: &mut [f32], scale: f32) -> f32 {
    let highest = scale * max(values);
    let mut lanes = [0.0_f32; LANES];
    let mut blocks = values.chunks_exact_mut(LANES);
    for block in &mut blocks {
        for lane in 0..LANES {
            block[lane] = exp(scale * block[lane] - highest);
            lanes[lane] += block[lane];
        }
    }
    let mut total: f32 = lanes.iter().sum();
    for value in blocks.into_remainder() {
        *value = exp(scale * *value - highest);
        total += *value;
    }
    let inverse = 1.0 / total;
    values.iter_mut().for_each(|value| *value *= inverse);
    highest + total.ln()
}

/// eˣ within 2 units in the last place: 2ⁿ · p(r) with x = n ln 2 + r, |r| ≤ ½ ln 2, p of degree 6.
///
/// 0 below −87, ∞ above 88; NaN stays NaN.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    /// Adding it rounds to a whole number, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts, the first with few bits, so that n times it is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let shifted = x * core::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p * r + coefficient;
    }
    let p = p * r * r + r + 1.0;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    let y = p * power;
    let y = if x < -87.0 { 0.0 } else { y };
    if x > 88.0 { f32::INFINITY } else { y }
}

/// 1 / (1 + e⁻ˣ).
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_standard_library() {
        for step in -8_700..=8_800_i16 {
            let x = f32::from(step) * 0.01;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(error < 2.5e-7, "exp({x}): relative error {error}");
        }
    }

    #[test]
    fn exp_keeps_its_extremes() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!([exp(-1e30), exp(f32::NEG_INFINITY)], [0.0, 0.0]);
        assert_eq!([exp(1e30), exp(f32::INFINITY)], [f32::INFINITY, f32::INFINITY]);
        assert!(exp(f32::NAN).is_nan());
        assert_eq!([sigmoid(-1e30), sigmoid(1e30)], [0.0, 1.0]);
    }

    /// Lengths with and without whole blocks.
    #[test]
    fn sums_lose_no_value() {
        for length in [0, 1, 15, 16, 17, 50] {
            let values: Vec<f32> = (0..length).map(|i| i as f32).collect();
            let squares: f32 = values.iter().map(|x| x * x).sum();
            let cubes: f32 = values.iter().map(|x| x * x * x).sum();
            assert_eq!(vectorised(|| dot(&values, &values)), squares);
            assert_eq!(vectorised(|| dot3(&values, &values, &values)), cubes);
            assert_eq!(max(&values), values.last().copied().unwrap_or(f32::NEG_INFINITY));
        }
    }

    #[test]
    fn exponentials_are_summed_without_overflow() {
        assert_eq!(log_sum_exp(&[]), f32::NEG_INFINITY);
        assert!((log_sum_exp(&[200.0, 200.0]) - (200.0 + 2.0_f32.ln())).abs() < 1e-4);
        assert!(log_sum_exp(&[1.0, f32::NAN]).is_nan());
        let mut values = [100.0; 20];
        let total = softmax_in_place(&mut values, 2.0);
        assert!((total - (200.0 + 20.0_f32.ln())).abs() < 1e-4);
        assert!(values.iter().all(|value| (value - 0.05).abs() < 1e-7));
    }
}
