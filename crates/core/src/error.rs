//! The one error type of this crate.

use minform_credit::CreditError;
use minform_text::chat::ChatError;
use minform_text::gguf::GgufError;
use minform_text::tokenizer::TokenizerError;

/// Result of every fallible function of this crate.
pub type Result<T> = core::result::Result<T, Error>;

/// What can go wrong with models, data and devices. Each message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `config.json` names a model this crate cannot build.
    #[error("unsupported architecture {found:?}; supported: {supported}")]
    Architecture {
        /// What the configuration names.
        found: String,
        /// The names that can be built.
        supported: &'static str,
    },
    /// `config.json` or the run configuration lacks a key or holds an impossible value.
    #[error("configuration key `{key}`: {problem}")]
    Config {
        /// The key as written in the file.
        key: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The weight files do not fit the configuration.
    #[error("weights do not fit config.json: {}", weight_list(missing, mismatched))]
    Weights {
        /// Tensors the model needs and no file holds.
        missing: Vec<String>,
        /// Tensors with another shape, as burn reports them.
        mismatched: Vec<String>,
    },
    /// A model lacks a file.
    #[error("there is no {0} among the files; give all files of the model folder, or one .gguf file")]
    MissingFile(&'static str),
    /// A GGUF file cannot be read.
    #[error("GGUF file: {0}")]
    Gguf(#[from] GgufError),
    /// A weight file cannot be read at all.
    #[error("weight file: {0}")]
    WeightFile(String),
    /// A prompt and its response do not fit the model's context.
    #[error(
        "{tokens} tokens exceed the model's context of {context}; shorten the text, or lower sampling.max_new_tokens where it is still to be written"
    )]
    Context {
        /// Tokens asked for: prompt and new tokens together.
        tokens: usize,
        /// `max_position_embeddings` of the model.
        context: usize,
    },
    /// There is nothing to train on or to score.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// The loss or a gradient is not a number.
    #[error("{what} is not finite at step {step}; lower the learning rate or inspect the data of that step")]
    NotFinite {
        /// The quantity.
        what: &'static str,
        /// Optimizer step, from 1.
        step: usize,
    },
    /// A guard of `rl.guards` ended the run.
    #[error("guard {guard} ended the run at update {step}: {seen}")]
    Guard {
        /// Its key in `rl.guards`.
        guard: String,
        /// The update, from 1.
        step: usize,
        /// What was seen.
        seen: String,
    },
    /// Whoever writes the responses elsewhere failed.
    #[error("rollouts: {0}")]
    Rollout(String),
    /// A device that works beside the model's own failed.
    #[error("worker {device}: {why}; go on from the last checkpoint without it, or once it answers again")]
    Worker {
        /// The device.
        device: String,
        /// What it said.
        why: String,
    },
    /// A checkpoint does not belong to this run.
    #[error("checkpoint: {0}")]
    Checkpoint(String),
    /// Training was stopped by the listener of the event stream.
    #[error("stopped")]
    Stopped,
    /// Credit assignment was given inconsistent steps.
    #[error("credit: {0}")]
    Credit(#[from] CreditError),
    /// The chat template of a model cannot be used.
    #[error("chat template: {0}")]
    Chat(#[from] ChatError),
    /// Tokenizing failed.
    #[error("tokenizer: {0}")]
    Tokenizer(#[from] TokenizerError),
    /// The device failed.
    #[error("device: {0}")]
    Device(String),
}

fn weight_list(missing: &[String], mismatched: &[String]) -> String {
    /// How many tensors are named.
    const NAMED: usize = 5;
    let list = |what: &str, names: &[String]| {
        let more = names.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
        (!named.is_empty()).then(|| format!("{what}: {}{more}", named.join(", ")))
    };
    let parts = [list("missing", missing), list("wrong", mismatched)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
