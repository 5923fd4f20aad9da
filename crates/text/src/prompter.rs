//! How a question becomes the prompt of a particular model: by its chat template, by PURE's instruction, or as it is.

use serde_json::Value;

use crate::chat::ChatError;
#[cfg(feature = "pretrained")]
use crate::chat::{ChatTemplate, Message};
use crate::prompt::{PromptTemplate, QUESTION};
use crate::tokenizer::Tokenizer;
use crate::world;

/// Turns questions into prompts.
#[derive(Debug, Clone)]
pub enum Prompter {
    /// Text around the question.
    Text(PromptTemplate),
    /// The question as a problem of the arithmetic world.
    World,
    /// PURE's instruction as the turn of a user.
    #[cfg(feature = "pretrained")]
    Chat(Box<ChatTemplate>),
}

impl Prompter {
    /// What a model wants by its files: questions as they are where `tokenizer_config.json` says
    /// `{"minform": {"prompt": "raw"}}`; otherwise its chat template, from that file or from `chat_template.jinja`, if
    /// there is one, else PURE's instruction.
    ///
    /// # Errors
    /// [`ChatError`] if there is a template that does not parse.
    pub fn of_model(tokenizer_config: Option<&[u8]>, chat_template: Option<&str>) -> Result<Self, ChatError> {
        if tokenizer_config.is_some_and(wants_raw_questions) {
            return Ok(Self::raw());
        }
        let chat = Self::chat(tokenizer_config, chat_template)?;
        Ok(chat.unwrap_or(Self::Text(PromptTemplate::Pure)))
    }

    /// The chat template of a model, if it has one and this build reads it.
    ///
    /// # Errors
    /// [`ChatError`] if it does not parse.
    #[cfg(feature = "pretrained")]
    pub fn chat(tokenizer_config: Option<&[u8]>, chat_template: Option<&str>) -> Result<Option<Self>, ChatError> {
        let Some(config) = tokenizer_config else { return Ok(None) };
        let template = match chat_template {
            Some(source) => ChatTemplate::from_config_and_source(config, source),
            None => ChatTemplate::from_config(config),
        };
        match template {
            Ok(template) => Ok(Some(Self::Chat(Box::new(template)))),
            Err(ChatError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The chat template of a model, if it has one and this build reads it.
    #[cfg(not(feature = "pretrained"))]
    #[expect(clippy::unnecessary_wraps, reason = "as where templates are read")]
    fn chat(_tokenizer_config: Option<&[u8]>, _chat_template: Option<&str>) -> Result<Option<Self>, ChatError> {
        Ok(None)
    }

    /// The question without a word around it.
    pub fn raw() -> Self {
        Self::Text(PromptTemplate::Custom(QUESTION.into()))
    }

    /// That of a model whose tokenizer is the arithmetic world's.
    pub fn of_world(tokenizer: &Tokenizer) -> Option<Self> {
        tokenizer.is_of_world().then_some(Self::World)
    }

    /// The prompt for `question`.
    ///
    /// # Errors
    /// [`ChatError`] if the chat template refuses it.
    pub fn render(&self, question: &str) -> Result<String, ChatError> {
        match self {
            Self::Text(template) => Ok(template.render(question)),
            Self::World => Ok(world::asked(question)),
            #[cfg(feature = "pretrained")]
            Self::Chat(chat) => {
                let turn = Message::new("user", PromptTemplate::Pure.render(question).trim_end());
                chat.render(&[turn], true)
            }
        }
    }
}

fn wants_raw_questions(tokenizer_config: &[u8]) -> bool {
    let config: Option<Value> = serde_json::from_slice(tokenizer_config).ok();
    config.is_some_and(|config| config["minform"]["prompt"] == "raw")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: &[u8] = br#"{"chat_template": "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<a>"}"#;

    fn prompt(config: Option<&[u8]>, jinja: Option<&str>) -> String {
        Prompter::of_model(config, jinja).unwrap().render("1+1?").unwrap()
    }

    #[test]
    fn a_model_is_asked_as_its_files_say() {
        let pure = PromptTemplate::Pure.render("1+1?");
        assert_eq!(prompt(None, None), pure);
        assert_eq!(prompt(Some(b"{}"), None), pure);
        assert_eq!(prompt(Some(br#"{"minform": {"prompt": "raw"}}"#), None), "1+1?");
        assert_eq!(prompt(Some(CHAT), None), format!("<user>{pure}<a>"));
        assert_eq!(prompt(Some(CHAT), Some("[{{ messages[0].content }}]")), format!("[{pure}]"));
        assert!(Prompter::of_model(Some(b"{}"), Some("{% if %}")).is_err());
    }

    #[test]
    fn questions_of_the_world_end_with_its_mark_once() {
        let tokenizer = Tokenizer::from_json(world::tokenizer_json().as_bytes()).unwrap();
        let prompter = Prompter::of_world(&tokenizer).unwrap();
        for question in ["Ann has 3 pens.", "Ann has 3 pens. => ", "Ann has 3 pens. =>", "Ann has 3 pens.\n"] {
            assert_eq!(prompter.render(question).unwrap(), "Ann has 3 pens. => ", "{question:?}");
        }
    }
}
