//! One RL update: rollouts, rewards, credit, losses, optimizer steps.

use std::sync::Arc;

use minform_credit::AdaptiveKl;
use minform_text::steps::{Separators, newline_id};
use minform_text::tokenizer::Tokenizer;

use super::collect::Collected;
use super::credit::assign_credit;
use super::critic::Critic;
use super::figures::Text;
use super::guard::{GuardMemory, Seen, guard_responses};
use super::optimizer::{Execution, Trainer};
use super::rollout::Scored;
use crate::config::{self, Estimator, Sampling};
use crate::event::{Evaluation, Event, GuardFired, Listener, Phase, Sample, Update, emit};
use crate::model::{CausalLm, drawn};
use crate::policy::{Policy, Writer};
use crate::prm::Prm;
use crate::{Error, Result, seed};

/// A prompt of the training set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Text given to the policy.
    pub prompt: String,
    /// Reference answer, only where the run may check it: `None` keeps it from the policy.
    pub answer: Option<String>,
}

/// A policy in training, with its reference, its process reward models and its value function.
pub struct Rl {
    pub(super) policy: Policy,
    pub(super) reference: Policy,
    pub(super) prms: Vec<Prm>,
    pub(super) tokenizer: Tokenizer,
    pub(super) separators: Separators,
    /// What the process reward models read in place of a separator.
    pub(super) newline: u32,
    pub(super) config: config::Rl,
    pub(super) sampling: Sampling,
    pub(super) trainer: Trainer<CausalLm>,
    pub(super) critic: Option<Critic>,
    /// Who writes the responses, if not the policy at hand.
    pub(super) writer: Option<Arc<dyn Writer>>,
    pub(super) kl_coefficient: f32,
    pub(super) guards: GuardMemory,
    pub(super) seed: u64,
    pub(super) step: usize,
    pub(super) tokens: usize,
    /// Prompts taken from the training set so far.
    pub(super) drawn: usize,
    /// The update after which the policy was last evaluated.
    pub(super) evaluated: usize,
}

/// One update and what it learned from.
#[derive(Debug)]
pub struct Updated {
    /// Its figures.
    pub update: Update,
    /// The prompts learned from.
    pub problems: Vec<Problem>,
    /// The scored responses, group by group.
    pub scored: Vec<Scored>,
    /// The guards that fired on them.
    pub fired: Vec<GuardFired>,
}

impl Rl {
    /// `policy` must lie on a device that records gradients; its present weights become the reference.
    ///
    /// # Errors
    /// A configuration that cannot train, or a tokenizer without a newline token where there are reward models.
    pub fn new(
        policy: Policy,
        prms: Vec<Prm>,
        tokenizer: Tokenizer,
        config: &config::Rl,
        sampling: &Sampling,
        seed: u64,
    ) -> Result<Self> {
        check(config, sampling, !prms.is_empty())?;
        let optimizer_steps = config.updates * config.epochs * config.steps_per_rollout;
        let critic = (config.credit.estimator == Estimator::Gae)
            .then(|| Critic::new(&policy, &config.critic, optimizer_steps, seed));
        let reference = policy.frozen();
        Ok(Self {
            reference,
            policy: adapted(policy, &config.lora, seed),
            separators: Separators::from_tokenizer(&tokenizer),
            newline: if prms.is_empty() { 0 } else { newline_id(&tokenizer)? },
            prms: if config.reward.process == 0.0 { Vec::new() } else { prms },
            tokenizer,
            trainer: Trainer::new(&config.optimizer, optimizer_steps),
            critic,
            writer: None,
            kl_coefficient: config.kl.coefficient,
            guards: GuardMemory::default(),
            config: config.clone(),
            sampling: sampling.clone(),
            seed,
            step: 0,
            tokens: 0,
            drawn: 0,
            evaluated: 0,
        })
    }

    /// Has the responses written elsewhere. Their log-probabilities are computed anew by the policy at hand, and
    /// `rl.rollouts.importance_cap` corrects for what differs.
    pub fn with_writer(self, writer: Arc<dyn Writer>) -> Self {
        Self { writer: Some(writer), ..self }
    }

    /// Has gradients computed as `execution` says, and responses, references and values in its type of number.
    pub fn with_execution(self, execution: &Execution) -> Self {
        let critic = self.critic.map(|critic| critic.with_execution(execution));
        let reference = self.reference.for_inference(execution.dtype);
        Self { trainer: self.trainer.with_execution(execution), critic, reference, ..self }
    }

    /// How many updates older than the policy the weights are that write its responses.
    pub fn rollout_age(&self) -> Option<usize> {
        self.writer.as_ref().map(|writer| self.step.saturating_sub(writer.weights_of()))
    }

    /// The policy as it stands.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The policy as it stands, to write and read responses with.
    pub(super) fn sampler(&self) -> Policy {
        self.policy.for_inference(self.trainer.dtype())
    }

    /// The configuration it was made with.
    pub fn config(&self) -> &config::Rl {
        &self.config
    }

    /// The tokenizer of policy and process reward models.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Tokens sampled so far.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Updates made so far.
    pub fn step(&self) -> usize {
        self.step
    }

    /// Whether the next call of [`advance`](super::advance) evaluates the policy before it trains on.
    pub fn is_evaluation_due(&self) -> bool {
        let (step, every) = (self.step, self.config.evaluate_every);
        every > 0 && step.is_multiple_of(every) && self.evaluated < step && step < self.config.updates
    }

