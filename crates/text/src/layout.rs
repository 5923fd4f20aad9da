//! What the process reward models of the field are shown, and where their scores are read.
//!
//! A reward model judges well only what is laid out as in its training: separators, tags, chat turns, and the position
//! at which a step's score is read. One [`Layout`] per family turns a problem and the steps of a solution into ids.

use serde_json::Value;

use crate::chat::ChatError;
#[cfg(feature = "pretrained")]
use crate::chat::{ChatTemplate, Message};
use crate::steps::{PrmInput, newline_id};
use crate::tokenizer::{Tokenizer, TokenizerError};

/// A family of process reward models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrmFamily {
    /// PURE: problem and steps, each closed by a newline token; p(good) − p(bad) there.
    Pure,
    /// TRL's `PRMTrainer`: the same, behind a begin-of-sequence token where there is one; p(good) there.
    Trl,
    /// Qwen2.5-Math-PRM: a chat in which `<extra_0>` follows each step; p(good) there, by a head of two layers.
    QwenMath,
    /// Skywork-o1 PRM: problem, a newline, and steps closed by newlines; σ(value) there.
    Skywork,
    /// Math-Shepherd: ` ки` after each step; the odds of the tokens `+` and `-` there.
    MathShepherd,
    /// RLHFlow: a turn of a user for each step; the odds of `+` and `-` as the answer.
    RlhFlow,
    /// Implicit PRM (PRIME, EurusPRM): a chat; β times the log-ratio of two language models, summed over a step.
    Implicit,
}

impl PrmFamily {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Pure, Self::Trl, Self::QwenMath, Self::Skywork, Self::MathShepherd, Self::RlhFlow, Self::Implicit];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Trl => "trl",
            Self::QwenMath => "qwen-math",
            Self::Skywork => "skywork",
            Self::MathShepherd => "math-shepherd",
            Self::RlhFlow => "rlhflow",
            Self::Implicit => "implicit",
        }
    }

    /// The family of a model by its `config.json`: what `minform.family` says there, else its class, else a name in
    /// `_name_or_path` or `folder` that says which of the families with a language-model head it is.
    ///
    /// `None` for language models that nothing tells from others; a class alone does not make one a reward model.
    pub fn detect(config: &Value, folder: &str) -> Option<Self> {
        let own = config["minform"]["family"].as_str();
        if let Some(family) = Self::ALL.into_iter().find(|family| own == Some(family.name())) {
            return Some(family);
        }
        let class = config["architectures"][0].as_str().unwrap_or_default();
        if class.ends_with("ForTokenClassification") {
            return Some(Self::Pure);
        }
        if class.ends_with("ForProcessRewardModel") {
            return Some(Self::QwenMath);
        }
        if class.ends_with("ForPrmModel") {
            return Some(Self::Skywork);
        }
        let name = format!("{} {folder}", config["_name_or_path"].as_str().unwrap_or_default()).to_lowercase();
        let named = |words: &[&str]| words.iter().any(|word| name.contains(word));
        match () {
            () if named(&["shepherd"]) => Some(Self::MathShepherd),
            () if named(&["skywork-o1-open-prm", "skywork-prm"]) => Some(Self::Skywork),
            () if named(&["rlhflow", "prm-mistral-data", "prm-deepseek-data"]) => Some(Self::RlhFlow),
            () if named(&["eurusprm", "implicitprm", "implicit-prm"]) => Some(Self::Implicit),
            () => None,
        }
    }
}

/// What can go wrong with laying out a solution.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The tokenizer lacks what the family needs.
    #[error(
        "the tokenizer has no token {token:?}, which {family} models read or write; choose the family the model really has"
    )]
    Token {
        /// What is missing.
        token: &'static str,
        /// The name of the family.
        family: &'static str,
    },
    /// The family asks by a chat template and the model has none.
    #[error("{family} models need a chat template, and tokenizer_config.json has none")]
    NoTemplate {
        /// The name of the family.
        family: &'static str,
    },
    /// A step or the problem holds what marks the ends of steps.
    #[error("the text holds {found} marks {mark:?} for {steps} steps; remove the mark from problem and steps")]
    Marks {
        /// The mark.
        mark: &'static str,
        /// Marks in the laid out text.
        found: usize,
        /// Steps of the solution.
        steps: usize,
    },
    /// The chat template does not keep turns one after another.
    #[error("the chat template rewrites earlier turns, so the end of step {step} cannot be found")]
    Turns {
        /// The step, from 0.
        step: usize,
    },
    /// The chat template fails.
    #[error("chat template: {0}")]
    Chat(#[from] ChatError),
    /// The text cannot be encoded.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// This build reads no pretrained models.
    #[error("this build reads models of the PURE family alone")]
    Unsupported,
}

