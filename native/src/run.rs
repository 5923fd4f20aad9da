//! A run: its folder, its event log, its clock, and the wish to stop.

use std::collections::BTreeMap;
use std::fs;
use std::io::IsTerminal as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail};
use minform_core::Error;
use minform_core::config::Config;
use minform_core::event::{Evaluation, Event, Phase};

use crate::clock::{Clock, Elapsed, Spent};
use crate::dashboard::Dashboard;
use crate::folder::{Lock, write_file};
use crate::log::{EventLog, Timed};
use crate::origin::Origin;
use crate::progress::Progress;
use crate::report::{self, Recorded};
use crate::settings::keep;
use crate::tensorboard::TensorBoard;

static STOP: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C asks the run to stop at the next safe point; a second one ends the process at once.
pub(crate) fn catch_interrupt() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let handler = || {
            if STOP.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
            eprintln!("\nstopping at the next safe point; press Ctrl-C again to end at once");
        };
        if let Err(error) = ctrlc::set_handler(handler) {
            eprintln!("warning: Ctrl-C will end the run without saving: {error}");
        }
    });
}

/// Whether Ctrl-C was pressed, as the core's listeners ask it.
pub(crate) fn flow() -> ControlFlow<()> {
    if STOP.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Whether an error is only the wish to stop.
pub(crate) fn was_stopped(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<Error>(), Some(Error::Stopped))
}

/// Listens to the events of one command: shows progress, keeps time, and fills the run folder if there is one.
pub(crate) struct Run {
    title: String,
    folder: Option<PathBuf>,
    lock: Option<Lock>,
    log: Option<EventLog>,
    board: Option<TensorBoard>,
    clock: Clock,
    progress: Progress,
    dashboard: Option<Dashboard>,
    history: Vec<Timed>,
    config: Config,
    failure: Option<std::io::Error>,
}

impl Run {
    /// A command that leaves no run folder.
    pub(crate) fn without_folder(title: &str, config: &Config) -> Self {
        catch_interrupt();
        Self {
            title: title.into(),
            folder: None,
            lock: None,
            log: None,
            board: None,
            clock: Clock::start(Elapsed::default()),
            progress: Progress::default(),
            dashboard: None,
            history: Vec::new(),
            config: config.clone(),
            failure: None,
        }
    }

    /// Refuses a folder that holds a run or a part of one, unless it may be replaced.
    pub(crate) fn check_free(command: &str, folder: &Path, overwrite: bool) -> Result<()> {
        if overwrite || is_blank(folder) {
            return Ok(());
        }
        let Some(found) = WRITTEN.iter().find(|name| folder.join(name).exists()) else { return Ok(()) };
        let is_run = folder.join(LOG).exists();
        let what = if is_run { "a run".into() } else { format!("{found}, but no {LOG}") };
        let go_on = if is_run && command.ends_with("train") { ", --resume to go on with it" } else { "" };
        bail!(
            "{} already holds {what}; choose another --out{go_on}, or pass --overwrite to replace it",
            folder.display()
        )
    }

    /// Creates the run folder with `config.toml`, `run.json` and an empty `events.jsonl`.
    pub(crate) fn create(origin: &Origin, config: &Config, folder: &Path, overwrite: bool) -> Result<Self> {
        Self::check_free(origin.command(), folder, overwrite)?;
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let lock = Lock::take(folder)?;
        clear(folder)?;
        let mut run = Self::without_folder(origin.command(), config);
        run.lock = Some(lock);
        run.folder = Some(folder.into());
        run.log = Some(EventLog::create(&folder.join(LOG))?);
        keep(config, folder)?;
        origin.write(folder)?;
        Ok(run)
    }

    /// Goes on in the locked run folder from where the log had `events` bytes, `elapsed` after the run began.
    pub(crate) fn resume(
        lock: Lock,
        origin: &Origin,
        config: &Config,
        folder: &Path,
        events: u64,
        elapsed: Elapsed,
    ) -> Result<Self> {
        keep(config, folder)?;
        let mut run = Self::without_folder(origin.command(), config);
        run.lock = Some(lock);
        let (log, history) = EventLog::resume(&folder.join(LOG), events)?;
        run.folder = Some(folder.into());
        run.log = Some(log);
        run.clock = Clock::start(elapsed);
        run.history = history;
        Ok(run)
    }

    /// From now on the whole terminal shows the run, until it is finished; without a terminal nothing changes.
    pub(crate) fn open_dashboard(&mut self) -> Result<()> {
        if std::io::stderr().is_terminal() {
            self.dashboard = Some(Dashboard::open()?);
        }
        Ok(())
    }

    /// From now on TensorBoard event files are written beside the log, with everything so far.
    pub(crate) fn write_tensorboard(&mut self) -> Result<()> {
        if let Some(folder) = &self.folder {
            self.board = Some(TensorBoard::create(&folder.join("tensorboard"), &self.history, self.clock.seconds())?);
        }
        Ok(())
    }

