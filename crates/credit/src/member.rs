//! One response while the credit of its group is calculated.

use alloc::vec;
use alloc::vec::Vec;

use crate::advantage::TokenCredit;
use crate::baseline::{Baseline, Share};
use crate::number::{finite, narrow_all};
use crate::response::Response;
use crate::returns::{backward_sums, on_step_ends};
use crate::settings::{CreditSettings, KlPlacement};

/// The three parts of the reward of a response, before any baseline.
pub(crate) struct Member<'a> {
    response: &'a Response,
    /// r*ₛ per step; `None` without process reward.
    process: Option<Vec<f64>>,
    /// On the last token.
    verifiable: f64,
    /// −β · klₜ per token, or nothing.
    penalty: Vec<f64>,
    /// Whether the baseline averages the penalty.
    penalty_inside: bool,
}

impl<'a> Member<'a> {
    pub(crate) fn new(response: &'a Response, verifiable: f64, settings: &CreditSettings) -> Self {
        let scored = settings.process && !response.rewards.is_empty();
        Self {
            response,
            process: scored.then(|| settings.form.step_rewards(&response.rewards)),
            verifiable,
            penalty: penalty(&response.kl, settings.kl),
            penalty_inside: matches!(settings.kl, KlPlacement::InsideBaseline { .. }),
        }
    }

    /// What this response adds to a baseline that is subtracted per step.
    pub(crate) fn step_share(&self, baseline: Baseline) -> Option<Share> {
        let steps = self.process.as_ref()?;
        let outcome = steps.iter().sum::<f64>() + self.inside_penalty().iter().sum::<f64>();
        match baseline {
            Baseline::LeaveOneOutToken => Some(Share { reward: outcome, weight: self.response.length as f64 }),
            Baseline::LeaveOneOutStep => Some(Share { reward: outcome / steps.len() as f64, weight: 1.0 }),
            Baseline::None | Baseline::PaperToken { .. } | Baseline::VerlToken { .. } => None,
        }
    }

    /// What this response adds to a baseline that is subtracted per token.
    pub(crate) fn return_share(&self, baseline: Baseline) -> Option<Share> {
        let (max_length, verifiable) = match baseline {
            Baseline::PaperToken { max_length } => {
                self.process.as_ref()?;
                (max_length, 0.0)
            }
            Baseline::VerlToken { max_length } => (max_length, self.verifiable),
            Baseline::None | Baseline::LeaveOneOutToken | Baseline::LeaveOneOutStep => return None,
        };
        let steps = self.process.as_deref().unwrap_or_default();
        let rewards = self.token_rewards(steps, self.inside_penalty(), verifiable);
        Some(Share { reward: backward_sums(&rewards, 1.0).iter().sum(), weight: max_length as f64 })
    }

    /// The credit of every token, given the two baselines (one of them is 0).
    pub(crate) fn credit(&self, settings: &CreditSettings, step_baseline: f64, return_baseline: f64) -> TokenCredit {
        let steps = self.steps_above(settings.baseline, step_baseline);
        let rewards = self.token_rewards(&steps, &self.penalty, self.verifiable);
        let returns = backward_sums(&rewards, 1.0);
        let mut advantages: Vec<f64> = returns.iter().map(|r| r - return_baseline).collect();
        if settings.mask_step_ends {
            for &end in &self.response.step_ends {
                advantages[end] = 0.0;
            }
        }
        TokenCredit {
            rewards: narrow_all(&rewards),
            returns: narrow_all(&returns),
            advantages: narrow_all(&advantages),
        }
    }

    /// Step rewards after the baseline, ρₛ.
    fn steps_above(&self, baseline: Baseline, value: f64) -> Vec<f64> {
        let steps = self.process.as_deref().unwrap_or_default();
        let lengths = &self.response.step_lengths;
        steps
            .iter()
            .zip(lengths)
            .map(|(reward, &length)| match baseline {
                Baseline::LeaveOneOutToken => reward - value * length as f64,
                _ => reward - value,
            })
            .collect()
    }

    fn token_rewards(&self, steps: &[f64], penalty: &[f64], verifiable: f64) -> Vec<f64> {
        let mut rewards = on_step_ends(steps, &self.response.step_ends, self.response.length);
        for (reward, penalty) in rewards.iter_mut().zip(penalty) {
            *reward += penalty;
        }
        if let Some(last) = rewards.last_mut() {
            *last += verifiable;
        }
        rewards
    }

    fn inside_penalty(&self) -> &[f64] {
        if self.penalty_inside { &self.penalty } else { &[] }
    }
}

fn penalty(kl: &[f32], placement: KlPlacement) -> Vec<f64> {
    let coefficient = match placement {
        KlPlacement::None => return vec![],
        KlPlacement::AfterBaseline { coefficient } | KlPlacement::InsideBaseline { coefficient } => {
            finite(coefficient, 0.0)
        }
    };
    kl.iter().map(|&kl| -coefficient * finite(kl, 0.0)).collect()
}
