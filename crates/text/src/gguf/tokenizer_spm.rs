//! SentencePiece BPE tokenizers (`tokenizer.ggml.model` = `llama`).
//!
//! SentencePiece has no list of merges: it joins whatever neighbours form a token, the best score first.
//! A BPE model does the same if its merges are all ways to cut a token in two, ranked by the token's score.

use serde_json::{Value as Json, json};

use super::metadata::required;
use super::tokenizer::Parts;
use super::vocabulary::{TokenKind, TokenizerModel, Vocabulary, same_length};
use super::{Gguf, GgufError};

const SCORES: &str = "tokenizer.ggml.scores";

/// SentencePiece writes a space as this letter.
const SPACE: &str = "▁";

/// Longer tokens get no merges: real ones are far shorter, and the work grows with the square of the length.
const LONGEST: usize = 512;

/// What sets a SentencePiece tokenizer apart, as in the converted Llama 2 tokenizers.
pub(super) fn parts(gguf: &Gguf<'_>, vocabulary: &Vocabulary<'_>) -> Result<Parts, GgufError> {
    let adds_space = adds_space(gguf, vocabulary.model)?;
    Ok(Parts {
        normalizer: normalizer(adds_space),
        pre_tokenizer: Json::Null,
        decoder: decoder(adds_space),
        ignore_merges: false,
        adds_bos: true,
        merges: merges(gguf, vocabulary)?,
    })
}

/// Whether a space is put before a text, so that a word is the same token at the start and within.
pub(super) fn adds_space(gguf: &Gguf<'_>, model: TokenizerModel) -> Result<bool, GgufError> {
    let default = model == TokenizerModel::SentencePiece;
    Ok(gguf.boolean("tokenizer.ggml.add_space_prefix")?.unwrap_or(default))
}

fn normalizer(adds_space: bool) -> Json {
    let replace = json!({ "type": "Replace", "pattern": { "String": " " }, "content": SPACE });
    if !adds_space {
        return replace;
    }
    json!({ "type": "Sequence", "normalizers": [{ "type": "Prepend", "prepend": SPACE }, replace] })
}

fn decoder(adds_space: bool) -> Json {
    let mut decoders = vec![
        json!({ "type": "Replace", "pattern": { "String": SPACE }, "content": " " }),
        json!({ "type": "ByteFallback" }),
        json!({ "type": "Fuse" }),
    ];
    if adds_space {
        decoders.push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 0 }));
    }
    json!({ "type": "Sequence", "decoders": decoders })
}

/// A way to make a token from two others.
struct Merge<'a> {
    score: f32,
    left: &'a str,
    right: &'a str,
}

fn merges(gguf: &Gguf<'_>, vocabulary: &Vocabulary<'_>) -> Result<Vec<(String, String)>, GgufError> {
    let scores = gguf.items(SCORES, "an array of floating point numbers", super::Value::as_f64)?;
    let scores = same_length(SCORES, required(SCORES, scores)?, vocabulary.tokens.len())?;
    let mut merges = Vec::new();
    for (id, token, kind) in vocabulary.used() {
        if kind == TokenKind::Normal && token.len() <= LONGEST {
            merges.extend(cuts(vocabulary, token, scores[id as usize] as f32));
        }
    }
    // Best score first; among equal scores the longer left part, then the longer right part first.
    merges.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| lengths(b).cmp(&lengths(a))));
    Ok(merges.into_iter().map(|merge| (merge.left.to_owned(), merge.right.to_owned())).collect())
}

fn lengths(merge: &Merge<'_>) -> (usize, usize) {
    (merge.left.chars().count(), merge.right.chars().count())
}

/// All ways to cut a token into two normal tokens.
fn cuts<'a>(vocabulary: &Vocabulary<'a>, token: &'a str, score: f32) -> Vec<Merge<'a>> {
    let id = |part: &str| {
        let id = *vocabulary.ids.get(part)?;
        (vocabulary.kinds.get(id as usize) == Some(&TokenKind::Normal)).then_some(id)
    };
    let mut cuts = Vec::new();
    for (at, _) in token.char_indices().skip(1) {
        let (left, right) = token.split_at(at);
        if let (Some(left_id), Some(right_id)) = (id(left), id(right)) {
            cuts.push((left_id, right_id, Merge { score, left, right }));
        }
    }
    cuts.sort_by_key(|(left, right, _)| (*left, *right));
    cuts.into_iter().map(|(_, _, merge)| merge).collect()
}
