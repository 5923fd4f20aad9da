//! One response while the credit of its group is calculated.

use alloc::vec;
use alloc::vec::Vec;

use crate::actions::{action_returns, action_rewards, on_tokens};
use crate::advantage::TokenCredit;
use crate::baseline::{Baseline, Share};
use crate::estimator::generalised;
use crate::number::{finite, narrow_all};
use crate::response::Response;
use crate::returns::on_step_ends;
use crate::settings::{CreditSettings, KlPlacement};

/// The three parts of the reward of a response, before any baseline of the process reward.
pub(crate) struct Member<'a> {
    response: &'a Response,
    settings: &'a CreditSettings,
    /// One past the last token of each action.
    actions: Vec<usize>,
    /// r*ₛ per step; `None` without process reward.
    process: Option<Vec<f64>>,
    /// Verifiable reward and penalty, on the last token.
    pub(crate) outcome: f64,
    /// −β · klₜ per token, or nothing.
    penalty: Vec<f64>,
}

impl<'a> Member<'a> {
    pub(crate) fn new(response: &'a Response, outcome: f64, settings: &'a CreditSettings) -> Self {
        let factor = finite(settings.process, 0.0);
        let scored = factor != 0.0 && !response.rewards.is_empty();
        let process = || {
            let shaped = settings.shaping.apply(&response.rewards);
            settings.form.step_rewards(&shaped).iter().map(|reward| factor * reward).collect()
        };
        Self {
            response,
            settings,
            actions: settings.actions.ends(response),
            process: scored.then(process),
            outcome,
            penalty: penalty(&response.kl, settings.kl),
        }
    }

    /// r*ₛ of each step; none without process reward.
    pub(crate) fn steps(&self) -> &[f64] {
        self.process.as_deref().unwrap_or_default()
    }

    /// The whole reward, with the KL penalty where the baseline averages it.
    pub(crate) fn total(&self) -> f64 {
        self.process_total() + self.outcome
    }

    fn process_total(&self) -> f64 {
        self.steps().iter().sum::<f64>() + self.inside_penalty().iter().sum::<f64>()
    }

    /// What this response adds to a baseline that is subtracted per step.
    pub(crate) fn step_share(&self, baseline: Baseline) -> Option<Share> {
        let steps = self.process.as_ref()?;
        match baseline {
            Baseline::LeaveOneOutToken => {
                Some(Share { reward: self.process_total(), weight: self.response.length as f64 })
            }
            Baseline::LeaveOneOutStep => Some(Share { reward: self.process_total() / steps.len() as f64, weight: 1.0 }),
            Baseline::None | Baseline::PaperToken { .. } | Baseline::VerlToken { .. } | Baseline::Greedy => None,
        }
    }

    /// What this response adds to a baseline that is subtracted per token.
    pub(crate) fn return_share(&self, baseline: Baseline) -> Option<Share> {
        let (max_length, outcome) = match baseline {
            Baseline::PaperToken { max_length } => {
                self.process.as_ref()?;
                (max_length, 0.0)
            }
            Baseline::VerlToken { max_length } => (max_length, self.outcome),
            Baseline::None | Baseline::LeaveOneOutToken | Baseline::LeaveOneOutStep | Baseline::Greedy => return None,
        };
        let rewards = self.token_rewards(self.steps(), self.inside_penalty(), outcome);
        Some(Share { reward: self.returns(&rewards).iter().sum(), weight: max_length as f64 })
    }

    /// Credit by return and baseline, given the two leave-one-out baselines (one of them is 0).
    pub(crate) fn above(&self, baseline: Baseline, step_baseline: f64, return_baseline: f64) -> TokenCredit {
        let return_baseline = match baseline {
            Baseline::Greedy => finite(self.response.greedy_reward, 0.0),
            _ => return_baseline,
        };
        let steps = self.steps_above(baseline, step_baseline);
        let rewards = self.token_rewards(&steps, &self.penalty, self.outcome);
        let returns = self.returns(&rewards);
        let advantages = returns.iter().map(|value| value - return_baseline).collect();
        self.credit(&rewards, &returns, advantages)
    }

    /// Credit where every token has the same advantage; a KL penalty outside the baseline is added.
    pub(crate) fn constant(&self, advantage: f64) -> TokenCredit {
        let rewards = self.token_rewards(self.steps(), &self.penalty, self.outcome);
        let outside = if self.penalty_inside() { &[][..] } else { &self.penalty };
        let penalties = self.returns(&self.token_rewards(&[], outside, 0.0));
        let advantages = penalties.iter().map(|penalty| advantage + penalty).collect();
        self.credit(&rewards, &self.returns(&rewards), advantages)
    }

    /// Credit as the return of the given step and outcome rewards.
    pub(crate) fn of_rewards(&self, steps: &[f64], outcome: f64) -> TokenCredit {
        let rewards = self.token_rewards(steps, &self.penalty, outcome);
        let returns = self.returns(&rewards);
        self.credit(&rewards, &returns, returns.clone())
    }

    /// Credit by generalised advantages; the returns are then the targets of the value function.
    ///
    /// The value of an action is that before its first token.
    pub(crate) fn generalised(&self, lambda: f32) -> TokenCredit {
        let rewards = self.token_rewards(self.steps(), &self.penalty, self.outcome);
        let value_at = |token: usize| self.response.values.get(token).map_or(0.0, |&value| finite(value, 0.0));
        let starts = [0].into_iter().chain(self.actions.iter().copied());
        let values: Vec<f64> = starts.take(self.actions.len()).map(value_at).collect();
        let (gamma, lambda) = (finite(self.settings.discount, 1.0), finite(lambda, 1.0));
        let advantages = generalised(&action_rewards(&rewards, &self.actions), &values, gamma, lambda);
        let targets: Vec<f64> = advantages.iter().zip(&values).map(|(advantage, value)| advantage + value).collect();
        self.credit(&rewards, &on_tokens(&targets, &self.actions), on_tokens(&advantages, &self.actions))
    }

    /// Masks the advantages and narrows everything.
    fn credit(&self, rewards: &[f64], returns: &[f64], mut advantages: Vec<f64>) -> TokenCredit {
        if self.settings.mask_step_ends {
            for &end in &self.response.step_ends {
                advantages[end] = 0.0;
            }
        }
        TokenCredit { rewards: narrow_all(rewards), returns: narrow_all(returns), advantages: narrow_all(&advantages) }
    }

    fn returns(&self, rewards: &[f64]) -> Vec<f64> {
        action_returns(rewards, &self.actions, finite(self.settings.discount, 1.0))
    }

    /// Step rewards after the baseline, ρₛ.
    fn steps_above(&self, baseline: Baseline, value: f64) -> Vec<f64> {
        let steps = self.steps().iter().zip(&self.response.step_lengths);
        let above = |(reward, &length): (&f64, &usize)| match baseline {
            Baseline::LeaveOneOutToken => reward - value * length as f64,
            _ => reward - value,
        };
        steps.map(above).collect()
    }

    fn token_rewards(&self, steps: &[f64], penalty: &[f64], outcome: f64) -> Vec<f64> {
        let mut rewards = on_step_ends(steps, &self.response.step_ends, self.response.length);
        for (reward, penalty) in rewards.iter_mut().zip(penalty) {
            *reward += penalty;
        }
        if let Some(last) = rewards.last_mut() {
            *last += outcome;
        }
        rewards
    }

    fn penalty_inside(&self) -> bool {
        matches!(self.settings.kl, KlPlacement::InsideBaseline { .. })
    }

    fn inside_penalty(&self) -> &[f64] {
        if self.penalty_inside() { &self.penalty } else { &[] }
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
