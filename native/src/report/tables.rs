//! The tables of a report.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::Result;
use minform_core::event::Event;

use super::{Recorded, escape};
use crate::settings::leaves;

/// A table with a heading; nothing without rows. Cells are escaped.
fn table(page: &mut String, heading: &str, columns: &[&str], rows: &[Vec<String>]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    write!(page, "<h2>{heading}</h2><table><tr>")?;
    columns.iter().try_for_each(|column| write!(page, "<th>{column}</th>"))?;
    write!(page, "</tr>")?;
    for row in rows {
        write!(page, "<tr>")?;
        row.iter().try_for_each(|cell| write!(page, "<td>{}</td>", escape(cell)))?;
        write!(page, "</tr>")?;
    }
    write!(page, "</table>")?;
    Ok(())
}

fn percent(share: f32) -> String {
    format!("{:.1} %", share * 100.0)
}

fn figure(value: Option<f32>) -> String {
    value.map_or("n/a".into(), |value| format!("{value:.3}"))
}

/// How the runs came about, and how far they are.
pub(super) fn runs(page: &mut String, runs: &[Recorded]) -> Result<()> {
    let row = |run: &Recorded| {
        let origin = run.origin.as_ref()?;
        let updates = run.history.iter().rev().find_map(|timed| match &timed.event {
            Event::Update(update) => Some(update.step),
            _ => None,
        });
        let progress = updates.map_or("–".into(), |done| format!("{done} of {}", run.config.rl.updates));
        let command = format!("minform {}", origin.arguments.join(" "));
        Some(vec![run.name.clone(), command, origin.version.clone(), origin.device.clone(), progress])
    };
    let rows: Vec<Vec<String>> = runs.iter().filter_map(row).collect();
    table(page, "Runs", &["run", "begun by", "version", "device", "updates"], &rows)
}

/// Held-out accuracies.
pub(super) fn accuracy(page: &mut String, runs: &[Recorded]) -> Result<()> {
    let mut rows = Vec::new();
    for run in runs {
        for timed in &run.history {
            if let Event::Evaluation(e) = &timed.event {
                rows.push(vec![
                    run.name.clone(),
                    e.name.clone(),
                    e.step.to_string(),
                    percent(e.greedy),
                    percent(e.sampled),
                    e.problems.to_string(),
                    format!("{:.1}", e.steps),
                    format!("{:.1}", e.length),
                    percent(e.truncated),
                ]);
            }
        }
    }
    let columns = ["run", "policy", "updates", "greedy", "sampled", "problems", "steps", "tokens", "cut off"];
    table(page, "Accuracy on held-out problems", &columns, &rows)
}

/// Judgements of process reward models.
pub(super) fn judges(page: &mut String, runs: &[Recorded]) -> Result<()> {
    let mut rows = Vec::new();
    for run in runs {
        for timed in &run.history {
            if let Event::PrmQuality(q) = &timed.event {
                rows.push(vec![
                    run.name.clone(),
                    q.on.clone(),
                    q.step.map_or(String::new(), |step| step.to_string()),
                    q.steps.to_string(),
                    figure(q.auc),
                    figure(q.accuracy),
                    figure(q.first_error_f1),
                    figure(q.approved),
                    figure(q.calibration.as_ref().map(|calibration| calibration.ece)),
                ]);
            }
        }
    }
    let columns = [
        "run",
        "on",
        "after",
        "steps up to the first error",
        "AUC",
        "step accuracy",
        "first-error F1",
        "approved",
        "ECE",
    ];
    table(page, "Process reward model", &columns, &rows)
}

/// What the guards saw: per run and guard how often, when, and the first and last sample.
pub(super) fn guards(page: &mut String, runs: &[Recorded]) -> Result<()> {
    let mut rows = Vec::new();
    for run in runs {
        let fired: Vec<_> = run
            .history
            .iter()
            .filter_map(|timed| match &timed.event {
                Event::Guard(fired) => Some(fired),
                _ => None,
            })
            .collect();
        let names: BTreeSet<&str> = fired.iter().map(|fired| fired.guard.as_str()).collect();
        for name in names {
            let of: Vec<_> = fired.iter().filter(|fired| fired.guard == name).collect();
            let (Some(first), Some(last)) = (of.first(), of.last()) else { continue };
            rows.push(vec![
                run.name.clone(),
                name.to_owned(),
                last.action.clone(),
                of.len().to_string(),
                format!("{} to {}", first.step, last.step),
                last.seen.clone(),
                last.sample.clone().unwrap_or_default(),
            ]);
        }
    }
    let columns = ["run", "guard", "action", "times", "updates", "seen last", "a response"];
    table(page, "Guards against reward hacking", &columns, &rows)
}

/// Settings and inputs in which the runs differ.
pub(super) fn differences(page: &mut String, runs: &[Recorded]) -> Result<()> {
    let settings: Vec<_> = runs.iter().map(what_it_is_made_of).collect::<Result<_>>()?;
    let keys: BTreeSet<&String> = settings.iter().flat_map(BTreeMap::keys).collect();
    let mut rows = Vec::new();
    for key in keys {
        if settings.iter().any(|other| other.get(key) != settings[0].get(key)) {
            let mut row = vec![key.clone()];
            row.extend(settings.iter().map(|other| other.get(key).map_or("".into(), ToString::to_string)));
            rows.push(row);
        }
    }
    let names = runs.iter().map(|run| escape(&run.name)).collect::<Vec<_>>();
    let columns: Vec<&str> = std::iter::once("key").chain(names.iter().map(String::as_str)).collect();
    table(page, "Settings that differ", &columns, &rows)
}

/// Settings by key, and what was read by option.
fn what_it_is_made_of(run: &Recorded) -> Result<BTreeMap<String, serde_json::Value>> {
    let inputs = run.origin.iter().flat_map(|origin| &origin.inputs);
    let mut all = leaves(&run.config)?;
    all.extend(inputs.map(|(name, print)| (name.clone(), print.chars().take(19).collect::<String>().into())));
    Ok(all)
}

/// Where the time went.
pub(super) fn times(page: &mut String, runs: &[Recorded]) -> Result<()> {
    let mut rows = Vec::new();
    for run in runs {
        for (phase, spent) in &run.spent {
            rows.push(vec![
                run.name.clone(),
                phase.title().to_owned(),
                format!("{:.1}", spent.seconds),
                spent.tokens.to_string(),
                format!("{:.0}", spent.rate()),
            ]);
        }
    }
    table(page, "Time", &["run", "phase", "seconds", "tokens", "tokens/s"], &rows)
}
