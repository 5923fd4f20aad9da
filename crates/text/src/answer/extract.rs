//! Finds the final answer in a response.

use super::clean::clean;
use super::scan::leading_group;
use super::structure::{self, Shape};

/// How an answer was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marker {
    /// In `\boxed{…}` or `\fbox{…}`.
    Boxed,
    /// Behind words such as "the answer is", or behind `####`.
    Marked,
    /// The last number of the text.
    LastNumber,
}

/// The final answer: the last box, else what the last marker announces, else the last number.
pub fn extract(response: &str) -> Option<String> {
    extract_with_marker(response).map(|(answer, _)| answer)
}

/// The final answer and how it was found, for callers that insist on a box.
pub fn extract_with_marker(response: &str) -> Option<(String, Marker)> {
    let boxed = extract_boxed(response).map(|answer| (answer, Marker::Boxed));
    let marked = || Some((announced(response)?, Marker::Marked));
    let number = || Some((last_value(response)?, Marker::LastNumber));
    boxed.or_else(marked).or_else(number)
}

/// The content of the last `\boxed{…}`, `\fbox{…}` or `\boxed x`; `None` if that box is not closed or is empty.
pub fn extract_boxed(response: &str) -> Option<String> {
    let commands = [r"\boxed", r"\fbox", r"\framebox"];
    let ends = commands.iter().filter_map(|name| Some(response.rfind(name)? + name.len()));
    let content = response.get(ends.max()?..)?;
    let inner = if content.trim_start().starts_with('{') {
        leading_group(content.trim_start())?.0
    } else {
        content.strip_prefix(' ')?.split(['$', '\n']).next()?
    };
    filled(inner)
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

const MARKERS: &[&str] = &["answer is", "answer:", "answer =", "answer:**", "answers are", "solution is", "####"];

/// What follows the last marker, up to the end of the formula or the sentence.
fn announced(response: &str) -> Option<String> {
    // Only ASCII letters change, so positions stay valid.
    let lower = response.to_ascii_lowercase();
    let ends = MARKERS.iter().filter_map(|marker| Some(lower.rfind(marker)? + marker.len()));
    let rest = response.get(ends.max()?..)?;
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '*' | '=' | '#'));
    let sentence = without_filler(first_sentence(rest));
    let answer = formula(rest, sentence).unwrap_or(sentence).trim_matches(['*', ' ', '\n', '"']);
    let answer = answer.strip_suffix('.').unwrap_or(answer);
    let words = answer.split_whitespace().count();
    if words > 4 && structure::read(&clean(answer), 0).shape == Shape::Opaque {
        return last_value(answer).or_else(|| filled(answer));
    }
    filled(answer)
}

fn first_sentence(text: &str) -> &str {
    let ends = ["\n", ". ", ".\n", "? ", " because", " since ", "<|", "</"];
    let end = ends.iter().filter_map(|end| text.find(end)).min().unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn without_filler(text: &str) -> &str {
    let mut text = text.trim_start();
    for filler in ["indeed ", "just ", "simply ", "approximately ", "about ", "then ", "therefore ", "thus "] {
        text = text.strip_prefix(filler).unwrap_or(text);
    }
    text
}

/// The formula that the text begins with, unless the sentence has more than one.
fn formula<'a>(text: &'a str, sentence: &str) -> Option<&'a str> {
    for (open, close) in [("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")] {
        if let Some(inner) = text.strip_prefix(open) {
            let (formula, _) = inner.split_once(close)?;
            let more = sentence.matches(open).count() > if open == close { 2 } else { 1 };
            return (!more).then_some(formula);
        }
    }
    None
}

/// The formula around the last number, if the number is part of one, else the last number alone.
fn last_value(text: &str) -> Option<String> {
    let (start, end) = last_number(text)?;
    let number = text.get(start..end)?;
    let before = text.get(..start)?;
    let inside = before.matches('$').count() % 2 == 1 || before.rfind(r"\(") > before.rfind(r"\)");
    let span = if inside { surrounding_formula(text, start, end) } else { None };
    filled(&span.unwrap_or_else(|| number.replace(',', "")))
}

fn surrounding_formula(text: &str, start: usize, end: usize) -> Option<String> {
    let begin = text.get(..start)?.rfind(['$', '\n']).or_else(|| text.get(..start)?.rfind(r"\(").map(|at| at + 1))? + 1;
    let after = text.get(end..)?;
    let stop = after.find('$').into_iter().chain(after.find(r"\)")).min()?;
    let whole = text.get(begin..end + stop)?;
    let value = whole.rsplit('=').next().filter(|value| value.contains(|c: char| c.is_ascii_digit()))?;
    let shape = structure::read(&clean(value), 0).shape;
    (!matches!(shape, Shape::Opaque | Shape::Words)).then(|| value.trim().to_owned())
}

/// Byte range of the last number, with sign, thousands, decimals and a plain fraction such as 3/4.
fn last_number(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let last = bytes.iter().rposition(u8::is_ascii_digit)?;
    let mut start = last;
    while start > 0 {
        let joins = match bytes.get(start - 1) {
            Some(b'.' | b'/') => digit(start) && start >= 2 && digit(start - 2),
            Some(b',') => digit(start + 2) && start >= 2 && digit(start - 2) && !digit(start + 3),
            _ => digit(start - 1),
        };
        if !joins {
            break;
        }
        start -= 1;
    }
    // A leading point and a sign belong to the number unless a letter or digit stands before them.
    let lone = |at: usize| at == 0 || bytes.get(at - 1).is_some_and(|b| !b.is_ascii_alphanumeric() && *b != b')');
    if start > 0 && bytes.get(start - 1) == Some(&b'.') && lone(start - 1) {
        start -= 1;
    }
    if start > 0 && bytes.get(start - 1) == Some(&b'-') && lone(start - 1) {
        start -= 1;
    }
    Some((start, last + 1))
}
