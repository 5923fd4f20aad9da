//! Folders that appear whole or not at all, and whose `state.json` vouches for every file with its SHA-256.

use std::collections::BTreeMap;
use std::path::Path;

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
