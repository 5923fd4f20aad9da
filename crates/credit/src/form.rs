//! Credit forms: how the rewards of the steps make up the value of a response.

use alloc::vec;
use alloc::vec::Vec;

use crate::number::{finite, narrow, narrow_all};
use crate::returns::backward_sums;

/// How step rewards r₁ … rₙ of one response turn into credit.
///
/// Every form keeps three promises, with w the [`weights`](Self::weights),
/// r* the [`transformed`](Self::transformed) rewards, G the
/// [`returns`](Self::returns) and O the [`outcome`](Self::outcome):
///
/// O = Σₜ wₜ rₜ = Σₜ r*ₜ = G₁  and  Gₜ = Σ_{j≥t} r*ⱼ
///
/// Inputs hold one reward per step, no padding. No steps give empty vectors and
/// the outcome 0. A reward that is NaN counts as −1, the worst score a PRM can
/// give; values are held within ±1e30. No result is ever NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CreditForm {
    /// The approximate minimum of PURE, Eq. (5): wₜ = softmaxₜ(−r / T).
    ///
    /// Between the minimum (T → 0) and the mean (T → ∞). Tied minima share the
    /// weight. A temperature that is NaN or not positive acts as
    /// [`ExactMin`](Self::ExactMin).
    SoftMin {
        /// T; the reference code uses 0.1 everywhere.
        temperature: f32,
    },
    /// The minimum itself, Eq. (3), with ω the first step of lowest reward:
    ///
    /// Gₜ = min(rₜ, …, rₙ) if t ≤ ω, else 0
    ///
    /// Every t ≤ ω has r_ω ahead of it, so the return is r_ω up to the worst
    /// step and nothing after it: w is 1 at ω and 0 elsewhere.
    ExactMin,
    /// The usual discounted sum over steps: Gₜ = Σ_{j≥t} γ^{j−t} rⱼ.
    Sum {
        /// γ per step, held within [0, 1]; NaN reads as 1.
        gamma: f32,
    },
    /// The mean spread over the steps: wₜ = 1 / n.
    Mean,
}

impl CreditForm {
    /// Weight wₜ of each step in the outcome O = Σₜ wₜ rₜ. Shape `[steps]`.
    ///
    /// Non-negative; they add up to 1 except for `Sum`, where wₜ = γ^{t−1}.
    pub fn weights(&self, rewards: &[f32]) -> Vec<f32> {
        narrow_all(&self.step_weights(&finite_rewards(rewards)))
    }

    /// Transformed reward r*ₜ of each step, whose plain return-to-go is the
    /// return of the form. Shape `[steps]`.
    ///
    /// r*ₜ = wₜ rₜ;  for `Sum` r*ₜ = Gₜ − Gₜ₊₁, which is rₜ at γ = 1
    pub fn transformed(&self, rewards: &[f32]) -> Vec<f32> {
        narrow_all(&self.step_rewards(rewards))
    }

    /// Return Gₜ = Σ_{j≥t} r*ⱼ of each step. Shape `[steps]`.
    pub fn returns(&self, rewards: &[f32]) -> Vec<f32> {
        narrow_all(&backward_sums(&self.step_rewards(rewards), 1.0))
    }

    /// Outcome reward O = Σₜ r*ₜ, the value of the whole response; 0 without steps.
    ///
    /// Best-of-N selection takes the response of highest outcome.
    pub fn outcome(&self, rewards: &[f32]) -> f32 {
        // The sum of nothing is −0.
        narrow(self.step_rewards(rewards).iter().sum::<f64>() + 0.0)
    }

    /// r*ₜ in f64, for sums that follow.
    pub(crate) fn step_rewards(&self, rewards: &[f32]) -> Vec<f64> {
        let rewards = finite_rewards(rewards);
        if let Self::Sum { gamma } = *self {
            return discounted_differences(&rewards, discount(gamma));
        }
        let weights = self.step_weights(&rewards);
        weights.iter().zip(&rewards).map(|(w, r)| w * r).collect()
    }

