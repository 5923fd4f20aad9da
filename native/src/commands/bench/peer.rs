//! The same work by another library.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::{Bencher, Size};

impl Bencher {
    /// The seconds of each phase with another library.
    pub(super) fn peer(
        &self,
        command: &str,
        Size { sequences, new_tokens }: Size,
    ) -> Result<BTreeMap<String, Vec<f64>>> {
        let place = tempfile::tempdir()?;
        let config = place.path().join("config.json");
        fs::write(&config, self.shape.to_json().to_string())?;
        let numbers = [
            ("--rows", sequences.rows),
            ("--tokens", sequences.tokens),
            ("--new-tokens", new_tokens),
            ("--repeats", self.repeats),
            ("--score-tokens", self.config.prm.micro_batch_tokens),
            ("--update-tokens", self.config.sft.micro_batch_tokens),
        ];
        let mut words = command.split_whitespace();
        let mut asked = Command::new(words.next().context("--peer is empty")?);
        asked.args(words).arg("--config").arg(&config).arg("--dtype").arg(self.config.dtype.name());
        asked.args(numbers.iter().flat_map(|(name, number)| [(*name).to_owned(), number.to_string()]));
        let told = asked.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {command}"))?;
        if !told.status.success() {
            bail!("{command}: {}", told.status);
        }
        serde_json::from_slice(&told.stdout).with_context(|| format!("{command} printed no seconds by phase"))
    }
}
