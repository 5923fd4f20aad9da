//! The datasets of the field, from bytes to rows.
//!
//! [`read_problems`] reads questions with answers, [`read_steps`] reads solutions with a label per step. Both
//! take JSON lines or one JSON array and find the format from the fields that only it has.
//! **One bad row never loses the others**: it is left out and named in [`Rows::skipped`] by file, line and
//! field, with what to do about it. Nothing is skipped silently; call [`Rows::strict`] to accept no skip.

mod fields;
mod gsm8k;
mod prm800k;
mod problems;
mod source;
mod stepwise;
mod tagged;

use serde::{Deserialize, Serialize};

pub use gsm8k::{gsm8k_solution, without_calculations};
pub use problems::{ProblemFormat, read_problems};
pub use stepwise::{MODIFIED, ORIGINAL, StepFormat, read_mixed, read_steps, step_format};

/// A question, and what is known about its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The dataset's own id, or `file:row` with the row counted from 1.
    pub id: String,
    /// What is asked, without any prompt around it.
    pub question: String,
    /// The reference answer; `None` if the row gives none, so that nothing can be verified.
    pub answer: Option<String>,
    /// A reference solution.
    pub solution: Option<String>,
    /// The same with `<<…>>` around its calculations and a `####` line, where the dataset writes it so.
    pub annotated: Option<String>,
    /// Difficulty as the dataset writes it, without the word "Level".
    pub level: Option<String>,
}

/// A solution in steps, each judged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// The dataset's own id, or `file:row` with the row counted from 1.
    pub id: String,
    /// What is asked.
    pub problem: String,
    /// The steps, never none.
    pub steps: Vec<String>,
    /// One label per step: right, wrong, or `None` where nobody judged it.
    pub labels: Vec<Option<bool>>,
    /// One value per step where the data has them: the share of rollouts from there that reach the right answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Option<f32>>>,
    /// Index of the first wrong step from 0, or -1 if all steps are right; `None` if the labels leave it open.
    pub first_error: Option<i64>,
    /// Whether the final answer is right, where the dataset says so. A right answer can have a wrong step.
    pub final_answer_correct: Option<bool>,
}

/// A row that was left out, or a part of the file that is no row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The dataset's own id of the row where that could be read, or `file:row`.
    pub id: String,
    /// The file as the caller named it.
    pub file: String,
    /// Line of the file on which the row starts, counted from 1.
    pub line: usize,
    /// Row of the file, counted from 1; unlike the line it also tells rows of a one-line array apart.
    pub row: usize,
    /// The field at fault; `None` if the row could not be read at all.
    pub field: Option<String>,
    /// What is wrong and what to do about it.
    pub problem: String,
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{} (row {})", self.file, self.line, self.row)?;
        if let Some(field) = &self.field {
            write!(f, ", field `{field}`")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for Skipped {}

/// What was read from one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows<T> {
    /// The good rows in file order.
    pub rows: Vec<T>,
    /// Everything left out, in file order.
    pub skipped: Vec<Skipped>,
}

impl<T> Rows<T> {
    /// The rows, if none was skipped.
    ///
    /// # Errors
    /// The first skipped row.
    pub fn strict(self) -> Result<Vec<T>, Skipped> {
        match self.skipped.into_iter().next() {
            Some(first) => Err(first),
            None => Ok(self.rows),
        }
    }
}
