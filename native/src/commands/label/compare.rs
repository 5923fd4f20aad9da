//! Labels from rollouts beside the truth, in the embedded world: accuracy against rollouts.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use minform_core::config::Config;
use minform_core::event::{Event, Phase};
use minform_core::label::{
    Agreement, Asked, Asks, Bisection, Completion, Exhaustive, OmegaSearch, OmegaSettings, RolloutLabels, Rollouts,
};
use minform_core::policy::NewToken;
use minform_text::tokenizer::Tokenizer;
use minform_text::world::{self, check_steps};
use serde::Serialize;
use serde_json::json;

use super::rollouts::{Labeller, texts};
use crate::cli::Label;
use crate::commands::problems::world_problems;
use crate::figure::{Curve, Figure};
use crate::folder::{picture_beside, refuse_present, write_file};
use crate::output;
use crate::run::Run;

/// Rollouts from each beginning.
const ROLLOUTS: [usize; 5] = [1, 2, 4, 8, 16];

/// A wrong solution of the policy, and where it goes wrong.
struct Wrong<'a> {
    asked: &'a Asked,
    solution: Completion,
    first_error: usize,
}

/// What a method found with so many rollouts from each beginning.
#[derive(Debug, Serialize)]
struct Found {
    method: &'static str,
    rollouts_each: usize,
    /// In all.
    rollouts: usize,
    /// Steps that got a label.
    judged_steps: usize,
    /// Share of these labels that are true.
    label_accuracy: f32,
    /// Share of the wrong solutions whose first error was found exactly; of the same solutions, so not of a tree.
    first_error_accuracy: Option<f32>,
}

pub(super) fn run(options: &Label, config: &Config) -> Result<()> {
    refuse_present(&[&picture_beside(&options.out)?], options.overwrite)?;
    let labeller = Labeller::open(options)?;
    let Some(problems) = world_problems(&options.data, config)? else {
        bail!("the truth is known of the embedded world alone; give --data world:200");
    };
    let asked = problems.iter().map(|(problem, _)| labeller.asked(problem)).collect::<Result<Option<Vec<_>>>>()?;
    let comparison = Comparison {
        config,
        labeller: &labeller,
        truths: problems.iter().map(|(_, truth)| truth).collect(),
        asked: asked.unwrap_or_default(),
    };
    let mut run = Run::without_folder("label", config);
    let phase = Phase::Label;
    let _ = run.hear(Event::PhaseStarted { phase, total: 3 * ROLLOUTS.len() });
    let wrong = comparison.wrong_solutions(&mut run)?;
    if wrong.is_empty() {
        bail!("the policy made no mistake; give more problems or a weaker policy");
    }
    let mut found = Vec::new();
    for each in ROLLOUTS {
        let every_step = labelled(&mut comparison.rollouts(), &wrong, each, Exhaustive::new, Exhaustive::labels)?;
        found.push(judge("monte-carlo", each, &wrong, &every_step));
        let halved = labelled(&mut comparison.rollouts(), &wrong, each, Bisection::new, Bisection::labels)?;
        found.push(judge("bisection", each, &wrong, &halved));
        found.push(comparison.trees(options.searches, each)?);
        let _ = run.hear(Event::Progress { phase, done: found.len(), tokens: 0 });
    }
    let _ = run.hear(Event::PhaseFinished { phase, tokens: 0 });
    run.finish()?;
    write(options, &found, wrong.len())
}

/// Problems of the world, as the policy is asked and as they are.
struct Comparison<'a> {
    config: &'a Config,
    labeller: &'a Labeller,
    asked: Vec<Asked>,
    truths: Vec<&'a world::Problem>,
}

impl Comparison<'_> {
    fn rollouts(&self) -> Rollouts<'_> {
        let Self { config, labeller, .. } = self;
        Rollouts::new(&labeller.policy, &labeller.folder.tokenizer, &config.sampling, config.seed)
    }

    /// One solution of every problem, of which the wrong ones are kept.
    fn wrong_solutions(&self, run: &mut Run) -> Result<Vec<Wrong<'_>>> {
        let beginnings: Vec<(&Asked, Vec<u32>)> = self.asked.iter().map(|asked| (asked, Vec::new())).collect();
        let mut tokens = 0;
        let mut hear = |_: NewToken| {
            tokens += 1;
            run.hear(Event::Progress { phase: Phase::Label, done: 0, tokens })
        };
        let solutions = pollster::block_on(self.rollouts().complete(&beginnings, 1, &mut hear))?;
        let mut wrong = Vec::new();
        for ((asked, truth), group) in self.asked.iter().zip(&self.truths).zip(solutions) {
            for solution in group.into_iter().filter(|solution| !solution.right) {
                let error = first_error(truth, &solution.steps, &self.labeller.folder.tokenizer)?;
                wrong.extend(error.map(|first_error| Wrong { asked, solution, first_error }));
            }
        }
        Ok(wrong)
    }

    /// The labels of a tree for every problem.
    fn trees(&self, searches: usize, each: usize) -> Result<Found> {
        let mut writer = self.rollouts();
        let settings = OmegaSettings { searches, ..OmegaSettings::default() };
        let mut trees = vec![OmegaSearch::new(settings); self.asked.len()];
        let mut pairs: Vec<(&Asked, &mut dyn Asks)> =
            self.asked.iter().zip(&mut trees).map(|(asked, tree)| (asked, tree as &mut dyn Asks)).collect();
        pollster::block_on(writer.satisfy(&mut pairs, each, &mut |_: NewToken| crate::run::flow()))?;
        let mut agreement = Agreement::default();
        for (truth, tree) in self.truths.iter().zip(&trees) {
            for labels in tree.labels() {
                agreement.add(first_error(truth, &labels.steps, &self.labeller.folder.tokenizer)?, &labels.labels);
            }
        }
        Ok(Found::new("omega", each, writer.rollouts, agreement))
    }
}

