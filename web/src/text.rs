//! Steps and answers of a text. The grader knows too much mathematics for the small build.

#[cfg(feature = "engine")]
use minform_text::answer;
use minform_text::steps;
use wasm_bindgen::prelude::wasm_bindgen;

/// The steps of `text` between separators, without the white space around each; empty ones are dropped.
///
/// A separator of nothing but line ends has the meaning it has in data files: blank lines, or the end of each line.
#[wasm_bindgen(js_name = splitSteps)]
pub fn split_steps(text: &str, separator: &str) -> Vec<String> {
    steps::split_text_at(text, separator)
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
