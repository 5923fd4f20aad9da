//! Solutions written by a policy.

use std::ops::ControlFlow;

use js_sys::Function;
use minform_core::config::{Sampling, Truncated};
use minform_core::policy::{Generator, NewToken, Policy, Response};
use minform_core::train::Rollout;
use minform_text::prompter::Prompter;
use minform_text::steps::Separators;
use minform_text::tokenizer::Tokenizer;
use serde::{Deserialize, Serialize};
use tsify::{Ts, Tsify};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::listen::Listen;
use super::model::Model;
use super::thrown::{thrown, unwritten};
use super::turns::in_turns;

/// How solutions are drawn.
#[derive(Debug, Deserialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct WriteOptions {
    /// Softmax temperature; 0 always takes the likeliest token.
    pub temperature: f32,
    /// Longest solution in tokens.
    pub max_new_tokens: usize,
    /// The same seed, the same solutions.
    pub seed: u32,
    /// How many.
    pub samples: usize,
}

/// A piece of a solution, as it is written.
#[derive(Debug, Serialize, Tsify)]
pub struct Piece {
    /// Which solution, from 0.
    pub sample: usize,
    /// What it goes on with.
    pub text: String,
}

/// A solution.
#[derive(Debug, Serialize, Tsify)]
pub struct Written {
    /// All of it.
    pub text: String,
    /// Its steps, cut at separator tokens.
    pub steps: Vec<String>,
    /// Its tokens.
    pub tokens: usize,
    /// Whether it came to its end before the limit.
    pub finished: bool,
}

/// A policy that writes.
#[wasm_bindgen]
pub struct Writer {
    policy: Policy,
    tokenizer: Tokenizer,
    prompter: Prompter,
    separators: Separators,
}

#[wasm_bindgen]
impl Writer {
    /// With a copy of a policy as it stands.
    ///
    /// # Errors
    /// Another kind of model.
    #[wasm_bindgen(constructor)]
    pub fn new(policy: &Model) -> Result<Self, JsValue> {
        Ok(Self {
            policy: policy.policy()?.frozen(),
            tokenizer: policy.tokenizer.clone(),
            prompter: policy.prompter.clone(),
            separators: Separators::from_tokenizer(&policy.tokenizer),
        })
    }

    /// Writes solutions to one question, asked as the policy wants to be. `listen` hears their pieces as they come.
    ///
    /// # Errors
    /// A question that the chat template refuses or that leaves no room in the context, or the failure of the device.
    pub async fn write(
        &self,
        question: String,
        options: Ts<WriteOptions>,
        #[wasm_bindgen(unchecked_param_type = "(piece: Piece) => boolean")] listen: Function,
    ) -> Result<Vec<Ts<Written>>, JsValue> {
        let options = options.to_rust().map_err(unwritten)?;
        let prompt = self.prompter.render(&question).map_err(thrown)?;
        let prompt = self.tokenizer.encode(&prompt).map_err(thrown)?;
        let sampling = Sampling {
            temperature: options.temperature,
            max_new_tokens: options.max_new_tokens,
            ..Sampling::default()
        };
        let listen = Listen::new(listen);
        let mut streams = vec![self.tokenizer.stream(); options.samples];
        let mut hear = |new: NewToken| match streams[new.sample].push(new.token) {
            Some(text) => listen.hear(&Piece { sample: new.sample, text }),
            None => ControlFlow::Continue(()),
        };
        let generator = Generator::new(&self.policy.model, &self.policy.config);
        let prompts = [prompt];
        let work = generator.generate(&prompts, options.samples, &sampling, options.seed.into(), &mut hear);
        let responses = in_turns(work).await.map_err(thrown)?.into_iter().flatten();
        responses.map(|response| self.written(response)?.into_ts().map_err(unwritten)).collect()
    }
}

impl Writer {
    fn written(&self, response: Response) -> Result<Written, JsValue> {
        let eos = &self.policy.config.eos_token_ids;
        let rollout = Rollout::new(0, &[], response, &self.separators, eos, Truncated::Keep);
        Ok(Written {
            text: self.tokenizer.decode(&rollout.response.tokens).map_err(thrown)?,
            steps: rollout.step_texts(&self.tokenizer).map_err(thrown)?,
            tokens: rollout.response.tokens.len(),
            finished: rollout.response.finished,
        })
    }
}
