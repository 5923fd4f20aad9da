//! What `prm score` and `serve` tell of one row.

use minform_core::prm::{Aggregates, ScoredSolution};
use minform_text::data::StepRow;
use serde::Serialize;

use super::scoring::{Read, Scored, Scorer};

/// One row of output.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ScoredRow<'a> {
    Row(Row<'a>),
    Failed(Failed<'a>),
}

/// A row with its scores.
#[derive(Debug, Serialize)]
pub(super) struct Row<'a> {
    id: &'a str,
    problem: &'a str,
    steps: &'a [String],
    /// The family that the scores are of.
    family: &'static str,
    /// One score per step.
    scores: &'a [f32],
    /// Index of the first step below the threshold, −1 if there is none.
    first_error: i64,
    #[serde(flatten)]
    aggregates: Aggregates,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<i64>,
}

/// A row that could not be read or scored.
#[derive(Debug, Serialize)]
pub(super) struct Failed<'a> {
    id: &'a str,
    /// Why not.
    error: &'a str,
}

impl<'a> ScoredRow<'a> {
    pub(super) fn new(row: &'a Read, scored: &'a Scored, scorer: &Scorer) -> Self {
        match (row, scored) {
            (Ok(row), Ok(solution)) => Self::Row(Row::new(row, solution, scorer)),
            (Ok(row), Err(error)) => Self::Failed(Failed { id: &row.id, error }),
            (Err(skipped), _) => Self::Failed(Failed {
                id: &skipped.id,
                error: scored.as_ref().err().map_or(&skipped.problem, |error| error),
            }),
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

impl<'a> Row<'a> {
    fn new(row: &'a StepRow, solution: &'a ScoredSolution, scorer: &Scorer) -> Self {
        Self {
            id: &row.id,
            problem: &row.problem,
            steps: &solution.steps,
            family: scorer.family().name(),
            scores: &solution.scores,
            first_error: solution.first_error(scorer.threshold()),
            aggregates: solution.aggregates(),
            label: row.first_error,
        }
    }
}
