//! PRM training: cross-entropy over two labels at the end of each labelled step, optionally beside a text loss.

use burn::tensor::Tensor;
use minform_text::steps::PrmInput;
use rand::seq::SliceRandom as _;

use super::score::row;
use super::{Prm, hidden};
use crate::config::{self, Optimizer};
use crate::event::{Event, Listener, Phase, PrmStep, emit};
use crate::model::{ModelConfig, TokenClassifier};
use crate::policy::{MicroBatch, Packed, Row, micro_batches};
use crate::read::scalar;
use crate::train::Trainer;
use crate::{Error, Result, seed};

/// A solution with a label per step; `None` is a step nobody judged, which is not learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledSteps {
    /// Token ids with the position at which each step is judged.
    pub input: PrmInput,
    /// One label per position: `Some(true)` = good.
    pub labels: Vec<Option<bool>>,
}

impl LabelledSteps {
    fn picks(&self) -> Vec<(usize, u32)> {
        let labelled = self.input.positions.iter().zip(&self.labels);
        labelled.filter_map(|(position, label)| label.map(|good| (*position, u32::from(good)))).collect()
    }

    /// The tokens of good steps, each at the position that predicts it.
    fn text_picks(&self) -> Vec<(usize, u32)> {
        let good = self.input.steps().zip(&self.labels).filter(|(_, label)| **label == Some(true));
        let tokens = good.flat_map(|(step, _)| step).filter(|token| *token > 0);
        tokens.filter_map(|token| Some((token - 1, *self.input.ids.get(token)?))).collect()
    }
}

/// Trains in PURE's two stages: the head alone, then everything.
///
/// Loss: −(1/N) Σ log softmax(z)_label over the N labelled steps of a batch, plus `text_loss` times
/// −(1/M) Σ log π(token) over the M tokens of its good steps.
///
/// # Errors
/// No labelled step, a text loss for a model whose embedding is not tied to a head, a gradient that is not finite, a
/// device failure, or [`Error::Stopped`]; `prm` then holds the weights after the last full step.
pub async fn train(
    prm: &mut Prm,
    config: &config::Prm,
    data: &[LabelledSteps],
    seed: u64,
    listener: &mut Listener<'_>,
) -> Result<()> {
    if data.iter().all(|row| row.labels.iter().all(Option::is_none)) {
        return Err(Error::Empty("the list of labelled steps"));
    }
    if config.text_loss > 0.0 && !prm.config.tie_word_embeddings {
        let problem = "needs a model with tie_word_embeddings, since a reward model keeps no other language head";
        return Err(Error::Config { key: "prm.text_loss".into(), problem: problem.into() });
    }
    prm.model = prm.model.clone().freeze_decoder();
    let head = Stage { phase: Phase::PrmHead, epochs: config.head_epochs, optimizer: &config.head_optimizer };
    let result = stage(prm, config, &head, data, seed, listener).await;
    prm.model = prm.model.clone().unfreeze_decoder();
    result?;
    let full = Stage { phase: Phase::PrmFull, epochs: config.full_epochs, optimizer: &config.full_optimizer };
    stage(prm, config, &full, data, seed, listener).await
}

struct Stage<'a> {
    phase: Phase,
    epochs: usize,
    optimizer: &'a Optimizer,
}

