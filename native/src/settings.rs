//! The configuration of a run: defaults, then a file, then `--set`, then `--seed`.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use minform_core::config::Config;
use toml::{Table, Value};

use crate::cli::Common;

/// `base` overridden by everything the command line says.
pub(crate) fn load(base: &Config, common: &Common) -> Result<Config> {
    let mut table = Table::try_from(base).context("default configuration")?;
    if let Some(path) = &common.config {
        merge(&mut table, read(path)?);
    }
    for setting in &common.set {
        set(&mut table, setting)?;
    }
    let mut config: Config = table.try_into().map_err(|error: toml::de::Error| anyhow!("{}", plain(&error)))?;
    if let Some(seed) = common.seed {
        config.seed = seed;
    }
    config.validate()?;
    Ok(config)
}

/// Parses the file as a configuration first, so that an error names its line.
fn read(path: &Path) -> Result<Table> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str::<Config>(&text).map_err(|error| anyhow!("{}: {}", path.display(), plain(&error)))?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

/// The message without names of Rust types.
fn plain(error: &toml::de::Error) -> String {
    let whole = ["usize", "u64", "u32"].iter().fold(error.to_string(), |text, name| {
        text.replace(&format!("expected {name}"), "expected a whole number of at least 0")
    });
    let text =
        ["f64", "f32"].iter().fold(whole, |text, name| text.replace(&format!("expected {name}"), "expected a number"));
    text.trim().into()
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Applies `section.key=value`; the value is TOML, or a bare word taken as a string.
fn set(table: &mut Table, setting: &str) -> Result<()> {
    let Some((path, value)) = setting.split_once('=') else {
        bail!("--set {setting}: expected KEY=VALUE, for example rl.updates=50");
    };
    let (mut parts, mut here) = (path.trim().split('.').peekable(), table);
    while let Some(part) = parts.next() {
        if !here.contains_key(part) {
            let known: Vec<&str> = here.keys().map(String::as_str).collect();
            bail!("--set {path}: no key {part:?}; known here: {}", known.join(", "));
        }
        if parts.peek().is_none() {
            let old = here.insert(part.into(), parse(value.trim()));
            if let (Some(Value::Float(_)), Some(Value::Integer(whole))) = (old, here.get(part).cloned()) {
                here.insert(part.into(), Value::Float(whole as f64));
            }
            return Ok(());
        }
        let Some(Value::Table(next)) = here.get_mut(part) else { bail!("--set {path}: {part:?} is not a section") };
        here = next;
    }
    Ok(())
}

fn parse(value: &str) -> Value {
    let line = toml::from_str::<Table>(&format!("value = {value}"));
    line.ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(set: &[&str]) -> Common {
        let set = set.iter().map(ToString::to_string).collect();
        Common { config: None, set, device: "auto".into(), seed: None, json: false }
    }

    #[test]
    fn settings_override_defaults_by_dotted_key() {
        let config = load(&Config::default(), &common(&["rl.credit.form=sum", "rl.kl=0", "seed=7"])).unwrap();
        assert_eq!(config.rl.credit.form, minform_core::config::Form::Sum);
        assert_eq!((config.rl.kl, config.seed), (0.0, 7));
    }

    #[test]
    fn an_unknown_key_names_the_known_ones() {
        let error = load(&Config::default(), &common(&["rl.credit.shape=sum"])).unwrap_err().to_string();
        assert!(error.contains("\"shape\"") && error.contains("temperature"), "{error}");
    }

    #[test]
    fn a_wrong_value_is_refused() {
        let error = load(&Config::default(), &common(&["rl.credit.form=median"])).unwrap_err().to_string();
        assert!(error.contains("median"), "{error}");
        let error = load(&Config::default(), &common(&["rl.updates=many"])).unwrap_err().to_string();
        assert!(error.contains("expected a whole number") && error.contains("updates"), "{error}");
    }
}
