//! Problems, their true values, and the split into training and test.

use std::fmt::Write as _;

use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};

use super::operation::{Level, Levels, MAX_VALUE, Operation, SAMPLED_MAX};
use super::{WorldError, wording};

/// Start values of sampled problems.
const STARTS: std::ops::RangeInclusive<u8> = 2..=SAMPLED_MAX;

/// Which side of the split a problem belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Nine chains in ten.
    Train,
    /// The tenth.
    Test,
}

/// A story problem and the chain of operations it tells.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Problem {
    question: String,
    operations: Vec<Operation>,
    /// The start value, then the value after each operation.
    values: Vec<u8>,
}

impl Problem {
    /// A problem with a wording of your own, which is not read.
    ///
    /// # Errors
    /// If the chain does not have 2 to 6 operations or leaves the numbers of the world.
    pub fn new(question: impl Into<String>, start: u8, operations: Vec<Operation>) -> Result<Self, WorldError> {
        let levels = Level::ALL;
        if !(levels.start().operations()..=levels.end().operations()).contains(&operations.len()) {
            return Err(WorldError::Level(operations.len().saturating_sub(1)));
        }
        let values = chain_values(start, &operations)?;
        Ok(Self { question: question.into(), operations, values })
    }

    /// Draws a problem: a level, a chain of the wanted split, a wording.
    pub fn sample(rng: &mut (impl Rng + ?Sized), levels: &Levels, split: Split) -> Self {
        let level = Level::sample(rng, levels);
        loop {
            let (operations, values) = sample_chain(rng, level);
            let mut problem = Self { question: String::new(), operations, values };
            if problem.split() == split {
                problem.question = wording::question(rng, problem.start(), &problem.operations);
                return problem;
            }
        }
    }

    /// The question as the policy reads it, without the prompt end.
    pub fn question(&self) -> &str {
        &self.question
    }

    /// The operations, in the order they are told.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The start value, then the true value after each operation.
    pub fn values(&self) -> &[u8] {
        &self.values
    }

    /// The value the story starts from.
    pub fn start(&self) -> u8 {
        self.values.first().copied().unwrap_or_default()
    }

    /// The true answer.
    pub fn answer(&self) -> u8 {
        self.values.last().copied().unwrap_or_default()
    }

    /// The chain in one wording for all stories: `12 + 7 - 4 * 2`, read from left to right.
    pub fn canonical(&self) -> String {
        self.operations.iter().fold(self.start().to_string(), |mut text, operation| {
            // Writing to a string cannot fail.
            let _ = write!(text, " {operation}");
            text
        })
    }

    /// The side of the split, read off the canonical chain, so that no test problem is a training problem
    /// told with another name, thing or turn of phrase.
    pub fn split(&self) -> Split {
        if fnv1a(self.canonical().as_bytes()).is_multiple_of(10) { Split::Test } else { Split::Train }
    }
}

fn chain_values(start: u8, operations: &[Operation]) -> Result<Vec<u8>, WorldError> {
    if start > MAX_VALUE {
        return Err(WorldError::Start(start));
    }
    let mut value = start;
    let mut values = vec![start];
    for &operation in operations {
        value = operation.apply(value).ok_or(WorldError::Operation { operation, value })?;
        values.push(value);
    }
    Ok(values)
}

fn sample_chain(rng: &mut (impl Rng + ?Sized), level: Level) -> (Vec<Operation>, Vec<u8>) {
    let mut value = rng.random_range(STARTS);
    let mut operations = Vec::with_capacity(level.operations());
    let mut values = vec![value];
    while operations.len() < level.operations() {
        let operation = Operation::sample(rng, value);
        // A sampled operation always applies; the value would only stand still if it did not.
        value = operation.apply(value).unwrap_or(value);
        operations.push(operation);
        values.push(value);
    }
    (operations, values)
}

/// FNV-1a, 64 bits: stable across platforms and releases, unlike the hasher of the standard library.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv1a_gives_the_published_values() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_chain_reads_from_left_to_right() {
        let problem = Problem::new("", 12, vec![Operation::Add(7), Operation::Subtract(4), Operation::Double]).unwrap();
        assert_eq!(problem.canonical(), "12 + 7 - 4 * 2");
        assert_eq!(problem.values(), [12, 19, 15, 30]);
        assert_eq!(problem.answer(), 30);
    }

    #[test]
    fn impossible_chains_are_refused() {
        let odd = Problem::new("", 3, vec![Operation::Halve, Operation::Double]);
        assert_eq!(odd, Err(WorldError::Operation { operation: Operation::Halve, value: 3 }));
        let low = Problem::new("", 3, vec![Operation::Subtract(4), Operation::Double]);
        assert_eq!(low, Err(WorldError::Operation { operation: Operation::Subtract(4), value: 3 }));
        assert_eq!(Problem::new("", 3, vec![Operation::Double]), Err(WorldError::Level(0)));
        assert_eq!(Problem::new("", 100, vec![Operation::Halve; 2]), Err(WorldError::Start(100)));
    }
}
