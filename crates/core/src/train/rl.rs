//! One RL update: rollouts, PRM scores, credit, clipped loss, optimizer step.

use std::ops::ControlFlow;

use burn::tensor::Tensor;
use minform_credit::{self as credit, repeat_score};
use minform_text::answer::grade;
use minform_text::steps::{Separators, newline_id};
use minform_text::tokenizer::Tokenizer;

use super::loss::{LossTerms, clipped_policy_loss};
use super::optimizer::Trainer;
use super::rollout::{Rollout, Scored, assign_credit};
use crate::config::{self, LossMean, Sampling, Truncated};
use crate::event::{Event, Listener, Phase, Sample, Update, emit};
use crate::model::{CausalLm, ModelConfig};
use crate::policy::{Generator, NewToken, Packed, Policy, log_probs, micro_batches};
use crate::prm::{self, Prm};
use crate::read::read;
use crate::{Error, Result, parallel, seed};

/// How many sampled tokens pass between two signs of life.
const TOKENS_PER_PROGRESS: usize = 64;

/// A prompt of the training set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Text given to the policy.
    pub prompt: String,
    /// Reference answer, only where the run may check it: `None` keeps it from the policy.
    pub answer: Option<String>,
}

/// A policy in training, with its reference and its process reward model.
pub struct Rl<'a> {
    policy: Policy,
    reference: Policy,
    prm: Option<&'a Prm>,
    tokenizer: &'a Tokenizer,
    separators: Separators,
    newline: u32,
    config: config::Rl,
    sampling: Sampling,
    trainer: Trainer<CausalLm>,
    seed: u64,
    step: usize,
    tokens: usize,
}

impl<'a> Rl<'a> {
    /// `policy` must lie on a device that records gradients; its present weights become the reference.
    ///
    /// # Errors
    /// A configuration that cannot train, or a tokenizer without a newline token.
    pub fn new(
        policy: Policy,
        prm: Option<&'a Prm>,
        tokenizer: &'a Tokenizer,
        config: &config::Rl,
        sampling: &Sampling,
        seed: u64,
    ) -> Result<Self> {
        check(config, prm.is_some())?;
        Ok(Self {
            reference: policy.frozen(),
            policy,
            prm,
            tokenizer,
            separators: Separators::from_tokenizer(tokenizer),
            newline: newline_id(tokenizer)?,
            trainer: Trainer::new(&config.optimizer, config.updates * config.steps_per_rollout),
            config: config.clone(),
            sampling: sampling.clone(),
            seed,
            step: 0,
            tokens: 0,
        })
    }

    /// The policy as it stands.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The configuration it was made with.
    pub fn config(&self) -> &config::Rl {
        &self.config
    }

