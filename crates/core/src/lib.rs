//! Everything with tensors, once, on burn: models, process reward models and min-form reinforcement learning.
//!
//! - [`model`]: decoders of the Qwen2 and Llama families with a language-model or a token-classification head,
//!   read from and written to Hugging Face folders (as bytes; this crate opens no file).
//! - [`policy`]: sampling with a key/value cache and log-probabilities of given responses.
//! - [`prm`]: training a process reward model and scoring every step of a response in one forward pass.
//! - [`train`]: supervised fine-tuning and the RL update: rollouts, PRM scores, credit, clipped loss, AdamW.
//! - [`config`] and [`event`]: the one configuration structure and the one stream of events of every front end.
//! - [`label`]: labels of steps from rollouts; [`search`]: solutions with a reward model as the guide.
//! - [`experiment`]: many runs of the demo's world side by side, and what they show together.
//! - [`demo`]: the embedded arithmetic world from an empty model to a policy improved by min-form RL.
//!
//! No function here opens a file, a socket or reads the clock, and every read-back from a device is
//! asynchronous, so that the same code runs natively and in a browser.
//! Randomness enters through seeds in the configuration.

pub mod config;
pub mod demo;
mod dtype;
pub mod error;
pub mod event;
pub mod experiment;
pub mod label;
pub mod model;
#[cfg(test)]
mod numbers;
mod ops;
mod parallel;
pub mod policy;
pub mod prm;
mod ranges;
mod read;
pub mod search;
pub mod seed;
pub mod self_test;
mod sum;
pub mod train;

pub use dtype::Dtype;
pub use error::{Error, Result};
