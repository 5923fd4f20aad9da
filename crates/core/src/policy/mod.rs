//! A policy: a language model that writes solutions, sampled with a cache and scored without one.

mod generate;
mod pack;
mod sample;
mod writer;

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};

pub use generate::{Generator, NewToken, Response};
pub use pack::{MicroBatch, Packed, Row, micro_batches};
pub use sample::{Choice, choose};
pub use writer::{Order, Writer};

use crate::model::{CausalLm, Configured, ModelConfig, Network as _, drawn};

/// A language model with the configuration it was built from.
pub type Policy = Configured<CausalLm>;

impl Policy {
    /// Freshly drawn weights; `seed` seeds the device's generator first.
    pub fn new(config: ModelConfig, seed: u64, device: &Device) -> Self {
        let model = drawn(device, seed, || CausalLm::new(&config, device));
        Self { config, model }
    }

    /// [`log_probs`] of this policy.
    pub fn log_probs(&self, packed: &Packed) -> Tensor<1> {
        log_probs(&self.config, &self.model, packed)
    }
}

/// log π(token | everything before it) of the picked tokens, `[picks]`, at temperature 1.
pub fn log_probs(config: &ModelConfig, model: &CausalLm, packed: &Packed) -> Tensor<1> {
    packed.target_log_probs(logits(config, model, packed))
}

/// Logits behind the picked tokens, `[picks, vocabulary]`.
///
/// They are formed for the picked positions only, so prompts cost no vocabulary projection.
pub fn logits(config: &ModelConfig, model: &CausalLm, packed: &Packed) -> Tensor<2> {
    let device = model.device();
    let frame = packed.frame(config, &device);
    model.logits(packed.pick(model.hidden(packed.tokens(&device), &frame, None)))
}

/// Gradients of a loss of these [`logits`], with the memory of one layer at a time, and the figures that `loss` gives.
///
/// The gradients come in parts that add up; `loss` gives the loss `[1]` and figures `[n]`.
pub(crate) fn checkpointed_gradients(
    config: &ModelConfig,
    model: &CausalLm,
    packed: &Packed,
    loss: impl FnOnce(Tensor<2>) -> (Tensor<1>, Tensor<1>),
) -> (Vec<GradientsParams>, Tensor<1>) {
    model.checkpointed_gradients(
        |device| packed.tokens(device),
        |device| packed.frame(config, device),
        |hidden| loss(model.logits(packed.pick(hidden))),
    )
}
