//! What a long work has written so far, piece by piece, so that it can be stopped and taken up again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::folder::{read, write_file};

/// `OUT.part` beside the file that is to be written: a line that says what is being done, and one per piece done.
pub(crate) struct Part<D> {
    path: PathBuf,
    file: File,
    done: BTreeMap<usize, D>,
}

/// A line of it.
#[derive(Serialize, Deserialize)]
struct Line<D> {
    piece: usize,
    done: D,
}

impl<D: Serialize + DeserializeOwned> Part<D> {
    /// Begins, or goes on where the same work was stopped, if it `resumes`; `told` says what the work is.
    pub(crate) fn open(out: &Path, resumes: bool, overwrites: bool, told: &Value) -> Result<Self> {
        let mut path = out.to_owned().into_os_string();
        path.push(".part");
        let path = PathBuf::from(path);
        let shown = path.display().to_string();
        let mut done = BTreeMap::new();
        if path.exists() && resumes {
            let bytes = read(&path)?;
            let mut lines = bytes.split(|byte| *byte == b'\n');
            let begun: Value = lines.next().and_then(|line| serde_json::from_slice(line).ok()).unwrap_or_default();
            let changed = changed(&begun, told)?;
            if !changed.is_empty() {
                bail!("{shown} was begun with other {}; give the same command, or remove it", changed.join(", "));
            }
            // A last line may be cut off.
            for line in lines.filter_map(|line| serde_json::from_slice::<Line<D>>(line).ok()) {
                done.insert(line.piece, line.done);
            }
        } else if path.exists() && !overwrites {
            bail!("{shown} is the beginning of work that was stopped; pass --resume to go on with it, or --overwrite");
        } else {
            write_file(&path, format!("{told}\n").as_bytes())?;
        }
        let mut file = OpenOptions::new().append(true).open(&path).with_context(|| format!("cannot write {shown}"))?;
        // Ends a line that may be cut off.
        file.write_all(b"\n").with_context(|| format!("cannot write {shown}"))?;
        Ok(Self { path, file, done })
    }

    /// Which pieces are done.
    pub(crate) fn pieces(&self) -> BTreeSet<usize> {
        self.done.keys().copied().collect()
    }

    /// Keeps what a piece has given.
    pub(crate) fn add(&mut self, piece: usize, done: D) -> Result<()> {
        let line = Line { piece, done };
        let text = format!("{}\n", serde_json::to_string(&line)?);
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        written.with_context(|| format!("cannot write {}", self.path.display()))?;
        self.done.insert(piece, line.done);
        Ok(())
    }

    /// What the pieces have given, in their order.
    pub(crate) fn done(&self) -> impl Iterator<Item = &D> {
        self.done.values()
    }

    /// To be called once the file of the whole work is written.
    pub(crate) fn remove(self) -> Result<()> {
        fs::remove_file(&self.path).with_context(|| format!("cannot remove {}", self.path.display()))
    }
}

/// The fields in which a description of a work, read from a file, differs from another one.
fn changed(begun: &Value, now: &Value) -> Result<Vec<String>> {
    // Reading may round the last digit of a number, so that only what was read is alike.
    let now: Value = serde_json::from_str(&now.to_string())?;
    let fields = now.as_object().into_iter().flatten();
    Ok(fields.filter(|(name, value)| begun.get(name) != Some(value)).map(|(name, _)| name.clone()).collect())
}

#[cfg(test)]
mod tests {
    use minform_core::config::Config;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_work_is_known_again() {
        let told = |seed: u64| json!({ "world": Config::default().world, "sampling": Config::default().sampling, "seed": seed });
        let begun: Value = serde_json::from_str(&told(1).to_string()).unwrap();
        assert!(changed(&begun, &told(1)).unwrap().is_empty());
        assert_eq!(changed(&begun, &told(2)).unwrap(), ["seed"]);
        assert_eq!(changed(&Value::Null, &told(1)).unwrap().len(), 3);
    }
}
