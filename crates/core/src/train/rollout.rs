//! From sampled responses to token advantages.

use minform_credit::{
    self as credit, CreditSettings, KlPlacement, TokenCredit, Verifiable, VerifiableValues, group_advantages, normalise,
};
use minform_text::steps::{PrmInput, Separators, Steps, close_truncated, prm_input, split};
use minform_text::tokenizer::Tokenizer;

use crate::config::{Baseline, Rl, Truncated};
use crate::policy::Response;
use crate::{Error, Result};

/// A response cut into steps, with everything credit assignment needs.
#[derive(Debug, Clone)]
pub struct Rollout {
    /// Index of the prompt in its update.
    pub prompt: usize,
    /// Prompt ids.
    pub prompt_ids: Vec<u32>,
    /// What was written.
    pub response: Response,
    /// Where its steps end.
    pub steps: Steps,
}

impl Rollout {
    /// Cuts a response into steps; `close` overwrites the last token of a truncated one by the end token, as main does.
    pub fn new(
        prompt: usize,
        prompt_ids: &[u32],
        mut response: Response,
        separators: &Separators,
        eos: &[u32],
        truncated: Truncated,
    ) -> Self {
        if let (false, Truncated::Close, Some(eos)) = (response.finished, truncated, eos.first()) {
            close_truncated(&mut response.tokens, *eos);
        }
        let steps = split(&response.tokens, separators, eos);
        Self { prompt, prompt_ids: prompt_ids.to_vec(), response, steps }
    }

    /// What the process reward model reads: each separator and the end replaced in place by `newline`.
    pub fn prm_input(&self, newline: u32) -> PrmInput {
        prm_input(&self.prompt_ids, &self.response.tokens, &self.steps, newline)
    }

    /// The text of each step, without its separator.
    ///
    /// # Errors
    /// If the tokens cannot be decoded.
    pub fn step_texts(&self, tokenizer: &Tokenizer) -> Result<Vec<String>> {
        let spans = self.steps.ends.iter().zip(&self.steps.lengths).scan(0, |from, (end, length)| {
            let span = *from..*from + length;
            *from = end + 1;
            Some(span)
        });
        spans.map(|span| Ok(tokenizer.decode(&self.response.tokens[span])?)).collect()
    }

    /// Prompt and response ids.
    pub fn row(&self) -> Vec<u32> {
        [&self.prompt_ids[..], &self.response.tokens[..]].concat()
    }
}

/// A rollout with its rewards and the advantages made of them.
#[derive(Debug, Clone)]
pub struct Scored {
    /// The rollout.
    pub rollout: Rollout,
    /// PRM score of each step; empty without a process reward model.
    pub step_rewards: Vec<f32>,
    /// 1 = right, 0 = wrong; `None` where the answer may not be checked.
    pub verified: Option<f32>,
    /// Per-token KL estimate against the reference policy.
    pub kl: Vec<f32>,
    /// Per-token advantage, normalised over the rollout.
    pub advantages: Vec<f32>,
}

/// Turns the rewards of one update into advantages, group by group, then normalises over all of them.
///
/// # Errors
/// Steps, rewards and tokens that do not fit together.
pub(super) fn assign_credit(scored: &mut [Scored], config: &Rl, longest: usize) -> Result<()> {
    let settings = settings(config, longest);
    let mut advantages = Vec::with_capacity(scored.len());
    for group in scored.chunk_by(|a, b| a.rollout.prompt == b.rollout.prompt) {
        let responses: Vec<credit::Response> = group.iter().map(|scored| response(scored, config)).collect();
        let tokens: Vec<TokenCredit> = group_advantages(&responses, &settings).map_err(Error::from)?;
        advantages.extend(tokens.into_iter().map(|credit| credit.advantages));
    }
    normalise(&mut advantages, config.normalisation.into());
    for (scored, advantages) in scored.iter_mut().zip(advantages) {
        scored.advantages = advantages;
    }
    Ok(())
}

fn response(scored: &Scored, config: &Rl) -> credit::Response {
    credit::Response {
        step_ends: scored.rollout.steps.ends.clone(),
        step_lengths: scored.rollout.steps.lengths.clone(),
        rewards: if config.process_reward { scored.step_rewards.clone() } else { Vec::new() },
        length: scored.rollout.response.tokens.len(),
        verified: scored.verified,
        kl: scored.kl.clone(),
    }
}

/// The configuration in the terms of `minform-credit`; `longest` is the longest possible response in tokens.
pub(super) fn settings(config: &Rl, longest: usize) -> CreditSettings {
    let verl = config.credit.baseline == Baseline::Verl;
    let kl = match (config.kl > 0.0, verl) {
        (false, _) => KlPlacement::None,
        (true, false) => KlPlacement::AfterBaseline { coefficient: config.kl },
        (true, true) => KlPlacement::InsideBaseline { coefficient: config.kl },
    };
    CreditSettings {
        form: config.credit.form(),
        process: config.process_reward,
        baseline: match config.credit.baseline {
            Baseline::None => credit::Baseline::None,
            Baseline::Token => credit::Baseline::LeaveOneOutToken,
            Baseline::Step => credit::Baseline::LeaveOneOutStep,
            Baseline::Paper => credit::Baseline::PaperToken { max_length: longest },
            Baseline::Verl => credit::Baseline::VerlToken { max_length: longest },
        },
        verifiable: (config.verifiable_reward != 0.0).then_some(Verifiable {
            coefficient: config.verifiable_reward,
            values: VerifiableValues::ZeroOne,
            leave_one_out: !verl,
        }),
        kl,
        mask_step_ends: config.credit.mask_step_ends,
    }
}
