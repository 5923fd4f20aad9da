//! What a long work has written so far, piece by piece, so that it can be stopped and taken up again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::folder::{Lock, made_parent, read, refuse_present, write_file};

/// `OUT.part` beside the file that is to be written: a line that says what is being done, and one per piece done. Once
/// the file is there, `OUT.done` keeps the first line, so that the same command finds nothing left to do. Meanwhile
/// `OUT.lock` keeps other processes out.
pub(crate) struct Part<D> {
    out: PathBuf,
    told: Value,
    file: File,
    _held: Held,
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
    ///
    /// `None` if that work is done.
    pub(crate) fn open(out: &Path, resumes: bool, overwrites: bool, told: &Value) -> Result<Option<Self>> {
        made_parent(out)?;
        let held = Held::take(out)?;
        let path = beside(out, "part");
        let shown = path.display().to_string();
        let mut done = BTreeMap::new();
        if !resumes {
            refuse_present(&[out], overwrites)?;
            if path.exists() && !overwrites {
                bail!(
                    "{shown} is the beginning of work that was stopped; pass --resume to go on with it, or --overwrite"
                );
            }
        } else if path.exists() {
            let bytes = read(&path)?;
            let mut lines = bytes.split(|byte| *byte == b'\n');
            expect_same(&shown, lines.next().unwrap_or_default(), told)?;
            // A last line may be cut off.
            for line in lines.filter_map(|line| serde_json::from_slice::<Line<D>>(line).ok()) {
                done.insert(line.piece, line.done);
            }
        } else if out.exists() {
            let kept = beside(out, "done");
            if !kept.exists() {
                bail!("{} is already there, of other work; choose another --out or pass --overwrite", out.display());
            }
            expect_same(&out.display().to_string(), &read(&kept)?, told)?;
            return Ok(None);
        }
        if done.is_empty() {
            write_file(&path, format!("{told}\n").as_bytes())?;
        }
        let mut file = OpenOptions::new().append(true).open(&path).with_context(|| format!("cannot write {shown}"))?;
        // Ends a line that may be cut off.
        file.write_all(b"\n").with_context(|| format!("cannot write {shown}"))?;
        Ok(Some(Self { out: out.into(), told: told.clone(), file, _held: held, done }))
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
        written.with_context(|| format!("cannot write {}", beside(&self.out, "part").display()))?;
        self.done.insert(piece, line.done);
        Ok(())
    }

    /// What the pieces have given, in their order.
    pub(crate) fn done(&self) -> impl Iterator<Item = &D> {
        self.done.values()
    }

    /// Writes the file of the whole work.
    pub(crate) fn finish(&self, text: &str) -> Result<()> {
        write_file(&self.out, text.as_bytes())?;
        write_file(&beside(&self.out, "done"), format!("{}\n", self.told).as_bytes())?;
        let part = beside(&self.out, "part");
        fs::remove_file(&part).with_context(|| format!("cannot remove {}", part.display()))
    }
}

/// `OUT.lock`, which goes with this value however the work ends.
struct Held {
    path: PathBuf,
    _lock: Lock,
}

impl Held {
    fn take(out: &Path) -> Result<Self> {
        let path = beside(out, "lock");
        Ok(Self { _lock: Lock::at(&path, out)?, path })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // One that stays behind keeps nobody out.
        drop(fs::remove_file(&self.path));
    }
}

fn beside(out: &Path, ending: &str) -> PathBuf {
    let mut path = out.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    path.into()
}

/// Refuses a description that is not that of this work.
fn expect_same(what: &str, begun: &[u8], told: &Value) -> Result<()> {
    let changed = changed(&serde_json::from_slice(begun).unwrap_or_default(), told)?;
    match changed.is_empty() {
        true => Ok(()),
        false => bail!(
            "{what} was made with other {}; give the same command, another --out, or --overwrite",
            changed.join(", ")
        ),
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
    fn one_process_at_a_time_writes_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new/scores.jsonl");
        let open = |resumes| Part::<u32>::open(&out, resumes, false, &json!({ "seed": 1 }));
        let mut first = open(false).unwrap().unwrap();
        let refused = open(true).err().unwrap().to_string();
        assert!(refused.contains("another process is writing to") && refused.contains("scores.jsonl"), "{refused}");
        first.add(0, 7).unwrap();
        drop(first);
        let second = open(true).unwrap().unwrap();
        assert_eq!(second.done().collect::<Vec<_>>(), [&7]);
        second.finish("7\n").unwrap();
        drop(second);
        assert!(open(true).unwrap().is_none());
        let mut names: Vec<_> =
            fs::read_dir(out.parent().unwrap()).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["scores.jsonl", "scores.jsonl.done"]);
    }

    #[test]
    fn the_same_work_is_known_again() {
        let told = |seed: u64| json!({ "world": Config::default().world, "sampling": Config::default().sampling, "seed": seed });
        let begun: Value = serde_json::from_str(&told(1).to_string()).unwrap();
        assert!(changed(&begun, &told(1)).unwrap().is_empty());
        assert_eq!(changed(&begun, &told(2)).unwrap(), ["seed"]);
        assert_eq!(changed(&Value::Null, &told(1)).unwrap().len(), 3);
    }
}
