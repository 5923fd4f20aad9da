//! Searching for a solution with a policy and a process reward model, with every token and every look counted.
//!
//! - best-of-N: whole solutions, of which one is chosen;
//! - beam search: of N beginnings the N / M most promising are kept after every step (Snell et al. 2024);
//! - DVTS: N / M beams that do not compete, each going on with the best of M steps (Beeching et al. 2024).
//!
//! All problems go forward together, step by step, so that every batch is as large as it can be.

mod beam;
mod chosen;

use std::ops::ControlFlow;

use minform_text::answer::{extract, grade};
use minform_text::steps::{Separators, newline_id, prm_input, split};
use minform_text::tokenizer::Tokenizer;

pub use chosen::{Chosen, choose};

use crate::config::Sampling;
use crate::model::ModelConfig;
use crate::policy::{Generator, NewToken, Policy};
use crate::prm::{Prm, score};
use crate::{Result, seed};

/// How solutions are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// N whole solutions.
    BestOfN,
    /// N beams, of which the best go on, each in `width` ways.
    Beam {
        /// Ways on from each beam that is kept.
        width: usize,
    },
    /// N / `width` beams on their own, each going on with the best of `width` ways.
    Dvts {
        /// Ways on from each beam.
        width: usize,
    },
}

/// A problem as the policy is asked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Prompt ids.
    pub prompt: Vec<u32>,
    /// The right answer, which no search looks at.
    pub answer: String,
}

/// A solution that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// Its text.
    pub text: String,
    /// Scores of its steps, from −1 to 1.
    pub scores: Vec<f32>,
    /// Its answer, if it came to one.
    pub answer: Option<String>,
    /// Whether the answer is right.
    pub right: bool,
}

/// What a search took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Tokens that the policy wrote.
    pub policy_tokens: usize,
    /// Solutions and beginnings of solutions that the reward model looked at.
    pub prm_calls: usize,
    /// Tokens that it read in them.
    pub prm_tokens: usize,
}

/// A policy and a reward model that reads its tokens.
#[derive(Debug)]
pub struct Searcher<'a> {
    policy: &'a Policy,
    prm: &'a Prm,
    tokenizer: &'a Tokenizer,
    separators: Separators,
    newline: u32,
    sampling: Sampling,
    /// Tokens of one pass of the reward model.
    micro_batch_tokens: usize,
    seed: u64,
    calls: u64,
    /// What was spent so far.
    pub spent: Spent,
}

impl<'a> Searcher<'a> {
    /// Both models should be frozen and share `tokenizer`.
    ///
    /// # Errors
    /// A tokenizer without a newline token.
    pub fn new(
        policy: &'a Policy,
        prm: &'a Prm,
        tokenizer: &'a Tokenizer,
        sampling: &Sampling,
        micro_batch_tokens: usize,
        seed: u64,
    ) -> Result<Self> {
        Ok(Self {
            policy,
            prm,
            tokenizer,
            separators: Separators::from_tokenizer(tokenizer),
            newline: newline_id(tokenizer)?,
            sampling: sampling.clone(),
            micro_batch_tokens,
            seed,
            calls: 0,
            spent: Spent::default(),
        })
    }

    /// The solutions of every question, as many of each as `n` beams lead to.
    ///
    /// # Errors
    /// A prompt that leaves no room in the context, a device failure, or [`Error::Stopped`](crate::Error::Stopped).
    pub async fn search(
        &mut self,
        method: Method,
        questions: &[Question],
        n: usize,
        listen: &mut dyn FnMut(NewToken) -> ControlFlow<()>,
    ) -> Result<Vec<Vec<Solution>>> {
        let found = match method {
            Method::BestOfN => self.whole(questions, n, listen).await?,
            Method::Beam { width } => beam::search(self, questions, n, width, false, listen).await?,
            Method::Dvts { width } => beam::search(self, questions, n, width, true, listen).await?,
        };
        let solution = |question: &Question, (tokens, scores): (Vec<u32>, Vec<f32>)| {
            let text = self.tokenizer.decode(&tokens)?;
            let finished = tokens.last().is_some_and(|last| self.policy.config.eos_token_ids.contains(last));
            let answer = extract(&text).filter(|_| finished);
            let right = finished && grade(&text, &question.answer).correct;
            Ok(Solution { text, scores, answer, right })
        };
        let of =
            |(question, group): (&Question, Vec<_>)| group.into_iter().map(|one| solution(question, one)).collect();
        questions.iter().zip(found).map(of).collect()
    }

