//! A policy: a language model that writes solutions, sampled with a cache and scored without one.

mod generate;
mod pack;
mod sample;

use burn::tensor::{Device, Tensor};

pub use generate::{Generator, NewToken, Response};
pub use pack::{Packed, micro_batches};
pub use sample::{Choice, choose};

use crate::Result;
use crate::model::{CausalLm, Frame, ModelConfig, Rope, from_safetensors, to_safetensors};

/// A language model with the configuration it was built from.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Shape and constants.
    pub config: ModelConfig,
    /// Weights.
    pub model: CausalLm,
}

impl Policy {
    /// Freshly drawn weights; `seed` seeds the device's generator first.
    pub fn new(config: ModelConfig, seed: u64, device: &Device) -> Self {
        device.seed(seed);
        let model = CausalLm::new(&config, device);
        Self { config, model }
    }

    /// From the files of a Hugging Face folder: `config.json` already read, and its safetensors files.
    ///
    /// # Errors
    /// Missing tensors or wrong shapes, all of them listed.
    pub fn from_files(config: ModelConfig, weights: Vec<Vec<u8>>, device: &Device) -> Result<Self> {
        let mut model = CausalLm::new(&config, device);
        from_safetensors(&mut model, weights)?;
        Ok(Self { config, model })
    }

    /// The weights as one safetensors file.
    ///
    /// # Errors
    /// If the device cannot be read.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        to_safetensors(&self.model)
    }

    /// A view of the same weights that records no gradients.
    pub fn frozen(&self) -> Self {
        use burn::module::Module as _;
        Self { config: self.config.clone(), model: self.model.valid() }
    }

    /// [`log_probs`] of this policy.
    pub fn log_probs(&self, packed: &Packed) -> Tensor<1> {
        log_probs(&self.config, &self.model, packed)
    }
}

/// log π(token | everything before it) of the picked tokens, `[picks]`, at temperature 1.
///
/// Logits are formed for the picked positions only, so prompts cost no vocabulary projection.
pub fn log_probs(config: &ModelConfig, model: &CausalLm, packed: &Packed) -> Tensor<1> {
    let device = model.device();
    let frame = Frame::causal(&Rope::new(config), packed.time(), &device);
    let hidden = model.hidden(packed.tokens(&device), &frame, None);
    packed.target_log_probs(model.logits(packed.pick(hidden)))
}
