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

/// The lowest reward from each step on: mₜ = min(rₜ, …, rₙ). Shape `[steps]`.
///
/// Up to the worst step this is the return of [`ExactMin`](crate::CreditForm::ExactMin); after it that return is 0 and
/// mₜ is what a value function of the minimum would have to predict. A reward that is NaN counts as −1.
///
/// ```
/// use minform_credit::future_minima;
/// assert_eq!(future_minima(&[0.5, -0.25, 0.75]), [-0.25, -0.25, 0.75]);
/// ```
pub fn future_minima(rewards: &[f32]) -> Vec<f32> {
    let mut minima: Vec<f64> = rewards.iter().map(|&reward| finite(reward, -1.0)).collect();
    let mut lowest = f64::INFINITY;
    for value in minima.iter_mut().rev() {
        lowest = lowest.min(*value);
        *value = lowest;
    }
    narrow_all(&minima)
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
    use super::{backward_sums, future_minima, on_step_ends, return_to_go};
    use crate::CreditForm::ExactMin;

    #[test]
    fn future_minima_are_the_exact_return_up_to_the_worst_step() {
        let rewards = [0.5, 0.1, -0.5, 0.25, 0.75];
        let minima = future_minima(&rewards);
        assert_eq!(minima, [-0.5, -0.5, -0.5, 0.25, 0.75]);
        assert_eq!(minima[..3], ExactMin.returns(&rewards)[..3]);
        assert_eq!(future_minima(&[0.0, f32::NAN]), [-1.0, -1.0]);
        assert!(future_minima(&[]).is_empty());
    }

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
