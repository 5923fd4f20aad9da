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
        Some(at) => Box::new(ArrayRows { bytes, at, line: 1 + newlines(&bytes[..at]), next_sibling: 0, done: false }),
        None => Box::new(lines(bytes)),
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = Raw> + '_ {
    let numbered = bytes.split(|&b| b == b'\n').enumerate();
    numbered
        .map(|(index, line)| (index + 1, line.trim_ascii()))
        .filter(|(_, line)| !line.is_empty())
        .map(|(line, text)| Raw { line, object: object(text) })
}

/// Index just behind the bracket that opens an array of objects. A log line such as `[INFO]` is none.
fn array_start(bytes: &[u8]) -> Option<usize> {
    let open = skip(bytes, 0, |b| b.is_ascii_whitespace());
    let inside = skip(bytes, open + 1, |b| b.is_ascii_whitespace());
    let is_array = bytes.get(open) == Some(&b'[') && matches!(bytes.get(inside), Some(b'{' | b']') | None);
    is_array.then_some(open + 1)
}

fn skip(bytes: &[u8], from: usize, unwanted: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|&b| !unwanted(b)).unwrap_or(rest.len())
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
        Ok(other) => Err(format!("is {}, not an object; a row must be {{...}} with named fields", kind(&other))),
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
    format!("is not valid JSON ({reason}, column {}); {remedy}", error.column())
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

/// The elements of an array, parsed one after another.
struct ArrayRows<'a> {
    bytes: &'a [u8],
    /// Index of the next byte to look at, and its line.
    at: usize,
    line: usize,
    /// The last answer of [`ArrayRows::sibling`], so that many broken rows cost one search each, not a scan
    /// of the rest of the file.
    next_sibling: usize,
    done: bool,
}

impl Iterator for ArrayRows<'_> {
    type Item = Raw;

    fn next(&mut self) -> Option<Raw> {
        if self.done {
            return None;
        }
        self.advance_to(skip(self.bytes, self.at, |b| b.is_ascii_whitespace() || b == b','));
        match self.bytes.get(self.at) {
            None => Some(self.finish("the array has no closing bracket: the file is cut off; get it again")),
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
        Raw { line: self.line, object: Err(problem.to_owned()) }
    }

    fn after_array(&mut self) -> Option<Raw> {
        self.advance_to(skip(self.bytes, self.at + 1, |b| b.is_ascii_whitespace()));
        self.done = true;
        let trailing = self.at < self.bytes.len();
        trailing.then(|| self.finish("text follows the end of the array; remove it"))
    }

    fn element(&mut self) -> Raw {
        let (start, line) = (self.at, self.line);
        let mut values = serde_json::Deserializer::from_slice(&self.bytes[start..]).into_iter::<Value>();
        if let Some(Ok(Value::Object(object))) = values.next() {
            self.advance_to(start + values.byte_offset());
            return Raw { line, object: Ok(object) };
        }
        let limit = self.sibling(start);
        let end = start + element_length(&self.bytes[start..limit]);
        self.advance_to(end);
        Raw { line, object: object(&self.bytes[start..end]) }
    }

    /// Where the next row surely starts: the next line that opens an object with the indentation of the
    /// broken element at `start`. The end of the file if there is none, as in an array on one line.
    fn sibling(&mut self, start: usize) -> usize {
        if self.next_sibling <= start {
            let line_start = self.bytes[..start].iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
            let before = &self.bytes[line_start..start];
            let whole_line = before.iter().all(u8::is_ascii_whitespace);
            let indentation = if whole_line { before } else { &[] };
            let opens_object = |&at: &usize| {
                let line = &self.bytes[at + 1..];
                self.bytes[at] == b'\n' && line.strip_prefix(indentation).is_some_and(|rest| rest.starts_with(b"{"))
            };
            self.next_sibling = (start..self.bytes.len()).find(opens_object).unwrap_or(self.bytes.len());
        }
        self.next_sibling
    }
}

/// Length of the broken element at the start of `bytes`: up to the bracket that closes it, or up to the next
/// comma or end of the array for what is no object or list, or everything.
fn element_length(bytes: &[u8]) -> usize {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (index, &b) in bytes.iter().enumerate() {
        match (in_text, b) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (true, _) => {}
            (_, b'{' | b'[') => depth += 1,
            (_, b'}' | b']') if depth > 1 => depth -= 1,
            (_, b'}' | b']') if depth == 1 => return index + 1,
            (_, b']' | b',') if depth == 0 => return index,
            _ => {}
        }
    }
    bytes.len()
}
