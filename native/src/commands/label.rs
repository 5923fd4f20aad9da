//! `minform label`: solutions with a label for every step.

use anyhow::{Result, bail};
use minform_core::config::Config;
use minform_core::seed;
use minform_text::corruption::{Corrupted, Solution, Style, corrupted_solution, right_solution};
use minform_text::data::Problem;
use serde::Serialize;
use serde_json::json;

use super::problems::load_problems;
use crate::cli::{Label, LabelMethod};
use crate::folder::write_file;
use crate::{output, settings};

/// A solution as TRL's stepwise supervision has it.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: String,
    prompt: &'a str,
    completions: Vec<String>,
    /// `null` after the first error.
    labels: Vec<Option<bool>>,
    final_answer_correct: bool,
}

pub(crate) fn run(options: &Label) -> Result<()> {
    if options.out.exists() && !options.overwrite {
        bail!("{} is already there; choose another --out or pass --overwrite", options.out.display());
    }
    let config = settings::load(&Config::default(), &options.common)?;
    let problems = load_problems(&options.data.data, options.data.rows)?;
    let rows = match options.method {
        LabelMethod::Corruption => corrupted(&problems, options.samples, config.seed)?,
    };
    let mut text = String::new();
    for row in &rows {
        text += &serde_json::to_string(row)?;
        text.push('\n');
    }
    write_file(&options.out, text.as_bytes())?;
    let wrong = rows.iter().filter(|row| row.labels.contains(&Some(false))).count();
    output::line(match options.common.json {
        true => json!({ "saved": options.out, "rows": rows.len(), "wrong": wrong }).to_string(),
        false => format!("saved {}: {} solutions, {wrong} of them wrong", options.out.display(), rows.len()),
    })
}

/// The right solution of every problem and wrong ones made from it, all written in the same style.
fn corrupted(problems: &[Problem], samples: usize, run_seed: u64) -> Result<Vec<Row<'_>>> {
    let mut rows = Vec::new();
    for (index, problem) in (0..).zip(problems) {
        let Some(reference) = &problem.annotated else { continue };
        let mut rng = seed::stream(run_seed, &[index]);
        let style = Style::sample(&mut rng);
        let Some(right) = right_solution(reference, style) else { continue };
        let labels = vec![Some(true); right.steps.len()];
        rows.push(row(problem, "right".into(), right, labels));
        for sample in 0..samples {
            let wrong = corrupted_solution(&problem.question, reference, style, &mut rng);
            if let Some(Corrupted { solution, first_error, mistake }) = wrong {
                let label = |step: usize| (step <= first_error).then_some(step < first_error);
                let labels = (0..solution.steps.len()).map(label).collect();
                let name = format!("{mistake:?}-{sample}").to_lowercase();
                rows.push(row(problem, name, solution, labels));
            }
        }
    }
    match rows.is_empty() {
        true => bail!("no problem has a solution that annotates its calculations, as GSM8K's <<48/2=24>> does"),
        false => Ok(rows),
    }
}

fn row(problem: &Problem, kind: String, solution: Solution, labels: Vec<Option<bool>>) -> Row<'_> {
    Row {
        id: format!("{}/{kind}", problem.id),
        prompt: &problem.question,
        completions: solution.steps,
        labels,
        final_answer_correct: problem.answer.as_ref() == Some(&solution.answer),
    }
}
