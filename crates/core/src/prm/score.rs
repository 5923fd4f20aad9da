//! Scores of all steps of many responses.

use burn::tensor::Tensor;
use minform_credit::step_score;
use minform_text::steps::PrmInput;

use super::{Prm, hidden};
use crate::policy::{MicroBatch, Packed, Row, micro_batches};
use crate::read::read;
use crate::{Error, Result, parallel};

/// One score per step, rᵢ = softmax(z)₁ − softmax(z)₀ ∈ (−1, 1), for every input.
///
/// Inputs of like length share a forward pass of at most `micro_batch_tokens` tokens; the result is in the order
/// of `inputs`. `prm` should come from [`Prm::frozen`]. `scored` is told how many inputs each pass finished and may
/// stop the run by returning `false`.
///
/// # Errors
/// An input longer than the model's context, or a device failure.
pub async fn score(
    prm: &Prm,
    inputs: &[PrmInput],
    micro_batch_tokens: usize,
    scored: &mut dyn FnMut(usize) -> bool,
) -> Result<Vec<Vec<f32>>> {
    let context = prm.config.max_position_embeddings;
    if let Some(long) = inputs.iter().find(|input| input.ids.len() > context) {
        return Err(Error::Context { tokens: long.ids.len(), context });
    }
    let rows: Vec<Row<'_>> = inputs.iter().map(row).collect();
    let mut scores = vec![Vec::new(); inputs.len()];
    let device = prm.model.device();
    // As many passes at once as there are threads, so that progress is heard between them.
    for groups in micro_batches(&rows, micro_batch_tokens).chunks(parallel::workers(&device)) {
        let logits = parallel::map(&device, groups, |group| logits(prm, inputs, group));
        for (group, logits) in groups.iter().zip(logits) {
            let values = read(logits).await?;
            let mut steps = values.chunks_exact(2).map(|pair| step_score([pair[0], pair[1]]));
            for index in group.rows() {
                scores[index] = steps.by_ref().take(inputs[index].positions.len()).collect();
            }
            if !scored(group.rows().count()) {
                return Err(Error::Stopped);
            }
        }
    }
    Ok(scores)
}

/// The ids of an input, of which the problem may be that of other inputs too.
pub(super) fn row(input: &PrmInput) -> Row<'_> {
    let (shared, own) = input.ids.split_at(input.start.min(input.ids.len()));
    Row { shared, own }
}

/// Logits `[picks, 2]` of the steps of the inputs in `group`, one input after another.
fn logits(prm: &Prm, inputs: &[PrmInput], group: &MicroBatch) -> Tensor<2> {
    let picks = group.rows().map(|index| inputs[index].positions.iter().map(|position| (*position, 0)).collect());
    let packed = Packed::labelled(&group.lines(|index| row(&inputs[index])), picks.collect());
    prm.model.judge(packed.pick(hidden(&prm.config, &prm.model, &packed)))
}