    /// The tokenizer of policy and process reward model.
    pub fn tokenizer(&self) -> &'a Tokenizer {
        self.tokenizer
    }

    /// Tokens sampled so far.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Updates made so far.
    pub fn step(&self) -> usize {
        self.step
    }

    /// Samples, scores and learns from one set of prompts. `listener` hears the parts of the update and may stop it.
    ///
    /// Returns the figures of the update and the scored responses, group by group.
    ///
    /// # Errors
    /// [`Error::Stopped`] before any weight has changed; a loss or gradient that is not finite; a device failure.
    pub async fn update(&mut self, problems: &[Problem], listener: &mut Listener<'_>) -> Result<(Update, Vec<Scored>)> {
        let total = problems.len() * self.config.samples;
        emit(listener, Event::PhaseStarted { phase: Phase::Rollout, total })?;
        let rollouts = self.rollouts(problems, listener).await?;
        let read: usize = rollouts.iter().map(|r| r.prompt_ids.len() + r.response.tokens.len()).sum();
        let written: usize = rollouts.iter().map(|r| r.response.tokens.len()).sum();
        self.tokens += written;
        emit(listener, Event::PhaseFinished { phase: Phase::Rollout, tokens: written })?;
        emit(listener, Event::PhaseStarted { phase: Phase::Reward, total })?;
        let mut scored = self.score(problems, rollouts).await?;
        assign_credit(&mut scored, &self.config, self.sampling.max_new_tokens)?;
        emit(listener, Event::PhaseFinished { phase: Phase::Reward, tokens: read })?;
        emit(listener, Event::PhaseStarted { phase: Phase::Learn, total })?;
        self.step += 1;
        let mut update = Update { step: self.step, lr: self.trainer.lr(), ..self.figures(&scored)? };
        self.learn(&scored, &mut update).await?;
        // The weights have changed: a wish to stop waits for the next event.
        let _ = listener(Event::PhaseFinished { phase: Phase::Learn, tokens: read });
        Ok((update, scored))
    }

    async fn rollouts(&self, problems: &[Problem], listener: &mut Listener<'_>) -> Result<Vec<Rollout>> {
        let prompts: Vec<Vec<u32>> =
            problems.iter().map(|problem| Ok(self.tokenizer.encode(&problem.prompt)?)).collect::<Result<_>>()?;
        let sampler = self.policy.frozen();
        let generator = Generator::new(&sampler.model, &sampler.config);
        let seed = seed::mix_in(self.seed, self.step as u64);
        let mut tokens = self.tokens;
        let mut written = |_: NewToken| {
            tokens += 1;
            match tokens % TOKENS_PER_PROGRESS {
                0 => listener(Event::Progress { phase: Phase::Rl, done: self.step, tokens }),
                _ => ControlFlow::Continue(()),
            }
        };
        let groups = generator.generate(&prompts, self.config.samples, &self.sampling, seed, &mut written).await?;
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

    async fn score(&self, problems: &[Problem], rollouts: Vec<Rollout>) -> Result<Vec<Scored>> {
        let step_rewards = match self.prm {
            Some(model) => {
                let inputs: Vec<_> = rollouts.iter().map(|rollout| rollout.prm_input(self.newline)).collect();
                prm::score(model, &inputs, self.config.micro_batch_tokens, &mut |_| true).await?
            }
            None => vec![Vec::new(); rollouts.len()],
        };
        let kl = self.kl(&rollouts).await?;
        let scored = rollouts.into_iter().zip(step_rewards).zip(kl).map(|((rollout, step_rewards), kl)| {
            let verified = self.verify(&problems[rollout.prompt], &rollout)?;
            Ok(Scored { rollout, step_rewards, verified, kl, advantages: Vec::new() })
        });
        scored.collect()
    }

    /// 1 or 0 by the reference answer, or `None` where it may not be checked.
    fn verify(&self, problem: &Problem, rollout: &Rollout) -> Result<Option<f32>> {
        let Some(answer) = &problem.answer else { return Ok(None) };
        let text = self.tokenizer.decode(&rollout.response.tokens)?;
        Ok(Some(if grade(&text, answer).correct { 1.0 } else { 0.0 }))
    }

    /// Per-token estimate of KL(π ‖ π_ref) from the sampled tokens.
    async fn kl(&self, rollouts: &[Rollout]) -> Result<Vec<Vec<f32>>> {
        if self.config.kl <= 0.0 {
            return Ok(vec![Vec::new(); rollouts.len()]);
        }
        let estimator = credit::KlEstimator::from(self.config.kl_estimator);
        let groups = self.groups(rollouts.iter());
        let reference = &self.reference;
        let log_probs = parallel::map(&reference.model.device(), &groups, |group| {
            reference.log_probs(&pack(group, |row| &rollouts[row]))
        });
        let mut kl = vec![Vec::new(); rollouts.len()];
        for (group, log_probs) in groups.into_iter().zip(log_probs) {
            let mut reference = read(log_probs).await?.into_iter();
            for row in group {
                let sampled = &rollouts[row].response.log_probs;
                kl[row] = sampled.iter().zip(reference.by_ref()).map(|(p, q)| estimator.value(p - q)).collect();
            }
        }
        Ok(kl)
    }

    fn groups<'b>(&self, rollouts: impl Iterator<Item = &'b Rollout>) -> Vec<Vec<usize>> {
        let lengths: Vec<usize> = rollouts.map(|r| r.prompt_ids.len() + r.response.tokens.len()).collect();
        micro_batches(&lengths, self.config.micro_batch_tokens)
    }

    async fn learn(&mut self, scored: &[Scored], update: &mut Update) -> Result<()> {
        let usable = |scored: &&Scored| scored.rollout.response.finished || self.config.truncated != Truncated::Mask;
        let usable: Vec<&Scored> = scored.iter().filter(usable).collect();
        let (mut clipped, mut ratio, mut tokens) = (0.0, 0.0, 0);
        for share in shares(&usable, self.config.steps_per_rollout) {
            let sums = self.accumulate(&share).await?;
            let (model, grad_norm) = self.trainer.step(self.policy.model.clone()).await?;
            self.policy.model = model;
            update.loss += sums[0];
            update.grad_norm = grad_norm;
            clipped += sums[1];
            ratio += sums[2];
            tokens += share.iter().map(|scored| scored.advantages.len()).sum::<usize>();
        }
        if tokens > 0 {
            update.clip_fraction = clipped / tokens as f32;
            update.ratio = ratio / tokens as f32;
        }
        Ok(())
    }

    /// Gradients of one optimizer step; returns loss, clipped tokens and Σ ratio.
    async fn accumulate(&mut self, share: &[&Scored]) -> Result<[f32; 3]> {
        let device = self.policy.model.device();
        let groups = self.groups(share.iter().map(|scored| &scored.rollout));
        let Self { trainer, policy, config, .. } = self;
        let sums = trainer.accumulate(&policy.model, &device, &groups, |model, group| {
            let terms = micro_batch_loss(config, &policy.config, model, share, group);
            (terms.loss.clone(), Tensor::cat(vec![terms.loss.detach(), terms.clipped, terms.ratio], 0))
        });
        let values = read(sums.ok_or(Error::Empty("the rollout"))?).await?;
        if !values[0].is_finite() {
            return Err(Error::NotFinite { what: "the policy loss", step: self.step });
        }
        Ok([values[0], values[1], values[2]])
    }

    fn figures(&self, scored: &[Scored]) -> Result<Update> {
        let count = scored.len().max(1) as f32;
        let tokens: usize = scored.iter().map(|scored| scored.rollout.response.tokens.len()).sum();
        let form = self.config.credit.form();
        let outcomes: Vec<f32> = match self.prm {
            Some(_) => scored.iter().map(|scored| form.outcome(&scored.step_rewards)).collect(),
            None => Vec::new(),
        };
        let agreements: Vec<f32> = outcomes
            .iter()
            .zip(scored)
            .filter_map(|(outcome, scored)| scored.verified.map(|v| f32::from((*outcome > 0.0) == (v > 0.5))))
            .collect();
        let mut repetition = 0.0;
        for scored in scored {
            repetition += repeat_score(&self.tokenizer.decode(&scored.rollout.response.tokens)?);
        }
        Ok(Update {
            process_outcome: mean(outcomes.iter().copied()),
            step_reward: mean(scored.iter().flat_map(|scored| scored.step_rewards.iter().copied())),
            verified: mean(scored.iter().filter_map(|scored| scored.verified)),
            agreement: mean(agreements.iter().copied()),
            kl: mean(scored.iter().flat_map(|scored| scored.kl.iter().copied())),
            entropy: mean(scored.iter().flat_map(|scored| scored.rollout.response.log_probs.iter().map(|p| -p))),
            length: tokens as f32 / count,
            steps: scored.iter().map(|scored| scored.rollout.steps.ends.len()).sum::<usize>() as f32 / count,
            truncated: scored.iter().filter(|scored| !scored.rollout.response.finished).count() as f32 / count,
            repetition: repetition / count,
            responses: scored.len(),
            tokens,
            ..Update::default()
        })
    }

    /// A scored response as text, for people.
    ///
    /// # Errors
    /// If the tokens cannot be decoded.
    pub fn sample(&self, problem: &Problem, scored: &Scored) -> Result<Sample> {
        Ok(Sample {
            step: self.step,
            prompt: problem.prompt.clone(),
            steps: scored.rollout.step_texts(self.tokenizer)?,
            scores: scored.step_rewards.clone(),
            returns: self.config.credit.form().returns(&scored.step_rewards),
            verified: scored.verified.map(|verified| verified > 0.5),
        })
    }
}

