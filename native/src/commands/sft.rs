//! `minform sft`: supervised fine-tuning on reference solutions.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use minform_core::config::Config;
use minform_core::train::{Example, sft};
use minform_text::data::Problem;
use minform_text::prompter::Prompter;
use serde_json::{Value, json};

use super::problems::{draw, load_problems, prompter};
use crate::cli::Sft;
use crate::folder::Folder;
use crate::origin::Origin;
use crate::run::{Run, was_stopped};
use crate::{device, output, settings};

pub(crate) fn run(options: &Sft) -> Result<()> {
    let config = settings::load(&Config::default(), &options.common)?;
    let device = device::choose(&options.common.device, config.dtype)?.autodiff();
    let folder = Folder::open(&options.model)?;
    let prompter = prompter(options.asked.template, &folder)?;
    let problems = load_problems(&options.data.data, options.data.rows)?;
    let all = examples(&problems, &prompter, &folder)?;
    let fits = |example: &Example| example.prompt.len() + example.target.len() <= config.sft.max_tokens;
    let kept: Vec<Example> = all.iter().filter(|example| fits(example)).cloned().collect();
    if kept.is_empty() {
        bail!("no solution of {} fits sft.max_tokens = {}", options.data.data.display(), config.sft.max_tokens);
    }
    if kept.len() < all.len() {
        eprintln!("warning: {} examples longer than sft.max_tokens left out", all.len() - kept.len());
    }
    let origin = Origin::new("sft", &config, &options.common.device, BTreeMap::new())?;
    let mut run = Run::create(&origin, &config, &options.place.out, options.place.overwrite)?;
    let mut policy = folder.policy(&device)?;
    let execution = device::execution(&options.workers, &config)?;
    let mut next = |step: usize, count: usize| draw(&kept, config.seed, &[], step * count, count);
    let result = pollster::block_on(sft(&mut policy, &config.sft, &execution, &mut next, &mut |event| run.hear(event)));
    let place = options.place.out.join("policy");
    folder.save(&place, &policy.config, policy.to_safetensors()?)?;
    run.finish()?;
    finish(result.map_err(Into::into), Some(&place), options.common.json.then(|| json!({ "saved": place })))
}

/// Prompts with their solutions; the solution ends with the end-of-sequence token.
pub(super) fn examples(problems: &[Problem], prompter: &Prompter, folder: &Folder) -> Result<Vec<Example>> {
    let eos = *folder.config.eos_token_ids.first().context("config.json names no eos_token_id")?;
    let with_solution = problems.iter().filter_map(|problem| Some((problem, problem.solution.as_ref()?)));
    let examples: Vec<Example> = with_solution
        .map(|(problem, solution)| {
            let prompt = folder.tokenizer.encode(&prompter.render(&problem.question)?)?;
            let mut target = folder.tokenizer.encode(solution)?;
            target.push(eos);
            Ok(Example { prompt, target })
        })
        .collect::<Result<_>>()?;
    if examples.is_empty() {
        bail!("no problem has a reference solution; use GSM8K or MATH-style rows with a solution");
    }
    Ok(examples)
}

/// Tells where the model is, if it was saved, also after Ctrl-C, whose error is handed on. `json` is what `--json` prints.
pub(super) fn finish(result: Result<()>, place: Option<&Path>, json: Option<Value>) -> Result<()> {
    let is_good = result.as_ref().err().is_none_or(was_stopped);
    match (place, json) {
        (_, Some(json)) if is_good => output::line(json)?,
        (Some(place), _) if is_good => output::line(format_args!("saved {}", place.display()))?,
        (Some(place), _) => eprintln!("the weights before the failure are in {}", place.display()),
        (None, _) => eprintln!("no update was made, so no policy is saved"),
    }
    result
}
