//! `minform prm train`: a process reward model from labelled steps.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use minform_core::config::Config;
use minform_core::event::Event;
use minform_core::prm::{self, LabelledSteps, Prm};
use minform_core::seed;
use minform_text::data::StepRow;
use minform_text::steps::{PrmInput, newline_id};
use rand::seq::SliceRandom as _;
use serde_json::json;

use super::problems::load_steps;
use super::sft::finish;
use crate::cli::PrmTrain;
use crate::folder::{Folder, read};
use crate::origin::Origin;
use crate::run::Run;
use crate::{device, settings};

pub(crate) fn run(options: &PrmTrain) -> Result<()> {
    let config = settings::load(&Config::default(), &options.common)?;
    let device = device::choose(&options.common.device)?.autodiff();
    let folder = Folder::open(&options.model)?;
    let mut rows = Vec::new();
    for path in &options.data {
        rows.extend(load_steps(&path.display().to_string(), &read(path)?, options.rows)?);
    }
    refuse_evaluation_data(options)?;
    let (training, held_out) = split_by_problem(&rows, config.prm.validation, config.seed);
    let training = tokenize(&training, &folder, config.prm.max_tokens)?;
    let held_out = tokenize(&held_out, &folder, config.prm.max_tokens)?;
    if training.iter().flat_map(|solution| &solution.labels).all(Option::is_none) {
        bail!("no judged step is left to learn from; give rows with labels and keep prm.validation below 1");
    }
    let origin = Origin::new("prm train", &config, &options.common.device, BTreeMap::new())?;
    let mut run = Run::create(&origin, &config, &options.place.out, options.place.overwrite)?;
    let mut model = if folder.config.token_classification {
        folder.prm(&device)?
    } else {
        Prm::from_policy(&folder.policy(&device)?, config.seed)
    };
    let mut hear = |event| run.hear(event);
    let result = pollster::block_on(prm::train(&mut model, &config.prm, &training, config.seed, &mut hear));
    if result.is_ok() && !held_out.is_empty() {
        let quality = measure(&model, &held_out, &config)?;
        let _ = run.hear(Event::PrmQuality(quality));
    }
    let place = options.place.out.join("prm");
    folder.save(&place, &model.config, model.to_safetensors()?)?;
    run.finish()?;
    finish(result.map_err(Into::into), Some(&place), options.common.json.then(|| json!({ "saved": place })))
}

/// ProcessBench and the PRMBench test files are for evaluation; learning from them would make every figure worthless.
fn refuse_evaluation_data(options: &PrmTrain) -> Result<()> {
    for path in &options.data {
        let name = path.to_string_lossy().to_lowercase();
        if name.contains("processbench") || (name.contains("prmbench") && name.contains("test")) {
            bail!("{} is an evaluation set and must not be trained on", path.display());
        }
    }
    Ok(())
}

/// Holds out whole problems, so that no problem is on both sides.
fn split_by_problem(rows: &[StepRow], share: f32, run_seed: u64) -> (Vec<&StepRow>, Vec<&StepRow>) {
    let distinct: BTreeSet<&str> = rows.iter().map(|row| row.problem.as_str()).collect();
    let mut problems: Vec<&str> = distinct.into_iter().collect();
    problems.shuffle(&mut seed::stream(run_seed, &[0x5eed]));
    let count = (problems.len() as f32 * share).round() as usize;
    let held_out: BTreeSet<&str> = problems.into_iter().take(count).collect();
    rows.iter().partition(|row| !held_out.contains(row.problem.as_str()))
}

fn tokenize(rows: &[&StepRow], folder: &Folder, longest: usize) -> Result<Vec<LabelledSteps>> {
    let newline = newline_id(&folder.tokenizer)?;
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        let input = PrmInput::from_texts(&folder.tokenizer, &row.problem, &row.steps, newline)?;
        if input.ids.len() <= longest {
            kept.push(LabelledSteps { input, labels: row.labels.clone() });
        }
    }
    if kept.len() < rows.len() {
        eprintln!("warning: {} solutions longer than prm.max_tokens left out", rows.len() - kept.len());
    }
    Ok(kept)
}

fn measure(model: &Prm, held_out: &[LabelledSteps], config: &Config) -> Result<minform_core::event::PrmQuality> {
    let inputs: Vec<PrmInput> = held_out.iter().map(|row| row.input.clone()).collect();
    let labels: Vec<Vec<Option<bool>>> = held_out.iter().map(|row| row.labels.clone()).collect();
    let frozen = model.frozen();
    let scores = pollster::block_on(prm::score(&frozen, &inputs, config.prm.micro_batch_tokens, &mut |_| true))?;
    Ok(prm::quality("held-out problems", &scores, &labels, config.prm.threshold))
}
