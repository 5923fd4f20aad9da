//! The first half of an update: responses and their rewards.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor};
use minform_credit::{KlEstimator, overlong_penalty, total_reward};
use minform_text::answer::grade;

use super::credit::{response, settings};
use super::rl::{Problem, Rl};
use super::rollout::{Rollout, Scored};
use crate::config::{Estimator, Sampling, Truncated};
use crate::event::{Event, Listener, Phase};
use crate::policy::{Generator, NewToken, Packed, micro_batches};
use crate::prm;
use crate::read::read;
use crate::{Result, parallel, seed};

/// How many sampled tokens pass between two signs of life.
const TOKENS_PER_PROGRESS: usize = 64;

impl Rl<'_> {
    /// `samples` responses to every problem, group by group.
    pub(super) async fn rollouts(&self, problems: &[Problem], listener: &mut Listener<'_>) -> Result<Vec<Rollout>> {
        let mut tokens = self.tokens;
        let mut written = |_: NewToken| {
            tokens += 1;
            match tokens % TOKENS_PER_PROGRESS {
                0 => listener(Event::Progress { phase: Phase::Rl, done: self.step, tokens }),
                _ => ControlFlow::Continue(()),
            }
        };
        self.responses(problems, self.config.samples, &self.sampling, &mut written).await
    }

    async fn responses(
        &self,
        problems: &[Problem],
        samples: usize,
        sampling: &Sampling,
        written: &mut dyn FnMut(NewToken) -> ControlFlow<()>,
    ) -> Result<Vec<Rollout>> {
        let prompts: Vec<Vec<u32>> =
            problems.iter().map(|problem| Ok(self.tokenizer.encode(&problem.prompt)?)).collect::<Result<_>>()?;
        let sampler = self.policy.frozen();
        let generator = Generator::new(&sampler.model, &sampler.config);
        let seed = seed::mix_in(self.seed, self.step as u64);
        let groups = generator.generate(&prompts, samples, sampling, seed, written).await?;
        let eos = &self.policy.config.eos_token_ids;
        let rollouts = groups
            .into_iter()
            .zip(&prompts)
            .enumerate()
            .flat_map(|(index, (group, prompt))| group.into_iter().map(move |response| (index, prompt, response)));
        let cut = |(index, prompt, response): (usize, &Vec<u32>, _)| {
            Rollout::new(index, prompt, response, &self.separators, eos, self.config.truncated)
        };
        Ok(rollouts.map(cut).collect())
    }

    /// Rewards, reference log-probabilities and values of the rollouts.
    pub(super) async fn score(&self, problems: &[Problem], rollouts: Vec<Rollout>) -> Result<Vec<Scored>> {
        let mut scored = self.reward(problems, rollouts).await?;
        if self.kl_coefficient > 0.0 {
            self.compare_with_reference(&mut scored).await?;
        }
        if let Some(critic) = &self.critic {
            let values = critic.values(&scored, self.config.micro_batch_tokens).await?;
            scored.iter_mut().zip(values).for_each(|(scored, values)| scored.values = values);
        }
        if self.config.credit.estimator == Estimator::Remax {
            self.compare_with_greedy(problems, &mut scored).await?;
        }
        Ok(scored)
    }

    /// Step scores, verdicts and penalties.
    async fn reward(&self, problems: &[Problem], rollouts: Vec<Rollout>) -> Result<Vec<Scored>> {
        let inputs: Vec<_> = rollouts.iter().map(|rollout| rollout.prm_input(self.newline)).collect();
        let mut by_model = Vec::with_capacity(self.prms.len());
        for model in self.prms {
            by_model.push(prm::score(model, &inputs, self.config.micro_batch_tokens, &mut |_| true).await?);
        }
        let (reward, limit) = (&self.config.reward, self.sampling.max_new_tokens);
        let scored = rollouts.into_iter().enumerate().map(|(row, rollout)| {
            let scores: Vec<Vec<f32>> = by_model.iter().map(|rows| rows[row].clone()).collect();
            let length = rollout.response.tokens.len();
            Ok(Scored {
                step_rewards: reward.combination().combine(&scores)?,
                verified: self.verify(&problems[rollout.prompt], &rollout)?,
                penalty: reward.overlong * overlong_penalty(length, limit, reward.overlong_buffer),
                masked: self.config.truncated == Truncated::Mask && !rollout.response.finished,
                ..Scored::new(rollout)
            })
        });
        scored.collect()
    }

    /// 1 or 0 by the reference answer, or `None` where it may not be checked.
    fn verify(&self, problem: &Problem, rollout: &Rollout) -> Result<Option<f32>> {
        let Some(answer) = &problem.answer else { return Ok(None) };
        let text = self.tokenizer.decode(&rollout.response.tokens)?;
        Ok(Some(if grade(&text, answer).correct { 1.0 } else { 0.0 }))
    }

    /// log π_ref of every token and the estimate of KL(π ‖ π_ref) from it.
    async fn compare_with_reference(&self, scored: &mut [Scored]) -> Result<()> {
        let estimator = KlEstimator::from(self.config.kl.estimator);
        let reference = &self.reference;
        let device = reference.model.device();
        let log_probs =
            per_token(&device, scored, self.config.micro_batch_tokens, |packed| reference.log_probs(packed)).await?;
        for (scored, reference) in scored.iter_mut().zip(log_probs) {
            let sampled = &scored.rollout.response.log_probs;
            scored.kl = sampled.iter().zip(&reference).map(|(p, q)| estimator.value(p - q)).collect();
            scored.reference = reference;
        }
        Ok(())
    }

    /// The reward of the greedy response to each problem.
    async fn compare_with_greedy(&self, problems: &[Problem], scored: &mut [Scored]) -> Result<()> {
        let sampling = Sampling { temperature: 0.0, ..self.sampling.clone() };
        let rollouts = self.responses(problems, 1, &sampling, &mut |_| ControlFlow::Continue(())).await?;
        let greedy = self.reward(problems, rollouts).await?;
        let settings = settings(&self.config, self.sampling.max_new_tokens, 0.0);
        let rewards: Vec<f32> =
            greedy.iter().map(|greedy| Ok(total_reward(&response(greedy), &settings)?)).collect::<Result<_>>()?;
        scored.iter_mut().for_each(|scored| scored.greedy_reward = rewards[scored.rollout.prompt]);
        Ok(())
    }
}

