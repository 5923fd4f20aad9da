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
The name of a figure leads to the page of its algorithm, which tells what is healthy and what a bad value means.
";

/// Which page of the algorithms tells how to read which figures of an event: those named, or all of them.
const READ_ON: [(&str, &str, &str); 8] = [
    ("prm-step", "prm-objectives", ""),
    ("prm-quality", "prm-objectives", ""),
    ("evaluation", "generation", ""),
    ("guard", "guards", ""),
    ("update", "min-form", "step_reward process_outcome agreement steps"),
    (
        "update",
        "baselines",
        "reward returns advantage verified pass_at_k checked left_out value value_loss explained_variance",
    ),
    (
        "update",
        "shaping-and-kl",
        "loss lr grad_norm clip_fraction ratio policy_kl skipped_steps kl kl_coefficient entropy",
    ),
    (
        "update",
        "generation",
        "length truncated right wrong prompt_length repetition reflection responses tokens sampler_kl importance \
         rollout_age",
    ),
];

/// The page that tells how to read a figure of an event.
fn read_on(event: &str, figure: &str) -> Option<&'static str> {
    let tells = |(of, _, figures): &&(&str, &str, &str)| {
        *of == event && (figures.is_empty() || figures.split_whitespace().any(|one| one == figure))
    };
    READ_ON.iter().find(tells).map(|(_, page, _)| *page)
}

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
        let figure = match read_on(name, field.name) {
            Some(page) => format!("[`{}`](../algorithms/{page}.md#metrics)", field.name),
            None => format!("`{}`", field.name),
        };
        section += &row(&[&figure, &field.kind(), &field.meaning]);
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
            let cells = [format!("| `{figure}` | "), format!("| [`{figure}`](../algorithms/")];
            assert!(page.lines().any(|line| cells.iter().any(|cell| line.starts_with(cell))), "{figure}");
        }
        let silent: Vec<&str> = page.lines().filter(|line| line.contains("|  |")).collect();
        assert!(silent.is_empty(), "{silent:#?}");
        let links = page.split("](#").skip(1).filter_map(|rest| rest.split(')').next());
        for target in links {
            assert!(page.contains(&format!("\n## {target}\n")), "a link to {target} leads nowhere");
        }
    }

    #[test]
    fn a_figure_leads_to_the_page_that_tells_how_to_read_it() {
        let told = |page: &str| {
            let path = format!("{}/../docs/algorithms/{page}.md", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            let metrics = text.split_once("\n## Metrics\n").unwrap().1.split("\n## ").next().unwrap().to_owned();
            let cells =
                metrics.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next().map(str::to_owned));
            cells.filter(|cell| cell.starts_with('`')).collect::<String>()
        };
        let schema = Schema::of::<Event>();
        let mut events = schema.root()["oneOf"].as_array().unwrap().iter();
        let update = events.find(|one| one["properties"]["event"]["const"] == "update").unwrap();
        let update = schema.fields(reference(update).map_or(update, |name| schema.named(name)));
        for (event, page, figures) in READ_ON {
            let told = told(page);
            for figure in figures.split_whitespace() {
                assert!(told.contains(&format!("`{figure}`")), "{page} does not tell of {figure}");
            }
            // None that the page tells of is left without a link.
            for field in update.iter().filter(|field| event == "update" && field.name != "step") {
                let is_told = told.contains(&format!("`{}`", field.name));
                assert!(!is_told || read_on(event, field.name).is_some(), "{} has no link to {page}", field.name);
            }
        }
    }
}
