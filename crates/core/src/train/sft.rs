//! Supervised fine-tuning: maximise log π of reference solutions.

use burn::tensor::Tensor;

use super::optimizer::{Execution, Trainer};
use crate::config::Sft;
use crate::event::{Event, Listener, Phase, SftStep, emit};
use crate::model::{CausalLm, ModelConfig};
use crate::policy::{Differentiation, MicroBatch, Packed, Policy, Row, gradients, log_probs, micro_batches};
use crate::read::scalar;
use crate::{Error, Result, parallel};

/// A prompt and what should follow it, as token ids; the target ends with the end-of-sequence id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Not learned.
    pub prompt: Vec<u32>,
    /// Learned.
    pub target: Vec<u32>,
}

impl Example {
    /// The prompt, which other examples may have too, and the target.
    pub(crate) fn row(&self) -> Row<'_> {
        Row { shared: &self.prompt, own: &self.target }
    }
}

/// Trains `policy` on batches drawn by `next`, which is given the step (from 0) and the batch size.
///
/// Loss: −(1/N) Σ log π(token | prefix) over the N target tokens of a batch.
///
/// # Errors
/// An empty batch, a loss or gradient that is not finite, a device failure, or [`Error::Stopped`]; `policy` then holds
/// the weights after the last full step.
pub async fn sft(
    policy: &mut Policy,
    config: &Sft,
    execution: &Execution,
    next: &mut dyn FnMut(usize, usize) -> Vec<Example>,
    listener: &mut Listener<'_>,
) -> Result<()> {
    emit(listener, Event::PhaseStarted { phase: Phase::Sft, total: config.steps })?;
    let mut trainer: Trainer<CausalLm> = Trainer::new(&config.optimizer, config.steps).with_execution(execution);
    let mut tokens = 0;
    for step in 0..config.steps {
        let batch = next(step, config.batch);
        let lr = trainer.lr();
        let (loss, read) = accumulate(policy, &mut trainer, &batch, config.micro_batch_tokens).await?;
        let (model, grad_norm) = trainer.step(policy.model.clone()).await?;
        policy.model = model;
        tokens += read;
        emit(listener, Event::SftStep(SftStep { step: step + 1, loss, lr, grad_norm }))?;
        emit(listener, Event::Progress { phase: Phase::Sft, done: step + 1, tokens })?;
    }
    emit(listener, Event::PhaseFinished { phase: Phase::Sft, tokens })
}

async fn accumulate(
    policy: &Policy,
    trainer: &mut Trainer<CausalLm>,
    batch: &[Example],
    budget: usize,
) -> Result<(f32, usize)> {
    let total: usize = batch.iter().map(|example| example.target.len()).sum();
    if total == 0 {
        return Err(Error::Empty("a fine-tuning batch"));
    }
    let read = batch.iter().map(|example| example.prompt.len() + example.target.len()).sum();
    let budget = trainer.micro_batch_tokens(budget, read);
    let losses = trainer.accumulate_parts(&policy.model, &pack(batch, budget), |model, packed, loss_scale| {
        let weights = vec![1.0 / total as f32; packed.picks()];
        let how = Differentiation { checkpointing: false, loss_scale };
        gradients(&policy.config, model, packed, how, |logits, picks| {
            let weights = picks.values(&weights, &logits.device());
            let loss = (picks.target_log_probs(logits) * weights).sum().neg();
            (loss.clone(), loss.detach())
        })
    })?;
    let loss = scalar(losses.ok_or(Error::Empty("a fine-tuning batch"))?).await?;
    Ok((loss, read))
}

/// Nats per target token of `policy` on the examples, without learning.
///
/// # Errors
/// No example, or a device failure.
pub async fn mean_loss(policy: &Policy, examples: &[Example], micro_batch_tokens: usize) -> Result<f32> {
    let policy = policy.frozen();
    let mut sum = 0.0;
    let mut count = 0;
    let batches = pack(examples, micro_batch_tokens);
    let losses = parallel::map(&policy.model.device(), &batches, |packed| {
        negative_log_likelihood(&policy.config, &policy.model, packed)
    });
    for (loss, packed) in losses.into_iter().zip(&batches) {
        sum += f64::from(scalar(loss).await?);
        count += packed.picks();
    }
    if count == 0 { Err(Error::Empty("the list of examples")) } else { Ok((sum / count as f64) as f32) }
}

fn pack(examples: &[Example], budget: usize) -> Vec<Packed> {
    let rows: Vec<Row<'_>> = examples.iter().map(Example::row).collect();
    let packed = |group: MicroBatch| Packed::continuations(&group.lines(|row| rows[row]));
    micro_batches(&rows, budget).into_iter().map(packed).collect()
}

/// −Σ log π over the picked tokens, `[1]`.
fn negative_log_likelihood(config: &ModelConfig, model: &CausalLm, packed: &Packed) -> Tensor<1> {
    let weights = packed.values(&vec![1.0; packed.picks()], &model.device());
    (log_probs(config, model, packed) * weights).sum().neg()
}
