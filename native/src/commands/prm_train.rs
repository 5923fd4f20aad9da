//! `minform prm train`: a process reward model from labelled steps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use minform_core::Dtype;
use minform_core::config::{self, Config, Labels, Objective};
use minform_core::event::{Event, PrmQuality};
use minform_core::model::{Head, PeftAdapter};
use minform_core::prm::{
    Found, LabelledSteps, Prm, PrmProgress, PrmSnapshot, PrmTraining, Scale, best_threshold, quality,
};
use minform_core::seed;
use minform_text::data::{ProblemFormat, StepFormat, StepRow, read_problems, step_format};
use minform_text::steps::{PrmInput, newline_id};
use rand::seq::SliceRandom as _;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::problems::{load_problems, load_steps};
use super::sft::finish;
use crate::cli::{PrmTrain, Rows};
use crate::clock::Elapsed;
use crate::folder::{Folder, Lock, OWN, kind, write_file, write_folder};
use crate::origin::{Origin, fingerprint};
use crate::parquet::read_rows;
use crate::run::{LOG, Run, is_blank, was_stopped};
use crate::sealed::{self, Series};
use crate::{device, settings};

const LEARNED: &str = "learned.safetensors";
const OPTIMIZER: &str = "optimizer.burnpack";
const BEST: &str = "best.safetensors";

/// An empty file that says that a training has come to its end.
const COMPLETE: &str = ".complete";

pub(crate) fn run(options: &PrmTrain) -> Result<()> {
    let config = settings::load(&Config::default(), &options.common)?;
    let device = device::choose(&options.common.device, config.dtype)?.autodiff();
    let folder = Folder::open(&options.model)?;
    let (training, held_out) = examples(options, &folder, &config)?;
    let counts = Counts::of(&training, held_out.len());
    let model = match folder.config.head {
        Head::Classifier => folder.prm(&device)?,
        _ => Prm::from_policy(&folder.policy(&device)?, config.seed),
    };
    let measured = held_out.iter().map(|from| from.row.clone()).collect();
    let mut training = PrmTraining::new(model, &config.prm, training, measured, config.seed)?
        .with_execution(&device::execution(&options.workers, &config)?);
    let origin = Origin::new("prm train", &config, &options.common.device, inputs(options)?)?;
    let Some(mut run) = begin(options, &origin, &config, &mut training)? else {
        let saved = options.place.out.join("prm");
        eprintln!("this training is complete; nothing is left to do");
        let json = json!({ "saved": saved, "steps": training.steps(), "stopped": false, "complete": true });
        return finish(Ok::<(), anyhow::Error>(()), Some(&saved), options.common.json.then_some(json));
    };
    counts.tell();
    tell_steps(&training);
    let checkpoints = Series::new(options.place.out.join("checkpoint"));
    let result = pollster::block_on(learn(&mut training, &config, &checkpoints, &mut run));
    let (step, steps) = (training.step(), training.steps());
    let judged = match &result {
        Ok(()) if !held_out.is_empty() => Some(judge(&training, &held_out, &config)?),
        _ => None,
    };
    let Saved { prm, adapter } = save(options, &folder, training.into_prm(), &config, judged.as_ref())?;
    if let Some(Judged { quality, .. }) = &judged {
        let _ = run.hear(Event::PrmQuality(quality.clone()));
    }
    run.finish()?;
    match &result {
        // What is saved takes the place of what it was made from.
        Ok(()) => {
            checkpoints.clear()?;
            write_file(&options.place.out.join(COMPLETE), b"")?;
        }
        Err(error) if was_stopped(error) => {
            eprintln!("stopped after step {step} of {steps}; the same command with --resume goes on");
        }
        Err(_) => {}
    }
    let json = json!({
        "saved": prm,
        "adapter": adapter,
        "steps": step,
        "stopped": result.is_err(),
        "threshold": judged.as_ref().map(|judged| judged.threshold),
        "quality": judged.as_ref().map(|judged| &judged.quality),
    });
    finish(result, Some(&prm), options.common.json.then_some(json))
}

/// What to learn from and what to hold out.
fn examples(
    options: &PrmTrain,
    folder: &Folder,
    config: &Config,
) -> Result<(Vec<LabelledSteps>, Vec<FromFile<LabelledSteps>>)> {
    let rows = gather(options, &config.prm)?;
    let (training, held_out) = split_by_problem(&rows, config.prm.validation, config.seed);
    let training = tokenize(&training, folder, config, config.prm.objective == Objective::CrossEntropy)?;
    let training: Vec<LabelledSteps> = training.into_iter().map(|from| from.row).collect();
    // What nobody judged at the end of a solution leaves it open whether it is right.
    let held_out = tokenize(&held_out, folder, config, false)?;
    let teaches = |row: &LabelledSteps| row.outcome.is_some() || row.labels.iter().any(Option::is_some);
    if !training.iter().any(teaches) {
        bail!("no judged step is left to learn from; give rows with labels and keep prm.validation below 1");
    }
    Ok((training, held_out))
}

