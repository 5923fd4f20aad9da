//! The reward that a process reward model gives to one step, and where it turns bad.

use crate::number::narrow;

/// Reward of one step from the two logits of the PRM head.
///
/// r = softmax(z)₁ − softmax(z)₀ = tanh((z₁ − z₀) / 2)  ∈ [−1, 1]
///
/// `logits` is `[z₀, z₁]`: label 0 means a bad step, label 1 a good one. A step
/// counts as correct where r > 0. A difference that is NaN scores −1, the worst
/// value, so that a broken forward pass is never rewarded.
///
/// ```
/// assert_eq!(minform_credit::step_score([0.0, 0.0]), 0.0);
/// ```
pub fn step_score(logits: [f32; 2]) -> f32 {
    let difference = f64::from(logits[1]) - f64::from(logits[0]);
    if difference.is_nan() { -1.0 } else { narrow(libm::tanh(difference / 2.0)) }
}

/// Index of the first step whose score is below `threshold`, or −1 as ProcessBench writes "none".
pub fn first_error(scores: &[f32], threshold: f32) -> i64 {
    scores.iter().position(|score| *score < threshold).map_or(-1, |index| index as i64)
}

#[cfg(test)]
mod tests {
    use super::{first_error, step_score};

    #[test]
    fn first_error_is_found_or_minus_one() {
        assert_eq!(first_error(&[0.5, -0.1, -0.9], 0.0), 1);
        assert_eq!(first_error(&[0.5, 0.0], 0.0), -1);
        assert_eq!(first_error(&[], 0.0), -1);
    }

    #[test]
    fn swapping_the_logits_changes_the_sign() {
        assert_eq!(step_score([0.3, 1.7]), -step_score([1.7, 0.3]));
    }

    #[test]
    fn broken_logits_score_worst() {
        assert_eq!(step_score([f32::NAN, 0.0]), -1.0);
        assert_eq!(step_score([f32::INFINITY, f32::INFINITY]), -1.0);
        assert_eq!(step_score([f32::NEG_INFINITY, 0.0]), 1.0);
    }
}
