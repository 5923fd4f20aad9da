//! Other estimators, for comparison: GRPO, REINFORCE++ and GAE.

use alloc::vec;
use alloc::vec::Vec;

use crate::error::{CreditError, same_length};
use crate::number::{finite, narrow, narrow_all};
use crate::returns::return_to_go;
use crate::statistics::Moments;

/// GRPO: advantage of each response of one group, the same for all its tokens.
///
/// Aᵢ = (Rᵢ − mean R) / (std R + 10⁻⁶), with the unbiased std
///
/// `rewards` holds the whole reward Rᵢ of each response. Without `scale_by_std`
/// only the mean is subtracted (Dr. GRPO). In a group of one the reward itself
/// is the advantage. A reward that is NaN counts as 0.
pub fn grpo_advantages(rewards: &[f32], scale_by_std: bool) -> Vec<f32> {
    let rewards: Vec<f64> = rewards.iter().map(|&reward| finite(reward, 0.0)).collect();
    if rewards.len() < 2 {
        return narrow_all(&rewards);
    }
    let moments = Moments::of(&rewards);
    let scale = if scale_by_std { libm::sqrt(moments.unbiased_variance()) + 1e-6 } else { 1.0 };
    let advantage = |reward: &f64| narrow((reward - moments.mean) / scale);
    rewards.iter().map(advantage).collect()
}

/// REINFORCE++: the discounted return of each token, without a baseline.
///
/// Aₜ = Σ_{t'≥t} γ^{t'−t} rₜ'
///
/// The method then whitens over the batch, which is left to
/// [`normalise`](crate::normalise). Shape `[tokens]` in and out.
pub fn reinforce_pp(token_rewards: &[f32], gamma: f32) -> Vec<f32> {
    return_to_go(token_rewards, gamma)
}

/// Result of [`gae`]; both have shape `[tokens]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gae {
    /// Aₜ, not whitened.
    pub advantages: Vec<f32>,
    /// Targets of the value function, Aₜ + Vₜ.
    pub returns: Vec<f32>,
}

/// Generalised advantage estimation (Schulman et al. 2016, Eq. 16).
///
/// δₜ = rₜ + γ Vₜ₊₁ − Vₜ,  Aₜ = δₜ + γλ Aₜ₊₁, with V = A = 0 after the last token
///
/// Both slices have shape `[tokens]`. NaN counts as 0 in them, as 1 in γ and λ.
///
/// # Errors
/// [`CreditError::Parallel`] where the lengths differ.
pub fn gae(token_rewards: &[f32], values: &[f32], gamma: f32, lambda: f32) -> Result<Gae, CreditError> {
    same_length("values", token_rewards.len(), values.len())?;
    let (gamma, lambda) = (finite(gamma, 1.0), finite(lambda, 1.0));
    let mut result = Gae { advantages: vec![0.0; values.len()], returns: vec![0.0; values.len()] };
    let (mut next_value, mut next_advantage) = (0.0, 0.0);
    for token in (0..values.len()).rev() {
        let value = finite(values[token], 0.0);
        let delta = finite(token_rewards[token], 0.0) + gamma * next_value - value;
        let advantage = delta + gamma * lambda * next_advantage;
        result.advantages[token] = narrow(advantage);
        result.returns[token] = narrow(advantage + value);
        (next_value, next_advantage) = (value, advantage);
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::{gae, grpo_advantages, reinforce_pp};

    #[test]
    fn grpo_by_hand() {
        assert_eq!(grpo_advantages(&[1.0, 0.0, 2.0], false), [0.0, -1.0, 1.0]);
        let scaled = grpo_advantages(&[1.0, 0.0, 2.0], true);
        assert!((scaled[2] - 1.0 / 1.000_001).abs() < 1e-6);
    }

    #[test]
    fn grpo_of_equal_or_single_rewards_is_finite() {
        assert_eq!(grpo_advantages(&[0.7, 0.7], true), [0.0, 0.0]);
        assert_eq!(grpo_advantages(&[0.7], true), [0.7]);
        assert!(grpo_advantages(&[], true).is_empty());
    }

    #[test]
    fn gae_with_zero_values_is_the_return() {
        let rewards = [0.5, -1.0, 2.0];
        let result = gae(&rewards, &[0.0; 3], 0.5, 1.0).unwrap();
        assert_eq!(result.advantages, reinforce_pp(&rewards, 0.5));
    }

    #[test]
    fn gae_by_hand() {
        let result = gae(&[1.0, 1.0], &[0.5, 0.25], 1.0, 0.0).unwrap();
        assert_eq!(result.advantages, [0.75, 0.75]);
        assert_eq!(result.returns, [1.25, 1.0]);
        assert!(gae(&[1.0], &[], 1.0, 1.0).is_err());
    }
}
