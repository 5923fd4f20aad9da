//! `tokenizer.json` and `tokenizer_config.json`.

use serde_json::{Map, Value as Json, json};

use super::vocabulary::{TokenKind, TokenizerModel, Vocabulary};
use super::{Gguf, GgufError, tokenizer_bpe, tokenizer_spm};

/// The parts of `tokenizer.json` in which the two algorithms differ.
pub(super) struct Parts {
    pub(super) normalizer: Json,
    pub(super) pre_tokenizer: Json,
    pub(super) decoder: Json,
    pub(super) ignore_merges: bool,
    /// Whether the model adds `bos` to a text when the metadata does not say.
    pub(super) adds_bos: bool,
    pub(super) merges: Vec<(String, String)>,
}

fn parts(gguf: &Gguf<'_>, vocabulary: &Vocabulary<'_>) -> Result<Parts, GgufError> {
    match vocabulary.model {
        TokenizerModel::ByteLevel => tokenizer_bpe::parts(gguf, vocabulary),
        TokenizerModel::SentencePiece => tokenizer_spm::parts(gguf, vocabulary),
    }
}

/// The text of `tokenizer.json`.
pub(super) fn tokenizer_json(gguf: &Gguf<'_>, vocabulary: &Vocabulary<'_>) -> Result<String, GgufError> {
    let parts = parts(gguf, vocabulary)?;
    let (bos, eos) = added(gguf, parts.adds_bos)?;
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens(vocabulary),
        "normalizer": parts.normalizer,
        "pre_tokenizer": parts.pre_tokenizer,
        "post_processor": post_processor(vocabulary, bos, eos)?,
        "decoder": parts.decoder,
        "model": model(vocabulary, parts.ignore_merges, parts.merges),
    });
    Ok(tokenizer.to_string())
}

fn model(vocabulary: &Vocabulary<'_>, ignore_merges: bool, merges: Vec<(String, String)>) -> Json {
    let sentence_piece = vocabulary.model == TokenizerModel::SentencePiece;
    let ids: Map<String, Json> = vocabulary.used().map(|(id, text, _)| (text.to_owned(), json!(id))).collect();
    let merges: Vec<Json> = merges.into_iter().map(|(left, right)| Json::from(vec![left, right])).collect();
    json!({
        "type": "BPE",
        "dropout": null,
        // Byte-level models can spell every byte and need no unknown token.
        "unk_token": if sentence_piece { vocabulary.token(vocabulary.special.unknown) } else { None },
        "continuing_subword_prefix": null,
        "end_of_word_suffix": null,
        "fuse_unk": sentence_piece,
        "byte_fallback": vocabulary.kinds.contains(&TokenKind::Byte),
        "ignore_merges": ignore_merges,
        "vocab": ids,
        "merges": merges,
    })
}

/// Whether `bos` and `eos` are added to a text.
fn added(gguf: &Gguf<'_>, adds_bos: bool) -> Result<(bool, bool), GgufError> {
    let bos = gguf.boolean("tokenizer.ggml.add_bos_token")?.unwrap_or(adds_bos);
    let eos = gguf.boolean("tokenizer.ggml.add_eos_token")?.unwrap_or(false);
    Ok((bos, eos))
}

/// The tokens that are cut out of a text before anything else.
fn added_tokens(vocabulary: &Vocabulary<'_>) -> Vec<Json> {
    let with_id = |(id, text, kind)| {
        let mut token = json!({ "id": id });
        if let (Some(token), Json::Object(rest)) = (token.as_object_mut(), added_token(text, kind)) {
            token.extend(rest);
        }
        token
    };
    cut_out(vocabulary).map(with_id).collect()
}

fn cut_out<'a>(vocabulary: &Vocabulary<'a>) -> impl Iterator<Item = (u32, &'a str, TokenKind)> {
    let is_added = |kind| matches!(kind, TokenKind::Control | TokenKind::Unknown | TokenKind::UserDefined);
    vocabulary.used().filter(move |(_, _, kind)| is_added(*kind))
}

fn added_token(text: &str, kind: TokenKind) -> Json {
    json!({
        "content": text,
        "single_word": false,
        "lstrip": false,
        "rstrip": false,
        "normalized": false,
        "special": kind != TokenKind::UserDefined,
    })
}

/// Puts `bos` before and `eos` behind a text; null if neither is wanted.
fn post_processor(vocabulary: &Vocabulary<'_>, bos: bool, eos: bool) -> Result<Json, GgufError> {
    let special = &vocabulary.special;
    let before = wanted(vocabulary, bos, special.bos, "bos")?;
    let after = wanted(vocabulary, eos, special.eos, "eos")?;
    if before.is_none() && after.is_none() {
        return Ok(Json::Null);
    }
    let sequence = |name: &str, type_id: u32| {
        let token = |found: Option<(u32, &str)>| {
            found.map(|(_, id)| json!({ "SpecialToken": { "id": id, "type_id": type_id } }))
        };
        let text = json!({ "Sequence": { "id": name, "type_id": type_id } });
        [token(before), Some(text), token(after)].into_iter().flatten().collect::<Vec<_>>()
    };
    let tokens: Map<String, Json> = [before, after]
        .into_iter()
        .flatten()
        .map(|(id, text)| (text.to_owned(), json!({ "id": text, "ids": [id], "tokens": [text] })))
        .collect();
    let pair = [sequence("A", 0), sequence("B", 1)].concat();
    Ok(json!({
        "type": "TemplateProcessing",
        "single": sequence("A", 0),
        "pair": pair,
        "special_tokens": tokens,
    }))
}

fn wanted<'a>(
    vocabulary: &Vocabulary<'a>,
    wanted: bool,
    id: Option<u32>,
    role: &str,
) -> Result<Option<(u32, &'a str)>, GgufError> {
    let found = id.zip(vocabulary.token(id));
    if wanted && found.is_none() {
        let text =
            format!("it adds a {role} token, but `tokenizer.ggml.{role}_token_id` is missing; get the file again");
        return Err(GgufError::Tokenizer(text));
    }
    Ok(found.filter(|_| wanted))
}

/// The contents of `tokenizer_config.json`.
pub(super) fn tokenizer_config(
    gguf: &Gguf<'_>,
    vocabulary: &Vocabulary<'_>,
    context: usize,
) -> Result<Json, GgufError> {
    let special = &vocabulary.special;
    let (bos, eos) = added(gguf, tokenizer_bpe::adds_bos(gguf, vocabulary.model)?)?;
    let decoder: Map<String, Json> =
        cut_out(vocabulary).map(|(id, text, kind)| (id.to_string(), added_token(text, kind))).collect();
    let mut config = json!({
        "add_bos_token": bos,
        "add_eos_token": eos,
        "add_prefix_space": tokenizer_spm::adds_space(gguf, vocabulary.model)?,
        "added_tokens_decoder": decoder,
        "bos_token": vocabulary.token(special.bos),
        "chat_template": gguf.text("tokenizer.chat_template")?,
        "clean_up_tokenization_spaces": false,
        "eos_token": vocabulary.token(special.eos),
        "model_max_length": context,
        "pad_token": vocabulary.token(special.pad),
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": vocabulary.token(special.unknown),
    });
    if let (Some(config), None) = (config.as_object_mut(), gguf.text("tokenizer.chat_template")?) {
        config.remove("chat_template");
    }
    Ok(config)
}
