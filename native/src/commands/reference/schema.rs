//! What types say of themselves: fields and choices with their doc comments; and the page of events made of it.

use minform_core::event::Event;
use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use super::{cell, head, row};

/// The schema of a type and of everything it refers to.
pub(super) struct Schema(Value);

/// A field of a type.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) meaning: String,
    /// The type it refers to, with its name.
    pub(super) refers: Option<(&'a str, &'a Value)>,
    schema: &'a Value,
}

impl Schema {
    pub(super) fn of<T: JsonSchema>() -> Self {
        Self(schema_for!(T).to_value())
    }

    pub(super) fn root(&self) -> &Value {
        &self.0
    }

    /// The fields of a type, in their order.
    pub(super) fn fields<'a>(&'a self, schema: &'a Value) -> Vec<Field<'a>> {
        let properties = schema["properties"].as_object();
        let field = |(name, schema): (&'a String, &'a Value)| {
            let refers = reference(schema).map(|name| (name, &self.0["$defs"][name]));
            Field { name, meaning: description(schema), refers, schema }
        };
        properties.into_iter().flatten().map(field).collect()
    }

    /// A type by its name.
    fn named(&self, name: &str) -> &Value {
        &self.0["$defs"][name]
    }
}

impl Field<'_> {
    /// The choices of an enumeration, with their meanings; none of other types.
    pub(super) fn choices(&self) -> Vec<(String, String)> {
        let (_, target) = self.refers.unwrap_or(("", self.schema));
        let choices = target["oneOf"].as_array().into_iter().flatten();
        let choice = |one: &Value| Some((one["const"].as_str()?.to_owned(), description(one)));
        choices.filter_map(choice).collect()
    }

    /// What kind of value it is, in a word.
    fn kind(&self) -> String {
        let list = || format!("list of {}", word(&self.schema["items"]));
        match self.schema["type"].as_str() == Some("array") {
            true => list(),
            false => word(self.schema),
        }
    }
}

pub(super) fn description(schema: &Value) -> String {
    cell(schema["description"].as_str().unwrap_or_default())
}

/// The name of the type that a schema refers to, also where it may be absent.
fn reference(schema: &Value) -> Option<&str> {
    let direct = |schema: &Value| schema.get("$ref").is_some();
    let target = if direct(schema) { schema } else { schema["anyOf"].as_array()?.iter().find(|one| direct(one))? };
    target["$ref"].as_str()?.strip_prefix("#/$defs/")
}

fn word(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return format!("[{}](#{})", name.to_lowercase(), name.to_lowercase());
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find_map(Value::as_str).unwrap_or_default(),
        kind => kind.as_str().unwrap_or_default(),
    };
    match kind {
        "string" => "text",
        "boolean" => "true or false",
        "integer" => "whole number",
        kind => kind,
    }
    .to_owned()
}

const EVENTS: &str = "\
# Events and their figures

Made by `minform reference` from the types of `crates/core/src/event.rs`.
`events.jsonl` of a run folder holds one event per line, with `event`, its name, and the time in seconds.
A figure over nothing is `null`.
How to read the figures, what is healthy and what is not, is told on the pages of the algorithms: \
[min-form credit](../algorithms/min-form.md#metrics), [baselines](../algorithms/baselines.md#metrics), \
[shaping, KL and the loss](../algorithms/shaping-and-kl.md#metrics), \
[reward models](../algorithms/prm-objectives.md#metrics), [generation](../algorithms/generation.md#metrics) and \
[guards](../algorithms/guards.md#metrics).
";

/// The page of all events.
pub(super) fn events() -> String {
    let schema = Schema::of::<Event>();
    let variants = schema.root()["oneOf"].as_array().into_iter().flatten();
    let mut page = EVENTS.to_owned();
    for variant in variants {
        let name = variant["properties"]["event"]["const"].as_str().unwrap_or_default();
        let body = reference(variant).map_or(variant, |name| schema.named(name));
        page += &section(&schema, name, &description(variant), body);
    }
    for name in ["Spread", "Lengths", "Calibration", "ReliabilityBin"] {
        let body = schema.named(name);
        page += &section(&schema, &name.to_lowercase(), &description(body), body);
    }
    page + &phases(schema.named("Phase"))
}

fn section(schema: &Schema, name: &str, meaning: &str, body: &Value) -> String {
    let mut section = format!("\n## {name}\n\n{meaning}\n\n") + &head(&["field", "kind", "meaning"]);
    for field in schema.fields(body).iter().filter(|field| field.name != "event") {
        section += &row(&[&format!("`{}`", field.name), &field.kind(), &field.meaning]);
    }
    section
}

fn phases(schema: &Value) -> String {
    let mut section = format!("\n## phase\n\n{}\n\n", description(schema)) + &head(&["name", "meaning"]);
    for one in schema["oneOf"].as_array().into_iter().flatten() {
        section += &row(&[&format!("`{}`", one["const"].as_str().unwrap_or_default()), &description(one)]);
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_and_every_figure_is_told() {
        let page = events();
        for figure in ["process_outcome", "explained_variance", "first_error_f1", "ece", "greedy", "sample"] {
            assert!(page.contains(&format!("| `{figure}` | ")), "{figure}");
        }
        let silent: Vec<&str> = page.lines().filter(|line| line.contains("|  |")).collect();
        assert!(silent.is_empty(), "{silent:#?}");
        let links = page.split("](#").skip(1).filter_map(|rest| rest.split(')').next());
        for target in links {
            assert!(page.contains(&format!("\n## {target}\n")), "a link to {target} leads nowhere");
        }
    }
}
