//! How a question is put to a policy or a reward model, without a chat template.
//!
//! [`PromptTemplate::Pure`] is the prompt PURE trains and evaluates with. It asks for steps separated by a
//! blank line, which is what [`crate::steps`] looks for.

use serde::{Deserialize, Deserializer, Serialize};

/// Where the question goes in a [`PromptTemplate::Custom`].
pub const QUESTION: &str = "{question}";

/// The two line breaks inside the quotes are real ones, as upstream writes them.
const PURE_REQUEST: &str =
    "Please reason step by step with steps separated by \"\n\n\", and put your final answer within \\boxed{}.";

/// A prompt around a question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromptTemplate {
    /// The question and a blank line.
    Plain,
    /// PURE's prompt: the question, a blank line and the request for steps and a boxed answer.
    #[default]
    Pure,
    /// PURE's prompt followed by ` <think>` and a newline, for DeepSeek models.
    PureThink,
    /// Own text with `{question}` in it; other braces stay as they are.
    Custom(#[serde(deserialize_with = "text_with_question")] String),
}

/// A prompt template that would drop the question.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the custom prompt has no {QUESTION} in it, so the model would never see the question; add {QUESTION} where the question belongs: {text:?}"
)]
pub struct PromptError {
    /// The offending text.
    pub text: String,
}

impl PromptTemplate {
    /// A template of your own.
    ///
    /// # Errors
    /// [`PromptError`] if `text` does not contain `{question}`.
    pub fn custom(text: &str) -> Result<Self, PromptError> {
        match text.contains(QUESTION) {
            true => Ok(Self::Custom(text.to_owned())),
            false => Err(PromptError { text: text.to_owned() }),
        }
    }

    /// The prompt for `question`, which is put in as it is.
    pub fn render(&self, question: &str) -> String {
        match self {
            Self::Plain => format!("{question}\n\n"),
            Self::Pure => format!("{question}\n\n{PURE_REQUEST}"),
            Self::PureThink => format!("{question}\n\n{PURE_REQUEST} <think>\n"),
            Self::Custom(text) => text.replace(QUESTION, question),
        }
    }
}

fn text_with_question<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match PromptTemplate::custom(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(serde::de::Error::custom(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pure_prompt_has_real_line_breaks_inside_the_quotes() {
        let expected = "1+1?\n\nPlease reason step by step with steps separated by \"\n\n\", \
                        and put your final answer within \\boxed{}.";
        assert_eq!(PromptTemplate::Pure.render("1+1?"), expected);
        assert_eq!(PromptTemplate::PureThink.render("1+1?"), format!("{expected} <think>\n"));
        assert_eq!(PromptTemplate::Plain.render("1+1?"), "1+1?\n\n");
    }

    #[test]
    fn custom_prompt_replaces_only_the_question() {
        let template = PromptTemplate::custom("Q: {question} \\boxed{}").unwrap();
        assert_eq!(template.render("is {question} a word?"), "Q: is {question} a word? \\boxed{}");
        assert!(PromptTemplate::custom("no place").unwrap_err().to_string().contains("{question}"));
    }

    #[test]
    fn settings_spell_templates_in_kebab_case() {
        let read = |text: &str| serde_json::from_str::<PromptTemplate>(text);
        assert_eq!(read("\"pure-think\"").unwrap(), PromptTemplate::PureThink);
        let custom = read(r#"{"custom": "{question}!"}"#).unwrap();
        assert_eq!(custom.render("a"), "a!");
        assert!(read(r#"{"custom": "nothing"}"#).unwrap_err().to_string().contains("{question}"));
    }
}