/// What a method says of the wrong solutions, and how many rollouts it took.
fn labelled<A: Asks>(
    writer: &mut Rollouts<'_>,
    wrong: &[Wrong<'_>],
    each: usize,
    search: fn(Completion) -> A,
    labels: fn(&A) -> RolloutLabels,
) -> Result<(Vec<RolloutLabels>, usize)> {
    let mut searches: Vec<A> = wrong.iter().map(|one| search(one.solution.clone())).collect();
    let pairs = wrong.iter().zip(&mut searches);
    let mut asks: Vec<(&Asked, &mut dyn Asks)> =
        pairs.map(|(one, search)| (one.asked, search as &mut dyn Asks)).collect();
    pollster::block_on(writer.satisfy(&mut asks, each, &mut |_: NewToken| crate::run::flow()))?;
    Ok((searches.iter().map(labels).collect(), writer.rollouts))
}

/// Index of the first step that the checker of the world objects to.
fn first_error(truth: &world::Problem, steps: &[Vec<u32>], tokenizer: &Tokenizer) -> Result<Option<usize>> {
    let texts = texts(steps, tokenizer)?;
    Ok(check_steps(truth, texts.iter().map(String::as_str)).first_error())
}

impl Found {
    fn new(method: &'static str, rollouts_each: usize, rollouts: usize, agreement: Agreement) -> Self {
        let label_accuracy = agreement.share().unwrap_or(0.0);
        let judged_steps = agreement.judged;
        Self { method, rollouts_each, rollouts, judged_steps, label_accuracy, first_error_accuracy: None }
    }
}

fn judge(
    method: &'static str,
    each: usize,
    wrong: &[Wrong<'_>],
    (labels, rollouts): &(Vec<RolloutLabels>, usize),
) -> Found {
    let mut agreement = Agreement::default();
    let mut exact = 0;
    for (one, labels) in wrong.iter().zip(labels) {
        agreement.add(Some(one.first_error), &labels.labels);
        exact += usize::from(labels.labels.iter().position(|label| *label == Some(false)) == Some(one.first_error));
    }
    let share = exact as f32 / wrong.len().max(1) as f32;
    Found { first_error_accuracy: Some(share), ..Found::new(method, each, *rollouts, agreement) }
}

/// The table as CSV, and the pictures beside it.
fn write(options: &Label, found: &[Found], wrong: usize) -> Result<()> {
    let mut csv = String::from("method,rollouts_each,rollouts,judged_steps,label_accuracy,first_error_accuracy\n");
    let mut table = format!(
        "{wrong} wrong solutions\n\n{:<14}{:>10}{:>10}{:>14}{:>10}{:>13}\n",
        "", "rollouts", "each", "judged steps", "true", "first error"
    );
    for one in found {
        let Found { method, rollouts_each, rollouts, judged_steps, label_accuracy, first_error_accuracy } = one;
        let exact = first_error_accuracy.map_or(String::new(), |share| share.to_string());
        writeln!(csv, "{method},{rollouts_each},{rollouts},{judged_steps},{label_accuracy},{exact}")?;
        let exact = first_error_accuracy.map_or("".into(), |share| format!("{:.1} %", 100.0 * share));
        let share = format!("{:.1} %", 100.0 * label_accuracy);
        writeln!(table, "{method:<14}{rollouts:>10}{rollouts_each:>10}{judged_steps:>14}{share:>10}{exact:>13}")?;
    }
    write_file(&options.out, csv.as_bytes())?;
    let curve = |method: &str, value: &dyn Fn(&Found) -> Option<f32>| {
        let of = found.iter().filter(|one| one.method == method);
        Curve::line(method, of.filter_map(|one| Some((one.rollouts as f64, f64::from(value(one)?)))))
    };
    let exact = ["monte-carlo", "bisection"].map(|method| curve(method, &|one| one.first_error_accuracy));
    if let Some(figure) = Figure::new("first errors found by rollouts spent", exact.into()) {
        write_file(&picture_beside(&options.out)?, figure.svg()?.as_bytes())?;
    }
    output::line(match options.common.json {
        true => json!({ "saved": options.out, "wrong_solutions": wrong, "found": found }).to_string(),
        false => format!("{table}\nsaved {}", options.out.display()),
    })
}
