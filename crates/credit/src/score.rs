//! The reward that a process reward model gives to one step.

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

#[cfg(test)]
mod tests {
    use super::step_score;

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
