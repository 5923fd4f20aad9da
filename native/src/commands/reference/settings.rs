//! Every setting with its default, choices and meaning.

use std::collections::BTreeMap;

use anyhow::Result;
use minform_core::config::Config;
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

pub(super) fn page() -> Result<String> {
    let schema = Schema::of::<Config>();
    let defaults = leaves(&Config::default())?;
    let mut page = INTRODUCTION.to_owned();
    section(&schema, schema.root(), "", "What belongs to the whole run.", &defaults, &mut page);
    Ok(page)
}

/// The keys right under `prefix`, then the sections under it.
fn section(
    schema: &Schema,
    body: &Value,
    prefix: &str,
    meaning: &str,
    defaults: &BTreeMap<String, Value>,
    page: &mut String,
) {
    let fields = schema.fields(body);
    let (sections, keys): (Vec<&Field<'_>>, Vec<&Field<'_>>) = fields.iter().partition(|field| is_section(field));
    if !keys.is_empty() {
        let title = if prefix.is_empty() { "Top level".to_owned() } else { format!("`[{prefix}]`") };
        *page += &format!("\n## {title}\n\n{meaning}\n\n");
        *page += &head(&["key", "default", "meaning"]);
        keys.iter().for_each(|field| *page += &key_row(field, &joined(prefix, field.name), defaults));
    }
    for field in sections {
        let Some((_, target)) = field.refers else { continue };
        let meaning = said_once(&field.meaning, &description(target));
        section(schema, target, &joined(prefix, field.name), &meaning, defaults, page);
    }
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
    let default = defaults.get(key).map_or("unset".to_owned(), |value| format!("`{value}`"));
    let choices = field.choices();
    let choices = choices.iter().map(|(name, meaning)| format!("<br>`\"{name}\"`: {meaning}"));
    row(&[&format!("`{key}`"), &default, &(field.meaning.clone() + &choices.collect::<String>())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_twice() {
        assert_eq!(said_once("Fine-tuning.", "Fine-tuning on solutions."), "Fine-tuning on solutions.");
        assert_eq!(said_once("How by `eval`.", "How."), "How by `eval`.");
        assert_eq!(said_once("Optimizer.", "AdamW."), "Optimizer. AdamW.");
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
        assert_eq!(page.lines().filter(|line| line.starts_with("| `")).count(), defaults.len() + 1);
        assert!(page.contains("<br>`\"exact-min\"`: "), "choices are missing");
    }
}
