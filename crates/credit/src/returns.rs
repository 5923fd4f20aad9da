//! Returns: what is still to come after a token or a step.

use alloc::vec;
use alloc::vec::Vec;

use crate::number::{finite, narrow_all};

/// Discounted return-to-go of each reward: Rₜ = rₜ + γ Rₜ₊₁. Shape `[time]`.
///
/// A reward that is NaN counts as 0, a γ that is NaN as 1.
///
/// ```
/// use minform_credit::return_to_go;
/// assert_eq!(return_to_go(&[0.0, 1.0, 2.0], 1.0), [3.0, 3.0, 2.0]);
/// ```
pub fn return_to_go(rewards: &[f32], gamma: f32) -> Vec<f32> {
    let rewards: Vec<f64> = rewards.iter().map(|&reward| finite(reward, 0.0)).collect();
    narrow_all(&backward_sums(&rewards, finite(gamma, 1.0)))
}

/// [`return_to_go`] in f64.
pub(crate) fn backward_sums(rewards: &[f64], gamma: f64) -> Vec<f64> {
    let mut returns = rewards.to_vec();
    let mut following = 0.0;
    for value in returns.iter_mut().rev() {
        *value += gamma * following;
        following = *value;
    }
    returns
}

/// Puts each step's reward on the last token of the step; other tokens get 0.
///
/// A return-to-go over tokens then gives every token the return of its step.
pub(crate) fn on_step_ends(step_rewards: &[f64], step_ends: &[usize], length: usize) -> Vec<f64> {
    let mut tokens = vec![0.0; length];
    for (&end, &reward) in step_ends.iter().zip(step_rewards) {
        if let Some(token) = tokens.get_mut(end) {
            *token += reward;
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::{backward_sums, on_step_ends, return_to_go};

    #[test]
    fn every_token_of_a_step_has_the_return_of_the_step() {
        let tokens = on_step_ends(&[0.5, -1.0], &[1, 3], 4);
        assert_eq!(tokens, [0.0, 0.5, 0.0, -1.0]);
        assert_eq!(backward_sums(&tokens, 1.0), [-0.5, -0.5, -1.0, -1.0]);
    }

    #[test]
    fn an_overflowing_discount_stays_finite() {
        let returns = return_to_go(&[1e30; 40], f32::MAX);
        assert!(returns.iter().all(|value| value.is_finite()));
    }
}
