//! `minform train`: reinforcement learning on problems from a file.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use minform_core::config::{Config, Sampling};
use minform_core::event::{Event, Phase};
use minform_core::prm::Prm;
use minform_core::train::{HeldOut, Problem, Rl, advance, check, evaluate};
use minform_core::{Error, seed};
use minform_text::data;
use minform_text::prompter::Prompter;
use rand::RngExt as _;
use serde_json::json;

use super::problems::{draw, load_problems, prompter};
use super::sft::finish;
use crate::checkpoint::{Checkpoints, Resumed};
use crate::cli::{Rows, Train};
use crate::clock::Elapsed;
use crate::folder::{Folder, Lock};
use crate::memory::peak_memory_mb;
use crate::origin::{Origin, fingerprint};
use crate::progress::spent_line;
use crate::rollouts::Servers;
use crate::run::{LOG, Run, is_blank, is_written, was_stopped};
use crate::settings::Settings;
use crate::{device, output, settings};

pub(crate) fn run(options: &Train) -> Result<()> {
    let settings = configure(options)?;
    if options.dry_run {
        return dry_run(options, &settings);
    }
    let (Some(model), Some(data), Some(out)) = (&options.model, &options.data, &options.out) else {
        bail!("train needs --model, --data and --out");
    };
    let config = settings.config;
    check(&config.rl, &config.sampling, !options.prm.is_empty())?;
    let device = device::choose(&options.common.device, config.dtype)?.autodiff();
    let Material { folder, prms, problems, held_out } = Material::open(options, model, data, &config)?;
    refuse_own_input(options, out)?;
    let prms: Vec<Prm> =
        prms.iter().map(|prm| Ok(prm.prm(&device)?.for_inference(config.dtype))).collect::<Result<_>>()?;
    let policy = folder.policy(&device)?;
    let mut rl = Rl::new(policy, prms, folder.tokenizer.clone(), &config.rl, &config.sampling, config.seed)?
        .with_execution(&device::execution(&options.workers, &config)?);
    let servers = match options.rollouts.rollouts.is_empty() {
        true => None,
        false => Some(Servers::open(&options.rollouts, &folder.config, &config.rl)?),
    };
    if let Some(servers) = &servers {
        rl = rl.with_writer(servers.clone());
    }
    let origin = Origin::new("train", &config, &options.common.device, inputs(options)?)?;
    let mut checkpoints = Checkpoints::new(out, &config.rl.checkpoints);
    let mut training = if goes_on(options, out) {
        origin.check(out, &config)?;
        resume(&mut rl, &origin, &config, out, &mut checkpoints)?
    } else {
        Training { run: Run::create(&origin, &config, out, options.overwrite)?, resumed: false }
    };
    if options.dashboard {
        training.run.open_dashboard()?;
    }
    if options.tensorboard {
        training.run.write_tensorboard()?;
    }
    let task = Task { problems: &problems, held_out: held_out.as_ref(), config: &config, folder: &folder };
    let mut renew = |rl: &Rl| match &servers {
        Some(servers) => servers.renew(options, rl, &folder, out),
        None => Ok(()),
    };
    let learned = pollster::block_on(learn(&mut rl, &task, &mut training, &mut checkpoints, &mut renew));
    let result = match learned {
        Err(error) if can_go_on(&error) => checkpoints.when_stopped(&rl, &folder, &training.run).and(Err(error)),
        other => other,
    };
    let saved = out.join("policy");
    let has_learned = rl.step() > 0;
    let kept = match has_learned {
        true => {
            remaining(&rl, &result, &checkpoints).and_then(|weights| folder.save(&saved, &rl.policy().config, weights))
        }
        false => Ok(()),
    };
    let evaluation = training.run.last_evaluation();
    if let Err(error) = kept.and_then(|()| training.run.finish()) {
        // What ended the run comes before what could not be saved after it.
        eprintln!("error: {error:#}");
        return Err(result.err().unwrap_or(error));
    }
    summary(&training.run);
    if result.as_ref().is_err_and(was_stopped) {
        eprintln!(
            "stopped after update {} of {}; the same command with --resume goes on",
            rl.step(),
            config.rl.updates
        );
    }
    let saved = has_learned.then_some(saved.as_path());
    let (updates, stopped) = (rl.step(), result.is_err());
    let json = json!({ "saved": saved, "updates": updates, "stopped": stopped, "evaluation": evaluation });
    finish(result, saved, options.common.json.then_some(json))
}

