//! What a labelling has written so far, group by group of problems, so that it can be stopped and taken up again.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Row, Spent};
use crate::cli::Label;
use crate::folder::{read, write_file};

/// The rows of problems that were worked on together.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) group: usize,
    pub(super) rows: Vec<Row>,
    pub(super) rollouts: usize,
    pub(super) tokens: usize,
    /// Of the rollouts, those that ran into the length limit.
    #[serde(default)]
    pub(super) cut: usize,
}

/// `OUT.part` beside the file that is to be written: a line that says what is being done, and one per group done.
pub(super) struct Part {
    path: PathBuf,
    file: File,
    done: BTreeMap<usize, Done>,
}

impl Part {
    /// Begins, or goes on where the same work was stopped; `told` says what the work is.
    pub(super) fn open(options: &Label, told: &Value) -> Result<Self> {
        let mut path = options.out.clone().into_os_string();
        path.push(".part");
        let path = PathBuf::from(path);
        let shown = path.display().to_string();
        let mut done = BTreeMap::new();
        if path.exists() && options.resume {
            let bytes = read(&path)?;
            let mut lines = bytes.split(|byte| *byte == b'\n');
            let begun: Value = lines.next().and_then(|line| serde_json::from_slice(line).ok()).unwrap_or_default();
            let changed = changed(&begun, told)?;
            if !changed.is_empty() {
                bail!("{shown} was begun with other {}; give the same command, or remove it", changed.join(", "));
            }
            // A last line may be cut off.
            for line in lines.filter_map(|line| serde_json::from_slice::<Done>(line).ok()) {
                done.insert(line.group, line);
            }
        } else if path.exists() && !options.overwrite {
            bail!("{shown} is the beginning of work that was stopped; pass --resume to go on with it, or --overwrite");
        } else {
            write_file(&path, format!("{told}\n").as_bytes())?;
        }
        let mut file = OpenOptions::new().append(true).open(&path).with_context(|| format!("cannot write {shown}"))?;
        // Ends a line that may be cut off.
        file.write_all(b"\n").with_context(|| format!("cannot write {shown}"))?;
        Ok(Self { path, file, done })
    }

    /// Whether a group is done.
    pub(super) fn has(&self, group: usize) -> bool {
        self.done.contains_key(&group)
    }

    /// Keeps the rows of a group.
    pub(super) fn add(&mut self, done: Done) -> Result<()> {
        let line = format!("{}\n", serde_json::to_string(&done)?);
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        written.with_context(|| format!("cannot write {}", self.path.display()))?;
        self.done.insert(done.group, done);
        Ok(())
    }

    /// Writes the file of all rows; gives them with what they took.
    pub(super) fn finish(self, options: &Label) -> Result<(Vec<Row>, Spent)> {
        let (mut rows, mut spent) = (Vec::new(), Spent::default());
        for done in self.done.into_values() {
            rows.extend(done.rows);
            spent.rollouts += done.rollouts;
            spent.tokens += done.tokens;
            spent.cut += done.cut;
        }
        write_file(&options.out, lines(&rows)?.as_bytes())?;
        fs::remove_file(&self.path).with_context(|| format!("cannot remove {}", self.path.display()))?;
        Ok((rows, spent))
    }
}

/// The fields in which a description of a work, read from a file, differs from another one.
fn changed(begun: &Value, now: &Value) -> Result<Vec<String>> {
    // Reading may round the last digit of a number, so that only what was read is alike.
    let now: Value = serde_json::from_str(&now.to_string())?;
    let fields = now.as_object().into_iter().flatten();
    Ok(fields.filter(|(name, value)| begun.get(name) != Some(value)).map(|(name, _)| name.clone()).collect())
}

/// Rows as JSON lines.
pub(super) fn lines(rows: &[Row]) -> Result<String> {
    let mut text = String::new();
    for row in rows {
        text += &serde_json::to_string(row)?;
        text.push('\n');
    }
    Ok(text)
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
