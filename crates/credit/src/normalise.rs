//! A common scale for the advantages of a batch.

use alloc::vec::Vec;

use crate::number::{finite, narrow};
use crate::statistics::Moments;

/// Smallest variance that is divided by (main), or added to it (verl).
const EPSILON: f64 = 1e-8;

/// How the advantages of a whole batch are brought to a common scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Normalisation {
    /// Left alone.
    None,
    /// Main branch: over the tokens whose advantage is not exactly 0, M of them.
    ///
    /// A ← (A − μ) / √max(σ², 10⁻⁸) where A ≠ 0,  μ = Σ A / M
    ///
    /// σ² = Σ (A − μ)² / M runs over *all* tokens, so each token at 0 adds
    /// μ² / M. That is a quirk of the reference code, kept to agree with its runs.
    NonZero,
    /// Verl branch: A ← (A − μ) / √(σ² + 10⁻⁸) over all tokens, with the
    /// unbiased variance. Tokens at 0 move like all others.
    Whiten,
}

/// Normalises the advantages of a batch in place.
///
/// One row per response, one value per token; rows may differ in length and be
/// empty. A value that is NaN counts as 0. Equal values become 0; an empty
/// batch, and under `NonZero` one of zeros, stays as it is.
pub fn normalise(advantages: &mut [Vec<f32>], form: Normalisation) {
    let values: Vec<f64> = advantages.iter().flatten().map(|&value| finite(value, 0.0)).collect();
    match form {
        Normalisation::None => {}
        Normalisation::NonZero => normalise_non_zero(advantages, &values),
        Normalisation::Whiten => {
            let moments = Moments::of(&values);
            let deviation = libm::sqrt(moments.unbiased_variance() + EPSILON);
            rescale(advantages, |value| (value - moments.mean) / deviation);
        }
    }
}

fn normalise_non_zero(advantages: &mut [Vec<f32>], values: &[f64]) {
    let count = values.iter().filter(|&&value| value != 0.0).count().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let deviation = libm::sqrt((squares / count).max(EPSILON));
    rescale(advantages, |value| if value == 0.0 { 0.0 } else { (value - mean) / deviation });
}

fn rescale(advantages: &mut [Vec<f32>], scale: impl Fn(f64) -> f64) {
    for value in advantages.iter_mut().flatten() {
        *value = narrow(scale(finite(*value, 0.0)));
    }
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use super::{Normalisation, normalise};

    fn normalised(mut rows: Vec<Vec<f32>>, form: Normalisation) -> Vec<Vec<f32>> {
        normalise(&mut rows, form);
        rows
    }

    #[test]
    fn zeros_stay_zero_but_widen_the_variance() {
        // μ = 2, σ² = (1 + 1 + 4 + 4) / 2 = 5
        let rows = normalised(vec![vec![1.0, 0.0], vec![3.0, 0.0]], Normalisation::NonZero);
        let expected = 1.0 / 5.0_f32.sqrt();
        assert_eq!(rows, [[-expected, 0.0], [expected, 0.0]]);
    }

    #[test]
    fn whitening_by_hand() {
        let rows = normalised(vec![vec![1.0], vec![], vec![3.0]], Normalisation::Whiten);
        assert!((rows[2][0] - 1.0 / 2.0_f32.sqrt()).abs() < 1e-6);
        assert_eq!(rows[0][0], -rows[2][0]);
    }

    #[test]
    fn constant_single_and_empty_batches_stay_finite() {
        for form in [Normalisation::NonZero, Normalisation::Whiten] {
            assert_eq!(normalised(vec![], form), Vec::<Vec<f32>>::new());
            assert_eq!(normalised(vec![vec![]], form), [vec![]]);
            assert_eq!(normalised(vec![vec![0.5]], form), [[0.0]]);
            assert_eq!(normalised(vec![vec![0.5; 3]; 2], form), [[0.0; 3]; 2]);
            assert_eq!(normalised(vec![vec![0.0; 3]], form), [[0.0; 3]]);
            assert_eq!(normalised(vec![vec![f32::NAN]], form), [[0.0]]);
        }
    }

    #[test]
    fn none_changes_nothing() {
        assert_eq!(normalised(vec![vec![3.0, 1.0]], Normalisation::None), [[3.0, 1.0]]);
    }
}
