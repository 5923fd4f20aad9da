//! Models from files that the page has fetched or was given.

use js_sys::{Function, Uint8Array};
use minform_core::model::{Head, Loaded, ModelConfig, ModelFiles};
use minform_core::policy::Policy;
use minform_core::prm::Prm;
use minform_text::prompter::Prompter;
use minform_text::tokenizer::Tokenizer;
use serde::{Deserialize, Serialize};
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsError, JsValue};

use super::device;
use super::listen::Listen;
use super::thrown::{refused, thrown};
use super::turns::in_turns;
use crate::values::taken;

/// A file of a model.
#[derive(Debug, Deserialize, Tsify)]
pub struct ModelFile {
    /// Its name, of which the ending counts.
    pub name: String,
    /// Its contents.
    #[serde(with = "serde_wasm_bindgen::preserve")]
    #[tsify(type = "Uint8Array")]
    pub bytes: Uint8Array,
}

/// What a model is.
#[derive(Debug, Serialize, Tsify)]
pub struct ModelInfo {
    /// Its `model_type`.
    pub architecture: &'static str,
    /// Parameters of the decoder.
    pub parameters: usize,
    /// Which head it has.
    #[tsify(type = "\"policy\" | \"prm\"")]
    pub kind: &'static str,
    /// Rows of its embedding.
    pub vocabulary: usize,
    /// Longest text in tokens.
    pub context: usize,
    /// Bytes of its weight files.
    pub bytes: usize,
}

/// A text cut into tokens.
#[derive(Debug, Serialize, Tsify)]
pub struct Tokens {
    /// Their ids.
    pub ids: Vec<u32>,
    /// The text of each, decoded alone.
    pub pieces: Vec<String>,
}

/// A policy or a process reward model with its tokenizer.
#[wasm_bindgen]
pub struct Model {
    loaded: Loaded,
    pub(super) tokenizer: Tokenizer,
    /// How the policy is asked.
    pub(super) prompter: Prompter,
    bytes: usize,
}

#[wasm_bindgen]
impl Model {
    /// Reads a model: the files of a Hugging Face folder, or one GGUF file, with a `.safetensors` file that holds the
    /// head where it is to judge steps. `listen` hears which share is done.
    ///
    /// # Errors
    /// Files that are missing, broken, or of a model that is not supported; each with a message that says so. The build
    /// `engine` reads the tokenizer of the arithmetic world alone.
    pub async fn load(
        files: Vec<Ts<ModelFile>>,
        #[wasm_bindgen(unchecked_param_type = "(share: number) => boolean")] listen: Function,
    ) -> Result<Self, JsValue> {
        let files = taken(files)?.into_iter().map(|file| (file.name, file.bytes.to_vec())).collect();
        let files = ModelFiles::read(files).map_err(thrown)?;
        let (tokenizer, bytes) = (files.tokenizer.clone(), files.bytes());
        let prompter = Prompter::of_world(&tokenizer).unwrap_or_else(|| files.prompter.clone());
        // A policy may be trained; others take its weights without gradients.
        let device = device::chosen()?.autodiff();
        let listen = Listen::new(listen);
        let loaded = in_turns(files.load(&device, &mut |share| listen.tell(&share))).await.map_err(thrown)?;
        Ok(Self { loaded, tokenizer, prompter, bytes })
    }

    /// What it is.
    ///
    /// # Errors
    /// None.
    pub fn info(&self) -> Result<Ts<ModelInfo>, JsError> {
        let config = self.config();
        let info = ModelInfo {
            architecture: config.family.model_type(),
            parameters: config.decoder_parameters(),
            kind: if config.head == Head::Classifier { "prm" } else { "policy" },
            vocabulary: config.vocab_size,
            context: config.max_position_embeddings,
            bytes: self.bytes,
        };
        Ok(info.into_ts()?)
    }

    /// Cuts a text into tokens.
    ///
    /// # Errors
    /// A text that the tokenizer has no tokens for.
    pub fn tokenize(&self, text: &str) -> Result<Ts<Tokens>, JsError> {
        let ids = self.tokenizer.encode(text)?;
        let pieces = ids.iter().map(|id| self.tokenizer.text_of(*id)).collect();
        Ok(Tokens { ids, pieces }.into_ts()?)
    }

    fn config(&self) -> &ModelConfig {
        match &self.loaded {
            Loaded::Policy(policy) => &policy.config,
            Loaded::Prm(prm) => &prm.config,
        }
    }

    pub(super) fn policy(&self) -> Result<&Policy, JsValue> {
        match &self.loaded {
            Loaded::Policy(policy) => Ok(policy),
            Loaded::Prm(_) => Err(refused("this is a process reward model, which judges but does not write")),
        }
    }

    pub(super) fn prm(&self) -> Result<&Prm, JsValue> {
        match &self.loaded {
            Loaded::Prm(prm) => Ok(prm),
            Loaded::Policy(_) => Err(refused("this is a language model without a head that judges steps")),
        }
    }
}
