//! Checkpoints of a training run: folders that appear whole or not at all, checked when they are read.
//!
//! `checkpoints/step-000020` holds the policy as a model folder of its own, the state of the optimizers, and
//! `state.json` with every figure and the SHA-256 of every file.

use std::path::Path;

use anyhow::{Result, bail};
use minform_core::config;
use minform_core::event::Evaluation;
use minform_core::train::{Rl, RlProgress, Snapshot};
use serde::{Deserialize, Serialize};

use crate::clock::Elapsed;
use crate::folder::Folder;
use crate::run::{LOG, Run};
use crate::sealed::{self, Series, covered};

const POLICY: &str = "policy/model.safetensors";
const OPTIMIZER: &str = "optimizer.burnpack";
const ADAPTERS: &str = "adapters.safetensors";
const CRITIC: &str = "critic.safetensors";
const CRITIC_OPTIMIZER: &str = "critic-optimizer.burnpack";

/// The checkpoint with the best held-out accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Best {
    step: usize,
    accuracy: f32,
}

/// What a checkpoint says of itself and of its run.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    progress: RlProgress,
    /// Length of `events.jsonl` in bytes.
    events: u64,
    elapsed: Elapsed,
    best: Option<Best>,
}

/// Where a resumed run goes on.
pub(crate) struct Resumed {
    pub(crate) snapshot: Snapshot,
    pub(crate) events: u64,
    pub(crate) elapsed: Elapsed,
    best: Option<Best>,
}

/// The checkpoints of one run.
pub(crate) struct Checkpoints {
    series: Series,
    log: std::path::PathBuf,
    config: config::Checkpoints,
    best: Option<Best>,
    /// The run between two updates: step and length of the log.
    boundary: (usize, u64),
}

impl Checkpoints {
    /// Of the run in `out`.
    pub(crate) fn new(out: &Path, config: &config::Checkpoints) -> Self {
        let series = Series::new(out.join("checkpoints"));
        Self { series, log: out.join(LOG), config: config.clone(), best: None, boundary: (0, 0) }
    }

    /// The newest checkpoint that is whole; one that is not is named and passed over. `None` if there is none at all.
    pub(crate) fn resume(&mut self) -> Result<Option<Resumed>> {
        self.series.remove_leftovers()?;
        let steps = self.series.steps()?;
        for step in steps.iter().rev() {
            let path = self.series.path(*step);
            match load(&path).and_then(|resumed| self.covered(resumed)) {
                Ok(resumed) => {
                    self.best = resumed.best;
                    return Ok(Some(resumed));
                }
                Err(error) => eprintln!("warning: {} is not usable: {error:#}", path.display()),
            }
        }
        if let Some(newest) = steps.last() {
            bail!(
                "no checkpoint in {} is usable; pass --overwrite instead of --resume to begin again, from {} if you like: \
                 the policy of a checkpoint is a model folder",
                self.series,
                self.series.path(*newest).join("policy").display()
            );
        }
        Ok(None)
    }

    /// Takes note that the run stands between two updates, and makes a checkpoint if one is due and no evaluation is.
    pub(crate) fn between_updates(
        &mut self,
        rl: &Rl,
        model: &Folder,
        run: &Run,
        evaluation: Option<&Evaluation>,
    ) -> Result<()> {
        self.boundary = (rl.step(), run.position());
        let best = evaluation.map(|evaluation| Best { step: rl.step(), accuracy: evaluation.sampled });
        let improved = best.filter(|new| self.best.is_none_or(|old| new.accuracy > old.accuracy));
        self.best = improved.or(self.best);
        let every = self.config.every;
        let is_last = rl.step() > 0 && rl.step() == rl.config().updates;
        let is_due = every > 0 && rl.step() > 0 && rl.step().is_multiple_of(every) && !rl.is_evaluation_due();
        match is_last || is_due || every > 0 && improved.is_some() {
            true => self.save(rl, model, run),
            false => Ok(()),
        }
    }

    /// Makes a checkpoint of a run that was stopped, whatever `rl.checkpoints.every` says.
    pub(crate) fn when_stopped(&self, rl: &Rl, model: &Folder, run: &Run) -> Result<()> {
        let (step, events) = self.boundary;
        match step == rl.step() && events > 0 && !self.series.path(step).exists() {
            true => self.save(rl, model, run),
            false => Ok(()),
        }
    }

    /// The weights of the best checkpoint, or else of the newest, with its step.
    pub(crate) fn last_good(&self) -> Option<(usize, Vec<u8>)> {
        let newest = self.series.steps().ok()?.last().copied();
        let step = self.best.map(|best| best.step).filter(|step| self.series.path(*step).exists()).or(newest)?;
        Some((step, load(&self.series.path(step)).ok()?.snapshot.policy))
    }

    /// A checkpoint is of use only with the log up to it.
    fn covered(&self, resumed: Resumed) -> Result<Resumed> {
        covered(&self.log, resumed.events).map(|()| resumed)
    }

    fn save(&self, rl: &Rl, model: &Folder, run: &Run) -> Result<()> {
        run.sync()?;
        let snapshot = rl.snapshot()?;
        let mut files = model.files(&rl.policy().config, snapshot.policy)?;
        files.iter_mut().for_each(|(name, _)| *name = format!("policy/{name}"));
        files.push((OPTIMIZER.into(), snapshot.optimizer));
        files.extend(snapshot.adapters.map(|bytes| (ADAPTERS.into(), bytes)));
        if let Some((weights, optimizer)) = snapshot.critic {
            files.push((CRITIC.into(), weights));
            files.push((CRITIC_OPTIMIZER.into(), optimizer));
        }
        let state =
            State { progress: snapshot.progress, events: self.boundary.1, elapsed: run.elapsed(), best: self.best };
        sealed::write(&self.series.path(rl.step()), state, files)?;
        self.prune()
    }

    /// Removes all but the newest few and the best.
    fn prune(&self) -> Result<()> {
        let steps = self.series.steps()?;
        let kept = steps.len().saturating_sub(self.config.keep);
        for step in &steps[..kept] {
            if self.best.is_none_or(|best| best.step != *step) {
                self.series.remove(*step)?;
            }
        }
        Ok(())
    }
}

fn load(path: &Path) -> Result<Resumed> {
    let (state, mut files): (State, _) = sealed::open(path)?;
    let adapters = files.take_if_there(ADAPTERS);
    let critic = match state.progress.critic {
        Some(_) => Some((files.take(CRITIC)?, files.take(CRITIC_OPTIMIZER)?)),
        None => None,
    };
    let (policy, optimizer) = (files.take(POLICY)?, files.take(OPTIMIZER)?);
    let snapshot = Snapshot { policy, adapters, optimizer, critic, progress: state.progress };
    Ok(Resumed { snapshot, events: state.events, elapsed: state.elapsed, best: state.best })
}
