//! The second half of an update: losses, gradients, optimizer steps.

use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use super::collect::{groups, pack};
use super::guard::fire;
use super::loss::{clipped_policy_loss, entropy, kl_loss, token_weights};
use super::rl::Rl;
use super::rollout::Scored;
use crate::config::{self, KlPlace, RunAction};
use crate::event::{GuardFired, Update};
use crate::model::{CausalLm, ModelConfig};
use crate::policy::{Differentiation, MicroBatch, Picks, gradients};
use crate::read::read;
use crate::{Error, Result};

/// What one optimizer step saw, summed over tokens except for the loss.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    loss: f32,
    clipped: f32,
    ratio: f32,
    policy_kl: f32,
    tokens: usize,
}

impl Rl {
    /// `epochs` passes of `steps_per_rollout` optimizer steps each, for the value function and then for the policy.
    ///
    /// A step whose loss or gradient is not finite is given up where the guard says so, which is returned.
    pub(super) async fn learn(&mut self, scored: &[Scored], update: &mut Update) -> Result<Option<GuardFired>> {
        update.lr = self.trainer.lr();
        let usable: Vec<&Scored> = scored.iter().filter(|scored| !scored.masked).collect();
        let shares = shares(&usable, self.config.steps_per_rollout);
        let (mut sums, mut steps, mut value_loss, mut fired) = (Sums::default(), 0, 0.0, None);
        for _ in 0..self.config.epochs {
            for share in &shares {
                if let Some(critic) = &mut self.critic {
                    value_loss += critic.learn(share, self.config.micro_batch_tokens, self.step).await?;
                }
                let step = match self.policy_step(share, update).await {
                    Err(Error::NotFinite { what, .. }) if self.config.guards.not_finite != RunAction::Stop => {
                        self.trainer.skip();
                        fired = fire(self.step, "not_finite", self.config.guards.not_finite, Some(what.into()));
                        continue;
                    }
                    step => step?,
                };
                sums.loss += step.loss;
                sums.clipped += step.clipped;
                sums.ratio += step.ratio;
                sums.policy_kl += step.policy_kl;
                sums.tokens += step.tokens;
                steps += 1;
            }
        }
        let (steps, tokens) = (steps.max(1) as f32, sums.tokens.max(1) as f32);
        update.loss = sums.loss / steps;
        update.clip_fraction = sums.clipped / tokens;
        update.ratio = sums.ratio / tokens;
        update.policy_kl = sums.policy_kl / tokens;
        update.value_loss = self.critic.is_some().then_some(value_loss / steps);
        Ok(fired)
    }

    /// One optimizer step of the policy, unless the value function is still warming up or the ratio ran away.
    async fn policy_step(&mut self, share: &[&Scored], update: &mut Update) -> Result<Sums> {
        let sums = self.accumulate(share).await?;
        let limit = self.config.loss.ratio_limit;
        let ran_away = limit > 0.0 && sums.ratio > limit * sums.tokens as f32;
        let warming_up = self.critic.is_some() && self.step <= self.config.critic.warmup_updates;
        if ran_away || warming_up {
            self.trainer.skip();
            update.skipped_steps += usize::from(ran_away);
            return Ok(sums);
        }
        let (model, grad_norm) = self.trainer.step(self.policy.model.clone()).await?;
        self.policy.model = model;
        update.grad_norm = grad_norm.unwrap_or(update.grad_norm);
        update.skipped_steps += usize::from(grad_norm.is_none());
        Ok(sums)
    }

    /// Gathers the gradients of one optimizer step.
    async fn accumulate(&mut self, share: &[&Scored]) -> Result<Sums> {
        let budget = self.trainer.micro_batch_tokens(self.config.micro_batch_tokens, tokens_of(share));
        let groups = groups(share.iter().copied(), budget);
        let objective = Objective::new(self, share);
        let gradients =
            |model: &CausalLm, group: &MicroBatch, loss_scale| objective.gradients(model, group, loss_scale);
        let figures = self.trainer.accumulate_parts(&self.policy.model, &groups, gradients)?;
        let values = read(figures.ok_or(Error::Empty("the rollout"))?).await?;
        if !values[0].is_finite() {
            return Err(Error::NotFinite { what: "the policy loss", step: self.step });
        }
        let tokens = share.iter().map(|scored| scored.credit.advantages.len()).sum();
        Ok(Sums { loss: values[0], clipped: values[1], ratio: values[2], policy_kl: values[3], tokens })
    }
}

