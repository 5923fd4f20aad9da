//! What callers can get wrong.

use core::fmt;

/// Shapes that do not fit together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CreditError {
    /// A response must have as many step lengths as step ends.
    StepLengthCount {
        /// Number of step ends.
        step_ends: usize,
        /// Number of step lengths.
        step_lengths: usize,
    },
    /// A response must have one reward per step, or none at all.
    RewardCount {
        /// Number of step ends.
        step_ends: usize,
        /// Number of rewards.
        rewards: usize,
    },
    /// A response must have one KL value per token, or none at all.
    KlCount {
        /// Number of tokens.
        length: usize,
        /// Number of KL values.
        kl: usize,
    },
    /// Step ends must rise, and the last lie inside the response.
    StepEnd {
        /// Which step, from 0.
        step: usize,
        /// Its end.
        end: usize,
        /// Number of tokens of the response.
        length: usize,
    },
    /// A step cannot be longer than its share of the response.
    StepLength {
        /// Which step, from 0.
        step: usize,
        /// Its length as given.
        length: usize,
        /// Tokens from the end of the step before (exclusive) to its own end (inclusive).
        available: usize,
    },
    /// Two sequences that run in parallel differ in length.
    Parallel {
        /// Name of the sequence.
        name: &'static str,
        /// Length it should have.
        expected: usize,
        /// Length it has.
        found: usize,
    },
}

impl fmt::Display for CreditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::StepLengthCount { step_ends, step_lengths } => {
                write!(f, "number of step lengths must equal the {step_ends} step ends, got {step_lengths}")
            }
            Self::RewardCount { step_ends, rewards } => {
                write!(f, "number of rewards must be 0 or equal the {step_ends} step ends, got {rewards}")
            }
            Self::KlCount { length, kl } => {
                write!(f, "number of KL values must be 0 or equal the {length} tokens, got {kl}")
            }
            Self::StepEnd { step, end, length } => {
                write!(f, "step ends must rise and lie below {length}: step {step} ends at {end}")
            }
            Self::StepLength { step, length, available } => {
                write!(f, "step {step} has room for {available} tokens, got length {length}")
            }
            Self::Parallel { name, expected, found } => {
                write!(f, "length of {name} must be {expected}, got {found}")
            }
        }
    }
}

impl core::error::Error for CreditError {}

/// `Ok` where a sequence that runs in parallel with another has its length.
pub(crate) fn same_length(name: &'static str, expected: usize, found: usize) -> Result<(), CreditError> {
    if expected == found { Ok(()) } else { Err(CreditError::Parallel { name, expected, found }) }
}
