//! Problems of the arithmetic world, and the exact checker of their solutions.

use minform_text::world::{self, Level, Problem, Split, World};
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::thrown::{refused, unwritten};

/// The highest place in the stream of problems, each of which is drawn to come there.
const LAST: usize = 100_000;

/// A problem with its reference solution.
#[derive(Debug, Serialize, Tsify)]
pub struct WorldProblem {
    /// The story.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// One equation per operation, then the boxed answer.
    pub solution: Vec<String>,
}

/// The problem of that place in the stream of problems that no training of the world meets.
///
/// # Errors
/// A level outside 1 to 5, or a place too far away.
#[wasm_bindgen]
pub fn problem(seed: u32, index: usize, level: usize) -> Result<Ts<WorldProblem>, JsValue> {
    let problem = find(seed, index, level)?;
    let problem = WorldProblem {
        question: problem.question().to_owned(),
        answer: problem.answer().to_string(),
        solution: world::solution_steps(&problem),
    };
    problem.into_ts().map_err(unwritten)
}

/// Whether each step of a solution to that problem is right.
///
/// # Errors
/// Those of [`problem`].
#[wasm_bindgen]
pub fn check(seed: u32, index: usize, level: usize, steps: Vec<String>) -> Result<Vec<js_sys::Boolean>, JsValue> {
    let verdict = world::check_steps(&find(seed, index, level)?, steps.iter().map(String::as_str));
    Ok(verdict.steps.iter().map(|step| step.is_right().into()).collect())
}

fn find(seed: u32, index: usize, level: usize) -> Result<Problem, JsValue> {
    let level = u8::try_from(level).ok().and_then(|level| Level::new(level).ok());
    let level = level.ok_or_else(|| refused("a level lies between 1 and 5"))?;
    let mut problems = World { seed: seed.into() }.problems(Split::Test, level..=level).take(LAST);
    problems.nth(index).ok_or_else(|| refused("there are problems 0 to 99999"))
}
