//! Tokenizers of pretrained models and of the arithmetic world, read from their `tokenizer.json`.
//!
//! The world's is read here; all others by the library of their authors, where the feature `pretrained` builds it in.
//!
//! Padding and truncation stored in the file are switched off: lengths are the caller's business, and a
//! tokenizer that silently cuts a response would shift every step end.

mod words;

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "pretrained")]
use tokenizers::Tokenizer as Library;

use words::Words;

/// What can go wrong with a tokenizer.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The bytes are not a `tokenizer.json` this library reads.
    #[error(
        "not a usable tokenizer.json ({reason}); pass the file `tokenizer.json` of the model, not `vocab.json` or `tokenizer.model`"
    )]
    Json {
        /// What the parser said.
        reason: String,
    },
    /// The tokenizer cannot be written back as JSON.
    #[error("the tokenizer cannot be written as JSON ({reason}); keep the original tokenizer.json instead")]
    Write {
        /// What the writer said.
        reason: String,
    },
    /// A text cannot be encoded.
    #[error(
        "a text of {bytes} bytes cannot be encoded ({reason}); check that the tokenizer has an unknown token or byte fallback"
    )]
    Encode {
        /// Length of the text in bytes.
        bytes: usize,
        /// What the tokenizer said.
        reason: String,
    },
    /// Ids cannot be decoded.
    #[error("{ids} ids cannot be decoded ({reason}); check that they come from this tokenizer")]
    Decode {
        /// How many ids were given.
        ids: usize,
        /// What the tokenizer said.
        reason: String,
    },
    /// No single id stands for a newline.
    #[error(
        "no single token decodes to a newline, so steps cannot be marked; use a tokenizer with a newline token (byte-level BPE has one) or give another separator id"
    )]
    NoNewline,
}

/// A tokenizer; clones share one vocabulary.
#[derive(Clone)]
pub struct Tokenizer {
    inner: Arc<Inner>,
    vocabulary_size: usize,
}

