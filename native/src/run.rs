//! A run: its folder, its event log, its clock, and the wish to stop.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use minform_core::Error;
use minform_core::config::Config;
use minform_core::event::{Event, Phase};
use serde::Serialize;

use crate::device;
use crate::folder::write_file;
use crate::progress::Progress;
use crate::report;

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

/// An event with the seconds since the run began.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Timed {
    pub(crate) time: f64,
    #[serde(flatten)]
    pub(crate) event: Event,
}

/// Seconds and tokens of a phase, without the phases inside it.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Spent {
    pub(crate) seconds: f64,
    pub(crate) tokens: usize,
}

impl Spent {
    /// Tokens per second.
    pub(crate) fn rate(self) -> f64 {
        self.tokens as f64 / self.seconds.max(1e-9)
    }
}

/// What a run folder says about its origin.
#[derive(Debug, Serialize)]
struct Origin<'a> {
    command: &'a str,
    /// The command line after the program's name.
    arguments: Vec<String>,
    version: &'a str,
    seed: u64,
    device: &'a str,
}

/// Listens to the events of one command: shows progress, keeps time, and fills the run folder if there is one.
pub(crate) struct Run {
    title: String,
    folder: Option<PathBuf>,
    log: Option<BufWriter<File>>,
    started: Instant,
    progress: Progress,
    open: Vec<(Phase, Instant)>,
    spent: BTreeMap<Phase, Spent>,
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
            log: None,
            started: Instant::now(),
            progress: Progress::default(),
            open: Vec::new(),
            spent: BTreeMap::new(),
            history: Vec::new(),
            config: config.clone(),
            failure: None,
        }
    }

    /// Creates the run folder with `config.toml`, `run.json` and an empty `events.jsonl`.
    pub(crate) fn create(title: &str, config: &Config, device: &str, folder: &Path, overwrite: bool) -> Result<Self> {
        if folder.join("events.jsonl").exists() {
            if !overwrite {
                bail!("{} already holds a run; choose another --out or pass --overwrite", folder.display());
            }
            clear(folder)?;
        }
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        write_file(&folder.join("config.toml"), toml::to_string_pretty(config)?.as_bytes())?;
        let origin = Origin {
            command: title,
            arguments: std::env::args().skip(1).collect(),
            version: env!("CARGO_PKG_VERSION"),
            seed: config.seed,
            device: device::resolve(device)?,
        };
        write_file(&folder.join("run.json"), &serde_json::to_vec_pretty(&origin)?)?;
        let path = folder.join("events.jsonl");
        let log = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let mut run = Self::without_folder(title, config);
        run.folder = Some(folder.into());
        run.log = Some(BufWriter::new(log));
        Ok(run)
    }

    /// Takes an event; a full disk or Ctrl-C answers with [`ControlFlow::Break`].
    pub(crate) fn hear(&mut self, event: Event) -> ControlFlow<()> {
        self.keep_time(&event);
        self.progress.show(&event, self.spent.get(&phase_of(&event)).copied());
        if is_kept(&event) {
            let timed = Timed { time: self.started.elapsed().as_secs_f64(), event };
            if let Err(error) = self.write(&timed) {
                self.failure = Some(error);
                return ControlFlow::Break(());
            }
            self.history.push(timed);
        }
        flow()
    }

    /// Seconds since the run began.
    pub(crate) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Exclusive time of each phase so far. A phase whose tokens are those of its parts is not told apart from them.
    pub(crate) fn spent(&self) -> impl Iterator<Item = (Phase, Spent)> + '_ {
        self.spent.iter().map(|(phase, spent)| (*phase, *spent)).filter(|(_, spent)| spent.tokens > 0)
    }

    /// Writes the report and closes the log; an error kept by [`Run::hear`] comes out here.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.progress.clear();
        if let Some(error) = self.failure.take() {
            return Err(error).context("cannot write events.jsonl");
        }
        if let Some(log) = &mut self.log {
            log.flush()?;
            log.get_ref().sync_all()?;
        }
        if let Some(folder) = &self.folder {
            let page = report::page(&self.title, &self.config, &self.history, self.spent())?;
            write_file(&folder.join("report.html"), page.as_bytes())?;
        }
        Ok(())
    }

    fn write(&mut self, timed: &Timed) -> std::io::Result<()> {
        let Some(log) = &mut self.log else { return Ok(()) };
        serde_json::to_writer(&mut *log, timed)?;
        log.write_all(b"\n")?;
        log.flush()
    }

    fn keep_time(&mut self, event: &Event) {
        match event {
            Event::PhaseStarted { phase, .. } => {
                self.pause();
                self.open.push((*phase, Instant::now()));
            }
            Event::PhaseFinished { phase, tokens } => {
                self.pause();
                self.open.retain(|(open, _)| open != phase);
                if let Some((_, since)) = self.open.last_mut() {
                    *since = Instant::now();
                }
                self.spent.entry(*phase).or_default().tokens += tokens;
            }
            _ => {}
        }
    }

    /// Books the running time to the innermost phase.
    fn pause(&mut self) {
        if let Some((phase, since)) = self.open.last_mut() {
            self.spent.entry(*phase).or_default().seconds += since.elapsed().as_secs_f64();
            *since = Instant::now();
        }
    }
}

/// Removes what a run wrote; other files of the folder stay.
fn clear(folder: &Path) -> Result<()> {
    for name in ["events.jsonl", "config.toml", "run.json", "report.html", "policy", "prm"] {
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

fn phase_of(event: &Event) -> Phase {
    match event {
        Event::PhaseStarted { phase, .. } | Event::Progress { phase, .. } | Event::PhaseFinished { phase, .. } => {
            *phase
        }
        _ => Phase::Generate,
    }
}

/// Highest resident memory of this process so far, in MB; `None` where the system does not tell.
pub(crate) fn peak_memory_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kilobytes| kilobytes / 1024.0)
}
