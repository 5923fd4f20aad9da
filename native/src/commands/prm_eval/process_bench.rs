//! ProcessBench: where the first error is.

use anyhow::{Result, bail};
use minform_core::prm::{Found, best_threshold, guesses, process_bench};
use minform_credit::{Detection, mean};
use minform_text::data::StepRow;
use serde::Serialize;
use serde_json::{Value, json};

use super::{percent, rows_of, stem};
use crate::cli::PrmEval;
use crate::commands::scoring::{Failures, Scored, Scorer};
use crate::output;
use crate::run::Run;

/// One file of ProcessBench.
#[derive(Debug, Serialize)]
struct Subset {
    subset: String,
    f1: Option<f32>,
    accuracy_erroneous: Option<f32>,
    accuracy_correct: Option<f32>,
    rows: usize,
    /// Rows that could not be scored; they count as not found.
    failed: usize,
    threshold: f32,
    /// The F1 that the best threshold for this very file would give, and that threshold: how much is lost by it.
    best_f1: Option<f32>,
    best_threshold: Option<f32>,
    guesses: Value,
}

pub(super) fn run(options: &PrmEval, scorer: &Scorer, run: &mut Run) -> Result<()> {
    let threshold = scorer.threshold();
    let (mut subsets, mut failures) = (Vec::new(), Failures::default());
    for path in &options.data {
        let rows = rows_of(options, path)?;
        let scored = scorer.score(run, &rows)?;
        failures.add(&stem(path), &scored);
        let solutions: Vec<Found> = rows.iter().zip(scored).filter_map(|(row, scored)| found(row, scored)).collect();
        if solutions.is_empty() {
            bail!("no row of {} says where its first error is; give rows with `label`", path.display());
        }
        subsets.push(subset(stem(path), &solutions, threshold));
    }
    failures.check()?;
    let average = mean(&subsets.iter().filter_map(|subset| subset.f1).collect::<Vec<_>>());
    output::line(match (options.common.json, &subsets[..]) {
        (true, [subset]) => json!(subset).to_string(),
        (true, subsets) => json!({ "subsets": subsets, "average_f1": average }).to_string(),
        (false, subsets) => table(subsets, average, threshold),
    })
}

fn table(subsets: &[Subset], average: Option<f32>, threshold: f32) -> String {
    let mut text =
        format!("threshold {threshold}\n\n{:<24}{:>8}{:>12}{:>12}{:>8}\n", "", "F1", "erroneous", "correct", "rows");
    for subset in subsets {
        text += &line(&subset.subset, subset.f1, subset.accuracy_erroneous, subset.accuracy_correct, subset.rows);
        for (name, guess) in subset.guesses.as_object().into_iter().flatten() {
            let of = |key: &str| guess[key].as_f64().map(|value| value as f32);
            let (erroneous, correct) = (of("accuracy_erroneous"), of("accuracy_correct"));
            text += &line(&format!("  {name}"), of("f1"), erroneous, correct, subset.rows);
        }
        if let (Some(f1), Some(best)) = (subset.best_f1, subset.best_threshold) {
            text += &format!("  at {best:.3}, the threshold that suits this file best: F1 {}\n", percent(Some(f1)));
        }
        let kinds = [(subset.accuracy_correct, "right"), (subset.accuracy_erroneous, "wrong")];
        for (_, kind) in kinds.iter().filter(|(accuracy, _)| accuracy.is_none()) {
            text += &format!("  none of these rows is {kind}, so there is no F1\n");
        }
        if subset.failed > 0 {
            text += &format!("  {} rows could not be scored and count as not found\n", subset.failed);
        }
    }
    text + &format!("average F1 {}", percent(average))
}

fn found(row: &StepRow, scored: Scored) -> Option<Found> {
    Some(Found { scores: scored.ok().map(|solution| solution.scores), steps: row.steps.len(), label: row.first_error? })
}

fn subset(name: String, solutions: &[Found], threshold: f32) -> Subset {
    let Detection { accuracy_erroneous, accuracy_correct, f1 } = process_bench(solutions, threshold);
    let best = best_threshold(&[solutions]);
    let guesses = guesses(solutions).map(|(name, guess)| {
        let Detection { accuracy_erroneous, accuracy_correct, f1 } = guess;
        let figures =
            json!({ "f1": f1, "accuracy_erroneous": accuracy_erroneous, "accuracy_correct": accuracy_correct });
        (name.to_owned(), figures)
    });
    Subset {
        subset: name,
        f1,
        accuracy_erroneous,
        accuracy_correct,
        rows: solutions.len(),
        failed: solutions.iter().filter(|one| one.scores.is_none()).count(),
        threshold,
        best_f1: best.map(|(_, f1)| f1),
        best_threshold: best.map(|(threshold, _)| threshold),
        guesses: Value::Object(guesses.into_iter().collect()),
    }
}

fn line(name: &str, f1: Option<f32>, erroneous: Option<f32>, correct: Option<f32>, rows: usize) -> String {
    format!("{name:<24}{:>8}{:>12}{:>12}{rows:>8}\n", percent(f1), percent(erroneous), percent(correct))
}
