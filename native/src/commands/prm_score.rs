//! `minform prm score`: every step of every solution.

use std::io::Read as _;

use anyhow::{Context as _, Result, bail};
use minform_core::event::Event;
use minform_core::prm::{self, Aggregates, ScoredSolution};
use minform_text::data::{Skipped, StepFormat, StepRow, read_each};
use serde::Serialize;

use super::scoring::{Scored, Scorer};
use crate::cli::PrmScore;
use crate::folder::{refuse_present, write_file};
use crate::parquet::read_rows;
use crate::run::Run;

/// One output row.
#[derive(Debug, Serialize)]
struct Row<'a> {
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

/// The output of a row that could not be read or scored.
#[derive(Debug, Serialize)]
struct Failed<'a> {
    id: &'a str,
    /// Why not.
    error: &'a str,
}

pub(crate) fn run(options: &PrmScore) -> Result<()> {
    if let Some(out) = &options.out {
        refuse_present(&[out], options.overwrite)?;
    }
    let scorer = Scorer::open(&options.common, &options.prm, &options.reading)?;
    let input = input(options)?;
    let rows: Vec<StepRow> = input.iter().filter_map(|row| row.clone().ok()).collect();
    let mut run = Run::without_folder("prm score", &scorer.config);
    let scored = scorer.score(&mut run, &rows)?;
    report_quality(&mut run, &rows, &scored, &scorer);
    run.finish()?;
    let failed = write(options, &input, &scored, &scorer)?;
    match failed {
        0 => Ok(()),
        failed => bail!("{failed} of {} rows could not be scored; `error` in their output says why", input.len()),
    }
}

/// Every row of the input, or what is wrong with it.
fn input(options: &PrmScore) -> Result<Vec<std::result::Result<StepRow, Skipped>>> {
    let (name, bytes) = match &options.data {
        Some(path) => (path.display().to_string(), read_rows(path)?),
        None => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
            ("standard input".into(), bytes)
        }
    };
    let mut rows = read_each(&name, &bytes, StepFormat::Auto);
    rows.truncate(options.rows.limit.unwrap_or(usize::MAX));
    if let Some(Err(skipped)) = rows.iter().find(|row| options.rows.strict && row.is_err()) {
        return Err(skipped.clone().into());
    }
    match rows.is_empty() {
        true => bail!("{name} holds no row"),
        false => Ok(rows),
    }
}

/// Where the rows carry labels, tells how well the scores match them.
fn report_quality(run: &mut Run, rows: &[StepRow], scored: &[Scored], scorer: &Scorer) {
    let of = |(row, scored): (&StepRow, &Scored)| Some((scored.as_ref().ok()?.scores.clone(), row.labels.clone()));
    let known = rows.iter().zip(scored).filter_map(of);
    let (scores, labels): (Vec<Vec<f32>>, Vec<Vec<Option<bool>>>) = known.unzip();
    if labels.iter().flatten().any(Option::is_some) {
        let quality = prm::quality("the labelled input", &scores, &labels, scorer.threshold(), scorer.scale());
        let _ = run.hear(Event::PrmQuality(quality));
    }
}

/// Writes a row for every row of the input, and tells of how many there are no scores.
fn write(
    options: &PrmScore,
    input: &[std::result::Result<StepRow, Skipped>],
    scored: &[Scored],
    scorer: &Scorer,
) -> Result<usize> {
    let (mut text, mut failed, mut scored) = (String::new(), 0, scored.iter());
    for row in input {
        let outcome = match row {
            Ok(row) => match scored.next() {
                Some(Ok(solution)) => Ok(serde_json::to_string(&Row::new(row, solution, scorer))?),
                other => Err((row.id.clone(), other.and_then(|one| one.clone().err()).unwrap_or_default())),
            },
            Err(skipped) => Err((format!("{}:{}", skipped.file, skipped.row), skipped.to_string())),
        };
        text += &match outcome {
            Ok(line) => line,
            Err((id, error)) => {
                failed += 1;
                serde_json::to_string(&Failed { id: &id, error: &error })?
            }
        };
        text.push('\n');
    }
    match &options.out {
        Some(path) => write_file(path, text.as_bytes())?,
        None => {
            use std::io::Write as _;
            std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")?;
        }
    }
    Ok(failed)
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
