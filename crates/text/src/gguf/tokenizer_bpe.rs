//! Byte-level BPE tokenizers (`tokenizer.ggml.model` = `gpt2`).

use serde_json::{Value as Json, json};

use super::metadata::required;
use super::tokenizer::Parts;
use super::vocabulary::{TokenizerModel, Vocabulary};
use super::{Gguf, GgufError};

const PRE: &str = "tokenizer.ggml.pre";
const MERGES: &str = "tokenizer.ggml.merges";

/// How Qwen2 cuts text into words: every digit by itself.
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// How Llama 3 cuts text into words: up to three digits together.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The ways of cutting text into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pre {
    Gpt2,
    SmolLm,
    Qwen2,
    Llama3,
}

impl Pre {
    fn read(gguf: &Gguf<'_>) -> Result<Self, GgufError> {
        match gguf.text(PRE)?.unwrap_or("default") {
            // Files from before the entry existed hold GPT-2's way or do not say; llama.cpp guesses likewise.
            "default" | "gpt-2" | "gpt2" => Ok(Self::Gpt2),
            "smollm" | "starcoder" | "refact" | "codeshell" => Ok(Self::SmolLm),
            "qwen2" | "deepseek-r1-qwen" => Ok(Self::Qwen2),
            "llama-bpe" | "llama3" | "llama-v3" => Ok(Self::Llama3),
            other => Err(GgufError::Tokenizer(format!(
                "`{PRE}` is {other:?}, only gpt-2, smollm, qwen2 and llama-bpe are known; take tokenizer.json from the original model"
            ))),
        }
    }

    fn pre_tokenizer(self) -> Json {
        match self {
            Self::Gpt2 => byte_level(true),
            Self::SmolLm => sequence(&json!({ "type": "Digits", "individual_digits": true }), &byte_level(true)),
            Self::Qwen2 => sequence(&split(QWEN2), &byte_level(false)),
            Self::Llama3 => sequence(&split(LLAMA3), &byte_level(false)),
        }
    }
}

/// What sets a byte-level tokenizer apart.
pub(super) fn parts(gguf: &Gguf<'_>, vocabulary: &Vocabulary<'_>) -> Result<Parts, GgufError> {
    let pre = Pre::read(gguf)?;
    Ok(Parts {
        normalizer: if pre == Pre::Qwen2 { json!({ "type": "NFC" }) } else { Json::Null },
        pre_tokenizer: pre.pre_tokenizer(),
        decoder: json!({ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true }),
        ignore_merges: pre == Pre::Llama3,
        adds_bos: adds_bos(gguf, vocabulary.model)?,
        merges: merges(gguf, vocabulary)?,
    })
}

/// Whether the tokenizer adds `bos` to a text when the metadata does not say.
pub(super) fn adds_bos(gguf: &Gguf<'_>, model: TokenizerModel) -> Result<bool, GgufError> {
    Ok(match model {
        TokenizerModel::SentencePiece => true,
        TokenizerModel::ByteLevel => Pre::read(gguf)? == Pre::Llama3,
    })
}

fn byte_level(use_regex: bool) -> Json {
    json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": use_regex, "use_regex": use_regex })
}

fn split(regex: &str) -> Json {
    json!({ "type": "Split", "pattern": { "Regex": regex }, "behavior": "Isolated", "invert": false })
}

fn sequence(first: &Json, second: &Json) -> Json {
    json!({ "type": "Sequence", "pretokenizers": [first, second] })
}

/// The merges of the file; every part and every result must be a token.
fn merges(gguf: &Gguf<'_>, vocabulary: &Vocabulary<'_>) -> Result<Vec<(String, String)>, GgufError> {
    let lines = required(MERGES, gguf.texts(MERGES)?)?;
    lines.into_iter().enumerate().map(|(rank, line)| merge(vocabulary, rank, line)).collect()
}

fn merge(vocabulary: &Vocabulary<'_>, rank: usize, line: &str) -> Result<(String, String), GgufError> {
    let wrong = |problem: &str| {
        GgufError::Tokenizer(format!("merge {rank}, {line:?}, {problem}; take tokenizer.json from the original model"))
    };
    let (left, right) = line.split_once(' ').ok_or_else(|| wrong("is not two parts with a space between"))?;
    let known = |token: &str| vocabulary.ids.contains_key(token);
    if !known(left) || !known(right) || !known(&format!("{left}{right}")) {
        return Err(wrong("has a part or result that is not in the vocabulary"));
    }
    Ok((left.to_owned(), right.to_owned()))
}
