//! Every setting with its default, choices and meaning.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use minform_core::config::Config;
use minform_core::demo;
use serde_json::Value;

use super::schema::{Field, Schema, description};
use super::{head, row};
use crate::settings::leaves;

const INTRODUCTION: &str = "\
# Configuration

Made by `minform reference` from the types of `crates/core/src/config`: every key with its default.
How a configuration is given, presets, and the counterparts in TRL, verl and PURE are under \
[choosing settings](../configuration.md).
";

const DEMO: &str = "
## What `minform demo` changes

Its models have 0.35 M parameters and start from nothing, so they learn faster than pretrained ones.
Options and presets change these settings further.

";

pub(super) fn page() -> Result<String> {
    let schema = Schema::of::<Config>();
    let defaults = leaves(&Config::default())?;
    let mut page = Page { schema: &schema, defaults: &defaults, text: INTRODUCTION.to_owned() };
    page.section(schema.root(), "", "What belongs to the whole run.");
    let demos = [leaves(&demo::settings(false))?, leaves(&demo::settings(true))?];
    Ok(page.text + DEMO + &changes(&defaults, &demos))
}

/// The page as far as it is written.
struct Page<'a> {
    schema: &'a Schema,
    defaults: &'a BTreeMap<String, Value>,
    text: String,
}

impl Page<'_> {
    /// The keys right under `prefix`, then the sections under it.
    fn section(&mut self, body: &Value, prefix: &str, meaning: &str) {
        let fields = self.schema.fields(body);
        let (sections, keys): (Vec<&Field<'_>>, Vec<&Field<'_>>) = fields.iter().partition(|field| is_section(field));
        if !keys.is_empty() {
            let title = if prefix.is_empty() { "Top level".to_owned() } else { format!("`[{prefix}]`") };
            self.text += &format!("\n## {title}\n\n{meaning}\n\n");
            self.text += &head(&["key", "default", "meaning"]);
            self.text.extend(keys.iter().map(|field| key_row(field, &joined(prefix, field.name), self.defaults)));
        }
        for field in sections {
            let Some((_, target)) = field.refers else { continue };
            let meaning = said_once(&field.meaning, &description(target));
            self.section(target, &joined(prefix, field.name), &meaning);
        }
    }
}

/// A row for each key that one of `others` sets otherwise.
fn changes(defaults: &BTreeMap<String, Value>, others: &[BTreeMap<String, Value>; 2]) -> String {
    let keys: BTreeSet<&String> = defaults.keys().chain(others.iter().flat_map(BTreeMap::keys)).collect();
    let differing = keys.into_iter().filter(|key| others.iter().any(|other| other.get(*key) != defaults.get(*key)));
    let rows = differing.map(|key| {
        let [default, demo, quick] = [defaults, &others[0], &others[1]].map(|settings| told(settings, key));
        row(&[&format!("`{key}`"), &default, &demo, &quick])
    });
    head(&["key", "default", "`demo`", "`demo --quick`"]) + &rows.collect::<String>()
}

/// The value of a key.
fn told(settings: &BTreeMap<String, Value>, key: &str) -> String {
    settings.get(key).map_or("unset".to_owned(), |value| format!("`{value}`"))
}

/// What a field says of a section and what its type does, without saying it twice.
fn said_once(field: &str, kind: &str) -> String {
    let begins = |long: &str, short: &str| long.starts_with(short.trim_end_matches('.'));
    match (begins(kind, field), begins(field, kind)) {
        (true, _) => kind.to_owned(),
        (_, true) => field.to_owned(),
        _ => format!("{field} {kind}"),
    }
}

fn is_section(field: &Field<'_>) -> bool {
    field.refers.is_some_and(|(_, target)| target.get("properties").is_some())
}

fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

fn key_row(field: &Field<'_>, key: &str, defaults: &BTreeMap<String, Value>) -> String {
    let choices = field.choices();
    let choices = choices.iter().map(|(name, meaning)| format!("<br>`\"{name}\"`: {meaning}"));
    row(&[&format!("`{key}`"), &told(defaults, key), &(field.meaning.clone() + &choices.collect::<String>())])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_is_said_twice() {
        assert_eq!(said_once("Fine-tuning.", "Fine-tuning on solutions."), "Fine-tuning on solutions.");
        assert_eq!(said_once("How by `eval`.", "How."), "How by `eval`.");
        assert_eq!(said_once("Optimizer.", "AdamW."), "Optimizer. AdamW.");
    }

    #[test]
    fn what_the_demo_changes_is_listed_and_nothing_else() {
        let map = |json: Value| json.as_object().unwrap().clone().into_iter().collect::<BTreeMap<_, _>>();
        let others = [json!({"a": 1, "b": 2, "c": 5}), json!({"a": 1, "b": 3})].map(map);
        let table = changes(&map(json!({"a": 1, "b": 2})), &others);
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(rows, ["| `b` | `2` | `2` | `3` |", "| `c` | unset | `5` | unset |"]);
    }

    #[test]
    fn every_setting_has_a_row_with_its_default_and_a_meaning() {
        let page = page().unwrap();
        let defaults = leaves(&Config::default()).unwrap();
        for (key, default) in &defaults {
            let start = format!("| `{key}` | `{default}` | ");
            let meaning = page.lines().find_map(|line| line.strip_prefix(&start));
            assert!(meaning.is_some_and(|meaning| meaning.len() > 4), "{key}: {meaning:?}");
        }
        // `prm.threshold` is unset, so it has no default to look for.
        let (keys, _) = page.split_once(DEMO).unwrap();
        assert_eq!(keys.lines().filter(|line| line.starts_with("| `")).count(), defaults.len() + 1);
        assert!(page.contains("<br>`\"exact-min\"`: "), "choices are missing");
    }
}
