//! Rows as JSON objects, cut out of JSON lines or a JSON array so that one bad row costs only itself.

use serde_json::{Map, Value};

/// One row, or the reason why it is none.
pub(super) struct Raw {
    /// Line on which it starts, from 1.
    pub(super) line: usize,
    pub(super) object: Result<Map<String, Value>, String>,
}

/// All rows of a file: a JSON array if it starts like an array of objects, else one row a line.
pub(super) fn raw_rows(bytes: &[u8]) -> Box<dyn Iterator<Item = Raw> + '_> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match array_start(bytes) {
        Some(at) => Box::new(ArrayRows {
            bytes,
            at,
            line: 1 + newlines(&bytes[..at]),
            done: false,
        }),
        None => Box::new(lines(bytes)),
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = Raw> + '_ {
    let numbered = bytes.split(|&b| b == b'\n').enumerate();
    numbered
        .map(|(index, line)| (index + 1, line.trim_ascii()))
        .filter(|(_, line)| !line.is_empty())
        .map(|(line, text)| Raw {
            line,
            object: object(text),
        })
}

/// Index just behind the bracket that opens an array of objects. A log line such as `[INFO]` is none.
fn array_start(bytes: &[u8]) -> Option<usize> {
    let open = skip(bytes, 0, |b| b.is_ascii_whitespace());
    let inside = skip(bytes, open + 1, |b| b.is_ascii_whitespace());
    let is_array =
        bytes.get(open) == Some(&b'[') && matches!(bytes.get(inside), Some(b'{' | b']') | None);
    is_array.then_some(open + 1)
}

fn skip(bytes: &[u8], from: usize, unwanted: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest
        .iter()
        .position(|&b| !unwanted(b))
        .unwrap_or(rest.len())
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b == b'\n').count()
}

fn object(text: &[u8]) -> Result<Map<String, Value>, String> {
    if std::str::from_utf8(text).is_err() {
        return Err("is not UTF-8 text; save the file as UTF-8".to_owned());
    }
    match serde_json::from_slice(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => Err(format!(
            "is {}, not an object; a row must be {{...}} with named fields",
            kind(&other)
        )),
        Err(error) => Err(syntax_problem(text, &error)),
    }
}

fn syntax_problem(text: &[u8], error: &serde_json::Error) -> String {
    let said = error.to_string();
    let reason = said.split(" at line ").next().unwrap_or_default();
    let has = |word: &str| text.windows(word.len()).any(|w| w == word.as_bytes());
    let remedy = match () {
        () if error.is_eof() => "the row is cut off; download or write the file again",
        () if has("NaN") || has("Infinity") => "JSON has no NaN or Infinity; write null instead",
        () => "mend or remove the row",
    };
    format!(
        "is not valid JSON ({reason}, column {}); {remedy}",
        error.column()
    )
}

/// What a value is, for messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The elements of an array, each found by its brackets before it is parsed.
struct ArrayRows<'a> {
    bytes: &'a [u8],
    /// Index of the next byte to look at, and its line.
    at: usize,
    line: usize,
    done: bool,
}

impl Iterator for ArrayRows<'_> {
    type Item = Raw;

    fn next(&mut self) -> Option<Raw> {
        if self.done {
            return None;
        }
        self.advance_to(skip(self.bytes, self.at, |b| {
            b.is_ascii_whitespace() || b == b','
        }));
        match self.bytes.get(self.at) {
            None => Some(self.finish(
                "the array has no closing bracket; the file is cut off, download or write it again",
            )),
            Some(b']') => self.after_array(),
            Some(_) => Some(self.element()),
        }
    }
}

impl ArrayRows<'_> {
    fn advance_to(&mut self, end: usize) {
        self.line += newlines(&self.bytes[self.at..end]);
        self.at = end;
    }

    fn finish(&mut self, problem: &str) -> Raw {
        self.done = true;
        Raw {
            line: self.line,
            object: Err(problem.to_owned()),
        }
    }

    fn after_array(&mut self) -> Option<Raw> {
        self.advance_to(skip(self.bytes, self.at + 1, |b| b.is_ascii_whitespace()));
        self.done = true;
        let trailing = self.at < self.bytes.len();
        trailing.then(|| self.finish("text follows the end of the array; remove it"))
    }

    /// The element at hand. A broken one may have swallowed its neighbours, so it is cut where the next line
    /// starts an object with the same indentation.
    fn element(&mut self) -> Raw {
        let (start, line) = (self.at, self.line);
        let end = element_end(self.bytes, start);
        let object = object(&self.bytes[start..end]);
        let resume = if object.is_err() {
            self.sibling(start, end).unwrap_or(end)
        } else {
            end
        };
        self.advance_to(resume);
        Raw { line, object }
    }

    fn sibling(&self, start: usize, end: usize) -> Option<usize> {
        let before = &self.bytes[..start];
        let line_start = before
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |newline| newline + 1);
        let indentation = &self.bytes[line_start..start];
        let indentation = if indentation.iter().all(u8::is_ascii_whitespace) {
            indentation
        } else {
            &[]
        };
        let starts_object = |at: &usize| {
            let rest = &self.bytes[at + 1..];
            self.bytes[*at] == b'\n'
                && rest.starts_with(indentation)
                && rest.get(indentation.len()) == Some(&b'{')
        };
        (start..end).find(starts_object)
    }
}

/// Index behind the element that starts at `start`: behind its closing bracket, or at the next comma or
/// bracket for anything that is not an object or list.
fn element_end(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (offset, &b) in bytes[start..].iter().enumerate() {
        match (in_text, b) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (true, _) => {}
            (_, b'{' | b'[') => depth += 1,
            (_, b'}' | b']') if depth > 1 => depth -= 1,
            (_, b'}' | b']') if depth == 1 => return start + offset + 1,
            // A stray closing bracket of an object must be consumed, or the reader would never move on.
            (_, b']' | b',') if depth == 0 => return start + offset,
            _ => {}
        }
    }
    bytes.len()
}
