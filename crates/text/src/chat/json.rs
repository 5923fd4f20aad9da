//! The `tojson` filter as Python writes JSON.

use minijinja::value::Kwargs;
use minijinja::{Error, ErrorKind, Value};
use serde::Serialize;

/// Widest indentation of JSON, so that no template can ask for gigabytes of blanks.
const MOST_INDENT: usize = 16;

/// Python's `json.dumps`: a blank after commas and colons, nothing escaped for HTML.
pub(super) fn to_json(value: &Value, options: &Kwargs) -> Result<Value, Error> {
    let indent: Option<usize> = options.get("indent")?;
    // Keys of a map are in a fixed order here, and non-ASCII text is kept, whatever these say.
    let (_sorted, _ascii): (Option<bool>, Option<bool>) = (options.get("sort_keys")?, options.get("ensure_ascii")?);
    options.assert_all_used()?;
    let spaces = " ".repeat(indent.unwrap_or(0).min(MOST_INDENT));
    let mut bytes = Vec::new();
    let written = match indent {
        Some(_) => {
            let pretty = serde_json::ser::PrettyFormatter::with_indent(spaces.as_bytes());
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, pretty))
        }
        None => value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, PythonFormatter)),
    };
    let failed = |reason: String| Error::new(ErrorKind::InvalidOperation, format!("cannot write as JSON: {reason}"));
    written.map_err(|e| failed(e.to_string()))?;
    String::from_utf8(bytes).map(Value::from).map_err(|e| failed(e.to_string()))
}

struct PythonFormatter;

impl serde_json::ser::Formatter for PythonFormatter {
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}
