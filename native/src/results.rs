//! What an experiment found: every evaluation as CSV, a table over seeds, and figures with their bands.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use minform_core::experiment::{Arm, Comparison, Experiment, Point, RunSummary, course, interval, summarise};

use crate::figure::{Curve, Figure};
use crate::folder::write_file;
use crate::log::read_log;

/// One run that is done.
struct Done {
    arm: &'static Arm,
    seed: u64,
    points: Vec<Point>,
}

/// What a figure shows of a point.
type Value = fn(&Point) -> Option<f32>;

/// Caption, value, and what the value can be at all.
const FIGURES: [(&str, Value, (f64, f64)); 6] = [
    ("held-out accuracy", |point| Some(point.sampled), (0.0, 1.0)),
    ("process outcome in training", |point| point.outcome, (f64::NEG_INFINITY, f64::INFINITY)),
    ("AUC of the reward model on the policy's samples", |point| point.auc, (0.0, 1.0)),
    ("approved less right", |point| Some(point.approved? - point.sampled), (-1.0, 1.0)),
    ("steps", |point| Some(point.steps), (1.0, f64::INFINITY)),
    ("KL to the reference", |point| point.kl, (0.0, f64::INFINITY)),
];

/// Writes `summary.csv`, `table.md` and `figures/` for the runs in `out` that are done; returns the table.
pub(crate) fn write(out: &Path, experiment: Experiment) -> Result<String> {
    let runs = done(out, experiment)?;
    write_file(&out.join("summary.csv"), csv(&runs).as_bytes())?;
    let table = table(experiment, &runs);
    write_file(&out.join("table.md"), table.as_bytes())?;
    let folder = out.join("figures");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for figure in experiment.comparisons().iter().flat_map(|comparison| figures(comparison, &runs)) {
        write_file(&folder.join(format!("{}.svg", figure.slug())), figure.svg()?.as_bytes())?;
    }
    Ok(table)
}

/// Name of the file that says that a run is done.
pub(crate) const DONE: &str = "done.json";

fn done(out: &Path, experiment: Experiment) -> Result<Vec<Done>> {
    let mut runs = Vec::new();
    for arm in experiment.arms() {
        for (seed, folder) in seeds(out)? {
            let place = folder.join(arm.name);
            if place.join(DONE).exists() {
                let history = read_log(&place.join("events.jsonl"))?;
                let points = course(history.iter().map(|timed| &timed.event));
                runs.push(Done { arm, seed, points });
            }
        }
    }
    Ok(runs)
}

/// The seeds in a folder, rising.
fn seeds(out: &Path) -> Result<BTreeMap<u64, PathBuf>> {
    let entries = fs::read_dir(out).with_context(|| format!("cannot read {}", out.display()))?;
    let seeds = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let seed = entry.file_name().to_str()?.strip_prefix("seed-")?.parse().ok()?;
        Some((seed, entry.path()))
    });
    Ok(seeds.collect())
}

fn csv(runs: &[Done]) -> String {
    let mut text = String::from("arm,seed,step,sampled,greedy,steps,length,truncated,auc,approved,outcome,kl\n");
    let show = |value: Option<f32>| value.map_or(String::new(), |value| value.to_string());
    for run in runs {
        for point in &run.points {
            let always = [point.sampled, point.greedy, point.steps, point.length, point.truncated].map(Some);
            let sometimes = [point.auc, point.approved, point.outcome, point.kl];
            let figures: Vec<String> = always.into_iter().chain(sometimes).map(show).collect();
            let _ = writeln!(text, "{},{},{},{}", run.arm.name, run.seed, point.step, figures.join(","));
        }
    }
    text
}

