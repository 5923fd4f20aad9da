//! The first half of an update: responses and their rewards.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor};
use minform_credit::{KlEstimator, allocate, overlong_penalty, total_reward, variance_weight};
use minform_text::answer::grade;

use super::credit::{response, settings};
use super::rl::{Problem, Rl};
use super::rollout::{Rollout, Scored};
use crate::config::{Allocation, Estimator, Sampling, Truncated};
use crate::event::{Event, Listener, Phase, emit};
use crate::policy::{Generator, MicroBatch, NewToken, Order, Packed, Policy, micro_batches};
use crate::prm;
use crate::read::read;
use crate::{Dtype, Error, Result, parallel, seed};

/// How many sampled tokens pass between two signs of life.
const TOKENS_PER_PROGRESS: usize = 64;

/// Which independent stream of randomness samples what follows a pilot.
const AFTER_PILOT: u64 = 1;

/// What an update learns from.
pub(super) struct Collected {
    pub(super) problems: Vec<Problem>,
    /// With step scores, verdicts and penalties, group by group.
    pub(super) scored: Vec<Scored>,
    /// Prompts taken from the training set.
    pub(super) drawn: usize,
    /// Share of them that were left out.
    pub(super) left_out: f32,
}

impl Rl {
    /// Samples prompts until enough have a pass rate worth learning from, or the rounds are used up.
    pub(super) async fn collect(
        &self,
        next: &mut dyn FnMut(usize, usize) -> Vec<Problem>,
        listener: &mut Listener<'_>,
    ) -> Result<Collected> {
        let curriculum = &self.config.curriculum;
        let (mut problems, mut scored) = (Vec::new(), Vec::new());
        let (mut drawn, mut spare) = (0, None);
        for round in 0..curriculum.max_rounds {
            let wanted = self.config.prompts - problems.len();
            if wanted == 0 {
                break;
            }
            let fresh = next(self.drawn + drawn, wanted);
            drawn += fresh.len();
            let groups = self.groups(&fresh, round as u64, listener).await?;
            for (problem, group) in fresh.into_iter().zip(groups) {
                let pass = self.pass_rate(&group);
                if (curriculum.min_pass..=curriculum.max_pass).contains(&pass) {
                    problems.push(problem);
                    scored.push(group);
                } else {
                    spare = Some((problem, group));
                }
            }
        }
        let left_out = 1.0 - problems.len() as f32 / drawn.max(1) as f32;
        if let (true, Some((problem, group))) = (problems.is_empty(), spare) {
            // An update needs something to look at, even if it teaches nothing.
            problems.push(problem);
            scored.push(group);
        }
        for (prompt, group) in scored.iter_mut().enumerate() {
            group.iter_mut().for_each(|scored| scored.rollout.prompt = prompt);
        }
        Ok(Collected { problems, scored: scored.concat(), drawn, left_out })
    }

    /// Scored responses to every problem, `rl.samples` each or as many in all.
    async fn groups(&self, problems: &[Problem], round: u64, listener: &mut Listener<'_>) -> Result<Vec<Vec<Scored>>> {
        let (samples, curriculum) = (self.config.samples, &self.config.curriculum);
        let first = seed::mix_in(self.seed, self.step as u64);
        let seed = if round == 0 { first } else { seed::mix_in(first, round) };
        let alike = |count| vec![count; problems.len()];
        if curriculum.allocation == Allocation::Uniform {
            let all = self.sample_and_reward(problems, &alike(samples), seed, listener).await?;
            return Ok(by_prompt(all, problems.len()));
        }
        let pilot = self.sample_and_reward(problems, &alike(curriculum.pilot), seed, listener).await?;
        let mut groups = by_prompt(pilot, problems.len());
        let weight = |group: &Vec<Scored>| {
            variance_weight(self.pass_rate(group), gradient_size(group), curriculum.alpha, curriculum.beta)
        };
        let weights: Vec<f32> = groups.iter().map(weight).collect();
        let rest = allocate(problems.len() * (samples - curriculum.pilot), &weights);
        let rest = self.sample_and_reward(problems, &rest, seed::mix_in(seed, AFTER_PILOT), listener).await?;
        rest.into_iter().for_each(|scored| groups[scored.rollout.prompt].push(scored));
        Ok(groups)
    }