/// How a family lays out a solution for a particular model.
#[derive(Clone, Debug)]
pub struct Layout {
    family: PrmFamily,
    tokenizer: Tokenizer,
    /// What a model wants before everything else; empty if nothing.
    bos: String,
    /// The token at which steps end, where there is one.
    mark: u32,
    /// The tokens of a good and of a bad verdict, where there are any.
    answers: [u32; 2],
    #[cfg(feature = "pretrained")]
    chat: Option<ChatTemplate>,
}

/// Marks and verdicts in text.
const EXTRA: &str = "<extra_0>";
const TAG: &str = "ки";
const GOOD: &str = "+";
const BAD: &str = "-";

/// What Qwen2.5-Math models are told first.
#[cfg(feature = "pretrained")]
const QWEN_SYSTEM: &str = "Please reason step by step, and put your final answer within \\boxed{}.";

impl Layout {
    /// For the model with these files; `chat_template` is that of `chat_template.jinja`, where there is one.
    ///
    /// # Errors
    /// [`LayoutError`] if tokenizer or template lack what the family needs.
    pub fn new(
        family: PrmFamily,
        tokenizer: &Tokenizer,
        tokenizer_config: Option<&[u8]>,
        chat_template: Option<&str>,
    ) -> Result<Self, LayoutError> {
        let last = |text: &'static str| {
            let id = tokenizer.encode(text).ok().and_then(|ids| ids.last().copied());
            id.ok_or(LayoutError::Token { token: text, family: family.name() })
        };
        let mark = match family {
            PrmFamily::Pure | PrmFamily::Trl => newline_id(tokenizer)?,
            PrmFamily::Skywork => last("\n")?,
            PrmFamily::MathShepherd => last(TAG)?,
            PrmFamily::QwenMath => {
                tokenizer.id_of(EXTRA).ok_or(LayoutError::Token { token: EXTRA, family: family.name() })?
            }
            PrmFamily::RlhFlow | PrmFamily::Implicit => 0,
        };
        let answers = match family {
            PrmFamily::MathShepherd | PrmFamily::RlhFlow => [last(GOOD)?, last(BAD)?],
            _ => [0; 2],
        };
        let bos = match family {
            PrmFamily::Trl | PrmFamily::Skywork | PrmFamily::MathShepherd => bos_of(tokenizer_config),
            _ => String::new(),
        };
        #[cfg(feature = "pretrained")]
        let chat = match family {
            PrmFamily::QwenMath | PrmFamily::RlhFlow | PrmFamily::Implicit => {
                let config = tokenizer_config.ok_or(LayoutError::NoTemplate { family: family.name() })?;
                Some(match chat_template {
                    Some(source) => ChatTemplate::from_config_and_source(config, source)?,
                    None => ChatTemplate::from_config(config)?,
                })
            }
            _ => None,
        };
        #[cfg(not(feature = "pretrained"))]
        {
            let _ = chat_template;
            if family != PrmFamily::Pure {
                return Err(LayoutError::Unsupported);
            }
        }
        Ok(Self {
            family,
            tokenizer: tokenizer.clone(),
            bos,
            mark,
            answers,
            #[cfg(feature = "pretrained")]
            chat,
        })
    }

    /// The family.
    pub fn family(&self) -> PrmFamily {
        self.family
    }

    /// How many tokens of an input stand for words that the model does not have.
    pub fn unknown_in(&self, input: &PrmInput) -> usize {
        self.tokenizer.unknown_in(&input.ids)
    }

    /// The tokens of a good and of a bad verdict, for families that answer with tokens.
    pub fn answers(&self) -> [u32; 2] {
        self.answers
    }

    /// Ids and the position at which the score of each step is read. Of implicit models it is the last token of the
    /// step, to which those before it belong as well.
    ///
    /// # Errors
    /// [`LayoutError`] for texts that cannot be laid out.
    pub fn input<S: AsRef<str>>(&self, problem: &str, steps: &[S]) -> Result<PrmInput, LayoutError> {
        match self.family {
            PrmFamily::Pure => Ok(PrmInput::from_texts(&self.tokenizer, problem, steps, self.mark)?),
            PrmFamily::Trl => {
                let input = PrmInput::from_texts(&self.tokenizer, problem, steps, self.mark)?;
                let bos = self.tokenizer.encode(&self.bos)?;
                Ok(bos.into_iter().rev().fold(input, PrmInput::with_bos))
            }
            PrmFamily::Skywork => {
                Ok(PrmInput::from_texts(&self.tokenizer, &format!("{}{problem}\n", self.bos), steps, self.mark)?)
            }
            PrmFamily::MathShepherd => self.tagged(problem, steps),
            #[cfg(feature = "pretrained")]
            PrmFamily::QwenMath => self.marked_chat(problem, steps),
            #[cfg(feature = "pretrained")]
            PrmFamily::RlhFlow => self.turns(problem, steps),
            #[cfg(feature = "pretrained")]
            PrmFamily::Implicit => self.plain_chat(problem, steps),
            #[cfg(not(feature = "pretrained"))]
            _ => Err(LayoutError::Unsupported),
        }
    }

    /// problem, a blank, and the steps in lines that end in ` ки`.
    fn tagged<S: AsRef<str>>(&self, problem: &str, steps: &[S]) -> Result<PrmInput, LayoutError> {
        let lines: Vec<String> = steps.iter().map(|step| format!("{} {TAG}", step.as_ref())).collect();
        let beginning = format!("{}{problem} ", self.bos);
        self.with_marks(&beginning, &format!("{beginning}{}", lines.join("\n")), TAG, steps.len())
    }

    /// The ids of a text, in which every step ends at the mark.
    fn with_marks(
        &self,
        beginning: &str,
        text: &str,
        mark: &'static str,
        steps: usize,
    ) -> Result<PrmInput, LayoutError> {
        let mut ids = self.tokenizer.encode(text)?;
        let marks = ids.iter().enumerate().filter(|(_, id)| **id == self.mark).map(|(position, _)| position);
        let positions: Vec<usize> = marks.collect();
        if positions.len() != steps {
            return Err(LayoutError::Marks { mark, found: positions.len(), steps });
        }
        ids.truncate(positions.last().map_or(0, |last| last + 1));
        let start = self.shared(beginning, &ids)?;
        Ok(PrmInput { ids, positions, start })
    }

    /// How many ids the beginning of a text gives, whatever follows it.
    fn shared(&self, beginning: &str, ids: &[u32]) -> Result<usize, LayoutError> {
        let alone = self.tokenizer.encode(beginning)?;
        Ok(alone.iter().zip(ids).take_while(|(a, b)| a == b).count())
    }
}

