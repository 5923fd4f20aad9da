//! Training: supervised fine-tuning and reinforcement learning.

mod collect;
mod credit;
mod critic;
mod evaluate;
mod figures;
mod guard;
mod learn;
mod loss;
mod loss_scale;
mod optimizer;
mod reinforce;
mod rl;
mod rollout;
mod sft;
mod state;
mod workers;

pub use credit::assign_credit;
pub use evaluate::{HeldOut, evaluate};
pub use guard::GuardMemory;
pub use loss::{LossTerms, clipped_policy_loss, entropy, kl_loss, token_weights, value_loss};
pub use loss_scale::LossScale;
pub use optimizer::{Execution, Trainer};
pub use reinforce::{advance, reinforce};
pub use rl::{Problem, Rl, Updated, check};
pub use rollout::{Rollout, Scored};
pub use sft::{Example, mean_loss, sft};
pub use state::{RlProgress, Snapshot, TrainerProgress};