/// Whether the weights after an error are those of the last update, and whatever ended the run may pass.
fn can_go_on(error: &anyhow::Error) -> bool {
    was_stopped(error) || matches!(error.downcast_ref::<Error>(), Some(Error::Rollout(_)))
}

/// Tells of a server that holds another model.
fn warn_of_another_model(event: &Event) {
    if let Event::Update(update) = event
        && update.rollout_age.is_some()
        && let Some(kl) = update.sampler_kl.filter(|kl| *kl > 1.0)
    {
        eprintln!(
            "warning: the servers' probabilities are not those of the policy (sampler_kl {kl:.1}); do they serve it?"
        );
    }
}

/// Whether there is a run in `out` to go on with, and that is wished.
fn goes_on(options: &Train, out: &Path) -> bool {
    options.resume && out.join(LOG).exists() && !is_blank(out)
}

/// Checks what is given as a run would, but for the weights, and prints the configuration.
fn dry_run(options: &Train, settings: &Settings) -> Result<()> {
    let config = &settings.config;
    let is_complete = options.model.is_some() && options.data.is_some();
    check(&config.rl, &config.sampling, !options.prm.is_empty() || !is_complete)?;
    device::choose(&options.common.device, config.dtype)?;
    if let (Some(model), Some(data)) = (&options.model, &options.data) {
        let material = Material::open(options, model, data, config)?;
        let held_out = material.held_out.map_or(0, |held_out| held_out.problems.len());
        eprintln!("problems to train on: {}, held out: {held_out}", material.problems.len());
    } else if options.model.is_some() || options.data.is_some() || !options.prm.is_empty() {
        bail!("a dry run checks --model, --data and --prm together: give --model and --data, or none of them");
    } else {
        eprintln!("only the configuration is checked; with --model and --data, they are checked too");
    }
    if let Some(out) = &options.out {
        refuse_own_input(options, out)?;
        match goes_on(options, out) {
            true => Origin::new("train", config, &options.common.device, inputs(options)?)?.check(out, config)?,
            false => Run::check_free("train", out, options.overwrite)?,
        }
    }
    match options.common.json {
        true => output::line(settings.to_json()?),
        false => output::line(settings.annotated()?.trim_end()),
    }
}

/// A run must not replace what it reads.
fn refuse_own_input(options: &Train, out: &Path) -> Result<()> {
    let Ok(out) = out.canonicalize() else { return Ok(()) };
    let mut read = [&options.model, &options.data, &options.test].into_iter().flatten().chain(&options.prm);
    let is_replaced = |path: &&PathBuf| path.canonicalize().is_ok_and(|path| path == out || is_written(&path, &out));
    match read.find(is_replaced) {
        Some(path) => bail!("this run would replace {}, which it reads; choose another --out", path.display()),
        None => Ok(()),
    }
}

/// What a run starts from, but for the weights.
struct Material {
    folder: Folder,
    prms: Vec<Folder>,
    problems: Vec<Problem>,
    held_out: Option<HeldOut>,
}

impl Material {
    fn open(options: &Train, model: &Path, data: &Path, config: &Config) -> Result<Self> {
        let folder = Folder::open(model)?;
        folder.expect_policy()?;
        if config.rl.reward.process == 0.0 && !options.prm.is_empty() {
            eprintln!("warning: rl.reward.process is 0, so --prm is not used");
        }
        let prms = options.prm.iter().map(|path| open_prm(path, &folder)).collect::<Result<_>>()?;
        let prompter = prompter(options.asked.template, &folder)?;
        let rows = load_problems(data, options.rows)?;
        let problems = fitting(to_train(&rows, &prompter, config)?, data, &folder, &config.sampling)?;
        let held_out = held_out(options, &prompter, &folder, config)?;
        Ok(Self { folder, prms, problems, held_out })
    }
}