async fn stage(
    prm: &mut Prm,
    config: &config::Prm,
    stage: &Stage<'_>,
    data: &[LabelledSteps],
    seed: u64,
    listener: &mut Listener<'_>,
) -> Result<()> {
    let phase = stage.phase;
    let steps = stage.epochs * data.len().div_ceil(config.batch.max(1));
    if steps == 0 {
        return Ok(());
    }
    emit(listener, Event::PhaseStarted { phase, total: steps })?;
    let mut trainer: Trainer<TokenClassifier> = Trainer::new(stage.optimizer, steps);
    let (mut step, mut tokens) = (0, 0);
    for epoch in 0..stage.epochs {
        let mut order: Vec<usize> = (0..data.len()).collect();
        order.shuffle(&mut seed::stream(seed, &[phase as u64, epoch as u64]));
        for batch in order.chunks(config.batch.max(1)) {
            let batch: Vec<&LabelledSteps> = batch.iter().map(|row| &data[*row]).collect();
            let lr = trainer.lr();
            step += 1;
            tokens += batch.iter().map(|row| row.input.ids.len()).sum::<usize>();
            let Some(loss) = accumulate(prm, &mut trainer, &batch, config).await? else { continue };
            let (model, grad_norm) = trainer.step(prm.model.clone()).await?;
            prm.model = model;
            emit(listener, Event::PrmStep(PrmStep { step, phase, loss, lr, grad_norm }))?;
            emit(listener, Event::Progress { phase, done: step, tokens })?;
        }
    }
    emit(listener, Event::PhaseFinished { phase, tokens })
}

/// Mean cross-entropy per labelled step of the batch, or `None` if no step of it is labelled.
async fn accumulate(
    prm: &Prm,
    trainer: &mut Trainer<TokenClassifier>,
    batch: &[&LabelledSteps],
    config: &config::Prm,
) -> Result<Option<f32>> {
    let rows: Vec<Row<'_>> = batch.iter().map(|labelled| row(&labelled.input)).collect();
    let pack = |group: MicroBatch| {
        let steps =
            Packed::labelled(&group.lines(|row| rows[row]), group.rows().map(|row| batch[row].picks()).collect());
        let text =
            (config.text_loss > 0.0).then(|| steps.repicked(group.rows().map(|row| batch[row].text_picks()).collect()));
        (steps, text)
    };
    let mut batches: Vec<_> = micro_batches(&rows, config.micro_batch_tokens).into_iter().map(pack).collect();
    batches.retain(|(steps, _)| steps.picks() > 0);
    let steps: usize = batches.iter().map(|(steps, _)| steps.picks()).sum();
    let tokens: usize = batches.iter().filter_map(|(_, text)| text.as_ref()).map(Packed::picks).sum();
    let sums = trainer.accumulate(&prm.model, &prm.model.device(), &batches, |model, (steps_of, text_of)| {
        let losses = losses(&prm.config, model, steps_of, text_of.as_ref());
        let judged = losses.steps / steps as f32;
        let whole = match losses.text {
            Some(text) => judged.clone() + text * (config.text_loss / tokens.max(1) as f32),
            None => judged.clone(),
        };
        (whole, judged.detach())
    });
    match sums {
        Some(sums) => Ok(Some(scalar(sums).await?)),
        None => Ok(None),
    }
}

/// What a micro-batch costs, summed over its picks, `[1]` each.
#[derive(Debug, Clone)]
pub struct Losses {
    /// −Σ log softmax(z)_label over the labelled steps.
    pub steps: Tensor<1>,
    /// −Σ log π(token) over the tokens of good steps, where asked for.
    pub text: Option<Tensor<1>>,
}

/// The losses of one forward pass; `text` holds the same rows as `steps` with the tokens to predict.
pub fn losses(config: &ModelConfig, model: &TokenClassifier, steps: &Packed, text: Option<&Packed>) -> Losses {
    let hidden = hidden(config, model, steps);
    let text = text.map(|text| cross_entropy(model.text_logits(text.pick(hidden.clone())), text));
    Losses { steps: cross_entropy(model.judge(steps.pick(hidden)), steps), text }
}

/// −Σ log softmax(logits)_target over the picks, `[1]`; `logits [picks, classes]`.
fn cross_entropy(logits: Tensor<2>, packed: &Packed) -> Tensor<1> {
    let device = logits.device();
    (packed.target_log_probs(logits) * packed.values(&vec![1.0; packed.picks()], &device)).sum().neg()
}
