//! The vocabulary in the metadata: tokens, their kinds and the ids with a role.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::metadata::required;
use super::{Gguf, GgufError, Value};

const TOKENS: &str = "tokenizer.ggml.tokens";
const KINDS: &str = "tokenizer.ggml.token_type";
const MODEL: &str = "tokenizer.ggml.model";

/// The tokens of a model.
pub(super) struct Vocabulary<'a> {
    pub(super) model: TokenizerModel,
    pub(super) tokens: Vec<&'a str>,
    pub(super) kinds: Vec<TokenKind>,
    /// The id of every token but the unused ones.
    pub(super) ids: HashMap<&'a str, u32>,
    pub(super) special: SpecialIds,
}

/// The tokenizer algorithms that are rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenizerModel {
    /// Byte-level BPE with a list of merges (`gpt2`).
    ByteLevel,
    /// SentencePiece BPE with a score for each token (`llama`).
    SentencePiece,
}

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Normal,
    Unknown,
    /// A marker such as `<|im_end|>`, never produced from ordinary text.
    Control,
    UserDefined,
    /// A place in the embedding that no text leads to.
    Unused,
    Byte,
}

/// The ids with a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpecialIds {
    pub(super) bos: Option<u32>,
    pub(super) eos: Option<u32>,
    pub(super) pad: Option<u32>,
    pub(super) unknown: Option<u32>,
    /// Further ids that end a turn or message.
    end_of_turn: Vec<u32>,
}

impl<'a> Vocabulary<'a> {
    /// Reads the vocabulary of a model whose embedding has `rows` rows.
    pub(super) fn read(gguf: &Gguf<'a>, rows: usize) -> Result<Self, GgufError> {
        let model = TokenizerModel::read(gguf)?;
        let tokens = required(TOKENS, gguf.texts(TOKENS)?)?;
        if tokens.len() > rows {
            let text = format!("{} tokens, but the embedding has {rows} rows; get the file again", tokens.len());
            return Err(GgufError::Tokenizer(text));
        }
        let kinds = read_kinds(gguf, tokens.len())?;
        let ids = index(&tokens, &kinds)?;
        let special = SpecialIds::read(gguf, model, tokens.len())?;
        Ok(Self { model, tokens, kinds, ids, special })
    }

    /// Ids, texts and kinds of all tokens that text can lead to.
    pub(super) fn used(&self) -> impl Iterator<Item = (u32, &'a str, TokenKind)> {
        let all = (0_u32..).zip(self.tokens.iter().zip(&self.kinds));
        all.map(|(id, (text, kind))| (id, *text, *kind)).filter(|(_, _, kind)| *kind != TokenKind::Unused)
    }

    /// The text of a token.
    pub(super) fn token(&self, id: Option<u32>) -> Option<&'a str> {
        self.tokens.get(usize::try_from(id?).ok()?).copied()
    }
}

impl TokenizerModel {
    fn read(gguf: &Gguf<'_>) -> Result<Self, GgufError> {
        match required(MODEL, gguf.text(MODEL)?)? {
            "gpt2" => Ok(Self::ByteLevel),
            "llama" => Ok(Self::SentencePiece),
            other => Err(GgufError::Tokenizer(format!(
                "`{MODEL}` is {other:?}, only \"gpt2\" and \"llama\" are known; take tokenizer.json from the original model"
            ))),
        }
    }
}

fn read_kinds(gguf: &Gguf<'_>, count: usize) -> Result<Vec<TokenKind>, GgufError> {
    let kinds = gguf.items(KINDS, "an array of token types 1 to 6", kind)?;
    let kinds = kinds.unwrap_or_else(|| vec![TokenKind::Normal; count]);
    same_length(KINDS, kinds, count)
}

fn kind(value: &Value<'_>) -> Option<TokenKind> {
    Some(match value.as_u64()? {
        1 => TokenKind::Normal,
        2 => TokenKind::Unknown,
        3 => TokenKind::Control,
        4 => TokenKind::UserDefined,
        5 => TokenKind::Unused,
        6 => TokenKind::Byte,
        _ => return None,
    })
}

/// Passes on a list that has an entry for each token.
pub(super) fn same_length<T>(key: &str, items: Vec<T>, count: usize) -> Result<Vec<T>, GgufError> {
    if items.len() == count {
        return Ok(items);
    }
    let text = format!("`{key}` has {} entries for {count} tokens; get the file again", items.len());
    Err(GgufError::Tokenizer(text))
}

fn index<'a>(tokens: &[&'a str], kinds: &[TokenKind]) -> Result<HashMap<&'a str, u32>, GgufError> {
    let mut ids = HashMap::with_capacity(tokens.len());
    for (id, (token, kind)) in (0_u32..).zip(tokens.iter().zip(kinds)) {
        if *kind == TokenKind::Unused {
            continue;
        }
        if let Some(first) = ids.insert(*token, id) {
            let text =
                format!("tokens {first} and {id} are both {token:?}; take tokenizer.json from the original model");
            return Err(GgufError::Tokenizer(text));
        }
    }
    Ok(ids)
}

impl SpecialIds {
    fn read(gguf: &Gguf<'_>, model: TokenizerModel, count: usize) -> Result<Self, GgufError> {
        let id = |name: &str| special_id(gguf, &format!("tokenizer.ggml.{name}_token_id"), count);
        // SentencePiece Llama models that do not say otherwise start with <unk>, <s>, </s>.
        let default = |id: u32| (model == TokenizerModel::SentencePiece && count > 2).then_some(id);
        let end_of_turn = [id("eot")?, id("eom")?];
        Ok(Self {
            bos: id("bos")?.or(default(1)),
            eos: id("eos")?.or(default(2)),
            pad: id("padding")?,
            unknown: id("unknown")?.or(default(0)),
            end_of_turn: end_of_turn.into_iter().flatten().collect(),
        })
    }

    /// The ids that end a response: null, one id or a list, as transformers writes them.
    pub(super) fn ends(&self) -> Json {
        let mut ends: Vec<u32> = self.eos.iter().chain(&self.end_of_turn).copied().collect();
        ends.sort_unstable();
        ends.dedup();
        match ends.as_slice() {
            [] => Json::Null,
            [one] => json!(one),
            several => json!(several),
        }
    }
}

fn special_id(gguf: &Gguf<'_>, key: &str, count: usize) -> Result<Option<u32>, GgufError> {
    let Some(id) = gguf.integer(key)? else {
        return Ok(None);
    };
    match u32::try_from(id) {
        Ok(small) if id < count => Ok(Some(small)),
        _ => Err(GgufError::Tokenizer(format!("`{key}` is {id}, but there are {count} tokens; get the file again"))),
    }
}
