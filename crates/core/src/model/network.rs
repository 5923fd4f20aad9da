//! A network with its configuration, as a model folder holds them.

use burn::module::Module;
use burn::tensor::Device;

use super::config::ModelConfig;
use super::drawn::alone;
use super::weights::{from_safetensors, to_safetensors};
use crate::{Dtype, Result};

/// A network that a configuration describes.
pub trait Network: Module {
    /// Freshly drawn weights.
    fn new(config: &ModelConfig, device: &Device) -> Self;
}

/// A network with the configuration it was built from.
#[derive(Debug, Clone)]
pub struct Configured<M> {
    /// Shape and constants.
    pub config: ModelConfig,
    /// Weights.
    pub model: M,
}

impl<M: Network> Configured<M> {
    /// From the files of a Hugging Face folder: `config.json` already read, and its safetensors files.
    ///
    /// # Errors
    /// Missing tensors or wrong shapes, all of them listed.
    pub fn from_files(config: ModelConfig, weights: Vec<Vec<u8>>, device: &Device) -> Result<Self> {
        let _alone = alone();
        let mut model = M::new(&config, device);
        from_safetensors(&mut model, weights)?;
        Ok(Self { config, model })
    }

    /// The weights as one safetensors file, adapters folded in.
    ///
    /// # Errors
    /// If the device cannot be read.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        self.to_safetensors_in(Dtype::F32)
    }

    /// The same, with values of a type of your choice.
    ///
    /// # Errors
    /// If the device cannot be read.
    pub fn to_safetensors_in(&self, dtype: Dtype) -> Result<Vec<u8>> {
        to_safetensors(&self.model.clone().materialize(), dtype)
    }

    /// The same weights without gradients or dropout, adapters folded in.
    pub fn frozen(&self) -> Self {
        Self { config: self.config.clone(), model: self.model.valid().materialize() }
    }
}