    fn step_weights(&self, rewards: &[f64]) -> Vec<f64> {
        match *self {
            Self::SoftMin { temperature } if temperature > 0.0 => soft_min_weights(rewards, f64::from(temperature)),
            Self::SoftMin { .. } | Self::ExactMin => exact_min_weights(rewards),
            Self::Sum { gamma } => powers(discount(gamma), rewards.len()),
            Self::Mean => vec![1.0 / rewards.len() as f64; rewards.len()],
        }
    }
}

fn finite_rewards(rewards: &[f32]) -> Vec<f64> {
    rewards.iter().map(|&reward| finite(reward, -1.0)).collect()
}

fn discount(gamma: f32) -> f64 {
    finite(gamma, 1.0).clamp(0.0, 1.0)
}

fn soft_min_weights(rewards: &[f64], temperature: f64) -> Vec<f64> {
    let lowest = rewards.iter().copied().fold(f64::INFINITY, f64::min);
    // Shifting by the minimum keeps every exponent ≤ 0 and the sum ≥ 1.
    let scores: Vec<f64> = rewards.iter().map(|reward| libm::exp((lowest - reward) / temperature)).collect();
    let total: f64 = scores.iter().sum();
    scores.iter().map(|score| score / total).collect()
}

fn exact_min_weights(rewards: &[f64]) -> Vec<f64> {
    let mut weights = vec![0.0; rewards.len()];
    if let Some(worst) = first_minimum(rewards) {
        weights[worst] = 1.0;
    }
    weights
}

fn first_minimum(rewards: &[f64]) -> Option<usize> {
    // `min_by` keeps the first of equal elements.
    let steps = rewards.iter().enumerate();
    steps.min_by(|a, b| a.1.total_cmp(b.1)).map(|(step, _)| step)
}

fn powers(gamma: f64, steps: usize) -> Vec<f64> {
    core::iter::successors(Some(1.0), |power| Some(power * gamma)).take(steps).collect()
}

/// r*ₜ = Gₜ − Gₜ₊₁ = rₜ − (1 − γ) Gₜ₊₁.
fn discounted_differences(rewards: &[f64], gamma: f64) -> Vec<f64> {
    let returns = backward_sums(rewards, gamma);
    let following = returns.iter().copied().skip(1).chain([0.0]);
    let steps = rewards.iter().zip(following);
    steps.map(|(reward, next)| reward - (1.0 - gamma) * next).collect()
}

#[cfg(test)]
mod tests {
    use super::CreditForm::{ExactMin, Mean, SoftMin, Sum};

    #[test]
    fn every_step_up_to_the_worst_carries_its_reward() {
        assert_eq!(ExactMin.returns(&[0.5, -0.2, 0.9]), [-0.2, -0.2, 0.0]);
    }

    #[test]
    fn the_first_of_tied_minima_is_the_worst_step() {
        assert_eq!(ExactMin.weights(&[0.5, -0.2, -0.2]), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn discounted_sum_by_hand() {
        let form = Sum { gamma: 0.5 };
        assert_eq!(form.returns(&[1.0, 2.0, 4.0]), [3.0, 4.0, 4.0]);
        assert_eq!(form.weights(&[1.0, 2.0, 4.0]), [1.0, 0.5, 0.25]);
        assert_eq!(form.outcome(&[1.0, 2.0, 4.0]), 3.0);
    }

    #[test]
    fn mean_by_hand() {
        assert_eq!(Mean.transformed(&[0.5, -0.25]), [0.25, -0.125]);
    }

    #[test]
    fn a_temperature_that_is_not_positive_acts_as_exact_minimum() {
        for temperature in [0.0, -1.0, f32::NAN] {
            let weights = SoftMin { temperature }.weights(&[0.1, -0.1]);
            assert_eq!(weights, [0.0, 1.0]);
        }
    }

    #[test]
    fn no_step_is_worth_nothing_with_a_plus() {
        for form in [ExactMin, SoftMin { temperature: 0.1 }, Mean, Sum { gamma: 0.9 }] {
            assert_eq!(form.outcome(&[]).to_bits(), 0.0_f32.to_bits());
        }
    }

    #[test]
    fn a_reward_that_is_nan_counts_as_worst_score() {
        assert_eq!(ExactMin.outcome(&[0.9, f32::NAN]), -1.0);
    }
}
