//! `minform train`: reinforcement learning on problems from a file.

use anyhow::{Context as _, Result, bail};
use minform_core::config::Config;
use minform_core::prm::Prm;
use minform_core::train::{HeldOut, Problem, Rl, evaluate, reinforce};
use minform_core::{Error, seed};
use minform_text::data;
use rand::RngExt as _;

use super::problems::{Prompter, draw, load_problems};
use super::sft::finish;
use crate::cli::{Rows, Train};
use crate::folder::Folder;
use crate::progress::spent_line;
use crate::run::{Run, peak_memory_mb};
use crate::settings::Settings;
use crate::{device, output, settings};

pub(crate) fn run(options: &Train) -> Result<()> {
    let settings = configure(options)?;
    if options.dry_run {
        return match options.common.json {
            true => output::line(settings.to_json()?),
            false => output::line(settings.annotated()?.trim_end()),
        };
    }
    let (Some(model), Some(data), Some(out)) = (&options.model, &options.data, &options.out) else {
        bail!("train needs --model, --data and --out");
    };
    let config = settings.config;
    let device = device::choose(&options.common.device)?.autodiff();
    let folder = Folder::open(model)?;
    let prompter = Prompter::new(options.template, &folder)?;
    let rows = load_problems(data, options.rows)?;
    let problems = to_train(&rows, &prompter, &config)?;
    let held_out = held_out(options, &prompter, &config)?;
    let prms: Vec<Prm> = options.prm.iter().map(|path| load_prm(path, &folder, &device)).collect::<Result<_>>()?;
    let policy = folder.policy(&device)?;
    let mut rl = Rl::new(policy, &prms, &folder.tokenizer, &config.rl, &config.sampling, config.seed)?;
    let mut run = Run::create("train", &config, &options.common.device, out, options.overwrite)?;
    let result = pollster::block_on(learn(&mut rl, &problems, held_out.as_ref(), &config, &mut run));
    let saved = out.join("policy");
    folder.save(&saved, &rl.policy().config, &rl.policy().to_safetensors()?)?;
    run.finish()?;
    summary(&run);
    finish(result, &saved.display().to_string(), options.common.json)
}

/// Without a preset, the rewards follow from whether there is a process reward model.
fn configure(options: &Train) -> Result<Settings> {
    let mut base = Config::default();
    if let Some(preset) = options.preset {
        return settings::resolve(&base, preset.layers()?, Some(&options.common));
    }
    if options.prm.is_empty() {
        base.rl.reward.process = 0.0;
        base.rl.reward.verifiable = 1.0;
    }
    let mut settings = settings::resolve(&base, Vec::new(), Some(&options.common))?;
    if options.prm.is_empty() {
        settings.note("rl.reward.process", "no --prm given");
        settings.note("rl.reward.verifiable", "no --prm given");
    }
    Ok(settings)
}

async fn learn(
    rl: &mut Rl<'_>,
    problems: &[Problem],
    held_out: Option<&HeldOut>,
    config: &Config,
    run: &mut Run,
) -> std::result::Result<(), Error> {
    if let Some(held_out) = held_out {
        evaluate(rl.policy(), rl.tokenizer(), held_out, "base", 0, &mut |event| run.hear(event)).await?;
    }
    let mut next = |step: usize, count: usize| draw(problems, config.seed, &[1], step, count);
    reinforce(rl, &mut next, held_out, &mut |event| run.hear(event)).await?;
    if let Some(held_out) = held_out {
        evaluate(rl.policy(), rl.tokenizer(), held_out, "final", rl.step(), &mut |event| run.hear(event)).await?;
    }
    Ok(())
}

/// Prompts, with the answer only where the configuration lets the policy be checked.
fn to_train(rows: &[data::Problem], prompter: &Prompter, config: &Config) -> Result<Vec<Problem>> {
    let share = config.rl.reward.checked_share();
    let mut rng = seed::stream(config.seed, &[2]);
    let problem = |row: &data::Problem| {
        let answer = row.answer.clone().filter(|_| rng.random::<f32>() < share);
        Ok(Problem { prompt: prompter.render(&row.question)?, answer })
    };
    let problems: Vec<Problem> = rows.iter().map(problem).collect::<Result<_>>()?;
    if share > 0.0 && problems.iter().all(|problem| problem.answer.is_none()) {
        bail!("rl.reward.verifiable is on, but no problem has an answer to check");
    }
    Ok(problems)
}

fn held_out(options: &Train, prompter: &Prompter, config: &Config) -> Result<Option<HeldOut>> {
    let Some(path) = &options.test else { return Ok(None) };
    let rows = load_problems(path, Rows { limit: Some(options.test_limit), ..options.rows })?;
    let problem = |row: data::Problem| Ok(Problem { prompt: prompter.render(&row.question)?, answer: row.answer });
    let problems = rows.into_iter().map(problem).collect::<Result<_>>()?;
    Ok(Some(HeldOut { problems, sampling: config.sampling.clone(), seed: config.seed }))
}

/// The process reward model reads the policy's token ids, so both must share one tokenizer.
fn load_prm(path: &std::path::Path, policy: &Folder, device: &burn::tensor::Device) -> Result<Prm> {
    let folder = Folder::open(path).context("process reward model")?;
    let same = folder.tokenizer.vocabulary_size() == policy.tokenizer.vocabulary_size()
        && folder.tokenizer.to_json()? == policy.tokenizer.to_json()?;
    if !same {
        bail!(
            "{} and the policy have different tokenizers; train the PRM from the policy's model family",
            path.display()
        );
    }
    Ok(folder.prm(device)?.frozen())
}

fn summary(run: &Run) {
    for (phase, spent) in run.spent() {
        eprintln!("{}", spent_line(phase, spent));
    }
    if let Some(memory) = peak_memory_mb() {
        eprintln!("peak memory: {memory:.0} MB");
    }
}
