//! Log-probabilities and gradients of losses of them, without the logits of all tokens at once.
//!
//! With a vocabulary of 150,000 the logits `[tokens, vocabulary]` would be the largest tensors by far. A loss is a sum
//! over tokens, so it is formed and differentiated some tokens at a time. With h the hidden states, W the head and z = h W:
//!
//! ```text
//! ∂L/∂h = Σ_chunks ∂L_chunk/∂h      ∂L/∂W = Σ_chunks ∂L_chunk/∂W
//! ```
//!
//! and the gradient of all weights below the head is that of Σ h · ∂L/∂h with the second factor held fixed.

use std::ops::Range;

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;

use super::pack::{PICK_MULTIPLE, Packed, Picks};
use crate::model::{CausalLm, ModelConfig};
use crate::sum::summed;

/// Logits that exist at a time: 256 MiB.
const LOGITS: usize = 1 << 26;

/// Consecutive picks whose logits are formed together.
fn chunks(picks: usize, vocabulary: usize) -> impl Iterator<Item = Range<usize>> {
    let size = (LOGITS / vocabulary.max(1)).max(1).next_multiple_of(PICK_MULTIPLE);
    (0..picks).step_by(size).map(move |start| start..picks.min(start + size))
}

/// log π(token | everything before it) of the picked tokens, `[picks]`, at temperature 1.
///
/// Logits are formed for the picked positions only, so prompts cost no vocabulary projection.
pub fn log_probs(config: &ModelConfig, model: &CausalLm, packed: &Packed) -> Tensor<1> {
    let picked = picked(config, model, packed);
    let of = |range: Range<usize>| {
        packed.picks_in(range.clone()).target_log_probs(model.logits(picked.clone().slice([range])))
    };
    Tensor::cat(chunks(packed.padded(), config.vocab_size).map(of).collect(), 0)
}

/// How a loss of logits is differentiated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Differentiation {
    /// With the memory of one layer at a time, each running again on the way back.
    pub(crate) checkpointing: bool,
    /// What the loss is multiplied by.
    pub(crate) loss_scale: f32,
}

/// Gradients of a loss of logits, and the figures that `loss` gives.
///
/// The gradients come in parts that add up. `loss` takes logits `[picks, vocabulary]` and which picks they are of, and
/// gives their share of the loss `[1]` and of the figures `[n]`.
pub(crate) fn gradients(
    config: &ModelConfig,
    model: &CausalLm,
    packed: &Packed,
    how: Differentiation,
    mut loss: impl FnMut(Tensor<2>, &Picks<'_>) -> (Tensor<1>, Tensor<1>),
) -> (Vec<GradientsParams>, Tensor<1>) {
    let chunks = chunks(packed.padded(), config.vocab_size);
    let scaled = |logits: Tensor<2>, picks: &Picks<'_>| {
        let (share, figures) = loss(logits, picks);
        (share * how.loss_scale, figures)
    };
    if !how.checkpointing {
        let picked = picked(config, model, packed);
        let Head { pulled, gradients, figures } = of_head(model, CausalLm::logits, packed, chunks, picked, scaled);
        return (vec![GradientsParams::from_grads(pulled.backward(), model), gradients], figures);
    }
    let mut of_the_head = None;
    let (mut parts, figures) = model.checkpointed_gradients(
        |device| packed.tokens(device),
        |device| packed.frame(config, device),
        |hidden| {
            let picked = packed.pick(hidden);
            let Head { pulled, gradients, figures } = of_head(model, CausalLm::logits, packed, chunks, picked, scaled);
            of_the_head = Some(gradients);
            (pulled, figures)
        },
    );
    parts.extend(of_the_head);
    (parts, figures)
}

/// Hidden states behind the picked tokens, `[picks, hidden]`.
fn picked(config: &ModelConfig, model: &CausalLm, packed: &Packed) -> Tensor<2> {
    let device = model.device();
    let frame = packed.frame(config, &device);
    packed.pick(model.hidden(packed.tokens(&device), &frame, None))
}

/// What a loss asks of the head and of everything below it.
pub(crate) struct Head {
    /// h · ∂L/∂h, one number after another, the gradient of whose sum is below the head that of the loss.
    pub(crate) pulled: Tensor<1>,
    /// Of the head's own weights.
    pub(crate) gradients: GradientsParams,
    /// What `loss` told, summed.
    pub(crate) figures: Tensor<1>,
}

