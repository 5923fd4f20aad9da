//! A policy: a language model that writes solutions, sampled with a cache and scored without one.

mod draw;
mod generate;
mod pack;
mod sample;
mod vocabulary;
mod writer;

use burn::tensor::{Device, Tensor};

pub use generate::{Generator, NewToken, Response};
pub use pack::{MicroBatch, Packed, Picks, Row, micro_batches};
pub use sample::{Choice, choose};
pub use vocabulary::log_probs;
pub(crate) use vocabulary::{Differentiation, Head, gradients, head_gradients};
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