enum Inner {
    Words(Words),
    #[cfg(feature = "pretrained")]
    Library(Box<Library>),
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer").field("vocabulary_size", &self.vocabulary_size).finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// Reads the bytes of a `tokenizer.json`.
    ///
    /// # Errors
    /// [`TokenizerError::Json`] if the bytes are not such a file, or not one that this build reads.
    pub fn from_json(bytes: &[u8]) -> Result<Self, TokenizerError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match Words::from_json(bytes) {
            Some(words) => Ok(Self { vocabulary_size: words.size(), inner: Arc::new(Inner::Words(words)) }),
            None => Self::from_any_json(bytes),
        }
    }

    #[cfg(feature = "pretrained")]
    fn from_any_json(bytes: &[u8]) -> Result<Self, TokenizerError> {
        let reason = |e: tokenizers::Error| TokenizerError::Json { reason: e.to_string() };
        let mut library = Library::from_bytes(bytes).map_err(reason)?;
        library.with_truncation(None).map_err(reason)?;
        library.with_padding(None);
        let vocabulary_size = library.get_vocab(true).into_values().max().map_or(0, |id| id as usize + 1);
        Ok(Self { inner: Arc::new(Inner::Library(Box::new(library))), vocabulary_size })
    }

    #[cfg(not(feature = "pretrained"))]
    fn from_any_json(_bytes: &[u8]) -> Result<Self, TokenizerError> {
        Err(TokenizerError::Json { reason: "this build reads the arithmetic world's alone".into() })
    }

    /// Whether it reads words as the arithmetic world writes them.
    pub fn is_of_world(&self) -> bool {
        matches!(&*self.inner, Inner::Words(_))
    }

    /// How many of these ids stand for words that the arithmetic world does not have; other tokenizers write all texts.
    pub fn unknown_in(&self, ids: &[u32]) -> usize {
        match &*self.inner {
            Inner::Words(words) => ids.iter().filter(|id| **id == words.unknown()).count(),
            #[cfg(feature = "pretrained")]
            Inner::Library(_) => 0,
        }
    }

    /// The tokenizer as the text of a `tokenizer.json`, without padding and truncation.
    ///
    /// # Errors
    /// [`TokenizerError::Write`] if a part of the tokenizer cannot be written.
    pub fn to_json(&self) -> Result<String, TokenizerError> {
        match &*self.inner {
            Inner::Words(words) => Ok(words.to_json()),
            #[cfg(feature = "pretrained")]
            Inner::Library(library) => {
                library.to_string(false).map_err(|e| TokenizerError::Write { reason: e.to_string() })
            }
        }
    }

    /// The ids of `text`: special tokens written in the text become their ids, none is added.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`] if the model has no way to write a piece of the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        match &*self.inner {
            Inner::Words(words) => Ok(words.encode(text)),
            #[cfg(feature = "pretrained")]
            Inner::Library(library) => match library.encode_fast(text, false) {
                Ok(encoding) => Ok(encoding.get_ids().to_vec()),
                Err(error) => Err(TokenizerError::Encode { bytes: text.len(), reason: error.to_string() }),
            },
        }
    }

    /// The text of `ids` without special tokens. Incomplete UTF-8 becomes U+FFFD; unknown ids are left out.
    ///
    /// # Errors
    /// [`TokenizerError::Decode`] if the tokenizer's decoder refuses the ids.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        self.decoded(ids, true)
    }

    /// The text of `ids` with special tokens written out, otherwise as [`Tokenizer::decode`].
    ///
    /// # Errors
    /// [`TokenizerError::Decode`] if the tokenizer's decoder refuses the ids.
    pub fn decode_with_special(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        self.decoded(ids, false)
    }

    fn decoded(&self, ids: &[u32], skip_special: bool) -> Result<String, TokenizerError> {
        match &*self.inner {
            Inner::Words(words) => Ok(words.decode(ids, skip_special)),
            #[cfg(feature = "pretrained")]
            Inner::Library(library) => library
                .decode(ids, skip_special)
                .map_err(|e| TokenizerError::Decode { ids: ids.len(), reason: e.to_string() }),
        }
    }

    /// The text of one id decoded alone, special tokens kept. Empty for an id outside the vocabulary.
    pub fn text_of(&self, id: u32) -> String {
        self.decode_with_special(&[id]).unwrap_or_default()
    }

    /// Highest id + 1, added tokens included: the least number of rows an embedding needs.
    ///
    /// The embedding of a model is often larger, rounded up for speed.
    pub fn vocabulary_size(&self) -> usize {
        self.vocabulary_size
    }

    /// The id of a token by its spelling in the vocabulary (`<|im_end|>`, or `Ċ` for a byte-level newline).
    pub fn id_of(&self, token: &str) -> Option<u32> {
        match &*self.inner {
            Inner::Words(words) => words.id_of(token),
            #[cfg(feature = "pretrained")]
            Inner::Library(library) => library.token_to_id(token),
        }
    }

    /// Starts decoding a generation token by token.
    pub fn stream(&self) -> Stream {
        Stream { tokenizer: self.clone(), ids: Vec::new(), context: 0, shown: 0 }
    }
}

/// Most ids one character can spread over: UTF-8 has at most four bytes.
const HELD_IDS: usize = 4;

/// Decodes a growing list of ids and hands out text only once its characters are complete.
///
/// Special tokens are left out. The concatenation of everything handed out equals [`Tokenizer::decode`] of
/// all ids, except where bytes that are not UTF-8 had to be given up.
#[derive(Clone, Debug)]
pub struct Stream {
    tokenizer: Tokenizer,
    /// All ids since `context` was last moved.
    ids: Vec<u32>,
    /// Start of the ids decoded for context: decoders treat the first token of a text differently.
    context: usize,
    /// End of the ids whose text was handed out.
    shown: usize,
}

impl Stream {
    /// Adds one id. Returns the text that became complete, or `None` while a character is unfinished.
    pub fn push(&mut self, id: u32) -> Option<String> {
        self.ids.push(id);
        self.complete(false)
    }

    /// Hands out what was held back; unfinished bytes become U+FFFD.
    pub fn finish(&mut self) -> Option<String> {
        self.complete(true)
    }

    fn complete(&mut self, at_end: bool) -> Option<String> {
        let before = self.tokenizer.decode(&self.ids[self.context..self.shown]).ok()?;
        let after = self.tokenizer.decode(&self.ids[self.context..]).ok()?;
        let unfinished = after.ends_with('\u{fffd}') && self.ids.len() - self.shown < HELD_IDS;
        if unfinished && !at_end {
            return None;
        }
        let fresh = after.strip_prefix(before.as_str()).filter(|fresh| !fresh.is_empty())?.to_owned();
        self.ids.drain(..self.shown);
        self.context = 0;
        self.shown = self.ids.len();
        Some(fresh)
    }
}