/// One value per response token of each rollout, from forward passes of at most `budget` tokens.
pub(super) async fn per_token(
    device: &Device,
    scored: &[Scored],
    budget: usize,
    forward: impl Fn(&Packed) -> Tensor<1> + Send + Sync,
) -> Result<Vec<Vec<f32>>> {
    let groups = groups(scored.iter(), budget);
    let tensors = parallel::map(device, &groups, |group| forward(&pack(group, |row| &scored[row])));
    let mut rows = vec![Vec::new(); scored.len()];
    for (group, tensor) in groups.into_iter().zip(tensors) {
        let mut values = read(tensor).await?.into_iter();
        for row in group {
            rows[row] = values.by_ref().take(scored[row].rollout.response.tokens.len()).collect();
        }
    }
    Ok(rows)
}

/// Rows of like length for one forward pass each.
pub(super) fn groups<'b>(scored: impl Iterator<Item = &'b Scored>, budget: usize) -> Vec<Vec<usize>> {
    let length = |scored: &Scored| scored.rollout.prompt_ids.len() + scored.rollout.response.tokens.len();
    micro_batches(&scored.map(length).collect::<Vec<_>>(), budget)
}

/// Prompt and response of the rows of `group`, with the response tokens picked.
pub(super) fn pack<'b>(group: &[usize], scored: impl Fn(usize) -> &'b Scored) -> Packed {
    let rows: Vec<Vec<u32>> = group.iter().map(|row| scored(*row).rollout.row()).collect();
    let rows: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
    let starts: Vec<usize> = group.iter().map(|row| scored(*row).rollout.prompt_ids.len()).collect();
    Packed::continuations(&rows, &starts)
}