    async fn sample_and_reward(
        &self,
        problems: &[Problem],
        counts: &[usize],
        seed: u64,
        listener: &mut Listener<'_>,
    ) -> Result<Vec<Scored>> {
        let total = counts.iter().sum();
        emit(listener, Event::PhaseStarted { phase: Phase::Rollout, total })?;
        let mut tokens = self.tokens;
        let mut written = |_: NewToken| {
            tokens += 1;
            match tokens % TOKENS_PER_PROGRESS {
                0 => listener(Event::Progress { phase: Phase::Rl, done: self.step, tokens }),
                _ => ControlFlow::Continue(()),
            }
        };
        let mut responses = self.responses(problems, counts, &self.sampling, seed, &mut written).await?;
        let tokens = responses.iter().map(|scored| scored.rollout.response.tokens.len()).sum();
        emit(listener, Event::PhaseFinished { phase: Phase::Rollout, tokens })?;
        emit(listener, Event::PhaseStarted { phase: Phase::Reward, total })?;
        self.reward(problems, &mut responses).await?;
        // Its tokens are counted with the rest of the rewards.
        emit(listener, Event::PhaseFinished { phase: Phase::Reward, tokens: 0 })?;
        Ok(responses)
    }

    /// Share of responses that are right, or that the process reward model approves of where none may be checked.
    fn pass_rate(&self, group: &[Scored]) -> f32 {
        let passes = |scored: &Scored| match scored.verified {
            Some(verified) => verified > 0.5,
            None => self.outcome(scored) > 0.0,
        };
        group.iter().filter(|scored| passes(scored)).count() as f32 / group.len().max(1) as f32
    }

    /// `counts[prompt]` responses to every problem, prompt by prompt.
    async fn responses(
        &self,
        problems: &[Problem],
        counts: &[usize],
        sampling: &Sampling,
        seed: u64,
        written: &mut dyn FnMut(NewToken) -> ControlFlow<()>,
    ) -> Result<Vec<Scored>> {
        let prompts: Vec<Vec<u32>> =
            problems.iter().map(|problem| Ok(self.tokenizer.encode(&problem.prompt)?)).collect::<Result<_>>()?;
        let sampler = self.sampler();
        let groups = match &self.writer {
            Some(writer) => {
                self.check_age()?;
                writer.write(&Order { prompts: &prompts, counts, sampling, seed }, written)?
            }
            None => {
                let generator = Generator::new(&sampler.model, &sampler.config);
                generator.generate_each(&prompts, counts, sampling, seed, written).await?
            }
        };
        let eos = &self.policy.config.eos_token_ids;
        let rollouts = groups
            .into_iter()
            .zip(&prompts)
            .enumerate()
            .flat_map(|(index, (group, prompt))| group.into_iter().map(move |response| (index, prompt, response)));
        let cut = |(index, prompt, response): (usize, &Vec<u32>, _)| {
            Rollout::new(index, prompt, response, &self.separators, eos, self.config.truncated)
        };
        let mut scored: Vec<Scored> = rollouts.map(cut).map(Scored::new).collect();
        // In half precision reading rounds otherwise than writing.
        if self.writer.is_some() || self.trainer.dtype() != Dtype::F32 {
            self.weigh(&sampler, &mut scored).await?;
        }
        Ok(scored)
    }

    /// Refuses responses of weights that are too old.
    fn check_age(&self) -> Result<()> {
        let (age, most) = (self.rollout_age().unwrap_or(0), self.config.rollouts.max_age);
        match age > most {
            true => Err(Error::Rollout(format!(
                "the weights that write them are {age} updates old, and rl.rollouts.max_age = {most}; hand over newer \
                 ones or raise it"
            ))),
            false => Ok(()),
        }
    }

    /// Takes the log-probabilities of the policy at hand for those of the place that wrote the responses, and weighs
    /// tokens by how much likelier they are here: w = min(π / μ, C) (truncated importance sampling).
    async fn weigh(&self, policy: &Policy, scored: &mut [Scored]) -> Result<()> {
        let device = policy.model.device();
        let cap = self.config.rollouts.importance_cap;
        let log_probs =
            per_token(&device, scored, self.config.micro_batch_tokens, |packed| policy.log_probs(packed)).await?;
        for (scored, log_probs) in scored.iter_mut().zip(log_probs) {
            let told = core::mem::replace(&mut scored.rollout.response.log_probs, log_probs);
            let differ = |(here, there): (&f32, &f32)| if there.is_finite() { here - there } else { 0.0 };
            scored.mismatch = scored.rollout.response.log_probs.iter().zip(&told).map(differ).collect();
            if cap > 0.0 {
                scored.importance = scored.mismatch.iter().map(|differ| differ.exp().min(cap)).collect();
            }
        }
        Ok(())
    }