    /// Samples, scores and learns from one set of prompts. `listener` hears the parts of the update and may stop it.
    ///
    /// `next` gives prompts: from which place in the course of the run on, and how many.
    ///
    /// # Errors
    /// [`Error::Stopped`] before any weight has changed; a loss or gradient that is not finite, unless a guard gives
    /// that step up; a device failure.
    pub async fn update(
        &mut self,
        next: &mut dyn FnMut(usize, usize) -> Vec<Problem>,
        listener: &mut Listener<'_>,
    ) -> Result<Updated> {
        let total = self.config.prompts * self.config.samples;
        let Collected { problems, mut scored, drawn, left_out } = self.collect(next, listener).await?;
        let lengths = |scored: &Scored| (scored.rollout.prompt_ids.len(), scored.rollout.response.tokens.len());
        let read: usize = scored.iter().map(lengths).map(|(prompt, response)| prompt + response).sum();
        let written: usize = scored.iter().map(lengths).map(|(_, response)| response).sum();
        emit(listener, Event::PhaseStarted { phase: Phase::Reward, total })?;
        self.compare(&problems, &mut scored).await?;
        let texts = self.texts(&scored)?;
        let mut fired = self.guard(&mut scored, &texts);
        assign_credit(&mut scored, &self.config, self.sampling.max_new_tokens, self.kl_coefficient)?;
        emit(listener, Event::PhaseFinished { phase: Phase::Reward, tokens: read })?;
        emit(listener, Event::PhaseStarted { phase: Phase::Learn, total })?;
        let rollout_age = self.rollout_age();
        self.step += 1;
        self.drawn += drawn;
        self.tokens += written;
        let mut update = Update { left_out, rollout_age, ..self.figures(&scored, &texts) };
        fired.extend(self.learn(&scored, &mut update).await?);
        self.steer_kl(&update);
        // The weights have changed: a wish to stop waits for the next event.
        let _ = listener(Event::PhaseFinished { phase: Phase::Learn, tokens: read });
        Ok(Updated { update, problems, scored, fired })
    }

    /// Masks and penalises responses that the guards object to.
    fn guard(&self, scored: &mut [Scored], texts: &[Text]) -> Vec<GuardFired> {
        let rows = scored.iter_mut().zip(texts);
        let seen = rows.map(|(scored, text)| Seen { scored, text: &text.text, repetition: text.repetition });
        guard_responses(&self.config.guards, self.step + 1, &mut seen.collect::<Vec<_>>())
    }

    /// Shows an update to the guards of the run.
    pub(super) fn watch(&mut self, update: &Update) -> Vec<GuardFired> {
        self.guards.update(&self.config.guards, update)
    }

    /// What the guards have to tell that they have not told within a window.
    pub(super) fn not_said_lately(&mut self, fired: Vec<GuardFired>) -> Vec<GuardFired> {
        let window = self.config.guards.window;
        fired.into_iter().filter(|fired| self.guards.is_news(fired, window)).collect()
    }

    /// Shows a held-out evaluation to the guards of the run.
    pub(super) fn watch_evaluation(&mut self, evaluation: &Evaluation) -> Option<GuardFired> {
        self.guards.evaluation(&self.config.guards, evaluation)
    }

    /// Moves β towards `rl.kl.target`.
    fn steer_kl(&mut self, update: &Update) {
        let controller = AdaptiveKl { target: self.config.kl.target, horizon: self.config.kl.horizon };
        if let Some(kl) = update.kl {
            self.kl_coefficient = controller.next(self.kl_coefficient, kl, update.responses);
        }
    }

    /// A scored response as text, for people.
    ///
    /// # Errors
    /// If the tokens cannot be decoded.
    pub fn sample(&self, problem: &Problem, scored: &Scored) -> Result<Sample> {
        Ok(Sample {
            step: self.step,
            prompt: problem.prompt.clone(),
            steps: scored.rollout.step_texts(&self.tokenizer)?,
            scores: scored.step_rewards.clone(),
            returns: self.config.credit.form().returns(&scored.step_rewards),
            verified: scored.verified.map(|verified| verified > 0.5),
        })
    }
}

/// Which independent stream of randomness draws adapters.
const ADAPTERS: u64 = 0x6c6f7261;

fn adapted(policy: Policy, lora: &config::Lora, seed: u64) -> Policy {
    if lora.rank == 0 {
        return policy;
    }
    let Policy { config, model } = policy;
    let device = model.device();
    let model = drawn(&device, seed::mix_in(seed, ADAPTERS), || model.with_adapters(lora.rank, lora.alpha));
    Policy { config, model }
}

/// Whether a configuration can train, with a process reward model or without one.
///
/// # Errors
/// A value out of range, or values that do not go together: the key and the remedy.
pub fn check(config: &config::Rl, sampling: &Sampling, has_prm: bool) -> Result<()> {
    config.validate()?;
    let problem = |key: &str, problem: &str| Err(Error::Config { key: key.into(), problem: problem.into() });
    let reward = &config.reward;
    if reward.process != 0.0 && !has_prm {
        return problem("rl.reward.process", "needs a process reward model; give one (`--prm`) or set it to 0");
    }
    if reward.process == 0.0 && reward.checked_share() == 0.0 {
        let key = if reward.verifiable == 0.0 { "rl.reward.verifiable" } else { "rl.reward.verifiable_share" };
        return problem(key, "is 0 and so is rl.reward.process: there is no reward to learn from");
    }
    if config.samples > 1 && (sampling.temperature == 0.0 || sampling.top_k == 1) {
        return problem(
            "sampling.temperature",
            "all responses to a prompt are the same; raise it (and sampling.top_k)",
        );
    }
    if config.samples == 1 && config.credit.estimator.compares() {
        return problem("rl.samples", "an estimator that compares responses needs at least 2 samples per prompt");
    }
    Ok(())
}