/// Differentiates a loss of the `logits` of the hidden states behind the picks, `[picks, hidden]`, down to these states.
pub(crate) fn head_gradients<M: Module>(
    config: &ModelConfig,
    model: &M,
    logits: impl Fn(&M, Tensor<2>) -> Tensor<2>,
    packed: &Packed,
    picked: Tensor<2>,
    loss: impl FnMut(Tensor<2>, &Picks<'_>) -> (Tensor<1>, Tensor<1>),
) -> Head {
    of_head(model, logits, packed, chunks(packed.padded(), config.vocab_size), picked, loss)
}

/// As [`head_gradients`], for chunks of the picks.
fn of_head<M: Module>(
    model: &M,
    logits: impl Fn(&M, Tensor<2>) -> Tensor<2>,
    packed: &Packed,
    chunks: impl Iterator<Item = Range<usize>>,
    picked: Tensor<2>,
    mut loss: impl FnMut(Tensor<2>, &Picks<'_>) -> (Tensor<1>, Tensor<1>),
) -> Head {
    let states = picked.clone().inner();
    let (mut gradients, mut figures) = (GradientsAccumulator::new(), None);
    let mut pull = Vec::new();
    for range in chunks {
        let states = Tensor::from_inner(states.clone().slice([range.clone()])).require_grad();
        let (share, seen) = loss(logits(model, states.clone()), &packed.picks_in(range));
        let mut found = share.backward();
        pull.push(states.grad_remove(&mut found).unwrap_or_else(|| states.inner().zeros_like()));
        gradients.accumulate(model, GradientsParams::from_grads(found, model));
        figures = summed(figures, seen);
    }
    let device = picked.device();
    let pulled = match pull.is_empty() {
        true => picked.flatten(0, 1) * 0.0,
        false => (picked * Tensor::from_inner(Tensor::cat(pull, 0))).flatten(0, 1),
    };
    Head { pulled, gradients: gradients.grads(), figures: figures.unwrap_or_else(|| Tensor::zeros([1], &device)) }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::super::{Policy, Row};
    use super::*;
    use crate::numbers::{gradient_numbers, numbers};

    /// All gradients in the order of the model.
    fn flat(model: &CausalLm, parts: Vec<GradientsParams>) -> Vec<f32> {
        let mut sum = GradientsAccumulator::new();
        parts.into_iter().for_each(|part| sum.accumulate(model, part));
        gradient_numbers(model, &sum.grads())
    }

    /// The weights of the picks differ, so that a chunk that took those of another would be seen.
    #[test]
    fn chunks_have_the_gradient_of_the_whole_and_its_loss() {
        let policy = Policy::new(ModelConfig::small(50, 32, 2, 2), 3, &Device::flex().autodiff());
        let own: Vec<u32> = (0..150).map(|token| token * 7 % 50).collect();
        let packed = Packed::continuations(&[vec![Row { shared: &[1, 2], own: &own }]]);
        let weights: Vec<f32> = (0..packed.picks()).map(|pick| (pick as f32 * 0.37).sin()).collect();
        let (config, model) = (&policy.config, &policy.model);
        let loss = |logits: Tensor<2>, picks: &Picks<'_>| {
            let weights = picks.values(&weights, &logits.device());
            let loss = (picks.target_log_probs(logits) * weights).sum();
            (loss.clone(), loss.detach())
        };
        let whole = (policy.log_probs(&packed) * packed.values(&weights, &model.device())).sum();
        let expected_loss = numbers(whole.clone())[0];
        let expected = flat(model, vec![GradientsParams::from_grads(whole.backward(), model)]);
        let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let check = |gradients: Vec<f32>, figures: Tensor<1>| {
            let error = expected.iter().zip(&gradients).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
            assert!(largest > 0.1 && error < 1e-5 * largest, "{error} of {largest}");
            assert!((numbers(figures)[0] - expected_loss).abs() < 1e-4);
        };
        for size in [64, 128, 1024] {
            let chunks = (0..packed.padded()).step_by(size).map(|start| start..packed.padded().min(start + size));
            let picked = picked(config, model, &packed);
            let Head { pulled, gradients, figures } = of_head(model, CausalLm::logits, &packed, chunks, picked, loss);
            let below = GradientsParams::from_grads(pulled.backward(), model);
            check(flat(model, vec![below, gradients]), figures);
        }
        for checkpointing in [false, true] {
            let how = Differentiation { checkpointing, loss_scale: 1.0 };
            let (parts, figures) = gradients(config, model, &packed, how, loss);
            check(flat(model, parts), figures);
        }
    }

    #[test]
    fn chunks_cover_every_pick_once() {
        let ranges: Vec<_> = chunks(1000, 151_936).collect();
        assert_eq!(ranges, [0..448, 448..896, 896..1000]);
        assert_eq!(chunks(1000, 49_152).count(), 1);
        assert_eq!(chunks(100, usize::MAX).collect::<Vec<_>>(), [0..64, 64..100]);
        assert_eq!(chunks(0, 10).count(), 0);
    }
}