/// A run in progress, and whether it goes on from a checkpoint.
struct Training {
    run: Run,
    resumed: bool,
}

/// Goes on from the newest checkpoint that is whole, or begins again where there is none yet.
fn resume(
    rl: &mut Rl,
    origin: &Origin,
    config: &Config,
    out: &Path,
    checkpoints: &mut Checkpoints,
) -> Result<Training> {
    let lock = Lock::take(out)?;
    let Some(Resumed { snapshot, events, elapsed, .. }) = checkpoints.resume()? else {
        if out.join("policy").exists() {
            bail!(
                "{} holds a policy but no checkpoint to go on from; pass --overwrite instead of --resume to begin again",
                out.display()
            );
        }
        eprintln!("no checkpoint yet: beginning again");
        let run = Run::resume(lock, origin, config, out, 0, Elapsed::default())?;
        return Ok(Training { run, resumed: false });
    };
    rl.restore(snapshot)?;
    if rl.step() > config.rl.updates {
        bail!("{} has made {} updates already; rl.updates = {} is less", out.display(), rl.step(), config.rl.updates);
    }
    eprintln!("going on after update {}", rl.step());
    Ok(Training { run: Run::resume(lock, origin, config, out, events, elapsed)?, resumed: true })
}

/// What the run reads, by option, so that it is continued with the same.
fn inputs(options: &Train) -> Result<BTreeMap<String, String>> {
    let named = [("--model", &options.model), ("--data", &options.data), ("--test", &options.test)];
    let mut inputs = BTreeMap::new();
    for (name, path) in named {
        inputs.insert(name.into(), path.as_deref().map_or(Ok("none".into()), fingerprint)?);
    }
    let prms: Vec<String> = options.prm.iter().map(|path| fingerprint(path)).collect::<Result<_>>()?;
    inputs.insert("--prm".into(), if prms.is_empty() { "none".into() } else { prms.join(" ") });
    let limit = options.rows.limit.map_or("none".into(), |limit| limit.to_string());
    inputs.insert("--limit".into(), limit);
    inputs.insert("--test-limit".into(), options.test_limit.to_string());
    inputs.insert("--template".into(), format!("{:?}", options.asked.template).to_lowercase());
    Ok(inputs)
}

/// The weights to leave behind: after a guard or a loss that is no number, those of the last good checkpoint.
fn remaining(rl: &Rl, result: &Result<()>, checkpoints: &Checkpoints) -> Result<Vec<u8>> {
    let cause = result.as_ref().err().and_then(|error| error.downcast_ref::<Error>());
    if let Some(Error::Guard { .. } | Error::NotFinite { .. }) = cause
        && let Some((step, weights)) = checkpoints.last_good()
    {
        eprintln!("the policy that remains is that of the checkpoint after update {step}");
        return Ok(weights);
    }
    Ok(rl.policy().to_safetensors()?)
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

/// What is learned, and from what.
struct Task<'a> {
    problems: &'a [Problem],
    held_out: Option<&'a HeldOut>,
    config: &'a Config,
    folder: &'a Folder,
}

