//! PRM training: cross-entropy over two labels at the end of each labelled step.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use minform_text::steps::PrmInput;
use rand::seq::SliceRandom as _;

use super::{Prm, picked_logits};
use crate::config::{self, Optimizer};
use crate::event::{Event, Listener, Phase, PrmStep, emit};
use crate::model::{ModelConfig, TokenClassifier};
use crate::policy::{Packed, micro_batches};
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
}

/// Trains in PURE's two stages: the head alone, then everything.
///
/// Loss: −(1/N) Σ log softmax(z)_label over the N labelled steps of a batch.
///
/// # Errors
/// No labelled step, a gradient that is not finite, a device failure, or [`Error::Stopped`]; `prm` then holds the
/// weights after the last full step.
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
            let Some(loss) = accumulate(prm, &mut trainer, &batch, config.micro_batch_tokens).await? else { continue };
            let (model, grad_norm) = trainer.step(prm.model.clone()).await?;
            prm.model = model;
            emit(listener, Event::PrmStep(PrmStep { step, phase, loss, lr, grad_norm }))?;
            emit(listener, Event::Progress { phase, done: step, tokens })?;
        }
    }
    emit(listener, Event::PhaseFinished { phase, tokens })
}

/// Mean loss of the batch, or `None` if no step of it is labelled.
async fn accumulate(
    prm: &Prm,
    trainer: &mut Trainer<TokenClassifier>,
    batch: &[&LabelledSteps],
    budget: usize,
) -> Result<Option<f32>> {
    let total: usize = batch.iter().map(|row| row.picks().len()).sum();
    if total == 0 {
        return Ok(None);
    }
    let lengths: Vec<usize> = batch.iter().map(|row| row.input.ids.len()).collect();
    let pack = |group: Vec<usize>| {
        let rows: Vec<&[u32]> = group.iter().map(|row| &batch[*row].input.ids[..]).collect();
        Packed::labelled(&rows, group.iter().map(|row| batch[*row].picks()).collect())
    };
    let mut batches: Vec<Packed> = micro_batches(&lengths, budget).into_iter().map(pack).collect();
    batches.retain(|packed| packed.picks() > 0);
    let losses = trainer.accumulate(&prm.model, &prm.model.device(), &batches, |model, packed| {
        let loss = cross_entropy(&prm.config, model, packed) / total as f32;
        (loss.clone(), loss.detach())
    });
    match losses {
        Some(losses) => Ok(Some(scalar(losses).await?)),
        None => Err(Error::Empty("a PRM batch")),
    }
}

/// −Σ log softmax(z)_label over the picked positions, `[1]`.
pub fn cross_entropy(config: &ModelConfig, model: &TokenClassifier, packed: &Packed) -> Tensor<1> {
    let device = model.device();
    let picked = picked_logits(config, model, packed);
    let picks = picked.dims()[0];
    let log_probs = log_softmax(picked, 1).gather(1, packed.targets(&device).unsqueeze_dim(1)).reshape([picks]);
    (log_probs * packed.values(&vec![1.0; packed.picks()], &device)).sum().neg()
}
