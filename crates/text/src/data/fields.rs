//! Typed access to the fields of one row, with problems that name the field and the remedy.

use serde_json::{Map, Value};

use super::Skipped;
use super::source::{Raw, kind, raw_rows};

/// One row with its place in the file.
pub(super) struct Row<'a> {
    pub(super) file: &'a str,
    pub(super) line: usize,
    /// From 1.
    pub(super) row: usize,
    pub(super) object: Map<String, Value>,
}

/// The format of a file: that of the first row with one of its own; `weak`, whose fields other formats have too, only
/// where no row has; the default where the rows fit none.
pub(super) fn detect<'a, F: Copy + Default + PartialEq>(
    rows: &[Result<Row<'a>, Skipped>],
    format_of: impl Fn(&Row<'a>) -> F,
    weak: F,
) -> F {
    let mut formats = rows.iter().flatten().map(format_of).filter(|format| *format != F::default()).peekable();
    let fallback = formats.peek().map_or(F::default(), |_| weak);
    formats.find(|format| *format != weak).unwrap_or(fallback)
}

/// Every row of a file, and what is no row.
pub(super) fn rows<'a>(file: &'a str, bytes: &'a [u8]) -> impl Iterator<Item = Result<Row<'a>, Skipped>> {
    raw_rows(bytes).enumerate().map(move |(index, Raw { line, object })| {
        let row = index + 1;
        match object {
            Ok(object) => Ok(Row { file, line, row, object }),
            Err(problem) => {
                Err(Skipped { id: format!("{file}:{row}"), file: file.to_owned(), line, row, field: None, problem })
            }
        }
    })
}

/// A text that is not blank, or a number as text.
fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => {
            let text = number.to_string();
            Some(text.strip_suffix(".0").unwrap_or(&text).to_owned())
        }
        _ => None,
    }
}

impl Row<'_> {
    /// The row named as skipped.
    pub(super) fn skipped(&self, field: Option<&str>, problem: impl Into<String>) -> Skipped {
        let (file, field) = (self.file.to_owned(), field.map(str::to_owned));
        let id = self.id(&["id", "idx"]);
        Skipped { id, file, line: self.line, row: self.row, field, problem: problem.into() }
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.object.contains_key(field)
    }

    /// The first of `fields` the row has, else the first of all.
    pub(super) fn either<'f>(&self, fields: [&'f str; 2]) -> &'f str {
        if self.has(fields[0]) || !self.has(fields[1]) { fields[0] } else { fields[1] }
    }

    fn wrong_kind(&self, field: &str, found: &Value, expected: &str) -> Skipped {
        let problem = format!("is {}, expected {expected}; mend or remove the row", kind(found));
        self.skipped(Some(field), problem)
    }

    pub(super) fn value(&self, field: &str) -> Result<&Value, Skipped> {
        let missing = || self.skipped(Some(field), "is missing; add it, or choose the format the file really has");
        self.object.get(field).ok_or_else(missing)
    }

    /// A text that is not blank.
    pub(super) fn text(&self, field: &str) -> Result<String, Skipped> {
        match self.value(field)? {
            Value::String(text) if text.trim().is_empty() => {
                Err(self.skipped(Some(field), "is blank; fill it in or remove the row"))
            }
            Value::String(text) => Ok(text.clone()),
            other => Err(self.wrong_kind(field, other, "a text")),
        }
    }

    /// A text or number as text; `None` if missing, null or blank. 27.0 reads "27".
    pub(super) fn optional_text(&self, field: &str) -> Result<Option<String>, Skipped> {
        match self.object.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(plain @ (Value::String(_) | Value::Number(_))) => Ok(plain_text(plain)),
            Some(other) => Err(self.wrong_kind(field, other, "a text or a number")),
        }
    }

    /// The first of `fields` with a text or number, else `file:row`; of several samples of one problem with `/sample`.
    pub(super) fn id(&self, fields: &[&str]) -> String {
        let given = fields.iter().find_map(|field| plain_text(self.object.get(*field)?));
        let id = given.unwrap_or_else(|| format!("{}:{}", self.file, self.row));
        match self.object.get("sample").and_then(Value::as_u64) {
            Some(sample) => format!("{id}/{sample}"),
            None => id,
        }
    }

    pub(super) fn list(&self, field: &str) -> Result<&[Value], Skipped> {
        match self.value(field)? {
            Value::Array(items) => Ok(items),
            other => Err(self.wrong_kind(field, other, "a list")),
        }
    }

    /// A list of texts with at least one in it.
    pub(super) fn texts(&self, field: &str) -> Result<Vec<String>, Skipped> {
        let items = self.list(field)?;
        if items.is_empty() {
            return Err(self.skipped(Some(field), "has no entry; a solution needs at least one step"));
        }
        items.iter().enumerate().map(|(index, item)| self.text_entry(field, index, item)).collect()
    }

    fn text_entry(&self, field: &str, index: usize, item: &Value) -> Result<String, Skipped> {
        let wrong = || self.wrong_kind(&format!("{field}[{index}]"), item, "a text");
        item.as_str().map(str::to_owned).ok_or_else(wrong)
    }

    /// A list of whole numbers.
    pub(super) fn integers(&self, field: &str) -> Result<Vec<i64>, Skipped> {
        let entry = |(index, item): (usize, &Value)| {
            let wrong = || self.wrong_kind(&format!("{field}[{index}]"), item, "a whole number");
            item.as_i64().ok_or_else(wrong)
        };
        self.list(field)?.iter().enumerate().map(entry).collect()
    }

    pub(super) fn integer(&self, field: &str) -> Result<i64, Skipped> {
        let value = self.value(field)?;
        value.as_i64().ok_or_else(|| self.wrong_kind(field, value, "a whole number"))
    }

    /// A boolean; `None` if missing or null.
    pub(super) fn optional_bool(&self, field: &str) -> Result<Option<bool>, Skipped> {
        match self.object.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(other) => Err(self.wrong_kind(field, other, "true or false")),
        }
    }

    /// One entry per step, read by `entry`, which gives `None` for a value it does not know.
    pub(super) fn entries<T>(
        &self,
        field: &str,
        steps: usize,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, Skipped> {
        let items = self.list(field)?;
        if items.len() != steps {
            let problem = format!("has {} entries for {steps} steps; give one per step", items.len());
            return Err(self.skipped(Some(field), problem));
        }
        let entry = |(index, item): (usize, &Value)| {
            let wrong = || {
                self.skipped(
                    Some(&format!("{field}[{index}]")),
                    format!("is {item}, expected {expected}; mend or remove the row"),
                )
            };
            read(item).ok_or_else(wrong)
        };
        items.iter().enumerate().map(entry).collect()
    }
}
