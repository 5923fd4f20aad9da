//! Folders that appear whole or not at all, and whose `state.json` vouches for every file with its SHA-256.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::folder::{read, write_folder};
use crate::origin::sha256;

const STATE: &str = "state.json";

/// Version of the files; another one is not read.
const VERSION: u32 = 2;

/// What `state.json` holds.
#[derive(Debug, Serialize, Deserialize)]
struct Sealed<S> {
    version: u32,
    #[serde(flatten)]
    state: S,
    /// SHA-256 of every other file.
    files: BTreeMap<String, String>,
}

/// Writes a folder; an older one there is replaced.
pub(crate) fn write<S: Serialize>(path: &Path, state: S, mut files: Vec<(String, Vec<u8>)>) -> Result<()> {
    let sums = files.iter().map(|(name, bytes)| (name.clone(), sha256(bytes))).collect();
    let sealed = Sealed { version: VERSION, state, files: sums };
    files.push((STATE.into(), serde_json::to_vec_pretty(&sealed)?));
    write_folder(path, &files)
}

/// State and files of a folder, if nothing in it is damaged.
pub(crate) fn open<S: DeserializeOwned>(path: &Path) -> Result<(S, Files)> {
    let Sealed { version, state, files } = serde_json::from_slice(&read(&path.join(STATE))?).context(STATE)?;
    if version != VERSION {
        bail!("it has version {version}, this program reads version {VERSION}");
    }
    let mut read_files = BTreeMap::new();
    for (name, expected) in files {
        let bytes = read(&path.join(&name))?;
        if sha256(&bytes) != expected {
            bail!("{name} is damaged");
        }
        read_files.insert(name, bytes);
    }
    Ok((state, Files(read_files)))
}

/// The files of a folder by name.
pub(crate) struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// Takes a file out.
    pub(crate) fn take(&mut self, name: &str) -> Result<Vec<u8>> {
        self.take_if_there(name).with_context(|| format!("{name} is missing"))
    }

    /// Takes a file out that need not be there.
    pub(crate) fn take_if_there(&mut self, name: &str) -> Option<Vec<u8>> {
        self.0.remove(name)
    }
}

/// Sealed folders by step, `step-000020`, in a folder of their own.
pub(crate) struct Series {
    folder: PathBuf,
}

impl Series {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(crate) fn path(&self, step: usize) -> PathBuf {
        self.folder.join(format!("step-{step:06}"))
    }

    /// Steps of which there is a folder, rising.
    pub(crate) fn steps(&self) -> Result<Vec<usize>> {
        let mut steps: Vec<usize> =
            names(&self.folder)?.iter().filter_map(|name| name.strip_prefix("step-")?.parse().ok()).collect();
        steps.sort_unstable();
        Ok(steps)
    }

    /// Removes the folder of a step.
    pub(crate) fn remove(&self, step: usize) -> Result<()> {
        let path = self.path(step);
        fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))
    }

    /// Removes what a killed process had begun to write.
    pub(crate) fn remove_leftovers(&self) -> Result<()> {
        for name in names(&self.folder)?.iter().filter(|name| name.starts_with(".minform-")) {
            fs::remove_dir_all(self.folder.join(name)).with_context(|| format!("cannot remove {name}"))?;
        }
        Ok(())
    }

    /// Removes all of it.
    pub(crate) fn clear(&self) -> Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.folder.display()))
            }
            _ => Ok(()),
        }
    }
}

impl std::fmt::Display for Series {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.folder.display().fmt(f)
    }
}

fn names(folder: &Path) -> Result<Vec<String>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", folder.display())),
    }
}

/// Refuses a log that is shorter than the `events` bytes it had when a checkpoint was made, which is then of no use.
pub(crate) fn covered(log: &Path, events: u64) -> Result<()> {
    let length = fs::metadata(log).with_context(|| log.display().to_string())?.len();
    match length < events {
        true => bail!("{} is shorter than when it was made", log.display()),
        false => Ok(()),
    }
}