/// A row with the data file it is from.
struct FromFile<R> {
    /// Place of the file among all.
    file: usize,
    row: R,
}

/// All rows to learn from or to hold out.
fn gather(options: &PrmTrain, config: &config::Prm) -> Result<Vec<FromFile<StepRow>>> {
    let mut rows: Vec<FromFile<StepRow>> = Vec::new();
    for (file, path) in options.data.iter().enumerate() {
        let bytes = read_rows(path)?;
        if !options.i_know {
            refuse_evaluation_data(path, &bytes)?;
        }
        let name = path.display().to_string();
        if step_format(&bytes) == StepFormat::Auto && !read_problems(&name, &bytes, ProblemFormat::Auto).rows.is_empty()
        {
            bail!("{name} holds problems, not solutions with labelled steps; `minform label` makes such of it");
        }
        let of_file = load_steps(&name, &bytes, options.rows)?;
        rows.extend(of_file.into_iter().map(|row| FromFile { file, row }));
    }
    let mut excluded = BTreeSet::new();
    for path in &options.exclude {
        excluded.extend(excluded_problems(path, options.rows)?);
    }
    let before = rows.len();
    rows.retain(|from| !excluded.contains(&from.row.problem));
    if rows.len() < before {
        eprintln!("{} solutions left out, whose problems occur in --exclude", before - rows.len());
    }
    let before = rows.len();
    let mut known = BTreeSet::new();
    // The value of a token is a share of solutions, in which each counts as often as it was written.
    if config.objective != Objective::TokenValue {
        rows.retain(|FromFile { row, .. }| known.insert((row.problem.clone(), row.steps.clone(), row.labels.clone())));
    }
    if rows.len() < before {
        eprintln!("{} solutions left out, which occur more than once", before - rows.len());
    }
    if config.until_first_error {
        rows.iter_mut().for_each(|from| judge_until_first_error(&mut from.row));
    }
    Ok(rows)
}

/// The problems of a file of solutions, or of problems.
fn excluded_problems(path: &Path, rows: Rows) -> Result<Vec<String>> {
    let (all, bytes) = (Rows { limit: None, ..rows }, read_rows(path)?);
    if step_format(&bytes) == StepFormat::Auto {
        return Ok(load_problems(path, all)?.into_iter().map(|problem| problem.question).collect());
    }
    let rows = load_steps(&path.display().to_string(), &bytes, all)?;
    Ok(rows.into_iter().map(|row| row.problem).collect())
}

/// Steps after the first wrong one count as unjudged.
fn judge_until_first_error(row: &mut StepRow) {
    let Some(error) = row.labels.iter().position(|label| *label == Some(false)) else { return };
    row.labels.iter_mut().skip(error + 1).for_each(|label| *label = None);
    row.values.iter_mut().flat_map(|values| values.iter_mut().skip(error + 1)).for_each(|value| *value = None);
}

/// ProcessBench and the PRMBench test files are for evaluation; learning from them would make every figure worthless.
fn refuse_evaluation_data(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path.to_string_lossy().to_lowercase();
    let is_test = || name.contains("test") || bytes.windows(8).any(|window| window == b"prm_test");
    let is_evaluation = match step_format(bytes) {
        StepFormat::ProcessBench => true,
        StepFormat::PrmBench => is_test(),
        _ => name.contains("processbench") || name.contains("prmbench") && is_test(),
    };
    match is_evaluation {
        true => bail!(
            "{} is an evaluation set and must not be trained on; with --i-know it is, and figures on it mean nothing",
            path.display()
        ),
        false => Ok(()),
    }
}

/// What the run reads, so that it is continued with the same.
fn inputs(options: &PrmTrain) -> Result<BTreeMap<String, String>> {
    let prints = |paths: &[PathBuf]| -> Result<String> {
        let prints: Vec<String> = paths.iter().map(|path| fingerprint(path)).collect::<Result<_>>()?;
        Ok(if prints.is_empty() { "none".into() } else { prints.join(" ") })
    };
    let limit = options.rows.limit.map_or("none".into(), |limit| limit.to_string());
    Ok(BTreeMap::from([
        ("--model".into(), fingerprint(&options.model)?),
        ("--data".into(), prints(&options.data)?),
        ("--exclude".into(), prints(&options.exclude)?),
        ("--limit".into(), limit),
    ]))
}

