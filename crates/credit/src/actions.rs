//! Macro actions: which tokens count as one action.

use alloc::vec;
use alloc::vec::Vec;

use crate::response::Response;
use crate::returns::backward_sums;

/// What one action of the policy is, when returns are added up (MA-RLHF, Chai et al. 2024).
///
/// The rewards inside an action add up to one reward, discounts count actions,
/// and every token gets the return of its action. With a discount of 1 and
/// rewards at step ends only, all choices agree; they differ for a KL penalty
/// on each token, for a discount below 1, and for generalised advantages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actions {
    /// Each token.
    Token,
    /// Each step with its separator.
    Step,
    /// Up to `length` tokens, begun anew at each step; 0 acts as 1.
    NGram {
        /// Tokens of an action.
        length: usize,
    },
    /// Each `length` tokens, whatever the steps; 0 acts as 1.
    Fixed {
        /// Tokens of an action.
        length: usize,
    },
}

impl Actions {
    /// One past the last token of each action. Rising; the last is the length of the response.
    pub(crate) fn ends(self, response: &Response) -> Vec<usize> {
        let length = response.length;
        match self {
            Self::Token => (1..=length).collect(),
            Self::Step => step_bounds(response),
            Self::Fixed { length: size } => chunk_ends(0, length, size).collect(),
            Self::NGram { length: size } => {
                let ends = step_bounds(response);
                let starts = [0].into_iter().chain(ends.iter().copied());
                starts.zip(&ends).flat_map(|(start, &end)| chunk_ends(start, end, size)).collect()
            }
        }
    }
}

/// One past each step end, and the end of the response where tokens follow the last step.
fn step_bounds(response: &Response) -> Vec<usize> {
    let mut bounds: Vec<usize> = response.step_ends.iter().map(|end| end + 1).collect();
    if bounds.last().copied().unwrap_or(0) < response.length {
        bounds.push(response.length);
    }
    bounds
}

fn chunk_ends(start: usize, end: usize, size: usize) -> impl Iterator<Item = usize> {
    let size = size.max(1);
    (start..end).step_by(size).map(move |from| (from + size).min(end))
}

/// Reward of each action: the sum over its tokens.
pub(crate) fn action_rewards(token_rewards: &[f64], ends: &[usize]) -> Vec<f64> {
    let starts = [0].into_iter().chain(ends.iter().copied());
    starts.zip(ends).map(|(start, &end)| token_rewards[start..end].iter().sum()).collect()
}

/// The value of each action on all of its tokens.
pub(crate) fn on_tokens(values: &[f64], ends: &[usize]) -> Vec<f64> {
    let mut tokens = vec![0.0; ends.last().copied().unwrap_or(0)];
    let mut start = 0;
    for (&value, &end) in values.iter().zip(ends) {
        tokens[start..end].fill(value);
        start = end;
    }
    tokens
}

/// Return of each token: that of its action, Gₐ = rₐ + γ Gₐ₊₁.
pub(crate) fn action_returns(token_rewards: &[f64], ends: &[usize], gamma: f64) -> Vec<f64> {
    on_tokens(&backward_sums(&action_rewards(token_rewards, ends), gamma), ends)
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::{Actions, action_returns};
    use crate::Response;

    /// Steps of three and two tokens and one token after them.
    fn response() -> Response {
        Response { step_ends: vec![2, 4], step_lengths: vec![2, 1], length: 6, ..Response::default() }
    }

    #[test]
    fn actions_by_hand() {
        let ends = |actions: Actions| actions.ends(&response());
        assert_eq!(ends(Actions::Token), [1, 2, 3, 4, 5, 6]);
        assert_eq!(ends(Actions::Step), [3, 5, 6]);
        assert_eq!(ends(Actions::NGram { length: 2 }), [2, 3, 5, 6]);
        assert_eq!(ends(Actions::Fixed { length: 4 }), [4, 6]);
        assert_eq!(ends(Actions::Fixed { length: 0 }), ends(Actions::Token));
        for actions in [Actions::Token, Actions::Step, Actions::NGram { length: 9 }, Actions::Fixed { length: 9 }] {
            assert!(actions.ends(&Response::default()).is_empty());
        }
    }

    #[test]
    fn tokens_share_the_return_of_their_action() {
        let returns = action_returns(&[1.0, 2.0, 4.0, 8.0], &[1, 3, 4], 0.5);
        assert_eq!(returns, [6.0, 10.0, 10.0, 8.0]);
    }
}
