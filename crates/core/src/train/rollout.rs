//! Sampled responses, cut into steps.

use minform_credit::TokenCredit;
use minform_text::steps::{PrmInput, Separators, Steps, close_truncated, prm_input, split};
use minform_text::tokenizer::Tokenizer;

use crate::Result;
use crate::config::Truncated;
use crate::policy::{Response, Row};

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

    /// Prompt and response, of which the prompt may be that of other rollouts too.
    pub fn row(&self) -> Row<'_> {
        Row { shared: &self.prompt_ids, own: &self.response.tokens }
    }
}

/// A rollout with its rewards and the credit made of them. A value per token, where it is not empty.
#[derive(Debug, Clone)]
pub struct Scored {
    /// The rollout.
    pub rollout: Rollout,
    /// Score of each step; empty without a process reward model.
    pub step_rewards: Vec<f32>,
    /// 1 = right, 0 = wrong; `None` where the answer may not be checked.
    pub verified: Option<f32>,
    /// Subtracted from the reward of the last token.
    pub penalty: f32,
    /// Left out of the loss.
    pub masked: bool,
    /// log π_ref of each token; empty without a KL penalty.
    pub reference: Vec<f32>,
    /// log π − log μ of each token, with μ the place that wrote it as it says itself, 0 where it does not; empty where the
    /// policy wrote them.
    pub mismatch: Vec<f32>,
    /// Truncated importance weight of each token, min(π / μ, C); empty where the policy wrote them or C is 0.
    pub importance: Vec<f32>,
    /// KL estimate of each token against the reference policy; empty without a KL penalty.
    pub kl: Vec<f32>,
    /// Value before each token; empty without a critic.
    pub values: Vec<f32>,
    /// Whole reward of the greedy response to the same prompt, for ReMax.
    pub greedy_reward: f32,
    /// Rewards, returns and advantages, the last normalised over all rollouts of the update.
    pub credit: TokenCredit,
}

impl Scored {
    /// A rollout before any reward.
    pub fn new(rollout: Rollout) -> Self {
        Self {
            rollout,
            step_rewards: Vec::new(),
            verified: None,
            penalty: 0.0,
            masked: false,
            reference: Vec::new(),
            mismatch: Vec::new(),
            importance: Vec::new(),
            kl: Vec::new(),
            values: Vec::new(),
            greedy_reward: 0.0,
            credit: TokenCredit::default(),
        }
    }
}
