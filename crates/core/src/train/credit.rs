//! From scored rollouts to token advantages.

use minform_credit::{
    self as credit, CreditSettings, KlPlacement, Verifiable, VerifiableValues, group_advantages, normalise,
};

use super::rollout::Scored;
use crate::Result;
use crate::config::{KlPlace, Rl};

/// Turns the rewards of one update into the credit of every token, group by group, then normalises the advantages
/// over all of them.
///
/// `longest` is the longest possible response in tokens, `kl` the present weight of the KL penalty.
///
/// # Errors
/// Steps, rewards and tokens that do not fit together.
pub fn assign_credit(scored: &mut [Scored], config: &Rl, longest: usize, kl: f32) -> Result<()> {
    let settings = settings(config, longest, kl);
    for group in scored.chunk_by_mut(|a, b| a.rollout.prompt == b.rollout.prompt) {
        let responses: Vec<credit::Response> = group.iter().map(response).collect();
        for (scored, credit) in group.iter_mut().zip(group_advantages(&responses, &settings)?) {
            scored.credit = credit;
        }
    }
    let mut advantages: Vec<Vec<f32>> = scored.iter_mut().map(|s| std::mem::take(&mut s.credit.advantages)).collect();
    normalise(&mut advantages, config.normalisation.into());
    for (scored, advantages) in scored.iter_mut().zip(advantages) {
        scored.credit.advantages = advantages;
    }
    Ok(())
}

/// The rollout as `minform-credit` sees it.
pub(super) fn response(scored: &Scored) -> credit::Response {
    credit::Response {
        step_ends: scored.rollout.steps.ends.clone(),
        step_lengths: scored.rollout.steps.lengths.clone(),
        rewards: scored.step_rewards.clone(),
        length: scored.rollout.response.tokens.len(),
        verified: scored.verified,
        kl: scored.kl.clone(),
        penalty: scored.penalty,
        values: scored.values.clone(),
        greedy_reward: scored.greedy_reward,
    }
}

/// The configuration in the terms of `minform-credit`.
pub(super) fn settings(config: &Rl, longest: usize, kl: f32) -> CreditSettings {
    CreditSettings {
        form: config.credit.form(),
        process: config.reward.process,
        shaping: config.reward.shaping(),
        estimator: config.credit.estimator(longest),
        discount: config.credit.discount,
        actions: config.credit.actions(),
        verifiable: (config.reward.verifiable != 0.0)
            .then_some(Verifiable { coefficient: config.reward.verifiable, values: VerifiableValues::ZeroOne }),
        kl: match config.kl.place {
            _ if kl <= 0.0 => KlPlacement::None,
            KlPlace::AfterBaseline => KlPlacement::AfterBaseline { coefficient: kl },
            KlPlace::BeforeBaseline => KlPlacement::InsideBaseline { coefficient: kl },
            KlPlace::Loss => KlPlacement::None,
        },
        mask_step_ends: config.credit.mask_step_ends,
    }
}