/// `renew` is called before each update, for those who write its responses elsewhere.
async fn learn(
    rl: &mut Rl,
    task: &Task<'_>,
    training: &mut Training,
    checkpoints: &mut Checkpoints,
    renew: &mut dyn FnMut(&Rl) -> Result<()>,
) -> Result<()> {
    let Task { problems, held_out, config, folder } = *task;
    let run = &mut training.run;
    let began = Event::PhaseStarted { phase: Phase::Rl, total: config.rl.updates };
    if training.resumed {
        run.show(&began);
    } else {
        if let Some(held_out) = held_out {
            evaluate(rl.policy(), rl.tokenizer(), held_out, "base", 0, &mut |event| run.hear(event)).await?;
        }
        emit(run, began)?;
    }
    checkpoints.between_updates(rl, folder, run, None)?;
    let mut next = |drawn: usize, count: usize| draw(problems, config.seed, &[1], drawn, count);
    while rl.step() < config.rl.updates {
        renew(rl)?;
        let mut hear = |event: Event| {
            warn_of_another_model(&event);
            run.hear(event)
        };
        let evaluation = advance(rl, &mut next, held_out, &mut hear).await?;
        checkpoints.between_updates(rl, folder, run, evaluation.as_ref())?;
    }
    emit(run, Event::PhaseFinished { phase: Phase::Rl, tokens: 0 })?;
    if let Some(held_out) = held_out {
        evaluate(rl.policy(), rl.tokenizer(), held_out, "final", rl.step(), &mut |event| run.hear(event)).await?;
    }
    Ok(())
}

fn emit(run: &mut Run, event: Event) -> Result<()> {
    match run.hear(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped.into()),
    }
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

/// The problems whose prompt leaves room for `sampling.max_new_tokens` in the model's context.
fn fitting(problems: Vec<Problem>, data: &Path, folder: &Folder, sampling: &Sampling) -> Result<Vec<Problem>> {
    let (context, new) = (folder.config.max_position_embeddings, sampling.max_new_tokens);
    let length = |problem: &Problem| Ok(folder.tokenizer.encode(&problem.prompt)?.len());
    let lengths: Vec<usize> = problems.iter().map(length).collect::<Result<_>>()?;
    let fits = |length: usize| length + new <= context;
    let kept = lengths.iter().filter(|length| fits(**length)).count();
    if kept == problems.len() {
        return Ok(problems);
    }
    let (all, name) = (problems.len(), data.display());
    let longest = lengths.iter().copied().max().unwrap_or_default();
    let remedy = match context.saturating_sub(longest) {
        0 => format!("its longest prompt alone has {longest} tokens"),
        room => format!("--set sampling.max_new_tokens={room} leaves room for all"),
    };
    let why = format!("sampling.max_new_tokens = {new} in a context of {context} tokens; {remedy}");
    if kept == 0 {
        bail!("no prompt of {name} leaves room for {why}");
    }
    eprintln!("warning: {} of {all} problems of {name} left out: their prompts leave no room for {why}", all - kept);
    Ok(problems.into_iter().zip(lengths).filter(|(_, length)| fits(*length)).map(|(problem, _)| problem).collect())
}

fn held_out(options: &Train, prompter: &Prompter, folder: &Folder, config: &Config) -> Result<Option<HeldOut>> {
    let Some(path) = &options.test else { return Ok(None) };
    let rows = load_problems(path, Rows { limit: Some(options.test_limit), ..options.rows })?;
    let problem = |row: data::Problem| Ok(Problem { prompt: prompter.render(&row.question)?, answer: row.answer });
    let problems = rows.into_iter().map(problem).collect::<Result<_>>()?;
    let problems = fitting(problems, path, folder, &config.sampling)?;
    Ok(Some(HeldOut { problems, sampling: config.sampling.clone(), seed: config.seed }))
}

/// The process reward model reads the policy's token ids, so both must share one tokenizer.
fn open_prm(path: &Path, policy: &Folder) -> Result<Folder> {
    let folder = Folder::open(path).context("process reward model")?;
    folder.expect_prm()?;
    if !folder.reads_as(policy)? {
        bail!(
            "{} and the policy have different tokenizers; train the PRM from the policy's model family",
            path.display()
        );
    }
    Ok(folder)
}

fn summary(run: &Run) {
    for (phase, spent) in run.spent() {
        eprintln!("{}", spent_line(phase, spent));
    }
    if let Some(memory) = peak_memory_mb() {
        eprintln!("peak memory: {memory:.0} MB");
    }
}
