//! Reference solutions and the pairs that supervised training starts from.

use rand::{Rng, RngExt as _};

use super::operation::{Operation, SAMPLED_MAX};
use super::vocabulary::{PROMPT_END, SEPARATOR};
use super::wording::{FILLERS, pick};
use super::{Levels, Problem, Split};

/// What the policy is asked: the question and the prompt end.
pub fn prompt(problem: &Problem) -> String {
    asked(problem.question())
}

/// Any question as models of the world are asked it: with the prompt end, put there unless it has one.
pub fn asked(question: &str) -> String {
    let question = question.trim_end();
    let bare = question.strip_suffix(PROMPT_END.trim()).map_or(question, str::trim_end);
    format!("{bare}{PROMPT_END}")
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
    with_filler(rng, solution_steps(problem), filler)
}

/// How the authors of training texts write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Habits {
    /// Probability of a thinking step without content before each step.
    pub filler: f32,
    /// Probability of a mistake in each step. What follows goes on from it, as people do.
    pub mistakes: f32,
    /// Probability that an equation goes on in the step before it: `2 + 3 = 5 * 2 = 10`.
    pub joined: f32,
}

/// A prompt and a solution as people write it, always from the training side of the split.
///
/// With `mistakes` above 0 some solutions are wrong, so that a policy that imitates them has something to unlearn.
pub fn supervised(rng: &mut (impl Rng + ?Sized), levels: &Levels, habits: Habits) -> (String, String) {
    let problem = Problem::sample(rng, levels, Split::Train);
    let solution = written(rng, &problem, habits);
    (prompt(&problem), solution)
}

/// A solution as people write it.
pub fn written(rng: &mut (impl Rng + ?Sized), problem: &Problem, habits: Habits) -> String {
    let steps =
        if habits.mistakes > 0.0 { fallible_steps(rng, problem, habits.mistakes) } else { solution_steps(problem) };
    let steps = if habits.joined > 0.0 { join(rng, steps, habits.joined) } else { steps };
    with_filler(rng, steps, habits.filler)
}

/// Lets equations go on in the step before them, whose result they begin with.
fn join(rng: &mut (impl Rng + ?Sized), steps: Vec<String>, probability: f32) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for step in steps {
        // An answer in its box has no space, and stands alone.
        match (joined.last_mut(), step.split_once(' ')) {
            (Some(before), Some((_, rest))) if rng.random::<f32>() < probability => {
                before.push(' ');
                before.push_str(rest);
            }
            _ => joined.push(step),
        }
    }
    joined
}

fn with_filler(rng: &mut (impl Rng + ?Sized), steps: Vec<String>, filler: f32) -> String {
    let mut told = Vec::new();
    for step in steps {
        if rng.random::<f32>() < filler {
            told.push(pick(rng, FILLERS).to_owned());
        }
        told.push(step);
    }
    told.join(SEPARATOR)
}

/// The steps of somebody who now and then misreads or forgets an operation, or slips in a result.
fn fallible_steps(rng: &mut (impl Rng + ?Sized), problem: &Problem, mistakes: f32) -> Vec<String> {
    let mut value = problem.start();
    let mut steps = Vec::new();
    for told in problem.operations() {
        let mistake = Mistake::sample(rng, mistakes);
        if mistake == Some(Mistake::Forget) {
            continue;
        }
        // After a mistake the operation told may no longer apply; another takes its place.
        let applies = told.is_sampled_for(value) && mistake != Some(Mistake::Misread);
        let operation = if applies { *told } else { Operation::sample(rng, value) };
        let result = operation.apply(value).unwrap_or(value);
        let result = if mistake == Some(Mistake::Slip) { slip(rng, result) } else { result };
        steps.push(format!("{value} {operation} = {result}"));
        value = result;
    }
    let boxed = if rng.random::<f32>() < mistakes { slip(rng, value) } else { value };
    steps.push(format!("\\boxed{{{boxed}}}"));
    steps
}

/// What can go wrong with an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// Another operation is done.
    Misread,
    /// Nothing is done.
    Forget,
    /// The result is off by a little.
    Slip,
}

impl Mistake {
    fn sample(rng: &mut (impl Rng + ?Sized), probability: f32) -> Option<Self> {
        (rng.random::<f32>() < probability).then(|| pick(rng, [Self::Misread, Self::Forget, Self::Slip]))
    }
}

/// A number near `result`, but not it, from which one can go on; a result above [`SAMPLED_MAX`] is taken as that.
fn slip(rng: &mut (impl Rng + ?Sized), result: u8) -> u8 {
    let result = result.min(SAMPLED_MAX);
    loop {
        let near = result.saturating_add(rng.random_range(0..=6u8)).saturating_sub(3);
        if near != result && (1..=SAMPLED_MAX).contains(&near) {
            return near;
        }
    }
}
