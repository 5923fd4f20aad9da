//! An arithmetic world small enough to train in, whose every step can be checked.
//!
//! A [`Problem`] is a short story of two to six operations on the numbers 0 to 30. [`solution`] writes its
//! reference answer, one equation per step and the boxed number last; [`check`] says of any response which
//! steps are right and whether the answer is. Both sides of a process reward model come out of that: labels
//! that cost nothing, and a ground truth to hold a learned reward against.
//!
//! Thinking steps without content ("Let us go on.") count as right, as neutral steps do in PRM800K. A policy
//! paid by the sum of its step rewards can therefore earn without solving anything, which is the failure that
//! the min-form is there to prevent (PURE, section 5.1).
//!
//! Everything follows from a seed, on every platform: same seed, same problems.
//!
//! ```
//! use minform_text::world::{Level, Split, World, check, prompt, solution};
//!
//! let world = World { seed: 7 };
//! let problem = world.problems(Split::Train, Level::ALL).next().expect("problems never run out");
//! let response = solution(&mut world.rng(Split::Train), &problem, 0.1);
//! assert!(prompt(&problem).ends_with(" => "));
//! assert!(check(&problem, &response).is_solved());
//! ```

mod check;
mod cut;
mod operation;
mod problem;
mod solution;
mod vocabulary;
mod wording;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use check::{StepVerdict, Verdict, check, check_steps};
pub(crate) use cut::{PATTERN, cut};
pub use operation::{Level, Levels, MAX_VALUE, OPERANDS, Operation};
pub use problem::{Problem, Split};
pub use solution::{Habits, asked, prompt, solution, solution_steps, supervised, written};
pub use vocabulary::{
    EOS, EOS_ID, NEWLINE, NEWLINE_ID, PAD, PAD_ID, PROMPT_END, SEPARATOR, SEPARATOR_ID, UNK, UNK_ID, tokenizer_json,
    vocabulary,
};
pub use wording::FILLERS;

/// What can be wrong with a hand-made problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// Outside levels 1 to 5.
    #[error("a level lies in 1..=5, got {0}")]
    Level(usize),
    /// The start value is not a number of the world.
    #[error("a start value lies in 0..=30, got {0}")]
    Start(u8),
    /// The operation cannot be applied to the value it meets.
    #[error("{operation} cannot be applied to {value}")]
    Operation {
        /// The operation that does not fit.
        operation: Operation,
        /// The running value it would be applied to.
        value: u8,
    },
}

/// The world that a seed stands for: two endless, disjoint streams of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// All randomness of the world comes from here.
    pub seed: u64,
}

impl World {
    /// A fresh generator for one side of the split; the two sides never share a stream.
    pub fn rng(&self, split: Split) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(match split {
            Split::Train => 0,
            Split::Test => 1,
        });
        rng
    }

    /// An endless stream of problems of one side of the split, always the same from the start.
    pub fn problems(&self, split: Split, levels: Levels) -> impl Iterator<Item = Problem> + use<> {
        let mut rng = self.rng(split);
        std::iter::repeat_with(move || Problem::sample(&mut rng, &levels, split))
    }
}
