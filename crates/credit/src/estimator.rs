//! Advantage estimators: how returns become advantages.

use alloc::vec;
use alloc::vec::Vec;

use crate::baseline::Baseline;
use crate::statistics::Moments;

/// How the rewards of a group become advantages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Estimator {
    /// The return of each token less a baseline: REINFORCE, RLOO, ReMax, and
    /// REINFORCE++ where a whitening over the batch follows.
    Return(Baseline),
    /// GRPO (Shao et al. 2024, outcome supervision): the whole reward of a
    /// response against its group, the same for all its tokens.
    ///
    /// Aᵢ = (Rᵢ − mean R) / (std R + 10⁻⁶)
    Grpo {
        /// Divide by the standard deviation. Dr. GRPO (Liu et al. 2025) does not.
        scale_by_std: bool,
    },
    /// GRPO with process supervision: each step against all steps of the group,
    /// and the outcome rewards o against their group.
    ///
    /// Aᵢₜ = Σ_{j≥t} (r*ᵢⱼ − mean r*) / (std r* + 10⁻⁶) + (oᵢ − mean o) / (std o + 10⁻⁶)
    GrpoProcess {
        /// Divide by the standard deviations.
        scale_by_std: bool,
    },
    /// Generalised advantages (Schulman et al. 2016) from
    /// [`Response::values`](crate::Response::values), as in PPO. Without values they are 0.
    Gae {
        /// λ, from 0 (one step ahead) to 1 (the whole return).
        lambda: f32,
    },
}

impl Estimator {
    /// Whether outcome rewards are compared with the mean of the other responses.
    pub(crate) fn leaves_one_out(self) -> bool {
        matches!(
            self,
            Self::Return(Baseline::LeaveOneOutToken | Baseline::LeaveOneOutStep | Baseline::PaperToken { .. })
        )
    }
}

impl From<Baseline> for Estimator {
    fn from(baseline: Baseline) -> Self {
        Self::Return(baseline)
    }
}

/// (x − mean) / (std + 10⁻⁶) with the unbiased std, or x − mean; a single value stays.
pub(crate) fn standardised(values: &[f64], scale_by_std: bool) -> Vec<f64> {
    if values.len() < 2 {
        return values.to_vec();
    }
    let moments = Moments::of(values);
    let scale = if scale_by_std { libm::sqrt(moments.unbiased_variance()) + 1e-6 } else { 1.0 };
    values.iter().map(|value| (value - moments.mean) / scale).collect()
}

/// Generalised advantage estimation (Schulman et al. 2016, Eq. 16) over actions.
///
/// δₐ = rₐ + γ Vₐ₊₁ − Vₐ,  Aₐ = δₐ + γλ Aₐ₊₁, with V = A = 0 after the last action
pub(crate) fn generalised(rewards: &[f64], values: &[f64], gamma: f64, lambda: f64) -> Vec<f64> {
    let mut advantages = vec![0.0; rewards.len()];
    let (mut next_value, mut next_advantage) = (0.0, 0.0);
    for (action, (reward, value)) in rewards.iter().zip(values).enumerate().rev() {
        let advantage = reward + gamma * next_value - value + gamma * lambda * next_advantage;
        advantages[action] = advantage;
        (next_value, next_advantage) = (*value, advantage);
    }
    advantages
}

#[cfg(test)]
mod tests {
    use super::{generalised, standardised};
    use crate::returns::backward_sums;

    #[test]
    fn standard_scores_by_hand() {
        assert_eq!(standardised(&[1.0, 0.0, 2.0], false), [0.0, -1.0, 1.0]);
        assert!((standardised(&[1.0, 0.0, 2.0], true)[2] - 1.0 / 1.000_001).abs() < 1e-12);
    }

    #[test]
    fn equal_or_single_values_have_finite_scores() {
        assert_eq!(standardised(&[0.7, 0.7], true), [0.0, 0.0]);
        assert_eq!(standardised(&[0.7], true), [0.7]);
        assert!(standardised(&[], true).is_empty());
    }

    #[test]
    fn generalised_advantages_without_values_are_returns() {
        let rewards = [0.5, -1.0, 2.0];
        assert_eq!(generalised(&rewards, &[0.0; 3], 0.5, 1.0), backward_sums(&rewards, 0.5));
    }

    #[test]
    fn one_step_ahead_by_hand() {
        assert_eq!(generalised(&[1.0, 1.0], &[0.5, 0.25], 1.0, 0.0), [0.75, 0.75]);
    }
}
