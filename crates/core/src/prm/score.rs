//! Scores of all steps of many responses.

use minform_credit::step_score;
use minform_text::steps::PrmInput;

use super::Prm;
use crate::model::{Frame, Rope};
use crate::policy::{Packed, micro_batches};
use crate::read::read;
use crate::{Error, Result};

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
    let lengths: Vec<usize> = inputs.iter().map(|input| input.ids.len()).collect();
    let mut scores = vec![Vec::new(); inputs.len()];
    for group in micro_batches(&lengths, micro_batch_tokens) {
        let batch: Vec<&PrmInput> = group.iter().map(|index| &inputs[*index]).collect();
        for (index, row) in group.iter().zip(score_batch(prm, &batch).await?) {
            scores[*index] = row;
        }
        if !scored(group.len()) {
            return Err(Error::Stopped);
        }
    }
    Ok(scores)
}

async fn score_batch(prm: &Prm, inputs: &[&PrmInput]) -> Result<Vec<Vec<f32>>> {
    let rows: Vec<&[u32]> = inputs.iter().map(|input| &input.ids[..]).collect();
    let picks = inputs.iter().map(|input| input.positions.iter().map(|position| (*position, 0)).collect());
    let packed = Packed::labelled(&rows, picks.collect());
    if packed.picks() == 0 {
        return Ok(vec![Vec::new(); inputs.len()]);
    }
    let device = prm.model.device();
    let frame = Frame::causal(&Rope::new(&prm.config), packed.time(), &device);
    let logits = prm.model.forward(packed.tokens(&device), &frame);
    let [batch, time, labels] = logits.dims();
    let picked = logits.reshape([batch * time, labels]).select(0, packed.positions(&device));
    let values = read(picked).await?;
    let mut steps = values.chunks_exact(2).map(|pair| step_score([pair[0], pair[1]]));
    Ok(inputs.iter().map(|input| steps.by_ref().take(input.positions.len()).collect()).collect())
}