/// One row per arm: means over seeds with 95 % intervals.
fn table(experiment: Experiment, runs: &[Done]) -> String {
    let mut text = String::from(
        "| arm | seeds | base, % | final, % | best, % | collapsed, first at | at the yardstick after | \
         AUC, base | AUC, final | approved less right, points | steps, final |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for arm in experiment.arms() {
        let summaries: Vec<RunSummary> = runs
            .iter()
            .filter(|run| run.arm.name == arm.name)
            .filter_map(|run| summarise(&run.points, target(experiment, runs, run.seed)))
            .collect();
        if summaries.is_empty() {
            continue;
        }
        let mean = |scale: f32, value: &dyn Fn(&RunSummary) -> Option<f32>| {
            let values: Vec<f32> = summaries.iter().filter_map(value).map(|value| value * scale).collect();
            plus_minus(&values)
        };
        let cells = [
            arm.title.to_owned(),
            summaries.len().to_string(),
            mean(100.0, &|run| Some(run.base)),
            mean(100.0, &|run| Some(run.last)),
            mean(100.0, &|run| Some(run.best)),
            when(summaries.iter().filter(|run| run.can_collapse()).map(|run| run.collapsed)),
            experiment.yardstick().map_or("–".into(), |_| when(summaries.iter().map(|run| run.reached))),
            mean(1.0, &|run| run.auc.0),
            mean(1.0, &|run| run.auc.1),
            mean(100.0, &|run| run.divergence),
            mean(1.0, &|run| Some(run.steps)),
        ];
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// Final accuracy of the yardstick with the same seed.
fn target(experiment: Experiment, runs: &[Done], seed: u64) -> Option<f32> {
    let name = experiment.yardstick()?;
    let run = runs.iter().find(|run| run.seed == seed && run.arm.name == name)?;
    run.points.last().map(|point| point.sampled)
}

fn plus_minus(values: &[f32]) -> String {
    let Some(found) = interval(values) else { return "–".into() };
    let digits = if found.mean.abs() < 2.0 { 2 } else { 1 };
    match found.half_width {
        Some(half_width) => format!("{:.digits$} ± {half_width:.digits$}", found.mean),
        None => format!("{:.digits$}", found.mean),
    }
}

/// How many of the runs came to it, and after how many updates.
fn when(runs: impl Iterator<Item = Option<usize>>) -> String {
    let runs: Vec<Option<usize>> = runs.collect();
    if runs.is_empty() {
        return "–".into();
    }
    let mut steps: Vec<usize> = runs.iter().copied().flatten().collect();
    steps.sort_unstable();
    let count = format!("{} of {}", steps.len(), runs.len());
    match steps.is_empty() {
        true => count,
        false => format!("{count}: {}", steps.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}

fn figures(comparison: &Comparison, runs: &[Done]) -> Vec<Figure> {
    let make = |(what, value, (low, high)): &(&str, Value, (f64, f64))| {
        let curves = comparison.arms.iter().filter_map(|name| curve(name, runs, *value)).collect();
        Some(Figure::new(format!("{what}, by {}", comparison.title), curves)?.within(*low, *high))
    };
    FIGURES.iter().filter_map(make).collect()
}

/// Mean over seeds and its interval at every evaluation.
fn curve(name: &str, runs: &[Done], value: Value) -> Option<Curve> {
    let runs: Vec<&Done> = runs.iter().filter(|run| run.arm.name == name).collect();
    let steps: BTreeSet<usize> = runs.iter().flat_map(|run| run.points.iter().map(|point| point.step)).collect();
    let points = steps.into_iter().filter_map(|step| {
        let at = runs.iter().flat_map(|run| run.points.iter().filter(move |point| point.step == step));
        let found = interval(&at.filter_map(value).collect::<Vec<f32>>())?;
        Some((step as f64, found.mean, found.half_width.unwrap_or(0.0)))
    });
    Some(Curve { name: runs.first()?.arm.title.into(), points: points.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arm: usize, seed: u64, shares: &[f32]) -> Done {
        let point = |(index, share): (usize, &f32)| Point { step: 10 * index, sampled: *share, ..Point::default() };
        let points = shares.iter().enumerate().map(point).collect();
        Done { arm: &Experiment::CreditForms.arms()[arm], seed, points }
    }

    fn runs() -> Vec<Done> {
        let vr = Experiment::CreditForms.arms().iter().position(|arm| arm.name == "vr").unwrap();
        vec![run(0, 0, &[0.5, 0.3]), run(0, 1, &[0.5, 0.7]), run(vr, 0, &[0.5, 0.7]), run(vr, 1, &[0.5, 0.6])]
    }

    #[test]
    fn the_table_names_collapses_and_the_yardstick() {
        let table = table(Experiment::CreditForms, &runs());
        let sum = table.lines().nth(2).unwrap();
        assert!(sum.starts_with("| sum, γ = 1 | 2 | 50.0 ± 0.0 | 50.0 ± "), "{sum}");
        assert!(sum.contains("| 1 of 2: 10 | 1 of 2: 10 |"), "{sum}");
        assert_eq!(table.lines().count(), 4);
    }

    #[test]
    fn figures_have_a_band_per_arm() {
        let figures = figures(&Experiment::CreditForms.comparisons()[1], &runs());
        let accuracy = &figures[0];
        assert_eq!(accuracy.curves.len(), 2);
        assert_eq!(accuracy.curves[0].points[0], (0.0, 0.5, 0.0));
        assert!(accuracy.curves[0].points[1].2 > 0.0);
    }

    #[test]
    fn every_evaluation_is_a_row() {
        let text = csv(&runs());
        assert_eq!(text.lines().count(), 9);
        assert_eq!(text.lines().nth(1), Some("sum,0,0,0.5,0,0,0,0,,,,"));
    }
}
