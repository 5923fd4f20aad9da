//! Several process reward models on one response.

use alloc::vec::Vec;

use crate::error::{CreditError, same_length};
use crate::number::{finite, narrow};

/// How the scores that several models give to one step become its reward.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Combination {
    /// Their mean.
    Mean,
    /// The lowest: every model has a veto.
    Min,
    /// The log-probability that every model would call the step good, each
    /// measured against a reference score (Wang et al. 2024, "Transforming and
    /// Combining Rewards for Aligning Large Language Models"):
    ///
    /// Σⱼ log σ(zⱼ − z₀),  z = log((1 + r) / (1 − r))
    ///
    /// With one model it is their log-sigmoid transform: gains flatten out above
    /// the reference, losses below it do not. The result lies in (−∞, 0].
    And {
        /// The score r₀ in (−1, 1) whose logit is z₀.
        reference: f32,
    },
}

impl Combination {
    /// One reward per step from one row of scores per model. Shape `[models][steps]` to `[steps]`.
    ///
    /// No models give no steps. A score that is NaN counts as −1; nothing is NaN or infinite.
    ///
    /// # Errors
    /// [`CreditError::Parallel`] where the models scored different numbers of steps.
    pub fn combine(self, scores: &[Vec<f32>]) -> Result<Vec<f32>, CreditError> {
        let steps = scores.first().map_or(0, Vec::len);
        scores.iter().try_for_each(|row| same_length("the scores of a model", steps, row.len()))?;
        let step = |step: usize| self.step(scores.iter().map(|row| finite(row[step], -1.0)), scores.len());
        Ok((0..steps).map(step).collect())
    }

    fn step(self, scores: impl Iterator<Item = f64>, models: usize) -> f32 {
        narrow(match self {
            Self::Mean => scores.sum::<f64>() / models as f64,
            Self::Min => scores.fold(f64::INFINITY, f64::min),
            Self::And { reference } => {
                let reference = logit(finite(reference, 0.0));
                scores.map(|score| log_sigmoid(logit(score) - reference)).sum()
            }
        })
    }
}

/// log((1 + r) / (1 − r)), the difference of the two logits behind a score; held where f32 scores end.
fn logit(score: f64) -> f64 {
    const EDGE: f64 = 1.0 - 1e-7;
    let score = score.clamp(-EDGE, EDGE);
    libm::log1p(score) - libm::log1p(-score)
}

/// log(1 / (1 + e^(−x))) without overflow.
fn log_sigmoid(x: f64) -> f64 {
    x.min(0.0) - libm::log1p(libm::exp(-x.abs()))
}

#[cfg(test)]
mod tests {
    use std::{vec, vec::Vec};

    use super::Combination::{And, Mean, Min};

    #[test]
    fn two_models_by_hand() {
        let scores = [vec![0.5, -0.5], vec![0.0, 0.25]];
        assert_eq!(Mean.combine(&scores), Ok(vec![0.25, -0.125]));
        assert_eq!(Min.combine(&scores), Ok(vec![0.0, -0.5]));
        // σ(z) is the probability of a good step, (1 + r) / 2: 0.75 · 0.5 and 0.25 · 0.625.
        let both = And { reference: 0.0 }.combine(&scores).unwrap();
        for (found, probability) in both.iter().zip([0.375_f32, 0.15625]) {
            assert!((found - probability.ln()).abs() < 1e-6);
        }
    }

    #[test]
    fn one_model_at_the_reference_has_half_a_chance() {
        let rewards = And { reference: 0.75 }.combine(&[vec![0.75, 1.0, -1.0]]).unwrap();
        assert!((rewards[0] - 0.5_f32.ln()).abs() < 1e-6);
        assert!(rewards[1] > -1e-5 && rewards[2] < -10.0);
    }

    #[test]
    fn extremes_stay_finite_and_differences_are_named() {
        for form in [Mean, Min, And { reference: f32::NAN }] {
            let rewards = form.combine(&[vec![f32::NAN, 1e30, -1e30, 1.0]]).unwrap();
            assert!(rewards.iter().all(|reward| reward.is_finite()), "{rewards:?}");
            assert_eq!(form.combine(&[]), Ok(Vec::new()));
            assert!(form.combine(&[vec![0.0], vec![]]).is_err());
        }
    }
}