#[cfg(feature = "pretrained")]
impl Layout {
    fn template(&self) -> Result<&ChatTemplate, LayoutError> {
        self.chat.as_ref().ok_or(LayoutError::NoTemplate { family: self.family.name() })
    }

    /// The steps as one turn of the assistant, each followed by `<extra_0>`.
    fn marked_chat<S: AsRef<str>>(&self, problem: &str, steps: &[S]) -> Result<PrmInput, LayoutError> {
        let solution: String = steps.iter().map(|step| format!("{}{EXTRA}", step.as_ref())).collect();
        let mut turns = vec![Message::new("system", QWEN_SYSTEM), Message::new("user", problem)];
        let beginning = self.template()?.render(&turns, true)?;
        turns.push(Message::new("assistant", solution));
        let text = self.template()?.render(&turns, false)?;
        self.with_marks(&beginning, &text, EXTRA, steps.len())
    }

    /// Problem and first step as the first turn of a user, every other step as another, and `+` as every answer, each
    /// of which is predicted at the position before it.
    fn turns<S: AsRef<str>>(&self, problem: &str, steps: &[S]) -> Result<PrmInput, LayoutError> {
        let template = self.template()?;
        let (mut turns, mut ends) = (Vec::new(), Vec::new());
        for (index, step) in steps.iter().enumerate() {
            let said = if index == 0 { format!("{problem} {}", step.as_ref()) } else { step.as_ref().to_owned() };
            turns.push(Message::new("user", said));
            ends.push(template.render(&turns, true)?);
            turns.push(Message::new("assistant", GOOD));
        }
        let Some(whole) = ends.last() else {
            return Ok(PrmInput::default());
        };
        let (mut ids, mut positions, mut read) = (Vec::new(), Vec::new(), 0);
        for (step, end) in ends.iter().enumerate() {
            if !whole.starts_with(end.as_str()) {
                return Err(LayoutError::Turns { step });
            }
            ids.extend(self.tokenizer.encode(&whole[read..end.len()])?);
            positions.push(ids.len().saturating_sub(1));
            read = end.len();
        }
        // Answers stand alone between special tokens in the templates of this family; if they did not, pieces of the
        // text would be other tokens than the whole of it.
        if ids != self.tokenizer.encode(whole)? {
            return Err(LayoutError::Turns { step: 0 });
        }
        let beginning = template.render(&[Message::new("user", problem)], false)?;
        let start = self.shared(&beginning, &ids)?;
        Ok(PrmInput { ids, positions, start })
    }

