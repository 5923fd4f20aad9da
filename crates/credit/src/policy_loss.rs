//! The clipped policy loss in plain loops: the reference for a tensor version.

use alloc::vec::Vec;

use crate::error::{CreditError, same_length};
use crate::number::ratio_or_zero;

/// How the losses of single tokens become one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LossMean {
    /// Mean over the tokens of each response, then over the responses that have
    /// any. Main branch.
    PerResponse,
    /// Mean over all tokens. Verl branch.
    PerToken,
    /// Sum over all tokens / (responses · length), which does not depend on how
    /// long the responses are. Dr. GRPO. The statistics are means over tokens.
    ConstantLength(usize),
}

/// The loss and what to watch beside it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PolicyLoss {
    /// Loss to minimise.
    pub loss: f32,
    /// Share of tokens whose loss comes from the clipped ratio.
    pub clip_fraction: f32,
    /// Mean of log π_old − log π, the K1 estimate of KL(π_old ‖ π).
    pub approximate_kl: f32,
    /// Mean of π / π_old. The main branch skips an update where it exceeds 10.
    pub mean_ratio: f32,
    /// Mean advantage.
    pub mean_advantage: f32,
    /// Number of tokens that count.
    pub tokens: usize,
}

/// Clipped policy loss (PPO, Schulman et al. 2017, Eq. 7).
///
/// Lₜ = −min(ρₜ Aₜ, clip(ρₜ, 1 − clip_low, 1 + clip_high) Aₜ),  ρₜ = e^(logp − old_logp)
///
/// All slices hold one row per response and one entry per token; tokens whose
/// `mask` is `false` do not count. PURE uses 0.2 for both clips. Without any
/// token every field is 0. A log-probability that is NaN makes the loss NaN, so
/// that a broken policy is seen.
///
/// # Errors
/// [`CreditError::Parallel`] where the slices differ in rows or tokens.
pub fn policy_loss(
    logp: &[Vec<f32>],
    old_logp: &[Vec<f32>],
    advantages: &[Vec<f32>],
    mask: &[Vec<bool>],
    clip_low: f32,
    clip_high: f32,
    mean: LossMean,
) -> Result<PolicyLoss, CreditError> {
    same_length("old_logp", logp.len(), old_logp.len())?;
    same_length("advantages", logp.len(), advantages.len())?;
    same_length("mask", logp.len(), mask.len())?;
    let clip = (1.0 - f64::from(clip_low), 1.0 + f64::from(clip_high));
    let mut responses = Vec::with_capacity(logp.len());
    for row in 0..logp.len() {
        same_length("a row of old_logp", logp[row].len(), old_logp[row].len())?;
        same_length("a row of advantages", logp[row].len(), advantages[row].len())?;
        same_length("a row of mask", logp[row].len(), mask[row].len())?;
        let mut sums = Sums::default();
        for token in 0..logp[row].len() {
            if mask[row][token] {
                let log_ratio = f64::from(logp[row][token]) - f64::from(old_logp[row][token]);
                sums.add_token(log_ratio, f64::from(advantages[row][token]), clip);
            }
        }
        responses.push(sums);
    }
    Ok(reduce(&responses, mean))
}

/// Sums over tokens: loss, clipped, KL, ratio, advantage, and the weight to divide by.
#[derive(Clone, Copy, Default)]
struct Sums {
    values: [f64; 5],
    weight: f64,
    tokens: usize,
}

impl Sums {
    fn add_token(&mut self, log_ratio: f64, advantage: f64, (low, high): (f64, f64)) {
        let ratio = libm::exp(log_ratio);
        // Comparisons rather than min and max: those would drop a NaN.
        let held = if ratio < low {
            low
        } else if ratio > high {
            high
        } else {
            ratio
        };
        let (plain, clipped) = (ratio * advantage, held * advantage);
        let (gain, is_clipped) = if clipped < plain { (clipped, 1.0) } else { (plain, 0.0) };
        self.add([-gain, is_clipped, -log_ratio, ratio, advantage], 1.0);
        self.tokens += 1;
    }

    fn add(&mut self, values: [f64; 5], weight: f64) {
        for (sum, value) in self.values.iter_mut().zip(values) {
            *sum += value;
        }
        self.weight += weight;
    }

    fn mean(&self) -> [f64; 5] {
        self.values.map(|sum| ratio_or_zero(sum, self.weight))
    }
}

fn reduce(responses: &[Sums], mean: LossMean) -> PolicyLoss {
    let mut total = Sums::default();
    for response in responses.iter().filter(|response| response.tokens > 0) {
        match mean {
            LossMean::PerResponse => total.add(response.mean(), 1.0),
            LossMean::PerToken | LossMean::ConstantLength(_) => {
                total.add(response.values, response.weight);
            }
        }
        total.tokens += response.tokens;
    }
    let [mut loss, clip_fraction, approximate_kl, mean_ratio, mean_advantage] = total.mean();
    if let LossMean::ConstantLength(length) = mean {
        loss = ratio_or_zero(total.values[0], responses.len() as f64 * length as f64);
    }
    PolicyLoss {
        loss: loss as f32,
        clip_fraction: clip_fraction as f32,
        approximate_kl: approximate_kl as f32,
        mean_ratio: mean_ratio as f32,
        mean_advantage: mean_advantage as f32,
        tokens: total.tokens,
    }
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use super::{LossMean, PolicyLoss, policy_loss};

    fn loss_of(advantages: &[Vec<f32>], mean: LossMean) -> PolicyLoss {
        let logp: Vec<Vec<f32>> = advantages.iter().map(|row| vec![-1.0; row.len()]).collect();
        let mask: Vec<Vec<bool>> = advantages.iter().map(|row| vec![true; row.len()]).collect();
        policy_loss(&logp, &logp, advantages, &mask, 0.2, 0.2, mean).unwrap()
    }

    #[test]
    fn an_unchanged_policy_has_minus_the_mean_advantage_as_loss() {
        let advantages = [vec![1.0, 2.0, 3.0], vec![4.0]];
        assert_eq!(loss_of(&advantages, LossMean::PerResponse).loss, -3.0);
        assert_eq!(loss_of(&advantages, LossMean::PerToken).loss, -2.5);
        assert_eq!(loss_of(&advantages, LossMean::ConstantLength(10)).loss, -0.5);
    }

    #[test]
    fn nothing_to_learn_from_gives_zero() {
        for mean in [LossMean::PerResponse, LossMean::PerToken, LossMean::ConstantLength(0)] {
            assert_eq!(loss_of(&[], mean), PolicyLoss::default());
            assert_eq!(loss_of(&[vec![]], mean), PolicyLoss::default());
        }
    }

    #[test]
    fn rows_that_differ_are_refused() {
        let row = [vec![0.0]];
        assert!(policy_loss(&row, &row, &row, &[vec![]], 0.2, 0.2, LossMean::PerToken).is_err());
        assert!(policy_loss(&row, &[], &row, &[], 0.2, 0.2, LossMean::PerToken).is_err());
    }

    #[test]
    fn a_broken_policy_is_seen() {
        let (row, mask) = ([vec![0.0]], [vec![true]]);
        let broken = [vec![f32::NAN]];
        let result = policy_loss(&broken, &row, &row, &mask, 0.2, 0.2, LossMean::PerToken);
        assert!(result.unwrap().loss.is_nan());
    }
}
