//! Chat templates of pretrained models, rendered as their `tokenizer_config.json` says.
//!
//! Templates are Jinja written for Python, so strings and dictionaries get the Python methods templates use
//! (`strip`, `split`, `startswith`, `items`, …). There is no clock here: `strftime_now` fails unless a date
//! was given with [`ChatTemplate::with_date`].

#[cfg(feature = "pretrained")]
mod json;
#[cfg(feature = "pretrained")]
mod methods;
#[cfg(feature = "pretrained")]
mod template;

use serde::{Deserialize, Serialize};

#[cfg(feature = "pretrained")]
pub use template::ChatTemplate;

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user` or `assistant` in most templates.
    pub role: String,
    /// What was said.
    pub content: String,
}

impl Message {
    /// A turn.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: content.into() }
    }
}

/// What can go wrong with a chat template.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The bytes are not a `tokenizer_config.json`.
    #[error("not a usable tokenizer_config.json ({reason}); pass that file of the model unchanged")]
    Config {
        /// What the parser said.
        reason: String,
    },
    /// The configuration holds no template.
    #[error(
        "tokenizer_config.json has no `chat_template`{found}; give the text of chat_template.jinja instead, or use a prompt template for a base model"
    )]
    Missing {
        /// The names of the templates it does hold, if none is the default.
        found: String,
    },
    /// The template does not parse.
    #[error("the chat template does not parse ({reason}); mend it, or use a prompt template")]
    Syntax {
        /// Where and why.
        reason: String,
    },
    /// The template itself refused the messages, by `raise_exception`.
    #[error("the chat template refuses these messages: {message}; change their roles or order")]
    Refused {
        /// The template's own words.
        message: String,
    },
    /// The template asks for today's date.
    #[error("the chat template asks for the date, but nothing here reads a clock; give a date with `with_date`")]
    Date,
    /// The template failed.
    #[error("the chat template failed ({reason}); it may use a feature that is not supported")]
    Render {
        /// Where and why.
        reason: String,
    },
}