/// What there is to learn from.
struct Counts {
    solutions: usize,
    good: usize,
    bad: usize,
    tokens: usize,
    held_out: usize,
}

impl Counts {
    fn of(training: &[LabelledSteps], held_out: usize) -> Self {
        let verdicts: Vec<bool> = training.iter().flat_map(LabelledSteps::verdicts).flatten().collect();
        let good = verdicts.iter().filter(|good| **good).count();
        Self {
            solutions: training.len(),
            good,
            bad: verdicts.len() - good,
            tokens: training.iter().map(|row| row.input.ids.len()).sum(),
            held_out,
        }
    }

    fn tell(&self) {
        let Self { solutions, good, bad, tokens, held_out } = self;
        eprintln!("{solutions} solutions of {tokens} tokens with {good} good and {bad} bad steps; {held_out} held out");
    }
}

/// What the checkpoint of a training says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    progress: PrmProgress,
    /// Length of `events.jsonl` in bytes.
    events: u64,
    elapsed: Elapsed,
}

/// Creates the run folder, or goes on from its checkpoint.
///
/// `None` if that training has come to its end.
fn begin(options: &PrmTrain, origin: &Origin, config: &Config, training: &mut PrmTraining) -> Result<Option<Run>> {
    let out = &options.place.out;
    if !options.resume || !out.join(LOG).exists() || is_blank(out) {
        return Run::create(origin, config, out, options.place.overwrite).map(Some);
    }
    origin.check(out, config)?;
    let lock = Lock::take(out)?;
    let checkpoints = Series::new(out.join("checkpoint"));
    checkpoints.remove_leftovers()?;
    let steps = checkpoints.steps()?;
    for step in steps.iter().rev() {
        let path = checkpoints.path(*step);
        let opened = sealed::open::<State>(&path).and_then(|(state, files)| {
            sealed::covered(&out.join(LOG), state.events)?;
            Ok((state, files))
        });
        match opened {
            Ok((State { progress, events, elapsed }, mut files)) => {
                let (learned, optimizer) = (files.take(LEARNED)?, files.take(OPTIMIZER)?);
                training.restore(PrmSnapshot { progress, learned, optimizer, best: files.take_if_there(BEST) })?;
                eprintln!("going on after step {} of {}", training.step(), training.steps());
                return Run::resume(lock, origin, config, out, events, elapsed).map(Some);
            }
            Err(error) => eprintln!("warning: {} is not usable: {error:#}", path.display()),
        }
    }
    if steps.is_empty() && out.join(COMPLETE).exists() {
        return Ok(None);
    }
    if !steps.is_empty() || out.join("prm").exists() {
        bail!(
            "{} holds no checkpoint to go on from; pass --overwrite instead of --resume to begin again",
            out.display()
        );
    }
    eprintln!("no checkpoint yet: beginning again");
    Run::resume(lock, origin, config, out, 0, Elapsed::default()).map(Some)
}

/// So few optimizer steps teach next to nothing.
const FEW_STEPS: usize = 30;

fn tell_steps(training: &PrmTraining) {
    let steps = training.steps();
    if steps < FEW_STEPS {
        eprintln!("warning: {steps} optimizer steps teach little; lower prm.batch, or give more rows or epochs");
    } else {
        eprintln!("{steps} optimizer steps");
    }
}

/// Trains to the end, with checkpoints on the way and one when it is stopped.
async fn learn(training: &mut PrmTraining, config: &Config, checkpoints: &Series, run: &mut Run) -> Result<()> {
    let every = config.prm.checkpoint_every;
    loop {
        match training.advance(&mut |event| run.hear(event)).await {
            Ok(true) if every > 0 && training.step().is_multiple_of(every) => checkpoint(training, checkpoints, run)?,
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => {
                let error = error.into();
                if was_stopped(&error) {
                    checkpoint(training, checkpoints, run)?;
                }
                return Err(error);
            }
        }
    }
}

/// A checkpoint of the present step, in place of all others. What is in the log has happened to the training too: it
/// changes before it tells.
fn checkpoint(training: &PrmTraining, checkpoints: &Series, run: &Run) -> Result<()> {
    run.sync()?;
    let snapshot = training.snapshot()?;
    let state = State { progress: snapshot.progress, events: run.position(), elapsed: run.elapsed() };
    let mut files = vec![(LEARNED.into(), snapshot.learned), (OPTIMIZER.into(), snapshot.optimizer)];
    files.extend(snapshot.best.map(|best| (BEST.to_owned(), best)));
    sealed::write(&checkpoints.path(training.step()), state, files)?;
    for step in checkpoints.steps()?.into_iter().filter(|step| *step != training.step()) {
        checkpoints.remove(step)?;
    }
    Ok(())
}

