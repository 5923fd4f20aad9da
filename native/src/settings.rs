//! The configuration of a run: defaults, then a preset, then a file, then `--set`, then `--seed` and `--dtype`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use minform_core::config::Config;
use minform_core::model::Storage;
use toml::{Table, Value};

use crate::cli::{Common, Stored};
use crate::folder;

/// Some settings and where they come from.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) origin: String,
    pub(crate) table: Table,
}

/// A configuration with the origin of every value that is not a default, by dotted key.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    origins: BTreeMap<String, String>,
}

/// `base` overridden by everything the command line says.
pub(crate) fn load(base: &Config, common: &Common) -> Result<Config> {
    Ok(resolve(base, Vec::new(), Some(common))?.config)
}

/// `base`, then `layers` in order, then what the command line says.
pub(crate) fn resolve(base: &Config, mut layers: Vec<Layer>, common: Option<&Common>) -> Result<Settings> {
    let mut table = Table::try_from(base).context("default configuration")?;
    let mut origins = BTreeMap::new();
    if let Some(path) = common.and_then(|common| common.config.as_ref()) {
        layers.push(Layer { origin: path.display().to_string(), table: read(path)? });
    }
    for layer in layers {
        merge(&mut table, layer.table, "", &mut |key| origins.insert(key, layer.origin.clone()));
    }
    for setting in common.map_or(&[][..], |common| &common.set) {
        origins.insert(set(&mut table, setting)?, "--set".into());
    }
    let mut config: Config = table.try_into().map_err(|error: toml::de::Error| anyhow!("{}", plain(&error)))?;
    if let Some(seed) = common.and_then(|common| common.seed) {
        config.seed = seed;
        origins.insert("seed".into(), "--seed".into());
    }
    if let Some(dtype) = common.and_then(|common| common.dtype) {
        config.dtype = dtype.into();
        origins.insert("dtype".into(), "--dtype".into());
    }
    config.validate()?;
    Ok(Settings { config, origins })
}

/// How a model that only reads and writes keeps its weights.
pub(crate) fn storage(config: &Config, stored: Stored) -> Storage {
    Storage { dtype: config.dtype, quantization: stored.quantize.map(Into::into) }
}

impl Settings {
    /// Notes where `key` comes from if nothing else has set it.
    pub(crate) fn note(&mut self, key: &str, origin: &str) {
        self.origins.entry(key.into()).or_insert_with(|| origin.into());
    }

    /// The configuration as TOML, each value with its origin as a comment.
    pub(crate) fn annotated(&self) -> Result<String> {
        let mut section = String::new();
        let mut text = String::new();
        for line in toml::to_string_pretty(&self.config)?.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = format!("{name}.");
            }
            match line.split_once(" = ") {
                Some((key, _)) => writeln!(text, "{line:<34}# {}", self.origin(&format!("{section}{key}")))?,
                None => writeln!(text, "{line}")?,
            }
        }
        Ok(text)
    }

    /// Every value with its origin, by dotted key.
    pub(crate) fn to_json(&self) -> Result<serde_json::Value> {
        let told = |(key, value): (String, serde_json::Value)| {
            let origin = self.origin(&key).to_owned();
            (key, serde_json::json!({ "value": value, "origin": origin }))
        };
        Ok(leaves(&self.config)?.into_iter().map(told).collect::<serde_json::Map<_, _>>().into())
    }

    fn origin(&self, key: &str) -> &str {
        self.origins.get(key).map_or("default", String::as_str)
    }
}

/// Every value of a configuration by dotted key.
pub(crate) fn leaves(config: &Config) -> Result<BTreeMap<String, serde_json::Value>> {
    // Through text, so that 0.1 as f32 stays 0.1.
    let config: serde_json::Value = serde_json::from_str(&serde_json::to_string(config)?)?;
    let mut leaves = BTreeMap::new();
    collect("", config, &mut leaves);
    Ok(leaves)
}

fn collect(key: &str, value: serde_json::Value, into: &mut BTreeMap<String, serde_json::Value>) {
    match value {
        serde_json::Value::Object(object) => {
            object.into_iter().for_each(|(name, value)| collect(&join(key, &name), value, into));
        }
        value => {
            into.insert(key.into(), value);
        }
    }
}

fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.into() } else { format!("{section}.{key}") }
}

/// The name under which a folder of runs keeps its configuration.
const KEPT: &str = "config.toml";

/// The configuration that a run folder keeps.
pub(crate) fn kept(folder: &Path) -> Result<Config> {
    let path = folder.join(KEPT);
    let name = || path.display().to_string();
    let text = String::from_utf8(folder::read(&path)?).with_context(name)?;
    toml::from_str(&text).with_context(name)
}

/// Whether a folder keeps one.
pub(crate) fn is_kept(folder: &Path) -> bool {
    folder.join(KEPT).exists()
}

/// Writes the configuration into a run folder.
pub(crate) fn keep(config: &Config, folder: &Path) -> Result<()> {
    folder::write_file(&folder.join(KEPT), toml::to_string_pretty(config)?.as_bytes())
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

/// Overrides, and tells the dotted key of each value taken.
fn merge(into: &mut Table, from: Table, section: &str, taken: &mut impl FnMut(String) -> Option<String>) {
    for (key, value) in from {
        let path = join(section, &key);
        match (into.get_mut(&key), value) {
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from, &path, taken),
            (_, value) => {
                into.insert(key, value);
                taken(path);
            }
        }
    }
}

/// Keys that have no value unless one is given.
const OPTIONAL: [&str; 1] = ["prm.threshold"];

/// Applies `section.key=value` and returns the key; the value is TOML, or a bare word taken as a string.
fn set(table: &mut Table, setting: &str) -> Result<String> {
    let Some((path, value)) = setting.split_once('=') else {
        bail!("--set {setting}: expected KEY=VALUE, for example rl.updates=50");
    };
    let (mut parts, mut here) = (path.trim().split('.').peekable(), table);
    while let Some(part) = parts.next() {
        if !here.contains_key(part) && !OPTIONAL.contains(&path.trim()) {
            let section = path.trim().rsplit_once('.').map_or("", |(section, _)| section);
            let optional = OPTIONAL.iter().filter_map(|key| key.strip_prefix(section)?.strip_prefix('.'));
            let known: Vec<&str> = here.keys().map(String::as_str).chain(optional).collect();
            bail!("--set {path}: no key {part:?}; known here: {}", known.join(", "));
        }
        if parts.peek().is_none() {
            let old = here.insert(part.into(), parse(value.trim()));
            if let (Some(Value::Float(_)), Some(Value::Integer(whole))) = (old, here.get(part).cloned()) {
                here.insert(part.into(), Value::Float(whole as f64));
            }
            return Ok(path.trim().into());
        }
        let Some(Value::Table(next)) = here.get_mut(part) else { bail!("--set {path}: {part:?} is not a section") };
        here = next;
    }
    bail!("--set {setting}: expected KEY=VALUE, for example rl.updates=50")
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
        Common { config: None, set, device: "auto".into(), dtype: None, seed: None, json: false }
    }

    #[test]
    fn settings_override_defaults_by_dotted_key() {
        let config =
            load(&Config::default(), &common(&["rl.credit.form=sum", "rl.kl.coefficient=0", "seed=7"])).unwrap();
        assert_eq!(config.rl.credit.form, minform_core::config::Form::Sum);
        assert_eq!((config.rl.kl.coefficient, config.seed, config.prm.threshold), (0.0, 7, None));
        assert_eq!(load(&Config::default(), &common(&["prm.threshold=0.5"])).unwrap().prm.threshold, Some(0.5));
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

    #[test]
    fn origins_are_told() {
        let layer = Layer { origin: "somewhere".into(), table: toml::from_str("rl.samples = 7").unwrap() };
        let mut settings = resolve(&Config::default(), vec![layer], Some(&common(&["rl.updates=3"]))).unwrap();
        settings.note("rl.updates", "elsewhere");
        settings.note("rl.reward.verifiable", "elsewhere");
        let text = settings.annotated().unwrap();
        let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
        assert!(line("samples = 7").ends_with("# somewhere"));
        assert!(line("updates = 3").ends_with("# --set"));
        assert!(line("verifiable = ").ends_with("# elsewhere"));
        assert!(line("prompts = ").ends_with("# default"));
        assert_eq!(settings.to_json().unwrap()["rl.samples"]["origin"], "somewhere");
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), settings.config);
    }
}
