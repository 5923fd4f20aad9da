//! Labels of steps without people: from whether rollouts that go on from a step reach the right answer.
//!
//! - [`Exhaustive`]: rollouts from every step (Math-Shepherd, Wang et al. 2024).
//! - [`Bisection`]: halving towards the first step from which nothing reaches the answer.
//! - [`OmegaSearch`]: such halvings over a tree of rollouts, those that teach most first (OmegaPRM, Luo et al. 2024).
//!
//! Each asks for rollouts from one beginning after another, so that the beginnings of many problems can be read in one
//! batch; [`Rollouts`] is the policy that writes them.

mod agreement;
mod bisection;
mod exhaustive;
mod omega;
mod rollouts;

pub use agreement::Agreement;
pub use bisection::Bisection;
pub use exhaustive::Exhaustive;
pub use omega::{OmegaSearch, OmegaSettings};
pub use rollouts::{Asked, Rollouts};

/// A way on from a beginning to an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Its steps, as tokens with what ends each.
    pub steps: Vec<Vec<u32>>,
    /// Whether the answer is right.
    pub right: bool,
}

/// A solution with what rollouts say of its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutLabels {
    /// Its steps, as tokens with what ends each.
    pub steps: Vec<Vec<u32>>,
    /// One per step: whether anything from there reaches the answer; `None` where nobody looked.
    pub labels: Vec<Option<bool>>,
    /// One per step: the share of rollouts from there that does.
    pub values: Vec<Option<f32>>,
    /// Whether its own answer is right.
    pub right: bool,
}

/// Share of completions with the right answer; `None` of none.
fn share(completions: &[Completion]) -> Option<f32> {
    let right = completions.iter().filter(|completion| completion.right).count();
    (!completions.is_empty()).then(|| right as f32 / completions.len() as f32)
}

/// What asks for rollouts from one beginning after another.
pub trait Asks {
    /// The beginning, as tokens after the prompt, from which rollouts are wanted next.
    fn wants(&self) -> Option<Vec<u32>>;

    /// Takes the rollouts from there; none if there is no room for any, and nothing is then known of that beginning.
    fn take(&mut self, completions: Vec<Completion>);
}
