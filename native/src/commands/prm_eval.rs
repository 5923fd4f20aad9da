//! `minform prm eval`: a process reward model on the benchmarks of the field.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use minform_core::prm::{ErrorClass, Found, best_threshold, confusion, guesses, process_bench};
use minform_credit::{Confusion, Detection, mean};
use minform_text::data::{ORIGINAL, StepRow};
use serde::Serialize;
use serde_json::{Value, json};

use super::problems::load_steps;
use super::scoring::{Scored, Scorer};
use crate::cli::{Benchmark, PrmEval};
use crate::folder::read;
use crate::output;
use crate::run::Run;

pub(crate) fn run(options: &PrmEval) -> Result<()> {
    let scorer = Scorer::open(&options.common, &options.model, &options.reading)?;
    let mut run = Run::without_folder("prm eval", &scorer.config);
    let judged = match options.benchmark {
        Benchmark::Processbench => process_bench_files(options, &scorer, &mut run),
        Benchmark::Prmbench => prm_bench_files(options, &scorer, &mut run),
    };
    run.finish()?;
    judged
}

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

fn process_bench_files(options: &PrmEval, scorer: &Scorer, run: &mut Run) -> Result<()> {
    let threshold = scorer.threshold();
    let mut subsets = Vec::new();
    for path in &options.data {
        let rows = rows_of(options, path)?;
        let scored = scorer.score(run, &rows)?;
        let solutions: Vec<Found> = rows.iter().zip(scored).filter_map(|(row, scored)| found(row, scored)).collect();
        if solutions.is_empty() {
            bail!("no row of {} says where its first error is; give rows with `label`", path.display());
        }
        subsets.push(subset(stem(path), &solutions, threshold));
    }
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
    let best = best_threshold(solutions);
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

/// One class of PRMBench.
#[derive(Debug, Serialize)]
struct Class {
    class: &'static str,
    group: &'static str,
    prm_score: Option<f32>,
    f1: Option<f32>,
    negative_f1: Option<f32>,
    steps: usize,
    rows: usize,
    failed: usize,
}

/// The corrupted solutions alone count, as in the published figures, and each of them once, whatever file repeats it.
fn prm_bench_files(options: &PrmEval, scorer: &Scorer, run: &mut Run) -> Result<()> {
    let threshold = scorer.threshold();
    let mut classes: BTreeMap<ErrorClass, Vec<StepRow>> = BTreeMap::new();
    for path in &options.data {
        let class = ErrorClass::in_file_name(&stem(path))
            .with_context(|| format!("{} is named after no class of PRMBench, such as circular", path.display()))?;
        let of_class = classes.entry(class).or_default();
        let mut known: BTreeSet<String> = of_class.iter().map(|row| row.id.clone()).collect();
        let rows = rows_of(options, path)?.into_iter().filter(|row| !row.id.ends_with(ORIGINAL));
        of_class.extend(rows.filter(|row| known.insert(row.id.clone())));
    }
    let mut total = Confusion::default();
    let mut found = Vec::new();
    for (class, rows) in classes {
        let scored = scorer.score(run, &rows)?;
        let mut counts = Confusion::default();
        for (row, scored) in rows.iter().zip(&scored) {
            if let Ok(solution) = scored {
                counts.extend(confusion(&solution.scores, &row.labels, threshold));
            }
        }
        total.extend(counts);
        let failed = scored.iter().filter(|scored| scored.is_err()).count();
        found.push(Class::new(class, &counts, rows.len(), failed));
    }
    output::line(match options.common.json {
        true => json!({
            "prm_score": total.prm_score(),
            "groups": groups(&found),
            "classes": found,
            "threshold": threshold,
        })
        .to_string(),
        false => class_table(&found, &total, threshold),
    })
}

impl Class {
    fn new(class: ErrorClass, counts: &Confusion, rows: usize, failed: usize) -> Self {
        Self {
            class: class.name(),
            group: class.group(),
            prm_score: class.prm_score(counts),
            f1: counts.f1(),
            negative_f1: counts.negative_f1(),
            steps: counts.steps(),
            rows,
            failed,
        }
    }
}

/// The mean PRMScore of the classes of each group.
fn groups(classes: &[Class]) -> BTreeMap<&'static str, Option<f32>> {
    let mut groups: BTreeMap<&str, Vec<f32>> = BTreeMap::new();
    for class in classes {
        groups.entry(class.group).or_default().extend(class.prm_score);
    }
    groups.into_iter().map(|(group, scores)| (group, mean(&scores))).collect()
}

fn class_table(classes: &[Class], total: &Confusion, threshold: f32) -> String {
    let line = |name: &str, score: Option<f32>, f1: Option<f32>, negative: Option<f32>, steps: usize| {
        format!("{name:<24}{:>10}{:>8}{:>14}{steps:>8}\n", percent(score), percent(f1), percent(negative))
    };
    let mut text = format!(
        "threshold {threshold}\n\n{:<24}{:>10}{:>8}{:>14}{:>8}\n",
        "", "PRMScore", "F1", "negative F1", "steps"
    );
    for class in classes {
        text += &line(class.class, class.prm_score, class.f1, class.negative_f1, class.steps);
    }
    for (group, score) in groups(classes) {
        text += &format!("{group:<24}{:>10}\n", percent(score));
    }
    let failed: usize = classes.iter().map(|class| class.failed).sum();
    if failed > 0 {
        text += &format!("{failed} solutions could not be scored and do not count\n");
    }
    text + line("all steps", total.prm_score(), total.f1(), total.negative_f1(), total.steps()).trim_end()
}

fn rows_of(options: &PrmEval, path: &Path) -> Result<Vec<StepRow>> {
    load_steps(&path.display().to_string(), &read(path)?, options.rows)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn percent(share: Option<f32>) -> String {
    share.map_or("n/a".into(), |share| format!("{:.1}", 100.0 * share))
}
