//! The event log of a run, `events.jsonl`: one event per line, stamped with the time of its arrival.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use minform_core::event::Event;
use serde::{Deserialize, Serialize};

use crate::folder;

/// An event with the seconds since the run began.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Timed {
    pub(crate) time: f64,
    #[serde(flatten)]
    pub(crate) event: Event,
}

/// An open log; every line is whole.
pub(crate) struct EventLog {
    file: File,
    bytes: u64,
}

impl EventLog {
    /// An empty log; an older one is replaced.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { file, bytes: 0 })
    }

    /// The log as it was when it had `bytes`: what came later is cut off. Returns what it holds.
    pub(crate) fn resume(path: &Path, bytes: u64) -> Result<(Self, Vec<Timed>)> {
        let name = || path.display().to_string();
        let mut file = OpenOptions::new().read(true).write(true).open(path).with_context(name)?;
        file.set_len(bytes).with_context(name)?;
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(name)?;
        let history = parse(&text).with_context(name)?;
        Ok((Self { file, bytes }, history))
    }

    pub(crate) fn write(&mut self, timed: &Timed) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(timed)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    /// Bytes written so far.
    pub(crate) fn position(&self) -> u64 {
        self.bytes
    }

    /// Returns once everything written lies on the disk.
    pub(crate) fn sync(&self) -> std::io::Result<()> {
        self.file.sync_all()
    }
}

/// The events of a log file. A last line without an end was being written when the run ended, or is being written.
pub(crate) fn read_log(path: &Path) -> Result<Vec<Timed>> {
    let text = String::from_utf8_lossy(&folder::read(path)?).into_owned();
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        eprintln!("warning: {}: the last line is cut off and left out", path.display());
    }
    parse(&text[..whole]).with_context(|| path.display().to_string())
}

fn parse(text: &str) -> Result<Vec<Timed>> {
    let event = |(line, text): (usize, &str)| {
        serde_json::from_str(text).with_context(|| format!("line {}: not an event of this version", line + 1))
    };
    text.lines().enumerate().map(event).collect()
}
