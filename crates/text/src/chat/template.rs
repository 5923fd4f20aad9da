//! A template and what it is rendered with.

use std::collections::BTreeMap;

use minijinja::value::Kwargs;
use minijinja::{Environment, ErrorKind, Value};
use serde::{Deserialize, Serialize};

use super::{ChatError, Message, json, methods};

/// Starts the message of errors that [`ChatError`] tells apart.
const REFUSED: &str = "refused by template: ";
const NO_DATE: &str = "no date given";

#[derive(Deserialize)]
struct Config {
    chat_template: Option<Templates>,
    bos_token: Option<Token>,
    eos_token: Option<Token>,
}

impl Config {
    fn read(bytes: &[u8]) -> Result<Self, ChatError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        serde_json::from_slice(bytes).map_err(|error| ChatError::Config { reason: error.to_string() })
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Templates {
    One(String),
    Named(Vec<Named>),
}

#[derive(Deserialize)]
struct Named {
    name: String,
    template: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Token {
    Text(String),
    Added { content: String },
}

fn text(token: Option<Token>) -> String {
    match token {
        Some(Token::Text(text) | Token::Added { content: text }) => text,
        None => String::new(),
    }
}

impl Templates {
    /// The only template, or the one named `default`.
    fn default_source(self) -> Result<String, ChatError> {
        let named = match self {
            Self::One(source) => return Ok(source),
            Self::Named(named) => named,
        };
        let names: Vec<String> = named.iter().map(|template| template.name.clone()).collect();
        let only = named.len() == 1;
        let default = named.into_iter().find(|template| only || template.name == "default");
        let found = format!(" named `default`, only {}", names.join(", "));
        default.map(|template| template.template).ok_or(ChatError::Missing { found })
    }
}

/// A model's chat template with its special tokens.
#[derive(Clone, Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    source: String,
    variables: BTreeMap<String, Value>,
}

impl ChatTemplate {
    /// Reads the bytes of a `tokenizer_config.json`: `chat_template` (a text, or a list of named ones of
    /// which `default` is taken), `bos_token` and `eos_token`.
    ///
    /// # Errors
    /// [`ChatError::Config`], [`ChatError::Missing`] or [`ChatError::Syntax`].
    pub fn from_config(bytes: &[u8]) -> Result<Self, ChatError> {
        let config = Config::read(bytes)?;
        let templates = config.chat_template.ok_or(ChatError::Missing { found: String::new() })?;
        Self::from_source(&templates.default_source()?, &text(config.bos_token), &text(config.eos_token))
    }

    /// A template kept beside `tokenizer_config.json`, in `chat_template.jinja`; the special tokens come from the
    /// bytes of the former.
    ///
    /// # Errors
    /// [`ChatError::Config`] or [`ChatError::Syntax`].
    pub fn from_config_and_source(bytes: &[u8], source: &str) -> Result<Self, ChatError> {
        let config = Config::read(bytes)?;
        Self::from_source(source, &text(config.bos_token), &text(config.eos_token))
    }

    /// A template given as text, for models that keep it in `chat_template.jinja`. A model without a
    /// begin-of-sequence token has an empty `bos`.
    ///
    /// # Errors
    /// [`ChatError::Syntax`] if the template does not parse.
    pub fn from_source(source: &str, bos: &str, eos: &str) -> Result<Self, ChatError> {
        let environment = environment();
        if let Err(error) = environment.template_from_str(source) {
            return Err(ChatError::Syntax { reason: error.to_string() });
        }
        let absent = ["tools", "documents"].map(|name| (name.to_owned(), Value::from(())));
        let tokens = [("bos_token".to_owned(), Value::from(bos)), ("eos_token".to_owned(), Value::from(eos))];
        let variables = absent.into_iter().chain(tokens).collect();
        Ok(Self { environment, source: source.to_owned(), variables })
    }

    /// Lets `strftime_now` answer `date`, whatever format the template asks for.
    pub fn with_date(mut self, date: &str) -> Self {
        let date = date.to_owned();
        self.environment.add_function("strftime_now", move |_format: &str| date.clone());
        self
    }

    /// Sets a variable the template looks at, such as `enable_thinking` of Qwen3.
    pub fn with_variable(mut self, name: &str, value: impl Serialize) -> Self {
        self.variables.insert(name.to_owned(), Value::from_serialize(value));
        self
    }

    /// The text of a conversation. `add_generation_prompt` opens the assistant's next turn.
    ///
    /// # Errors
    /// [`ChatError::Refused`], [`ChatError::Date`] or [`ChatError::Render`].
    pub fn render(&self, messages: &[Message], add_generation_prompt: bool) -> Result<String, ChatError> {
        let mut variables = self.variables.clone();
        variables.insert("messages".to_owned(), Value::from_serialize(messages));
        variables.insert("add_generation_prompt".to_owned(), Value::from(add_generation_prompt));
        let template = self.environment.template_from_str(&self.source);
        template.and_then(|template| template.render(variables)).map_err(|error| explained(&error))
    }
}

fn explained(error: &minijinja::Error) -> ChatError {
    let detail = error.detail().unwrap_or_default();
    match detail.strip_prefix(REFUSED) {
        Some(message) => ChatError::Refused { message: message.to_owned() },
        None if detail == NO_DATE => ChatError::Date,
        None => ChatError::Render { reason: error.to_string() },
    }
}

fn failure(detail: String) -> minijinja::Error {
    minijinja::Error::new(ErrorKind::InvalidOperation, detail)
}

/// Jinja as the common libraries set it up for chat templates.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_unknown_method_callback(methods::call);
    environment.add_filter("tojson", |value: &Value, options: Kwargs| json::to_json(value, &options));
    environment.add_function("raise_exception", |message: String| -> Result<Value, _> {
        Err(failure(format!("{REFUSED}{message}")))
    });
    environment.add_function("strftime_now", |_format: &str| -> Result<Value, _> { Err(failure(NO_DATE.to_owned())) });
    environment
}
