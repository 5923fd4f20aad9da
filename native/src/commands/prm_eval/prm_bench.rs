//! PRMBench: which steps are wrong, by class of error.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use minform_core::prm::{ErrorClass, confusion};
use minform_credit::{Confusion, mean};
use minform_text::data::{ORIGINAL, StepRow};
use serde::Serialize;
use serde_json::json;

use super::{percent, rows_of, stem};
use crate::cli::PrmEval;
use crate::commands::scoring::{Failures, Scorer};
use crate::output;
use crate::run::Run;

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
pub(super) fn run(options: &PrmEval, scorer: &Scorer, run: &mut Run) -> Result<()> {
    let threshold = scorer.threshold();
    let mut classes: BTreeMap<ErrorClass, Vec<StepRow>> = BTreeMap::new();
    for path in &options.data {
        let class = ErrorClass::in_file_name(&stem(path)).with_context(|| {
            let names: Vec<&str> = ErrorClass::ALL.iter().map(|class| class.name()).collect();
            let shown = path.display();
            format!("{shown} is named after no class of PRMBench; its files are: {}", names.join(", "))
        })?;
        let of_class = classes.entry(class).or_default();
        let mut known: BTreeSet<String> = of_class.iter().map(|row| row.id.clone()).collect();
        let rows = rows_of(options, path)?.into_iter().filter(|row| !row.id.ends_with(ORIGINAL));
        of_class.extend(rows.filter(|row| known.insert(row.id.clone())));
    }
    let mut total = Confusion::default();
    let (mut found, mut failures) = (Vec::new(), Failures::default());
    for (class, rows) in classes {
        let scored = scorer.score(run, &rows)?;
        let failed = failures.add(class.name(), &scored);
        let mut counts = Confusion::default();
        for (row, scored) in rows.iter().zip(&scored) {
            if let Ok(solution) = scored {
                counts.extend(confusion(&solution.scores, &row.labels, threshold));
            }
        }
        total.extend(counts);
        found.push(Class::new(class, &counts, rows.len(), failed));
    }
    failures.check()?;
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
