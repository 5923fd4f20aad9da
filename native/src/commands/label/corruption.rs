//! Reference solutions, and copies of them in which a calculation was changed.

use anyhow::{Result, bail};
use minform_core::seed;
use minform_text::corruption::{Corrupted, Solution, Style, corrupted_solution, right_solution};
use minform_text::data::Problem;

use super::{Row, lines, tell};
use crate::cli::Label;
use crate::folder::write_file;

pub(super) fn run(options: &Label, problems: &[Problem], run_seed: u64) -> Result<()> {
    let rows = corrupted(problems, options.samples, run_seed)?;
    write_file(&options.out, lines(&rows)?.as_bytes())?;
    tell(options, &rows.iter().collect::<Vec<_>>(), None)
}

/// The right solution of every problem and wrong ones made from it, all written in the same style.
fn corrupted(problems: &[Problem], samples: usize, run_seed: u64) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (index, problem) in (0..).zip(problems) {
        let Some(reference) = &problem.annotated else { continue };
        let mut rng = seed::stream(run_seed, &[index]);
        let style = Style::sample(&mut rng);
        let Some(right) = right_solution(reference, style) else { continue };
        let labels = vec![Some(true); right.steps.len()];
        rows.push(row(problem, "right", right, labels));
        for sample in 0..samples {
            let wrong = corrupted_solution(&problem.question, reference, style, &mut rng);
            if let Some(Corrupted { solution, first_error, mistake }) = wrong {
                let label = |step: usize| (step <= first_error).then_some(step < first_error);
                let labels = (0..solution.steps.len()).map(label).collect();
                rows.push(row(problem, &format!("{mistake:?}-{sample}").to_lowercase(), solution, labels));
            }
        }
    }
    match rows.is_empty() {
        true => bail!("no problem has a solution that annotates its calculations, as GSM8K's <<48/2=24>> does"),
        false => Ok(rows),
    }
}

fn row(problem: &Problem, kind: &str, solution: Solution, labels: Vec<Option<bool>>) -> Row {
    Row {
        id: format!("{}/{kind}", problem.id),
        prompt: problem.question.clone(),
        completions: solution.steps,
        labels,
        values: None,
        final_answer_correct: problem.answer.as_ref() == Some(&solution.answer),
    }
}
