//! Step scores of a solution.

use std::result::Result as StdResult;

use js_sys::Function;
use minform_core::Result;
use minform_core::prm::{self, Prm};
use minform_text::steps::{PrmInput, newline_id};
use minform_text::tokenizer::Tokenizer;
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::listen::Listen;
use super::model::Model;
use super::thrown::{thrown, unwritten};
use super::turns::{in_turns, now};

/// The scores of one solution.
#[derive(Debug, Serialize, Tsify)]
pub struct Scores {
    /// One per step, from −1 to 1.
    pub scores: Vec<f32>,
    /// Tokens of each step, with the newline that ends it.
    pub tokens: Vec<usize>,
    /// Tokens of problem and solution.
    pub total: usize,
    /// How many of them stand for words that the model does not know.
    pub unknown: usize,
    /// How many of them were known from the solution before.
    pub kept: usize,
    /// How long the scoring took.
    pub milliseconds: f64,
}

/// Scores solutions; one that begins like the last is read from where it differs.
#[wasm_bindgen]
pub struct Judge {
    judge: prm::Judge,
    tokenizer: Tokenizer,
    newline: u32,
}

#[wasm_bindgen]
impl Judge {
    /// With a copy of a process reward model.
    ///
    /// # Errors
    /// Another kind of model, or a tokenizer without a token for a newline.
    #[wasm_bindgen(constructor)]
    pub fn new(prm: &Model) -> StdResult<Self, JsValue> {
        Self::of(prm.prm()?, &prm.tokenizer).map_err(thrown)
    }

    /// Scores every step of a solution. `listen` hears which share is read.
    ///
    /// # Errors
    /// A solution longer than the model's context, or the failure of the device.
    pub async fn score(
        &mut self,
        question: String,
        steps: Vec<String>,
        #[wasm_bindgen(unchecked_param_type = "(share: number) => boolean")] listen: Function,
    ) -> StdResult<Ts<Scores>, JsValue> {
        let started = now();
        let listen = Listen::new(listen);
        let mut progress = |read: usize, total: usize| listen.tell(&(read as f64 / total as f64));
        let scores = in_turns(self.read(&question, &steps, &mut progress)).await.map_err(thrown)?;
        Scores { milliseconds: now() - started, ..scores }.into_ts().map_err(unwritten)
    }
}

impl Judge {
    pub(super) fn of(prm: &Prm, tokenizer: &Tokenizer) -> Result<Self> {
        let newline = newline_id(tokenizer)?;
        Ok(Self { judge: prm::Judge::new(prm), tokenizer: tokenizer.clone(), newline })
    }

    /// The scores of a solution, without the time they took.
    pub(super) async fn read(
        &mut self,
        question: &str,
        steps: &[String],
        progress: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Scores> {
        let input = PrmInput::from_texts(&self.tokenizer, question, steps, self.newline)?;
        let kept = self.judge.known(&input);
        let scores = self.judge.score(&input, progress).await?;
        let tokens = input.steps().map(|step| step.len()).collect();
        let unknown = self.tokenizer.unknown_in(&input.ids);
        Ok(Scores { scores, tokens, total: input.ids.len(), unknown, kept, milliseconds: 0.0 })
    }
}
