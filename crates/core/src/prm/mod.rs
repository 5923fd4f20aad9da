//! Process reward models: training, and scoring every step of a solution in one forward pass, in any family's way.

mod benchmark;
mod best_of;
mod calibration;
mod features;
mod judge;
mod labelled;
mod lesson;
mod quality;
mod scale;
mod score;
mod scorer;
mod solution;
mod train;

use burn::tensor::Tensor;

pub use benchmark::{ErrorClass, Found, best_threshold, confusion, guesses, process_bench};
pub use best_of::{ChoiceCurve, Estimate, Ranking, Rated, choice_curves, rank};
pub use calibration::calibration;
pub use judge::Judge;
pub use labelled::{LabelledSteps, Preference, preferences, token_values};
pub use lesson::{Lesson, Losses, Weights};
pub use minform_credit::first_error;
pub use quality::{area_under_roc, quality};
pub use scale::Scale;
pub use score::score;
pub use scorer::{PrmParts, StepScorer, load};
pub use solution::{Aggregates, ScoredSolution};
pub use train::{PrmProgress, PrmSnapshot, PrmTraining, train};

use crate::model::{Configured, Head, ModelConfig, TokenClassifier, drawn};
use crate::policy::{Packed, Policy};

/// A token-classification process reward model with the configuration it was built from.
pub type Prm = Configured<TokenClassifier>;

impl Prm {
    /// A fresh head on the decoder of a trained policy, as PURE starts from the base model.
    pub fn from_policy(policy: &Policy, seed: u64) -> Self {
        let config = ModelConfig { head: Head::Classifier, ..policy.config.clone() };
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
