//! A response, as far as credit assignment needs it.

use alloc::vec::Vec;

use crate::error::{CreditError, same_length};

/// One sampled response: where its steps end and what they were given.
///
/// Indices count the tokens of the response from 0; the prompt is left out.
/// Tokens after the last step end, where a caller leaves any, carry only
/// verifiable and KL reward.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Response {
    /// Last token of each step: its separator, the end-of-sequence token, or the
    /// last token of a truncated response. Shape `[steps]`, rising.
    pub step_ends: Vec<usize>,
    /// Tokens of each step without its separator or end-of-sequence token. Shape `[steps]`.
    pub step_lengths: Vec<usize>,
    /// Step rewards of the PRM. Shape `[steps]`; empty where there is no process reward.
    pub rewards: Vec<f32>,
    /// Number of tokens, separators and end-of-sequence token included.
    pub length: usize,
    /// `Some(1.0)` for a right answer, `Some(0.0)` for a wrong one, `None` where
    /// the question has no ground truth. Partial credit between them is allowed.
    pub verified: Option<f32>,
    /// KL estimate of each token, see [`KlEstimator`](crate::KlEstimator). Shape
    /// `[tokens]`; empty for none.
    pub kl: Vec<f32>,
    /// Subtracted on the last token, for example for its length; NaN reads as 0.
    pub penalty: f32,
    /// Value function before each token, for [`Gae`](crate::Estimator::Gae). Shape `[tokens]`; empty for none.
    pub values: Vec<f32>,
    /// [`total_reward`](crate::total_reward) of the greedy response to the same question, for
    /// [`Greedy`](crate::Baseline::Greedy); NaN reads as 0.
    pub greedy_reward: f32,
}

impl Response {
    /// Checks that all lengths agree.
    ///
    /// # Errors
    /// [`CreditError`] for the first disagreement found.
    pub fn validate(&self) -> Result<(), CreditError> {
        self.validate_counts()?;
        self.validate_steps()
    }

    fn validate_counts(&self) -> Result<(), CreditError> {
        let (step_ends, step_lengths) = (self.step_ends.len(), self.step_lengths.len());
        let (rewards, kl, length) = (self.rewards.len(), self.kl.len(), self.length);
        if step_lengths != step_ends {
            return Err(CreditError::StepLengthCount { step_ends, step_lengths });
        }
        if rewards != 0 && rewards != step_ends {
            return Err(CreditError::RewardCount { step_ends, rewards });
        }
        if kl != 0 && kl != length {
            return Err(CreditError::KlCount { length, kl });
        }
        if !self.values.is_empty() {
            same_length("values", length, self.values.len())?;
        }
        Ok(())
    }

    fn validate_steps(&self) -> Result<(), CreditError> {
        let mut start = 0;
        for (step, (&end, &length)) in self.step_ends.iter().zip(&self.step_lengths).enumerate() {
            if end < start || end >= self.length {
                return Err(CreditError::StepEnd { step, end, length: self.length });
            }
            let available = end + 1 - start;
            if length > available {
                return Err(CreditError::StepLength { step, length, available });
            }
            start = end + 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{string::ToString, vec};

    use super::{CreditError, Response};

    fn response() -> Response {
        Response {
            step_ends: vec![1, 3],
            step_lengths: vec![1, 2],
            rewards: vec![0.5, 0.25],
            length: 4,
            kl: vec![0.0; 4],
            ..Response::default()
        }
    }

    #[test]
    fn a_truncated_response_and_an_empty_one_are_valid() {
        assert_eq!(response().validate(), Ok(()));
        assert_eq!(Response::default().validate(), Ok(()));
    }

    #[test]
    fn counts_that_disagree_are_named() {
        let mut short = response();
        short.rewards.pop();
        let error = short.validate().expect_err("one reward is missing");
        assert_eq!(error.to_string(), "number of rewards must be 0 or equal the 2 step ends, got 1");
        let kl = Response { kl: vec![0.0], ..response() };
        assert_eq!(kl.validate(), Err(CreditError::KlCount { length: 4, kl: 1 }));
        let values = Response { values: vec![0.0], ..response() };
        assert_eq!(values.validate(), Err(CreditError::Parallel { name: "values", expected: 4, found: 1 }));
        let lengths = Response { step_lengths: vec![1], ..response() };
        let expected = CreditError::StepLengthCount { step_ends: 2, step_lengths: 1 };
        assert_eq!(lengths.validate(), Err(expected));
    }

    #[test]
    fn step_ends_must_rise_inside_the_response() {
        for step_ends in [vec![1, 1], vec![1, 4], vec![3, 1]] {
            let error = Response { step_ends, ..response() }.validate();
            assert!(matches!(error, Err(CreditError::StepEnd { step: 1, .. })));
        }
    }

    #[test]
    fn a_step_cannot_outgrow_its_place() {
        let error = Response { step_lengths: vec![1, 3], ..response() }.validate();
        let expected = CreditError::StepLength { step: 1, length: 3, available: 2 };
        assert_eq!(error, Err(expected));
    }
}