/// The loss of one optimizer step: clipped surrogate + β KL − c H over the responses of `share`.
struct Objective<'b> {
    config: config::Rl,
    shape: ModelConfig,
    share: &'b [&'b Scored],
    /// Averaging weight of each token, response by response.
    weights: Vec<Vec<f32>>,
    /// β where the KL penalty belongs to the loss, else 0.
    kl: f32,
}

impl<'b> Objective<'b> {
    fn new(rl: &Rl, share: &'b [&'b Scored]) -> Self {
        let lengths: Vec<usize> = share.iter().map(|scored| scored.credit.advantages.len()).collect();
        let mut weights = token_weights(rl.config.loss.mean, &lengths, rl.sampling.max_new_tokens).into_iter();
        Self {
            weights: lengths.iter().map(|length| weights.by_ref().take(*length).collect()).collect(),
            kl: if rl.config.kl.place == KlPlace::Loss { rl.kl_coefficient } else { 0.0 },
            config: rl.config.clone(),
            shape: rl.policy.config.clone(),
            share,
        }
    }

    /// The gradients of the loss of the responses `group`, times a factor, and `[loss, clipped, Σ ratio, Σ policy KL]`.
    fn gradients(&self, model: &CausalLm, group: &MicroBatch, loss_scale: f32) -> (Vec<GradientsParams>, Tensor<1>) {
        let packed = pack(group, |row| self.share[row]);
        let how = Differentiation { checkpointing: self.config.gradient_checkpointing, loss_scale };
        gradients(&self.shape, model, &packed, how, |logits, picks| self.loss(logits, picks, group))
    }

    /// Loss and figures of some `picks` of `group` from their `logits [picks, vocabulary]`.
    fn loss(&self, logits: Tensor<2>, picks: &Picks<'_>, group: &MicroBatch) -> (Tensor<1>, Tensor<1>) {
        let device = logits.device();
        let per_token = |values: fn(&Scored) -> &[f32]| {
            let flat: Vec<f32> = group.rows().flat_map(|row| values(self.share[row])).copied().collect();
            picks.values(&flat, &device)
        };
        let weights: Vec<f32> = group.rows().flat_map(|row| self.weights[row].iter().copied()).collect();
        let weights = picks.values(&weights, &device);
        let log_probs = picks.target_log_probs(logits.clone());
        // With one optimizer step per rollout the old policy is the present one: the ratio is exactly 1.
        let old = if self.config.steps_per_rollout * self.config.epochs == 1 {
            log_probs.clone().detach()
        } else {
            per_token(|scored| &scored.rollout.response.log_probs)
        };
        let mut advantages = per_token(|scored| &scored.credit.advantages);
        if group.rows().all(|row| !self.share[row].importance.is_empty()) {
            advantages = advantages * per_token(|scored| &scored.importance);
        }
        let (low, high) = (self.config.loss.clip_low, self.config.loss.clip_high);
        let terms = clipped_policy_loss(log_probs.clone(), old, advantages, weights.clone(), low, high);
        let mut loss = terms.loss;
        if self.kl > 0.0 {
            let reference = per_token(|scored| &scored.reference);
            let kl = kl_loss(log_probs, reference, weights.clone(), self.config.kl.estimator.into());
            loss = loss + kl * self.kl;
        }
        if self.config.loss.entropy > 0.0 {
            loss = loss - entropy(logits, weights) * self.config.loss.entropy;
        }
        let figures = Tensor::cat(vec![loss.clone().detach(), terms.clipped, terms.ratio, terms.policy_kl], 0);
        (loss, figures)
    }
}

/// Tokens of the prompts and the responses.
pub(super) fn tokens_of(share: &[&Scored]) -> usize {
    share.iter().map(|scored| scored.rollout.prompt_ids.len() + scored.rollout.response.tokens.len()).sum()
}

/// Deals responses to the optimizer steps of one rollout like cards, so that every step sees every length.
fn shares<'b>(scored: &[&'b Scored], steps: usize) -> Vec<Vec<&'b Scored>> {
    let share = |step| scored.iter().skip(step).step_by(steps).copied().collect::<Vec<_>>();
    (0..steps).map(share).filter(|share: &Vec<_>| !share.is_empty()).collect()
}
