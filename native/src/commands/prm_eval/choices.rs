//! Best-of-N curves and one-to-many ranking: how well a reward model chooses among whole solutions.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use minform_core::prm::{ChoiceCurve, Estimate, Rated, ScoredSolution, choice_curves, rank};
use minform_credit::Aggregate;
use minform_text::answer::{extract, numbered};
use minform_text::data::StepRow;
use serde_json::json;

use super::rows_of;
use crate::cli::PrmEval;
use crate::commands::scoring::{Failures, Scorer};
use crate::figure::{Curve, Figure};
use crate::folder::write_file;
use crate::output;
use crate::run::Run;

/// The solutions of each problem that could be scored and of which it is known whether they are right.
fn problems(options: &PrmEval, scorer: &Scorer, run: &mut Run) -> Result<Vec<Vec<Rated>>> {
    let mut rows = Vec::new();
    for path in &options.data {
        rows.extend(rows_of(options, path)?.into_iter().filter(|row| row.final_answer_correct.is_some()));
    }
    if rows.is_empty() {
        bail!(
            "no row says whether its answer is right; give rows with `final_answer_correct`, or with an `answer` to grade by"
        );
    }
    let scored = scorer.score(run, &rows)?;
    let mut groups: BTreeMap<&str, Vec<(&StepRow, &ScoredSolution)>> = BTreeMap::new();
    for (row, scored) in rows.iter().zip(&scored) {
        let group = groups.entry(&row.problem).or_default();
        group.extend(scored.as_ref().ok().map(|solution| (row, solution)));
    }
    let all = groups.len();
    let problems: Vec<Vec<Rated>> =
        groups.into_values().filter(|group| !group.is_empty()).map(|group| rated(&group)).collect();
    let lost = all - problems.len();
    let mut failures = Failures::default();
    failures.add("these files", &scored);
    failures.check()?;
    if lost > 0 {
        eprintln!("warning: {lost} problems are left without a solution and do not count");
    }
    Ok(problems)
}

fn rated(group: &[(&StepRow, &ScoredSolution)]) -> Vec<Rated> {
    let answers: Vec<Option<String>> = group.iter().map(|(row, _)| extract(&row.steps.join("\n\n"))).collect();
    let answers = numbered(answers.iter().map(Option::as_deref));
    let rated = |((row, solution), answer): (&(&StepRow, &ScoredSolution), _)| Rated {
        solution: (*solution).clone(),
        correct: row.final_answer_correct == Some(true),
        answer,
    };
    group.iter().zip(answers).map(rated).collect()
}

/// Accuracy of every way of choosing, by the number of solutions to choose from.
pub(super) fn best_of_n(options: &PrmEval, scorer: &Scorer, run: &mut Run) -> Result<()> {
    let problems = problems(options, scorer, run)?;
    let most = problems.iter().map(Vec::len).max().unwrap_or(0);
    let mut ns: Vec<usize> = (0..).map(|power| 1 << power).take_while(|n| *n < most).collect();
    ns.push(most);
    let curves = choice_curves(&problems, &ns, scorer.config.seed);
    if let Some(path) = &options.figure {
        let points = |curve: &ChoiceCurve| {
            let points = curve.points.iter();
            points.map(|p| ((p.n as f64).log2(), f64::from(p.accuracy), 0.0)).collect()
        };
        let lines = curves.iter().map(|curve| Curve { name: curve.rule.into(), points: points(curve) }).collect();
        match Figure::new("accuracy by log2 of the number of solutions", lines) {
            Some(figure) => write_file(path, figure.svg()?.as_bytes())?,
            None => eprintln!("warning: no picture, since every problem has one solution"),
        }
    }
    let rows: usize = problems.iter().map(Vec::len).sum();
    output::line(match options.common.json {
        true => {
            let point = |p: &Estimate| json!({ "n": p.n, "accuracy": p.accuracy, "half_width": p.half_width });
            let curve = |curve: &ChoiceCurve| json!({ "rule": curve.rule, "points": curve.points.iter().map(point).collect::<Vec<_>>() });
            json!({ "problems": problems.len(), "rows": rows, "curves": curves.iter().map(curve).collect::<Vec<_>>() })
                .to_string()
        }
        false => table(&curves, problems.len(), rows),
    })
}

fn table(curves: &[ChoiceCurve], problems: usize, rows: usize) -> String {
    let mut text =
        format!("{rows} solutions of {problems} problems; ± is half of the 95 % interval over problems\n\n{:<20}", "");
    for point in curves.first().iter().flat_map(|curve| &curve.points) {
        text += &format!("{:>16}", format!("n = {}", point.n));
    }
    for curve in curves {
        text += &format!("\n{:<20}", curve.rule);
        for point in &curve.points {
            text += &format!("{:>16}", format!("{:.1} ± {:.1}", 100.0 * point.accuracy, 100.0 * point.half_width));
        }
    }
    text
}

/// Every aggregate with its name.
const AGGREGATES: [(&str, Aggregate); 6] = [
    ("min", Aggregate::Min),
    ("soft_min", Aggregate::SoftMin { temperature: 0.1 }),
    ("product", Aggregate::Product),
    ("last", Aggregate::Last),
    ("mean", Aggregate::Mean),
    ("sum", Aggregate::Sum),
];

/// How often a right solution is ranked above all wrong ones of its problem, by every aggregate.
pub(super) fn ranking(options: &PrmEval, scorer: &Scorer, run: &mut Run) -> Result<()> {
    let problems = problems(options, scorer, run)?;
    let found: Vec<_> = AGGREGATES.into_iter().filter_map(|(name, how)| Some((name, rank(&problems, how)?))).collect();
    let Some((_, first)) = found.first() else { bail!("no problem has both right and wrong solutions to rank") };
    let compared = first.compared;
    output::line(match options.common.json {
        true => {
            let figures = found.iter().map(|(name, ranking)| {
                ((*name).to_owned(), json!({ "accuracy": ranking.accuracy, "mrr": ranking.reciprocal_rank }))
            });
            json!({ "problems": problems.len(), "compared": compared, "aggregates": figures.collect::<serde_json::Map<_, _>>() }).to_string()
        }
        false => {
            let mut text = format!(
                "{compared} right solutions against the wrong ones of their problems\n\n{:<12}{:>10}{:>8}",
                "", "accuracy", "MRR"
            );
            for (name, ranking) in &found {
                text += &format!("\n{name:<12}{:>10.1}{:>8.3}", 100.0 * ranking.accuracy, ranking.reciprocal_rank);
            }
            text
        }
    })
}
