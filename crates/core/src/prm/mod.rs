//! Process reward models: two logits at the end of each step, read in one forward pass.

mod benchmark;
mod judge;
mod quality;
mod score;
mod train;

use burn::tensor::Tensor;

pub use benchmark::{ErrorClass, Found, best_threshold, confusion, guesses, process_bench};
pub use judge::Judge;
pub use minform_credit::first_error;
pub use quality::{area_under_roc, quality};
pub use score::score;
pub use train::{LabelledSteps, Losses, losses, train};

use crate::model::{Configured, ModelConfig, TokenClassifier, drawn};
use crate::policy::{Packed, Policy};

/// A token-classification process reward model with the configuration it was built from.
pub type Prm = Configured<TokenClassifier>;

impl Prm {
    /// A fresh head on the decoder of a trained policy, as PURE starts from the base model.
    pub fn from_policy(policy: &Policy, seed: u64) -> Self {
        let config = ModelConfig { token_classification: true, ..policy.config.clone() };
        let decoder = policy.model.decoder();
        let model = drawn(&policy.model.device(), seed, || TokenClassifier::from_decoder(&config, decoder.clone()));
        Self { config, model }
    }
}

/// Hidden states of all tokens, `[rows, time, hidden]`.
fn hidden(config: &ModelConfig, model: &TokenClassifier, packed: &Packed) -> Tensor<3> {
    let device = model.device();
    model.hidden(packed.tokens(&device), &packed.frame(config, &device), None)
}