    /// The solution as the answer in a chat, its steps parted by blank lines.
    fn plain_chat<S: AsRef<str>>(&self, problem: &str, steps: &[S]) -> Result<PrmInput, LayoutError> {
        let prompt = self.template()?.render(&[Message::new("user", problem)], true)?;
        let mut ids = self.tokenizer.encode(&prompt)?;
        let (start, mut positions) = (ids.len(), Vec::with_capacity(steps.len()));
        for (index, step) in steps.iter().enumerate() {
            let end = if index + 1 == steps.len() { "" } else { "\n\n" };
            ids.extend(self.tokenizer.encode(&format!("{}{end}", step.as_ref()))?);
            positions.push(ids.len().saturating_sub(1));
        }
        Ok(PrmInput { ids, positions, start })
    }
}

/// The begin-of-sequence token that `tokenizer_config.json` names.
fn bos_of(tokenizer_config: Option<&[u8]>) -> String {
    let config: Option<Value> = tokenizer_config.and_then(|bytes| serde_json::from_slice(bytes).ok());
    let token = config.map(|config| config["bos_token"].clone()).unwrap_or_default();
    token.as_str().or(token["content"].as_str()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn families_are_told_by_class_or_name() {
        let found = |config: Value, folder: &str| PrmFamily::detect(&config, folder);
        let class = |name: &str| json!({ "architectures": [name] });
        assert_eq!(found(class("Qwen2ForTokenClassification"), ""), Some(PrmFamily::Pure));
        assert_eq!(found(class("Qwen2ForProcessRewardModel"), ""), Some(PrmFamily::QwenMath));
        assert_eq!(found(class("Qwen2ForPrmModel"), ""), Some(PrmFamily::Skywork));
        assert_eq!(found(class("MistralForCausalLM"), "math-shepherd-mistral-7b-prm"), Some(PrmFamily::MathShepherd));
        assert_eq!(found(class("LlamaForCausalLM"), "RLHFlow/Llama3.1-8B-PRM"), Some(PrmFamily::RlhFlow));
        assert_eq!(found(class("Qwen2ForCausalLM"), "EurusPRM-Stage2"), Some(PrmFamily::Implicit));
        // A language model is no reward model for its class alone.
        assert_eq!(found(class("LlamaForCausalLM"), "models/smollm2"), None);
        let own = json!({ "architectures": ["LlamaForTokenClassification"], "minform": { "family": "trl" } });
        assert_eq!(found(own, ""), Some(PrmFamily::Trl));
        for family in PrmFamily::ALL {
            assert_eq!(found(json!({ "minform": { "family": family.name() } }), ""), Some(family));
        }
    }
}
