//! Scores of all steps of many responses.

use burn::tensor::Tensor;
use minform_text::steps::PrmInput;

use super::StepScorer;
use crate::policy::{MicroBatch, Packed, Row, micro_batches};
use crate::read::read;
use crate::{Error, Result, parallel};

/// One score per step for every input, on the scale of the model's family; PURE: rᵢ = softmax(z)₁ − softmax(z)₀.
///
/// Inputs of like length share a forward pass of at most `micro_batch_tokens` tokens, and those that begin alike what
/// they begin with; the result is in the order of `inputs`. A [`Prm`](super::Prm) should come from
/// [`frozen`](super::Prm::frozen). `scored` is told how many inputs each pass finished and may stop the run by
/// returning `false`.
///
/// # Errors
/// An input longer than the model's context, or a device failure.
pub async fn score(
    model: &dyn StepScorer,
    inputs: &[PrmInput],
    micro_batch_tokens: usize,
    scored: &mut dyn FnMut(usize) -> bool,
) -> Result<Vec<Vec<f32>>> {
    let context = model.config().max_position_embeddings;
    if let Some(long) = inputs.iter().find(|input| input.ids.len() > context) {
        return Err(Error::Context { tokens: long.ids.len(), context });
    }
    let rows: Vec<Row<'_>> = inputs.iter().map(row).collect();
    let mut scores = vec![Vec::new(); inputs.len()];
    let device = model.device();
    // As many passes at once as there are threads, so that progress is heard between them.
    for groups in micro_batches(&rows, micro_batch_tokens).chunks(parallel::workers(&device)) {
        let seen = parallel::map(&device, groups, |group| look(model, inputs, group));
        for (group, seen) in groups.iter().zip(seen) {
            let values = seen.dims()[1];
            let seen = read(seen).await?;
            let mut from = 0;
            for index in group.rows() {
                let input = &inputs[index];
                let to = from + model.picks(input).len() * values;
                scores[index] = model.scores(input, seen.get(from..to).unwrap_or_default(), values);
                from = to;
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

/// What the model sees at its picks of the inputs in `group`, one input after another, `[picks, values]`.
fn look(model: &dyn StepScorer, inputs: &[PrmInput], group: &MicroBatch) -> Tensor<2> {
    let picks = group.rows().map(|index| model.picks(&inputs[index])).collect();
    model.look(&Packed::labelled(&group.lines(|index| row(&inputs[index])), picks))
}
