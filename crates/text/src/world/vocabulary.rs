//! The tokenizer of the world: one token per word, number or sign.
//!
//! Spaces belong to the words and signs beside them (` has `, ` + `), never to a number, so that each number
//! is one token with one id wherever it stands, and tokens put end to end give the text back.

use serde_json::{Map, Value, json};

use super::cut::{PATTERN, cut};
use super::{MAX_VALUE, wording};

/// Fills a batch up; never part of text.
pub const PAD: &str = "<pad>";
/// Ends a response.
pub const EOS: &str = "<eos>";
/// Stands for text that the world does not know.
pub const UNK: &str = "<unk>";
/// Parts two steps.
pub const SEPARATOR: &str = "\n\n";
/// What a process reward model reads in place of a separator; no text of the world contains it.
pub const NEWLINE: &str = "\n";
/// Ends the prompt, and unlike a separator it is never found in a response.
pub const PROMPT_END: &str = " => ";

/// The id of [`PAD`].
pub const PAD_ID: u32 = 0;
/// The id of [`EOS`].
pub const EOS_ID: u32 = 1;
/// The id of [`UNK`].
pub const UNK_ID: u32 = 2;
/// The id of [`SEPARATOR`].
pub const SEPARATOR_ID: u32 = 3;
/// The id of [`NEWLINE`].
pub const NEWLINE_ID: u32 = 4;

/// Everything that is neither a number nor a word, in the order of the ids.
const SIGNS: [&str; 14] =
    [PAD, EOS, UNK, SEPARATOR, NEWLINE, PROMPT_END, "\\boxed{", "}", " = ", " + ", " - ", " * ", " / ", "."];

/// Every token, at the place of its id: signs, then the numbers 0 to 30, then words.
pub fn vocabulary() -> Vec<String> {
    let numbers = (0..=MAX_VALUE).map(|number| number.to_string());
    let mut tokens: Vec<String> = SIGNS.into_iter().map(String::from).chain(numbers).collect();
    for text in wording::corpus() {
        for token in cut(&text) {
            if !tokens.iter().any(|known| known == token) {
                tokens.push(token.to_owned());
            }
        }
    }
    tokens
}

/// The tokenizer in the format of `tokenizer.json`, the same text on every call.
pub fn tokenizer_json() -> String {
    let ids = (0u32..).map(Value::from);
    let vocabulary: Map<String, Value> = vocabulary().into_iter().zip(ids).collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [special(PAD_ID, PAD), special(EOS_ID, EOS), special(UNK_ID, UNK)],
        "normalizer": null,
        "pre_tokenizer": {
            "type": "Split",
            "pattern": { "Regex": PATTERN },
            "behavior": "Isolated",
            "invert": false,
        },
        "post_processor": null,
        "decoder": { "type": "Fuse" },
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": UNK },
    })
    .to_string()
}

fn special(id: u32, content: &str) -> Value {
    json!({
        "id": id,
        "content": content,
        "single_word": false,
        "lstrip": false,
        "rstrip": false,
        "normalized": false,
        "special": true,
    })
}