fn check(config: &config::Rl, has_prm: bool) -> Result<()> {
    config.validate()?;
    let problem = |key: &str, problem: &str| Err(Error::Config { key: key.into(), problem: problem.into() });
    if config.process_reward && !has_prm {
        return problem("rl.process_reward", "needs a process reward model; give one or set it to false");
    }
    if !config.process_reward && (config.verifiable_reward == 0.0 || config.verifiable_share == 0.0) {
        let key = if config.verifiable_reward == 0.0 { "rl.verifiable_reward" } else { "rl.verifiable_share" };
        return problem(key, "is 0 and process_reward is off: there is no reward to learn from");
    }
    if config.samples == 1 && config.credit.baseline != config::Baseline::None {
        return problem("rl.samples", "a leave-one-out baseline needs at least 2 samples per prompt");
    }
    Ok(())
}

/// The clipped loss of the responses `group` of `share`.
fn micro_batch_loss(
    config: &config::Rl,
    shape: &ModelConfig,
    model: &CausalLm,
    share: &[&Scored],
    group: &[usize],
) -> LossTerms {
    let device = model.device();
    let packed = pack(group, |row| &share[row].rollout);
    let flat = |values: fn(&Scored) -> &[f32]| -> Vec<f32> {
        group.iter().flat_map(|row| values(share[*row])).copied().collect()
    };
    let total: usize = share.iter().map(|scored| scored.advantages.len()).sum();
    let weight = |length: usize| match config.loss_mean {
        LossMean::PerResponse => 1.0 / (length * share.len()) as f32,
        LossMean::PerToken => 1.0 / total as f32,
    };
    let lengths = group.iter().map(|row| share[*row].advantages.len());
    let weights: Vec<f32> = lengths.flat_map(|length| core::iter::repeat_n(weight(length), length)).collect();
    let log_probs = log_probs(shape, model, &packed);
    // With one optimizer step per rollout the old policy is the present one: the ratio is exactly 1.
    let old = if config.steps_per_rollout == 1 {
        log_probs.clone().detach()
    } else {
        packed.values(&flat(|scored| &scored.rollout.response.log_probs), &device)
    };
    let advantages = packed.values(&flat(|scored| &scored.advantages), &device);
    let weights = packed.values(&weights, &device);
    clipped_policy_loss(log_probs, old, advantages, weights, config.clip_low, config.clip_high)
}

/// Deals responses to the optimizer steps of one rollout like cards, so that every step sees every length.
fn shares<'b>(scored: &[&'b Scored], steps: usize) -> Vec<Vec<&'b Scored>> {
    let share = |step| scored.iter().skip(step).step_by(steps).copied().collect::<Vec<_>>();
    (0..steps).map(share).filter(|share: &Vec<_>| !share.is_empty()).collect()
}

fn pack<'b>(group: &[usize], rollout: impl Fn(usize) -> &'b Rollout) -> Packed {
    let rows: Vec<Vec<u32>> = group.iter().map(|row| rollout(*row).row()).collect();
    let rows: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
    let starts: Vec<usize> = group.iter().map(|row| rollout(*row).prompt_ids.len()).collect();
    Packed::continuations(&rows, &starts)
}

fn mean(values: impl Iterator<Item = f32>) -> Option<f32> {
    let (sum, count) = values.fold((0.0_f64, 0), |(sum, count), value| (sum + f64::from(value), count + 1));
    (count > 0).then(|| (sum / f64::from(count)) as f32)
}
