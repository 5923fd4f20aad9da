//! Min-form credit assignment for process reward models, on plain slices.
//!
//! A process reward model (PRM) reads a response and gives each *step* a score
//! in (−1, 1). Reinforcement learning has to turn these scores into one
//! *advantage* per token. The usual sum of rewards invites the policy to pile
//! up steps that score well; the min form of PURE ([arXiv 2504.15275]) values a
//! response by its worst step instead. This crate is that calculation, stage by
//! stage:
//!
//! 1. [`step_score`]: two logits of the PRM → the reward of a step.
//! 2. [`CreditForm`]: step rewards → transformed rewards, returns, outcome.
//! 3. [`group_advantages`]: a group of responses to one question → rewards,
//!    returns and advantages of every token, by [`CreditSettings`] (credit form,
//!    [`Shaping`], [`Estimator`] with its [`Baseline`], macro [`Actions`],
//!    [`Verifiable`] reward, [`KlPlacement`]).
//! 4. [`normalise`]: a common scale over a whole batch.
//! 5. [`policy_loss`]: the clipped loss in plain loops, the reference for a
//!    version on tensors.
//!
//! [`step_credit`] gives stage 3 step by step; [`Choice`] picks among finished solutions, which
//! [`Vote`] on their answer.
//! Beside them stand the [`Combination`] of several models, [`overlong_penalty`],
//! [`AdaptiveKl`], sharing out samples ([`allocate`]), and signals of collapse ([`repeat_score`], [`reflection_count`]).
//!
//! There is no padding here: callers pass real steps and real tokens. Data
//! never causes a panic, and for the stages 1 to 4 never a NaN.
//!
//! ```
//! use minform_credit::{CreditSettings, Response, group_advantages};
//!
//! // Two answers of three tokens in two steps; tokens 1 and 2 end the steps.
//! let answer = |rewards: [f32; 2]| Response {
//!     step_ends: vec![1, 2],
//!     step_lengths: vec![1, 0],
//!     rewards: rewards.to_vec(),
//!     length: 3,
//!     ..Response::default()
//! };
//! let group = [answer([0.9, 0.8]), answer([0.9, -0.8])];
//!
//! let credit = group_advantages(&group, &CreditSettings::main())?;
//! assert!(credit[0].advantages[0] > 0.0 && credit[1].advantages[0] < 0.0);
//! # Ok::<(), minform_credit::CreditError>(())
//! ```
//!
//! [arXiv 2504.15275]: https://arxiv.org/abs/2504.15275
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod actions;
mod advantage;
mod aggregate;
mod allocation;
mod baseline;
mod best_of_n;
mod choice;
mod combination;
mod confusion;
mod detection;
mod error;
mod estimator;
mod form;
mod kl;
mod member;
mod normalise;
mod number;
mod overlong;
mod policy_loss;
mod reflection;
mod repetition;
mod response;
mod returns;
mod score;
mod settings;
mod shaping;
mod statistics;
mod step_credit;
mod vote;

pub use actions::Actions;
pub use advantage::{TokenCredit, group_advantages, total_reward};
pub use aggregate::Aggregate;
pub use allocation::{allocate, variance_weight};
pub use baseline::Baseline;
pub use best_of_n::{best_of_n, majority_of_n, pass_at_n};
pub use choice::{Candidate, Choice};
pub use combination::Combination;
pub use confusion::Confusion;
pub use detection::{Detection, detection};
pub use error::CreditError;
pub use estimator::Estimator;
pub use form::CreditForm;
pub use kl::{AdaptiveKl, KlEstimator};
pub use normalise::{Normalisation, normalise};
pub use overlong::overlong_penalty;
pub use policy_loss::{LossMean, PolicyLoss, policy_loss};
pub use reflection::reflection_count;
pub use repetition::{HIGHLY_REPETITIVE, repeat_score};
pub use response::Response;
pub use returns::{future_minima, return_to_go};
pub use score::{first_error, step_score};
pub use settings::{CreditSettings, KlPlacement, Verifiable, VerifiableValues};
pub use shaping::Shaping;
pub use statistics::{maximum, mean, minimum, share};
pub use step_credit::{ScoredSteps, StepCredit, step_credit};
pub use vote::Vote;
