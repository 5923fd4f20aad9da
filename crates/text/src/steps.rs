//! Where the steps of a response end, and what a process reward model is shown.
//!
//! Steps are found **by token, not by text**: a token ends a step when its own text ends in a blank line
//! (`"\n\n"`, `".\n\n"`, …). A blank line spread over two tokens is not a separator. This is the rule PURE
//! trains with, and it keeps every step end at one token that can carry a reward.

use std::collections::HashSet;
use std::ops::Range;

use regex_lite::Regex;
use serde::{Deserialize, Serialize};

use crate::tokenizer::{Tokenizer, TokenizerError};
use crate::world;

/// The ids that end a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Separators(HashSet<u32>);

impl Separators {
    /// Every id whose text, decoded alone, ends in a blank line. Decodes the whole vocabulary once.
    pub fn from_tokenizer(tokenizer: &Tokenizer) -> Self {
        let size = u32::try_from(tokenizer.vocabulary_size()).unwrap_or(u32::MAX);
        Self::from_ids((0..size).filter(|&id| tokenizer.text_of(id).ends_with("\n\n")))
    }

    /// The given ids.
    pub fn from_ids(ids: impl IntoIterator<Item = u32>) -> Self {
        Self(ids.into_iter().collect())
    }

    /// Whether `id` ends a step.
    pub fn contains(&self, id: u32) -> bool {
        self.0.contains(&id)
    }

    /// How many ids end a step. With none, every response is one step.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no id ends a step.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids in rising order.
    pub fn ids(&self) -> Vec<u32> {
        let mut ids: Vec<u32> = self.0.iter().copied().collect();
        ids.sort_unstable();
        ids
    }
}

/// The steps of one response; both lists have one entry per step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Index in the response of the last token of each step: its separator, the end-of-sequence token, or
    /// the last token of a truncated response. Strictly rising.
    pub ends: Vec<usize>,
    /// Tokens of each step without its separator or end-of-sequence token. A step can be empty.
    pub lengths: Vec<usize>,
}

impl Steps {
    /// Number of steps.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no step, which only a response of zero tokens has.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Tokens of the response that belong to a step: all up to the first end-of-sequence token.
    pub fn tokens(&self) -> usize {
        self.ends.last().map_or(0, |end| end + 1)
    }

    /// Whether the last step was cut off: it ends on a token that is neither separator nor end of sequence.
    pub fn is_open(&self) -> bool {
        let start = match self.ends.as_slice() {
            [] => return false,
            [_] => 0,
            [.., before, _] => before + 1,
        };
        self.lengths.last().is_some_and(|length| start + length == self.tokens())
    }
}

/// Splits a response into steps.
///
/// The response ends at its first id in `eos`; what follows (padding) belongs to no step. The end-of-sequence
/// token closes a last step even if that step is empty, so a response that ends with a separator and then the
/// end of sequence has an empty last step, and a lone end of sequence is one empty step. A separator straight
/// after a separator, or at the very start, ends an empty step. A truncated response ends at its last token:
/// a separator there closes the last step and no empty one follows. Zero tokens are zero steps.
pub fn split(response: &[u32], separators: &Separators, eos: &[u32]) -> Steps {
    let mut steps = Steps::default();
    let mut start = 0;
    for (index, id) in response.iter().enumerate() {
        let is_eos = eos.contains(id);
        if is_eos || separators.contains(*id) {
            steps.ends.push(index);
            steps.lengths.push(index - start);
            start = index + 1;
        }
        if is_eos {
            return steps;
        }
    }
    if start < response.len() {
        steps.ends.push(response.len() - 1);
        steps.lengths.push(response.len() - start);
    }
    steps
}

/// Overwrites the last token of a truncated response by `eos`, as PURE's main branch does before splitting.
///
/// A response whose last token is `eos` already, or that is empty, stays as it is. Information is lost: the
/// overwritten token is seen by no reward model, and a truncated response looks finished. Use it to reproduce
/// upstream; leave it out to treat truncation openly.
pub fn close_truncated(response: &mut [u32], eos: u32) {
    if let Some(last) = response.last_mut() {
        *last = eos;
    }
}

/// What a process reward model reads: ids, and the positions where step scores are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrmInput {
    /// Ids of one forward pass over prompt and all steps.
    pub ids: Vec<u32>,
    /// Index into `ids` of the newline that ends each step, one per step.
    pub positions: Vec<usize>,
    /// Where the prompt ends and the first step begins.
    pub start: usize,
}

/// The reward model's input for a generated response, on the level of ids.
///
/// Every separator and the end-of-sequence token is replaced **in place** by `newline`, so position
/// `prompt.len() + steps.ends[t]` scores step t and nothing shifts. Only a truncated last step that ends on
/// an ordinary token differs: that token stays and the newline is appended after it, one position further.
/// Tokens after the last step are left out. `steps` must come from [`split`] of the same `response`.
///
/// Punctuation fused into a separator (`".\n\n"`) is lost, as upstream.
pub fn prm_input(prompt: &[u32], response: &[u32], steps: &Steps, newline: u32) -> PrmInput {
    let used = &response[..steps.tokens().min(response.len())];
    let mut ids = [prompt, used].concat();
    let mut positions: Vec<usize> = steps.ends.iter().map(|end| prompt.len() + end).collect();
    if steps.is_open() {
        ids.push(newline);
        if let Some(last) = positions.last_mut() {
            *last += 1;
        }
    }
    for &position in &positions {
        if let Some(id) = ids.get_mut(position) {
            *id = newline;
        }
    }
    PrmInput { ids, positions, start: prompt.len() }
}

