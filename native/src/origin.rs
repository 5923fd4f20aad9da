//! `run.json`: what a run was made of, so that it can be told and continued.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use minform_core::config::{Config, Schedule};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::device;
use crate::folder::{read, write_file};
use crate::settings::{kept, leaves};

/// What a run folder says about its origin.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Origin {
    command: String,
    /// The command line after the program's name.
    pub(crate) arguments: Vec<String>,
    pub(crate) version: String,
    seed: u64,
    pub(crate) device: String,
    /// Fingerprints of what was read, and choices outside the configuration.
    #[serde(default)]
    pub(crate) inputs: BTreeMap<String, String>,
}

impl Origin {
    pub(crate) fn new(command: &str, config: &Config, device: &str, inputs: BTreeMap<String, String>) -> Result<Self> {
        Ok(Self {
            command: command.into(),
            arguments: std::env::args().skip(1).collect(),
            version: env!("CARGO_PKG_VERSION").into(),
            seed: config.seed,
            device: device::find(device)?.name,
            inputs,
        })
    }

    /// Of the run in `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("run.json");
        serde_json::from_slice(&read(&path)?).with_context(|| path.display().to_string())
    }

    /// The command that made the run.
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        write_file(&folder.join("run.json"), &serde_json::to_vec_pretty(self)?)
    }

    /// Refuses to continue the run in `folder` with something else than it began with.
    pub(crate) fn check(&self, folder: &Path, config: &Config) -> Result<()> {
        let (path, begun) = (folder.join("run.json"), Self::read(folder)?);
        if begun.command != self.command {
            bail!("{} holds a run of `minform {}`", folder.display(), begun.command);
        }
        for (name, own) in &self.inputs {
            match begun.inputs.get(name) {
                Some(then) if then == own => {}
                then => {
                    let then = then.map_or("none", String::as_str);
                    bail!(
                        "{name} is not what the run began with ({own} now, {then} then); the run's command line is in \
                         {}; give the same, or begin another run",
                        path.display()
                    )
                }
            }
        }
        let changed = fixed_keys(&self.command, &kept(folder)?, config)?;
        if !changed.is_empty() {
            bail!(
                "the configuration is not that of the run: {}; leave --set and --config as they were, or begin \
                 another run{}",
                changed.join(", "),
                match self.command.as_str() {
                    "train" => " (rl.updates may grow where the learning rate does not depend on it)",
                    _ => "",
                }
            );
        }
        Ok(())
    }
}

/// The keys in which two configurations differ, with both values.
pub(crate) fn changed_keys(begun: &Config, now: &Config) -> Result<Vec<String>> {
    let (begun, now) = (leaves(begun)?, leaves(now)?);
    let changed = now.iter().filter(|(key, value)| begun.get(*key) != Some(value));
    Ok(changed.map(|(key, now)| format!("{key} is {now}, was {}", begun.get(key).unwrap_or(&Value::Null))).collect())
}

/// Those that may not change between the parts of a training run: all that decides on more than speed and memory.
fn fixed_keys(command: &str, begun: &Config, now: &Config) -> Result<Vec<String>> {
    if command == "prm train" {
        let is_read = |line: &String| ["prm.", "seed ", "dtype "].iter().any(|start| line.starts_with(start));
        let is_free =
            |line: &String| ["prm.checkpoint_every ", "prm.threshold "].iter().any(|key| line.starts_with(key));
        let changed = changed_keys(begun, now)?.into_iter();
        return Ok(changed.filter(|line| is_read(line) && !is_free(line)).collect());
    }
    // More updates are fine where nothing depends on how many there are in the end.
    let open_end =
        begun.rl.optimizer.schedule == Schedule::Constant && begun.rl.critic.optimizer.schedule == Schedule::Constant;
    let unread = ["rl.checkpoints.", "rl.rollouts.", "sampling.rows ", "sft.", "prm.", "world."];
    let is_free = |line: &str| {
        unread.iter().any(|start| line.starts_with(start)) || (open_end && line.starts_with("rl.updates "))
    };
    Ok(changed_keys(begun, now)?.into_iter().filter(|line| !is_free(line)).collect())
}

/// SHA-256 of bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The fingerprint of a file, or of all files directly in a folder.
pub(crate) fn fingerprint(path: &Path) -> Result<String> {
    if !path.is_dir() {
        return Ok(format!("sha256:{}", sha256(&read(path)?)));
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut names: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect();
    names.sort();
    let parts: Vec<String> = names.iter().map(|path| Ok(sha256(&read(path)?))).collect::<Result<_>>()?;
    Ok(format!("sha256:{}", sha256(parts.join("\n").as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_open_end_may_move() {
        let begun = Config::default();
        let with = |change: fn(&mut Config)| {
            let mut config = begun.clone();
            change(&mut config);
            config
        };
        let changed = |now: &Config| fixed_keys("train", &begun, now).unwrap();
        assert!(changed(&begun).is_empty());
        assert!(changed(&with(|config| config.rl.updates = 7)).is_empty());
        assert!(changed(&with(|config| config.rl.checkpoints.keep = 7)).is_empty());
        assert_eq!(changed(&with(|config| config.rl.samples = 7)), ["rl.samples is 7, was 4"]);
        let of_prm = |now: &Config| fixed_keys("prm train", &begun, now).unwrap();
        assert!(of_prm(&with(|config| config.rl.samples = 7)).is_empty());
        assert!(of_prm(&with(|config| config.prm.checkpoint_every = 7)).is_empty());
        assert_eq!(of_prm(&with(|config| config.prm.batch = 7)), ["prm.batch is 7, was 128"]);
        let mut falling = begun.clone();
        falling.rl.optimizer.schedule = Schedule::Linear;
        let mut longer = falling.clone();
        longer.rl.updates = 7;
        assert_eq!(fixed_keys("train", &falling, &longer).unwrap(), ["rl.updates is 7, was 100"]);
    }
}
