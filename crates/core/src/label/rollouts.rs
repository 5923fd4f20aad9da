//! A policy that writes rollouts, and how many it has written.

use std::ops::ControlFlow;

use minform_text::answer::grade;
use minform_text::steps::{Separators, split};
use minform_text::tokenizer::Tokenizer;

use super::{Asks, Completion};
use crate::config::Sampling;
use crate::policy::{Generator, NewToken, Policy};
use crate::{Result, seed};

/// Problems and the policy that solves them.
#[derive(Debug)]
pub struct Rollouts<'a> {
    policy: &'a Policy,
    tokenizer: &'a Tokenizer,
    separators: Separators,
    sampling: Sampling,
    seed: u64,
    calls: u64,
    /// Rollouts written.
    pub rollouts: usize,
    /// Tokens written.
    pub tokens: usize,
    /// Rollouts that ran into the length limit, and so count as wrong.
    pub cut: usize,
    /// Beginnings that left no room in the context, and have none.
    pub crowded: usize,
}

/// A problem as the policy is asked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Prompt ids.
    pub prompt: Vec<u32>,
    /// The right answer.
    pub answer: String,
}

impl<'a> Rollouts<'a> {
    /// `policy` should come from [`Policy::frozen`].
    pub fn new(policy: &'a Policy, tokenizer: &'a Tokenizer, sampling: &Sampling, seed: u64) -> Self {
        let separators = Separators::from_tokenizer(tokenizer);
        let sampling = sampling.clone();
        Self { policy, tokenizer, separators, sampling, seed, calls: 0, rollouts: 0, tokens: 0, cut: 0, crowded: 0 }
    }

    /// `count` ways on from each beginning, a problem with tokens after its prompt; a beginning that leaves no room in
    /// the context has none.
    ///
    /// # Errors
    /// A device failure, or [`Error::Stopped`](crate::Error::Stopped).
    pub async fn complete(
        &mut self,
        beginnings: &[(&Asked, Vec<u32>)],
        count: usize,
        listen: &mut dyn FnMut(NewToken) -> ControlFlow<()>,
    ) -> Result<Vec<Vec<Completion>>> {
        let context = self.policy.config.max_position_embeddings;
        let prompts: Vec<Vec<u32>> =
            beginnings.iter().map(|(asked, beginning)| [&asked.prompt[..], beginning].concat()).collect();
        let fits = |prompt: &Vec<u32>| prompt.len() + self.sampling.max_new_tokens <= context;
        let counts: Vec<usize> = prompts.iter().map(|prompt| if fits(prompt) { count } else { 0 }).collect();
        let (kept, kept_counts): (Vec<_>, Vec<_>) =
            prompts.into_iter().zip(&counts).filter(|(_, count)| **count > 0).unzip();
        self.crowded += counts.iter().filter(|count| **count == 0).count();
        self.calls += 1;
        let seed = seed::mix_in(self.seed, self.calls);
        let generator = Generator::new(&self.policy.model, &self.policy.config);
        let written = generator.generate_each(&kept, &kept_counts, &self.sampling, seed, listen).await?;
        let mut written = written.into_iter();
        let mut groups = Vec::with_capacity(beginnings.len());
        for ((asked, beginning), count) in beginnings.iter().zip(&counts) {
            let responses = if *count > 0 { written.next().unwrap_or_default() } else { Vec::new() };
            let mut group = Vec::with_capacity(responses.len());
            for response in responses {
                self.rollouts += 1;
                self.tokens += response.tokens.len();
                self.cut += usize::from(!response.finished);
                let text = self.tokenizer.decode(&[&beginning[..], &response.tokens].concat())?;
                let right = response.finished && grade(&text, &asked.answer).correct;
                group.push(Completion { steps: self.steps(&response.tokens), right });
            }
            groups.push(group);
        }
        Ok(groups)
    }

    /// Goes on until nothing is wanted any more, the wishes of all in one batch at a time. `told` hears how many
    /// rollouts are written.
    ///
    /// # Errors
    /// Those of [`Self::complete`].
    pub async fn satisfy(
        &mut self,
        asks: &mut [(&Asked, &mut dyn Asks)],
        count: usize,
        listen: &mut dyn FnMut(NewToken) -> ControlFlow<()>,
    ) -> Result<()> {
        loop {
            let wanted: Vec<(usize, Vec<u32>)> =
                asks.iter().enumerate().filter_map(|(index, (_, ask))| Some((index, ask.wants()?))).collect();
            if wanted.is_empty() {
                return Ok(());
            }
            let beginnings: Vec<(&Asked, Vec<u32>)> =
                wanted.iter().map(|(index, beginning)| (asks[*index].0, beginning.clone())).collect();
            let completions = self.complete(&beginnings, count, listen).await?;
            for ((index, _), completions) in wanted.into_iter().zip(completions) {
                asks[index].1.take(completions);
            }
        }
    }

    /// The tokens of each step with what ends it.
    fn steps(&self, response: &[u32]) -> Vec<Vec<u32>> {
        let mut start = 0;
        let ends = split(response, &self.separators, &self.policy.config.eos_token_ids).ends;
        let step = |end: usize| {
            let step = response[start..=end].to_vec();
            start = end + 1;
            step
        };
        ends.into_iter().map(step).collect()
    }
}
