//! Reference solutions and the pairs that supervised training starts from.

use rand::{Rng, RngExt as _};

use super::vocabulary::{PROMPT_END, SEPARATOR};
use super::wording::{FILLERS, pick};
use super::{Levels, Problem, Split};

/// What the policy is asked: the question and the prompt end.
pub fn prompt(problem: &Problem) -> String {
    format!("{}{PROMPT_END}", problem.question())
}

/// The reference solution as steps: one equation per operation, then the boxed answer.
pub fn solution_steps(problem: &Problem) -> Vec<String> {
    let transitions = problem.values().windows(2);
    let equations = problem.operations().iter().zip(transitions).filter_map(|(operation, pair)| {
        let [before, after] = pair else { return None };
        Some(format!("{before} {operation} = {after}"))
    });
    equations.chain([format!("\\boxed{{{}}}", problem.answer())]).collect()
}

/// The reference solution as text, its steps parted by a blank line.
///
/// Before each step a thinking step without content is slipped in with probability `filler` (0.1 is usual;
/// 0 and below mean never). It changes no verdict.
pub fn solution(rng: &mut (impl Rng + ?Sized), problem: &Problem, filler: f32) -> String {
    let mut steps = Vec::new();
    for step in solution_steps(problem) {
        if rng.random::<f32>() < filler {
            steps.push(pick(rng, FILLERS).to_owned());
        }
        steps.push(step);
    }
    steps.join(SEPARATOR)
}

/// A prompt and its solution, always from the training side of the split.
pub fn supervised(rng: &mut (impl Rng + ?Sized), levels: &Levels, filler: f32) -> (String, String) {
    let problem = Problem::sample(rng, levels, Split::Train);
    let solution = solution(rng, &problem, filler);
    (prompt(&problem), solution)
}
