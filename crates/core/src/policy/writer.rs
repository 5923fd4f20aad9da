//! Responses that are written elsewhere: by an inference server that holds a copy of the policy.

use core::ops::ControlFlow;

use super::{NewToken, Response};
use crate::Result;
use crate::config::Sampling;

/// What is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Token ids of each prompt.
    pub prompts: &'a [Vec<u32>],
    /// How many responses to each of them.
    pub counts: &'a [usize],
    /// How they are drawn.
    pub sampling: &'a Sampling,
    /// What the draws depend on, as far as the place can repeat them.
    pub seed: u64,
}

/// A place that writes responses in the policy's name.
pub trait Writer: Send + Sync {
    /// The responses, `[prompt][sample]`, with the log-probability at temperature 1 of each token as the place computed
    /// it, NaN where it does not tell. `written` hears of tokens and may stop the work.
    ///
    /// # Errors
    /// [`Error::Rollout`](crate::Error::Rollout) if the place fails, or [`Error::Stopped`](crate::Error::Stopped).
    fn write(
        &self,
        order: &Order<'_>,
        written: &mut dyn FnMut(NewToken) -> ControlFlow<()>,
    ) -> Result<Vec<Vec<Response>>>;

    /// The update after which the weights were taken that it writes with.
    fn weights_of(&self) -> usize;
}
