//! Process reward models: two logits at the end of each step, read in one forward pass.

mod quality;
mod score;
mod train;

use burn::tensor::{Device, Tensor};

pub use quality::{area_under_roc, first_error, quality};
pub use score::score;
pub use train::{LabelledSteps, Losses, losses, train};

use crate::Result;
use crate::model::{Frame, ModelConfig, Rope, TokenClassifier, from_safetensors, to_safetensors};
use crate::policy::{Packed, Policy};

/// A token-classification process reward model with the configuration it was built from.
#[derive(Debug, Clone)]
pub struct Prm {
    /// Shape and constants.
    pub config: ModelConfig,
    /// Weights.
    pub model: TokenClassifier,
}

impl Prm {
    /// A fresh head on the decoder of a trained policy, as PURE starts from the base model.
    pub fn from_policy(policy: &Policy, seed: u64) -> Self {
        policy.model.device().seed(seed);
        let config = ModelConfig { token_classification: true, ..policy.config.clone() };
        let model = TokenClassifier::from_decoder(&config, policy.model.decoder().clone());
        Self { config, model }
    }

    /// From the files of a Hugging Face folder.
    ///
    /// # Errors
    /// Missing tensors or wrong shapes, all of them listed.
    pub fn from_files(config: ModelConfig, weights: Vec<Vec<u8>>, device: &Device) -> Result<Self> {
        let mut model = TokenClassifier::new(&config, device);
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

    /// The same weights without gradients or dropout.
    pub fn frozen(&self) -> Self {
        use burn::module::Module as _;
        Self { config: self.config.clone(), model: self.model.valid() }
    }
}

/// Hidden states of all tokens, `[rows, time, hidden]`.
fn hidden(config: &ModelConfig, model: &TokenClassifier, packed: &Packed) -> Tensor<3> {
    let device = model.device();
    let frame = Frame::causal(&Rope::new(config), packed.time(), &device);
    model.hidden(packed.tokens(&device), &frame)
}