/// The trained model on the solutions held out.
struct Judged {
    /// Below it a step is wrong: given, or the one with the largest F1 of first errors, averaged over the data files.
    threshold: f32,
    quality: PrmQuality,
}

fn judge(training: &PrmTraining, held_out: &[FromFile<LabelledSteps>], config: &Config) -> Result<Judged> {
    let scores = pollster::block_on(training.held_out_scores())?;
    let labels: Vec<_> = held_out.iter().map(|from| from.row.verdicts()).collect();
    let mut files: BTreeMap<usize, Vec<Found>> = BTreeMap::new();
    for (scores, FromFile { file, row }) in scores.iter().zip(held_out) {
        let Some(label) = row.first_error() else { continue };
        files.entry(*file).or_default().push(Found { scores: Some(scores.clone()), steps: scores.len(), label });
    }
    let files: Vec<&[Found]> = files.values().map(Vec::as_slice).collect();
    let chosen = best_threshold(&files).map(|(threshold, _)| threshold);
    let threshold = config.prm.threshold.or(chosen).unwrap_or(Scale::Signed.middle());
    let on = format!("held-out problems, at the threshold {threshold:.3}");
    // Of no step: at another threshold it is no point of the curve that the measurements before it make.
    let quality = quality(&on, &scores, &labels, threshold, Scale::Signed);
    Ok(Judged { threshold, quality })
}

/// Where the model is, and what it has learned on top of the one it started from.
struct Saved {
    prm: PathBuf,
    adapter: Option<PathBuf>,
}

/// Writes the model, and an adapter where it is one.
fn save(
    options: &PrmTrain,
    folder: &Folder,
    mut model: Prm,
    config: &Config,
    judged: Option<&Judged>,
) -> Result<Saved> {
    let (out, lora) = (&options.place.out, &config.prm.lora);
    model.config.threshold = judged.map(|judged| judged.threshold).or(config.prm.threshold);
    let place = out.join("adapter");
    // Without adapters the whole decoder has changed, unless the head alone has learned.
    let adapter = (lora.rank > 0 || config.prm.full_epochs == 0).then_some(place);
    if let Some(place) = &adapter {
        let learned = pollster::block_on(PeftAdapter::of(&model.model, lora.rank.max(1), lora.alpha))?;
        let mut files = learned.files(&options.model.display().to_string(), Dtype::F16)?;
        let own = json!({ "base": kind(folder.config.head), "threshold": model.config.threshold });
        files.push((OWN.into(), serde_json::to_vec_pretty(&own)?));
        write_folder(place, &files)?;
    }
    let prm = out.join("prm");
    folder.save(&prm, &model.config, model.to_safetensors()?)?;
    Ok(Saved { prm, adapter })
}

/// Holds out whole problems, so that no problem is on both sides.
fn split_by_problem(
    rows: &[FromFile<StepRow>],
    share: f32,
    run_seed: u64,
) -> (Vec<&FromFile<StepRow>>, Vec<&FromFile<StepRow>>) {
    let distinct: BTreeSet<&str> = rows.iter().map(|from| from.row.problem.as_str()).collect();
    let mut problems: Vec<&str> = distinct.into_iter().collect();
    problems.shuffle(&mut seed::stream(run_seed, &[0x5eed]));
    let count = (problems.len() as f32 * share).round() as usize;
    let held_out: BTreeSet<&str> = problems.into_iter().take(count).collect();
    rows.iter().partition(|from| !held_out.contains(from.row.problem.as_str()))
}

/// Rows as the model reads them; what follows the last judged step is left out where it `cuts`.
fn tokenize(
    rows: &[&FromFile<StepRow>],
    folder: &Folder,
    config: &Config,
    cuts: bool,
) -> Result<Vec<FromFile<LabelledSteps>>> {
    let newline = newline_id(&folder.tokenizer)?;
    let longest = config.prm.max_tokens.min(folder.config.max_position_embeddings);
    let mut kept = Vec::with_capacity(rows.len());
    for FromFile { file, row } in rows {
        let input = PrmInput::from_texts(&folder.tokenizer, &row.problem, &row.steps, newline)?;
        let labels = match (config.prm.labels, &row.values) {
            (Labels::Soft, Some(values)) => values.clone(),
            _ => row.labels.iter().map(|label| label.map(f32::from)).collect(),
        };
        let whole = LabelledSteps { input, labels, outcome: row.final_answer_correct };
        let row = if cuts { whole.judged_part() } else { whole };
        if row.input.ids.len() <= longest {
            kept.push(FromFile { file: *file, row });
        }
    }
    if kept.len() < rows.len() {
        eprintln!("warning: {} solutions longer than {longest} tokens left out", rows.len() - kept.len());
    }
    Ok(kept)
}
