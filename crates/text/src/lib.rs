//! The text side of minform: bytes and strings in, values out.
//!
//! Nothing here opens a file, reads a clock or touches a tensor.
//! [`tokenizer`] wraps the tokenizer files of pretrained models, [`steps`] finds where the steps of a
//! response end, [`prompt`], [`prompter`] and [`chat`] write what a model is asked, [`answer`] extracts and grades final
//! answers, [`corruption`] makes wrong solutions of right ones, [`layout`] writes what
//! reward models are shown, [`mathematics`] takes the words out of steps, [`data`] reads the datasets of the field, [`world`] generates an arithmetic world whose every
//! step can be checked, and [`gguf`] reads GGUF weight files.

pub mod answer;
pub mod chat;
pub mod corruption;
pub mod data;
pub mod gguf;
pub mod layout;
pub mod mathematics;
pub mod prompt;
pub mod prompter;
pub mod steps;
pub mod tokenizer;
pub mod world;