    /// N whole solutions with their scores.
    async fn whole(
        &mut self,
        questions: &[Question],
        n: usize,
        listen: &mut dyn FnMut(NewToken) -> ControlFlow<()>,
    ) -> Result<Vec<Vec<(Vec<u32>, Vec<f32>)>>> {
        let beginnings: Vec<(usize, Vec<u32>)> = (0..questions.len()).map(|question| (question, Vec::new())).collect();
        let room = self.sampling.max_new_tokens;
        let written = self.write(questions, &beginnings, &vec![n; questions.len()], false, room, listen).await?;
        let flat: Vec<(usize, Vec<u32>)> = written
            .into_iter()
            .enumerate()
            .flat_map(|(question, group)| group.into_iter().map(move |tokens| (question, tokens)))
            .collect();
        let scores = self.judge(questions, &flat).await?;
        let mut found = vec![Vec::new(); questions.len()];
        for ((question, tokens), scores) in flat.into_iter().zip(scores) {
            found[question].push((tokens, scores));
        }
        Ok(found)
    }

    /// `counts[i]` ways on from each beginning, a question with tokens after its prompt: to the end, or one step.
    async fn write(
        &mut self,
        questions: &[Question],
        beginnings: &[(usize, Vec<u32>)],
        counts: &[usize],
        one_step: bool,
        room: usize,
        listen: &mut dyn FnMut(NewToken) -> ControlFlow<()>,
    ) -> Result<Vec<Vec<Vec<u32>>>> {
        let mut config: ModelConfig = self.policy.config.clone();
        if one_step {
            config.eos_token_ids.extend(self.separators.ids());
        }
        let prompts: Vec<Vec<u32>> =
            beginnings.iter().map(|(question, tokens)| [&questions[*question].prompt[..], tokens].concat()).collect();
        self.calls += 1;
        let seed = seed::mix_in(self.seed, self.calls);
        let sampling = Sampling { max_new_tokens: room, ..self.sampling.clone() };
        let generator = Generator::new(&self.policy.model, &config);
        let responses = generator.generate_each(&prompts, counts, &sampling, seed, listen).await?;
        let mut written = Vec::with_capacity(beginnings.len());
        for ((_, beginning), group) in beginnings.iter().zip(responses) {
            let tokens = group.iter().map(|response| response.tokens.len()).sum::<usize>();
            self.spent.policy_tokens += tokens;
            written.push(group.into_iter().map(|response| [&beginning[..], &response.tokens].concat()).collect());
        }
        Ok(written)
    }

    /// The scores of the steps of each solution or beginning of one.
    async fn judge(&mut self, questions: &[Question], solutions: &[(usize, Vec<u32>)]) -> Result<Vec<Vec<f32>>> {
        let input = |(question, tokens): &(usize, Vec<u32>)| {
            let steps = split(tokens, &self.separators, &self.policy.config.eos_token_ids);
            prm_input(&questions[*question].prompt, tokens, &steps, self.newline)
        };
        let inputs: Vec<_> = solutions.iter().map(input).collect();
        self.spent.prm_calls += inputs.len();
        self.spent.prm_tokens += inputs.iter().map(|input| input.ids.len()).sum::<usize>();
        score(self.prm, &inputs, self.micro_batch_tokens, &mut |_| true).await
    }
}