impl PrmInput {
    /// The input for steps given as text, as reward models are trained: prompt and each step are tokenised
    /// **separately** and the separator id is appended to each step's ids.
    ///
    /// Joining the texts first changes the ids at the seams and costs accuracy. No separator stands between
    /// prompt and first step: training data gives the bare problem as `prompt`. One of the arithmetic world, told by
    /// the tokenizer, ends with its mark, which is put there unless it has it.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`] if a text cannot be encoded.
    pub fn from_texts<S: AsRef<str>>(
        tokenizer: &Tokenizer,
        prompt: &str,
        steps: &[S],
        newline: u32,
    ) -> Result<Self, TokenizerError> {
        let ids = match tokenizer.is_of_world() {
            true => tokenizer.encode(&world::asked(prompt))?,
            false => tokenizer.encode(prompt)?,
        };
        let mut input = Self { start: ids.len(), ids, positions: Vec::with_capacity(steps.len()) };
        for step in steps {
            input.ids.extend(tokenizer.encode(step.as_ref())?);
            input.positions.push(input.ids.len());
            input.ids.push(newline);
        }
        Ok(input)
    }

    /// The same input behind a begin-of-sequence token, for tokenizers that have one.
    pub fn with_bos(mut self, bos: u32) -> Self {
        self.ids.insert(0, bos);
        self.start += 1;
        for position in &mut self.positions {
            *position += 1;
        }
        self
    }

    /// The tokens of each step, as ranges of `ids`; the newline that ends it belongs to it.
    pub fn steps(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let starts = std::iter::once(self.start).chain(self.positions.iter().map(|end| end + 1));
        starts.zip(&self.positions).map(|(start, end)| start..end + 1)
    }

    /// Keeps the first `tokens` ids and the steps scored among them.
    pub fn truncate(&mut self, tokens: usize) {
        self.ids.truncate(tokens);
        self.start = self.start.min(tokens);
        self.positions.retain(|&position| position < tokens);
    }
}

/// The id of a newline, which marks step ends for the reward model.
///
/// # Errors
/// [`TokenizerError::NoNewline`] if no single token decodes to a newline.
pub fn newline_id(tokenizer: &Tokenizer) -> Result<u32, TokenizerError> {
    let encoded = tokenizer.encode("\n").unwrap_or_default();
    let spelled = ["Ċ", "\n", "<0x0A>"].iter().filter_map(|token| tokenizer.id_of(token));
    let mut candidates = encoded.into_iter().chain(spelled);
    candidates.find(|&id| tokenizer.text_of(id) == "\n").ok_or(TokenizerError::NoNewline)
}

/// What separates steps in plain text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextSeparator {
    /// One or more blank lines.
    #[default]
    BlankLine,
    /// The end of each line.
    Newline,
}

impl TextSeparator {
    /// The steps of `text`: surrounding white space and empty steps are dropped.
    pub fn split(self, text: &str) -> Vec<String> {
        match self {
            Self::BlankLine => split_text(text),
            Self::Newline => text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect(),
        }
    }

    /// What to write between two steps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BlankLine => "\n\n",
            Self::Newline => "\n",
        }
    }
}

/// The steps of `text` between separators of your own, without surrounding white space and empty steps.
///
/// One line break means the end of each line, several mean blank lines, as in [`TextSeparator`]; a period and a blank
/// mean the end of each sentence, which keeps its mark; any other text is taken as it is, and an empty one separates
/// nothing.
pub fn split_text_at(text: &str, separator: &str) -> Vec<String> {
    match separator {
        "" => trimmed([text]),
        "\n" => TextSeparator::Newline.split(text),
        ". " => sentences(text),
        breaks if breaks.bytes().all(|byte| byte == b'\n') => split_text(text),
        separator => trimmed(text.split(separator)),
    }
}

/// Cuts after `.`, `!` or `?` before white space, and at blank lines.
fn sentences(text: &str) -> Vec<String> {
    let mut ends: Vec<usize> = Vec::new();
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        if character.is_whitespace() && matches!(before, '.' | '!' | '?') {
            ends.push(at);
        }
        before = character;
    }
    let starts = core::iter::once(0).chain(ends.iter().copied());
    let cut = starts.zip(ends.iter().copied().chain([text.len()])).map(|(start, end)| &text[start..end]);
    cut.flat_map(split_text).map(|step| step.trim().to_owned()).collect()
}

/// The steps of `text` between matches of a regular expression, without surrounding white space and empty steps.
///
/// Takes time linear in the text, whatever the pattern.
///
/// # Errors
/// [`PatternError`] if `pattern` is no regular expression, or one that would take too much memory.
pub fn split_text_by(text: &str, pattern: &str) -> Result<Vec<String>, PatternError> {
    let pattern = Regex::new(pattern).map_err(|error| PatternError { reason: error.to_string() })?;
    Ok(trimmed(pattern.split(text)))
}

/// A pattern that steps cannot be split by.
#[derive(Debug, thiserror::Error)]
#[error("not a regular expression ({reason}); write special characters as they are with a backslash before them")]
pub struct PatternError {
    /// What is wrong with it.
    pub reason: String,
}

fn trimmed<'a>(steps: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    steps.into_iter().map(str::trim).filter(|step| !step.is_empty()).map(str::to_owned).collect()
}

/// The steps of `text` between blank lines (lines with nothing but white space), without the white space
/// around each step. Lines inside a step stay apart. For data and display; a policy's own response is
/// split by [`split`].
pub fn split_text(text: &str) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let blank = line.trim().is_empty();
        match (blank, inside, steps.last_mut()) {
            (true, ..) => {}
            (false, true, Some(step)) => {
                step.push('\n');
                step.push_str(line);
            }
            (false, ..) => steps.push(line.to_owned()),
        }
        inside = !blank;
    }
    steps.iter().map(|step| step.trim().to_owned()).collect()
}
