//! The five operations and the levels of difficulty.

use std::fmt;
use std::ops::RangeInclusive;

use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};

use super::WorldError;

/// The largest number of the world; the smallest is 0.
pub const MAX_VALUE: u8 = 30;

/// What may be added or taken away in one operation.
pub const OPERANDS: RangeInclusive<u8> = 2..=7;

/// The largest number and the operands of sampled problems. A nano model learns so small a table in a minute,
/// and, what takes longer, learns to tell a right result from a wrong one.
pub(super) const SAMPLED_MAX: u8 = 12;
const SAMPLED_OPERANDS: RangeInclusive<u8> = 2..=5;

/// One operation on the running value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// x + n
    Add(u8),
    /// x − n
    Subtract(u8),
    /// x · 2
    Double,
    /// x · 3
    Triple,
    /// x / 2, of an even number only
    Halve,
}

impl Operation {
    /// The value afterwards, or nothing where the world does not allow it: an operand outside [`OPERANDS`],
    /// a result outside 0..=30, half of an odd number, and any multiple or part of nothing.
    pub fn apply(self, value: u8) -> Option<u8> {
        let result = match self {
            Self::Add(n) if OPERANDS.contains(&n) => value.checked_add(n),
            Self::Subtract(n) if OPERANDS.contains(&n) => value.checked_sub(n),
            Self::Double if value > 0 => value.checked_mul(2),
            Self::Triple if value > 0 => value.checked_mul(3),
            Self::Halve if value > 0 && value.is_multiple_of(2) => Some(value / 2),
            _ => None,
        };
        result.filter(|result| *result <= MAX_VALUE)
    }

    /// The sign between the operands of the equation.
    pub fn sign(self) -> char {
        match self {
            Self::Add(_) => '+',
            Self::Subtract(_) => '-',
            Self::Double | Self::Triple => '*',
            Self::Halve => '/',
        }
    }

    /// The operand to the right of the sign.
    pub fn operand(self) -> u8 {
        match self {
            Self::Add(n) | Self::Subtract(n) => n,
            Self::Double | Self::Halve => 2,
            Self::Triple => 3,
        }
    }

    /// Whether a sampled problem may apply it to `value`.
    pub(super) fn is_sampled_for(self, value: u8) -> bool {
        self.apply(value).is_some_and(|result| result <= SAMPLED_MAX)
    }

    /// Draws an operation that the running value allows.
    ///
    /// By rejection, so each operation is the likelier the more of its operands fit. One always does for a value
    /// up to [`SAMPLED_MAX`]: there is room to add 2 or enough to take away. A larger value is taken as that.
    pub(super) fn sample(rng: &mut (impl Rng + ?Sized), value: u8) -> Self {
        let value = value.min(SAMPLED_MAX);
        loop {
            let operand = rng.random_range(SAMPLED_OPERANDS);
            let operation = match rng.random_range(0..5u8) {
                0 => Self::Add(operand),
                1 => Self::Subtract(operand),
                2 => Self::Double,
                3 => Self::Triple,
                _ => Self::Halve,
            };
            if operation.is_sampled_for(value) {
                return operation;
            }
        }
    }
}

/// The right half of its equation: `+ 7`, `* 2`.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sign(), self.operand())
    }
}

/// Difficulty, 1 to 5: level n asks for n + 1 operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Level(u8);

/// A span of levels to draw problems from, each level as often as any other.
pub type Levels = RangeInclusive<Level>;

impl Level {
    /// The easiest level, two operations.
    pub const MIN: Self = Self(1);
    /// The hardest level, six operations.
    pub const MAX: Self = Self(5);
    /// Every level.
    pub const ALL: Levels = Self::MIN..=Self::MAX;

    /// # Errors
    /// If the number is not in 1..=5.
    pub fn new(number: u8) -> Result<Self, WorldError> {
        let level = Self(number);
        if Self::ALL.contains(&level) { Ok(level) } else { Err(WorldError::Level(number.into())) }
    }

    /// The level as a number, 1 to 5.
    pub fn number(self) -> u8 {
        self.0
    }

    /// How many operations a problem of this level has.
    pub fn operations(self) -> usize {
        usize::from(self.0) + 1
    }

    /// Draws a level; an empty span yields its start.
    pub(super) fn sample(rng: &mut (impl Rng + ?Sized), levels: &Levels) -> Self {
        let (low, high) = (levels.start().0, levels.end().0);
        Self(rng.random_range(low..=high.max(low)))
    }
}

impl TryFrom<u8> for Level {
    type Error = WorldError;

    fn try_from(number: u8) -> Result<Self, WorldError> {
        Self::new(number)
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.0
    }
}