    /// Adds reference log-probabilities, values and the greedy response to compare with, as far as they are needed.
    pub(super) async fn compare(&self, problems: &[Problem], scored: &mut [Scored]) -> Result<()> {
        if self.kl_coefficient > 0.0 {
            self.compare_with_reference(scored).await?;
        }
        if let Some(critic) = &self.critic {
            let values = critic.values(scored, self.config.micro_batch_tokens).await?;
            scored.iter_mut().zip(values).for_each(|(scored, values)| scored.values = values);
        }
        if self.config.credit.estimator == Estimator::Remax {
            self.compare_with_greedy(problems, scored).await?;
        }
        Ok(())
    }

    /// Step scores, verdicts and penalties.
    async fn reward(&self, problems: &[Problem], responses: &mut [Scored]) -> Result<()> {
        let inputs = || responses.iter().map(|scored| scored.rollout.prm_input(self.newline)).collect::<Vec<_>>();
        let inputs = if self.prms.is_empty() { Vec::new() } else { inputs() };
        let mut by_model = Vec::with_capacity(self.prms.len());
        for model in &self.prms {
            by_model.push(prm::score(model, &inputs, self.config.micro_batch_tokens, &mut |_| true).await?);
        }
        let (reward, limit) = (&self.config.reward, self.sampling.max_new_tokens);
        for (row, scored) in responses.iter_mut().enumerate() {
            let scores: Vec<Vec<f32>> = by_model.iter().map(|rows| rows[row].clone()).collect();
            let rollout = &scored.rollout;
            let length = rollout.response.tokens.len();
            scored.step_rewards = reward.combination().combine(&scores)?;
            scored.verified = self.verify(&problems[rollout.prompt], rollout)?;
            scored.penalty = reward.overlong * overlong_penalty(length, limit, reward.overlong_buffer);
            scored.masked = self.config.truncated == Truncated::Mask && !rollout.response.finished;
        }
        Ok(())
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
        let (counts, mut listen) = (vec![1; problems.len()], |_| ControlFlow::Continue(()));
        let mut greedy = self.responses(problems, &counts, &sampling, self.seed, &mut listen).await?;
        self.reward(problems, &mut greedy).await?;
        let settings = settings(&self.config, self.sampling.max_new_tokens, 0.0);
        let rewards: Vec<f32> =
            greedy.iter().map(|greedy| Ok(total_reward(&response(greedy), &settings)?)).collect::<Result<_>>()?;
        scored.iter_mut().for_each(|scored| scored.greedy_reward = rewards[scored.rollout.prompt]);
        Ok(())
    }
}

/// The responses to each prompt.
fn by_prompt(scored: Vec<Scored>, prompts: usize) -> Vec<Vec<Scored>> {
    let mut groups = vec![Vec::new(); prompts];
    scored.into_iter().for_each(|scored| groups[scored.rollout.prompt].push(scored));
    groups
}

/// Root of the mean over responses of Σₜ (1 − πₜ)²: what the sampled tokens alone add to the squared norm of the
/// gradient with respect to the logits, which stands for that with respect to the weights.
fn gradient_size(group: &[Scored]) -> f32 {
    let square = |scored: &Scored| -> f32 {
        scored.rollout.response.log_probs.iter().map(|log_prob| (1.0 - log_prob.exp()).powi(2)).sum()
    };
    let total: f32 = group.iter().map(square).sum();
    (total / group.len().max(1) as f32).sqrt()
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
    for (group, tensor) in groups.iter().zip(tensors) {
        let mut values = read(tensor).await?.into_iter();
        for row in group.rows() {
            rows[row] = values.by_ref().take(scored[row].rollout.response.tokens.len()).collect();
        }
    }
    Ok(rows)
}

/// Responses for one forward pass each; those to one prompt share its reading.
pub(super) fn groups<'b>(scored: impl Iterator<Item = &'b Scored>, budget: usize) -> Vec<MicroBatch> {
    micro_batches(&scored.map(|scored| scored.rollout.row()).collect::<Vec<_>>(), budget)
}

/// Prompt and response of the rows of `group`, with the response tokens picked.
pub(super) fn pack<'b>(group: &MicroBatch, scored: impl Fn(usize) -> &'b Scored) -> Packed {
    Packed::continuations(&group.lines(|row| scored(row).rollout.row()))
}
