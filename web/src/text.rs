//! Steps and answers of a text. The grader knows too much mathematics for the small build.

#[cfg(feature = "engine")]
use minform_text::answer;
use minform_text::steps::{self, PatternError};
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

/// The steps of `text` between separators, without the white space around each; empty ones are dropped.
///
/// A separator of nothing but line ends has the meaning it has in data files: blank lines, or the end of each line. One
/// between slashes is a regular expression.
///
/// # Errors
/// A regular expression that is none.
#[wasm_bindgen(js_name = splitSteps)]
pub fn split_steps(text: &str, separator: &str) -> Result<Vec<String>, JsError> {
    Ok(split_steps_at(text, separator)?)
}

pub(crate) fn split_steps_at(text: &str, separator: &str) -> Result<Vec<String>, PatternError> {
    Ok(match pattern(separator) {
        Some(pattern) => steps::split_text_by(text, pattern)?,
        None => steps::split_text_at(text, separator),
    })
}

/// What stands between slashes.
fn pattern(separator: &str) -> Option<&str> {
    separator.strip_prefix('/')?.strip_suffix('/').filter(|pattern| !pattern.is_empty())
}

/// Whether the final answer of `text` is `answer`.
#[cfg(feature = "engine")]
#[wasm_bindgen(js_name = gradeAnswer)]
pub fn grade_answer(text: &str, answer: &str) -> bool {
    answer::grade(text, answer).correct
}

/// The final answer of `text`: the last box, what "the answer is" announces, or the last number.
#[cfg(feature = "engine")]
#[wasm_bindgen(js_name = finalAnswer)]
pub fn final_answer(text: &str) -> Option<String> {
    answer::extract(text)
}
