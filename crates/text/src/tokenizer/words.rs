//! The tokenizer of the arithmetic world: one token per word, number or sign.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::world::{PATTERN, cut};

/// Ids beyond this are those of no word list.
const MOST_IDS: u64 = 1 << 20;

/// The kind of model that a list of words is.
const WORD_LEVEL: &str = "WordLevel";

/// A list of words, read from a `tokenizer.json` like that of the world.
#[derive(Clone)]
pub(super) struct Words {
    /// The file without padding and truncation.
    json: String,
    /// The text of each id.
    texts: Vec<Option<String>>,
    ids: HashMap<String, u32>,
    /// Tokens that are found in a text before it is cut.
    special: Vec<String>,
    unknown: u32,
}

impl Words {
    /// Reads a `tokenizer.json`; `None` where it asks for anything that the world's does not.
    pub(super) fn from_json(bytes: &[u8]) -> Option<Self> {
        // Files of pretrained models are long: a look for the kind spares reading them here and again by the library.
        if !bytes.windows(WORD_LEVEL.len()).any(|window| window == WORD_LEVEL.as_bytes()) {
            return None;
        }
        let mut json: Value = serde_json::from_slice(bytes).ok()?;
        let parts = json.as_object_mut()?;
        parts.extend(["truncation", "padding"].map(|part| (part.to_owned(), Value::Null)));
        if !is_of_the_world(&json) {
            return None;
        }
        let mut words =
            Self { json: json.to_string(), texts: vec![], ids: HashMap::new(), special: vec![], unknown: 0 };
        for (text, id) in json["model"]["vocab"].as_object()? {
            words.add(text, id)?;
        }
        for token in json["added_tokens"].as_array()? {
            let text = token["content"].as_str().filter(|text| !text.is_empty())?;
            let plain = ["single_word", "lstrip", "rstrip", "normalized"].iter().all(|key| token[*key] == json!(false));
            if !plain || token["special"] != json!(true) {
                return None;
            }
            words.add(text, &token["id"])?;
            words.special.push(text.to_owned());
        }
        words.unknown = *words.ids.get(json["model"]["unk_token"].as_str()?)?;
        Some(words)
    }

    /// The id of every word that is not in the list.
    pub(super) fn unknown(&self) -> u32 {
        self.unknown
    }

    fn add(&mut self, text: &str, id: &Value) -> Option<()> {
        let id = id.as_u64().filter(|id| *id < MOST_IDS)? as usize;
        if self.texts.len() <= id {
            self.texts.resize(id + 1, None);
        }
        self.texts[id] = Some(text.to_owned());
        self.ids.insert(text.to_owned(), id as u32);
        Some(())
    }

    pub(super) fn to_json(&self) -> String {
        self.json.clone()
    }

    pub(super) fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        let mut rest = text;
        while let Some((at, special)) = self.first_special(rest) {
            ids.extend(cut(&rest[..at]).into_iter().map(|piece| self.id_or_unknown(piece)));
            ids.push(self.id_or_unknown(special));
            rest = &rest[at + special.len()..];
        }
        ids.extend(cut(rest).into_iter().map(|piece| self.id_or_unknown(piece)));
        ids
    }

    /// The first special token in `text`; of two at the same place the longer.
    fn first_special(&self, text: &str) -> Option<(usize, &str)> {
        let places = self.special.iter().filter_map(|special| Some((text.find(special.as_str())?, special.as_str())));
        places.min_by_key(|(at, special)| (*at, usize::MAX - special.len()))
    }

    fn id_or_unknown(&self, piece: &str) -> u32 {
        self.id_of(piece).unwrap_or(self.unknown)
    }

    pub(super) fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        let texts = ids.iter().filter_map(|id| self.texts.get(*id as usize)?.as_deref());
        texts.filter(|text| !(skip_special && self.special.iter().any(|special| special == text))).collect()
    }

    pub(super) fn size(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn id_of(&self, token: &str) -> Option<u32> {
        self.ids.get(token).copied()
    }
}

/// Whether the file differs from the world's in its lists of words only.
fn is_of_the_world(json: &Value) -> bool {
    let split = json!({ "type": "Split", "pattern": { "Regex": PATTERN }, "behavior": "Isolated", "invert": false });
    json["model"]["type"] == WORD_LEVEL
        && json["pre_tokenizer"] == split
        && json["decoder"] == json!({ "type": "Fuse" })
        && json["normalizer"].is_null()
        && json["post_processor"].is_null()
}
