//! minform in the browser: conversions between JavaScript values and the library crates, and nothing else.
//!
//! Built three times, each a file of its own:
//! - without features, [`credit`] and [`text`]: small, and called on the page's own thread for every move of a slider;
//! - with `engine`, models of the arithmetic world as well: for a worker, on the CPU;
//! - with `webgpu`, pretrained models too, which need tokenizers of all kinds; and the GPU beside the CPU.
#![recursion_limit = "256"]
#![allow(clippy::needless_pass_by_value, reason = "what crosses from JavaScript arrives owned")]

pub mod credit;
#[cfg(feature = "engine")]
pub mod engine;
pub mod text;
mod values;
