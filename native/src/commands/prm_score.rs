//! `minform prm score`: every step of every solution.

use std::io::Read as _;

use anyhow::{Context as _, Result, bail};
use minform_core::config::Config;
use minform_core::event::{Event, Phase};
use minform_core::prm;
use minform_credit::CreditForm;
use minform_text::data::StepRow;
use minform_text::steps::{PrmInput, newline_id};
use serde::Serialize;

use super::problems::load_steps;
use crate::cli::PrmScore;
use crate::folder::{Folder, read, write_file};
use crate::run::Run;
use crate::{device, settings};

/// One output row.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: &'a str,
    problem: &'a str,
    steps: &'a [String],
    /// One score per step, in (−1, 1).
    scores: &'a [f32],
    /// Index of the first step below the threshold, −1 if there is none.
    first_error: i64,
    /// Σ of the soft-min transformed scores at T = 0.1.
    soft_min: f32,
    min: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<i64>,
}

pub(crate) fn run(options: &PrmScore) -> Result<()> {
    let config = settings::load(&Config::default(), &options.common)?;
    let device = device::choose(&options.common.device)?;
    if let Some(out) = options.out.as_ref().filter(|out| out.exists() && !options.overwrite) {
        bail!("{} is already there; choose another --out or pass --overwrite", out.display());
    }
    let folder = Folder::open(&options.prm)?;
    let model = folder.prm(&device)?.frozen();
    let rows = input(options)?;
    let newline = newline_id(&folder.tokenizer)?;
    let inputs: Vec<PrmInput> = rows
        .iter()
        .map(|row| Ok(PrmInput::from_texts(&folder.tokenizer, &row.problem, &row.steps, newline)?))
        .collect::<Result<_>>()?;
    let tokens: usize = inputs.iter().map(|input| input.ids.len()).sum();
    let mut run = Run::without_folder("prm score", &config);
    let phase = Phase::Score;
    let _ = run.hear(Event::PhaseStarted { phase, total: rows.len() });
    let (mut done, total) = (0, rows.len());
    let mut scored = |count: usize| {
        done += count;
        run.hear(Event::Progress { phase, done, tokens: tokens * done / total }).is_continue()
    };
    let scores = pollster::block_on(prm::score(&model, &inputs, config.prm.micro_batch_tokens, &mut scored))?;
    let _ = run.hear(Event::PhaseFinished { phase, tokens });
    report_quality(&mut run, &rows, &scores, config.prm.threshold);
    run.finish()?;
    write(options, &rows, &scores, config.prm.threshold)
}

fn input(options: &PrmScore) -> Result<Vec<StepRow>> {
    match &options.data {
        Some(path) => load_steps(&path.display().to_string(), &read(path)?, options.rows),
        None => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
            load_steps("standard input", &bytes, options.rows)
        }
    }
}

/// Where the rows carry labels, tells how well the scores match them.
fn report_quality(run: &mut Run, rows: &[StepRow], scores: &[Vec<f32>], threshold: f32) {
    let labels: Vec<Vec<Option<bool>>> = rows.iter().map(|row| row.labels.clone()).collect();
    if labels.iter().flatten().any(Option::is_some) {
        let _ = run.hear(Event::PrmQuality(prm::quality("the labelled input", scores, &labels, threshold)));
    }
}

fn write(options: &PrmScore, rows: &[StepRow], scores: &[Vec<f32>], threshold: f32) -> Result<()> {
    let form = CreditForm::SoftMin { temperature: 0.1 };
    let mut text = String::new();
    for (row, scores) in rows.iter().zip(scores) {
        let row = Row {
            id: &row.id,
            problem: &row.problem,
            steps: &row.steps,
            scores,
            first_error: prm::first_error(scores, threshold),
            soft_min: form.outcome(scores),
            min: scores.iter().copied().fold(f32::INFINITY, f32::min),
            label: row.first_error,
        };
        text += &serde_json::to_string(&row)?;
        text.push('\n');
    }
    match &options.out {
        Some(path) => write_file(path, text.as_bytes()),
        None => {
            use std::io::Write as _;
            std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")
        }
    }
}