    /// Takes an event; a full disk or Ctrl-C answers with [`ControlFlow::Break`].
    pub(crate) fn hear(&mut self, event: Event) -> ControlFlow<()> {
        self.show(&event);
        if is_kept(&event) {
            let timed = Timed { time: self.clock.seconds(), event };
            let logged = self.log.as_mut().map_or(Ok(()), |log| log.write(&timed));
            let mut shown = || self.board.as_mut().map_or(Ok(()), |board| board.write(&timed));
            if let Err(error) = logged.and_then(|()| shown()) {
                self.failure = Some(error);
                return ControlFlow::Break(());
            }
            self.history.push(timed);
        }
        flow()
    }

    /// Shows an event without keeping it.
    pub(crate) fn show(&mut self, event: &Event) {
        self.clock.hear(event);
        match &mut self.dashboard {
            Some(dashboard) => dashboard.hear(event, self.clock.seconds()),
            None => self.progress.show(event, phase_of(event).and_then(|phase| self.clock.of(phase))),
        }
    }

    /// The newest held-out evaluation.
    pub(crate) fn last_evaluation(&self) -> Option<Evaluation> {
        self.history.iter().rev().find_map(|timed| match &timed.event {
            Event::Evaluation(evaluation) => Some(evaluation.clone()),
            _ => None,
        })
    }

    /// Seconds since the run began.
    pub(crate) fn seconds(&self) -> f64 {
        self.clock.seconds()
    }

    /// What a checkpoint keeps of the clock.
    pub(crate) fn elapsed(&self) -> Elapsed {
        self.clock.elapsed()
    }

    /// Length of the log in bytes.
    pub(crate) fn position(&self) -> u64 {
        self.log.as_ref().map_or(0, EventLog::position)
    }

    /// Returns once the log lies on the disk, with every event heard.
    pub(crate) fn sync(&self) -> Result<()> {
        if self.failure.is_some() {
            bail!("{LOG} is not whole");
        }
        self.log.as_ref().map_or(Ok(()), EventLog::sync).context("cannot write events.jsonl")
    }

    /// Exclusive time of each phase so far.
    pub(crate) fn spent(&self) -> impl Iterator<Item = (Phase, Spent)> + '_ {
        self.clock.spent()
    }

    /// Writes the report and closes the log; an error kept by [`Run::hear`] comes out here.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.progress.clear();
        self.dashboard = None;
        self.lock = None;
        if let Some(error) = self.failure.take() {
            return Err(error).context("cannot write events.jsonl");
        }
        self.sync()?;
        if let Some(folder) = &self.folder {
            let spent: BTreeMap<Phase, Spent> = self.spent().collect();
            write_file(&folder.join("time.json"), &serde_json::to_vec_pretty(&spent)?)?;
            let run = Recorded {
                name: self.title.clone(),
                config: self.config.clone(),
                origin: Origin::read(folder).ok(),
                history: std::mem::take(&mut self.history),
                spent,
            };
            write_file(&folder.join("report.html"), report::page(&self.title, &[run])?.as_bytes())?;
        }
        Ok(())
    }
}

/// The event log of a run folder.
pub(crate) const LOG: &str = "events.jsonl";

/// What a run writes into its folder.
const WRITTEN: [&str; 12] = [
    LOG,
    "config.toml",
    "run.json",
    "time.json",
    "report.html",
    "policy",
    "prm",
    "adapter",
    "checkpoint",
    "checkpoints",
    "handover",
    "tensorboard",
];

/// Whether a run was about to begin in `folder` and nothing has happened in it.
pub(crate) fn is_blank(folder: &Path) -> bool {
    fs::metadata(folder.join(LOG)).is_ok_and(|log| log.len() == 0)
        && !["checkpoint", "checkpoints"].iter().any(|name| folder.join(name).exists())
}

/// Whether a run in `folder` writes `path`.
pub(crate) fn is_written(path: &Path, folder: &Path) -> bool {
    WRITTEN.iter().any(|name| path.starts_with(folder.join(name)))
}

/// Removes what a run wrote; other files of the folder stay.
fn clear(folder: &Path) -> Result<()> {
    for name in WRITTEN {
        let path = folder.join(name);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot replace {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether an event belongs into the log: neither progress nor the parts of an update, whose times the report sums up.
fn is_kept(event: &Event) -> bool {
    match event {
        Event::Progress { .. } => false,
        Event::PhaseStarted { phase, .. } | Event::PhaseFinished { phase, .. } => !phase.is_part_of_update(),
        _ => true,
    }
}

fn phase_of(event: &Event) -> Option<Phase> {
    match event {
        Event::PhaseStarted { phase, .. } | Event::Progress { phase, .. } | Event::PhaseFinished { phase, .. } => {
            Some(*phase)
        }
        _ => None,
    }
}
