//! The exact checker: a verdict for every step of a response.

use serde::{Deserialize, Serialize};

use super::vocabulary::SEPARATOR;
use super::wording::FILLERS;
use super::{Operation, Problem};

/// What is to be said of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepVerdict {
    /// The operation that is due, on the true running value, with the true result; in a chain of equations, all of
    /// them. A chain that is not right has the verdict of its first equation that is not.
    Right,
    /// A thinking step without content: neutral, which counts as right.
    Filler,
    /// The true answer, boxed after all operations were done right.
    AnswerRight,
    /// An equation, but of another operation than the one due, or after the last one.
    WrongOperation,
    /// The operation that is due, on something else than the true running value.
    WrongValue,
    /// The operation that is due, on the true running value, with a wrong result.
    WrongArithmetic,
    /// An equation that was already stated and is not due again.
    Redundant,
    /// Neither an equation nor a boxed number nor a known thinking step.
    Malformed,
    /// Nothing, or nothing but spaces.
    Empty,
    /// A boxed number that is not the answer.
    AnswerWrong,
    /// The true answer, boxed although not all operations were done right.
    AnswerUnsupported,
    /// Anything after the boxed answer.
    ExtraAfterEnd,
}

impl StepVerdict {
    /// Whether a process reward model should like the step.
    pub fn is_right(self) -> bool {
        matches!(self, Self::Right | Self::Filler | Self::AnswerRight)
    }
}

/// What is to be said of a whole response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// One verdict per step.
    pub steps: Vec<StepVerdict>,
    /// Whether the last boxed number is the answer, whatever the steps before it say.
    pub answer_correct: bool,
}

impl Verdict {
    /// The place of the first step that is not right.
    pub fn first_error(&self) -> Option<usize> {
        self.steps.iter().position(|step| !step.is_right())
    }

    /// Step labels as in PRM800K: up to and including the first error, nothing after it.
    pub fn labels(&self) -> Vec<Option<bool>> {
        let end = self.first_error().unwrap_or(self.steps.len());
        let label = |(at, step): (usize, &StepVerdict)| (at <= end).then_some(step.is_right());
        self.steps.iter().enumerate().map(label).collect()
    }

    /// Whether the answer is correct and so is every step on the way.
    pub fn is_solved(&self) -> bool {
        self.answer_correct && self.first_error().is_none()
    }
}

/// Judges a response given as text: k blank lines part it into k + 1 steps.
pub fn check(problem: &Problem, response: &str) -> Verdict {
    check_steps(problem, response.split(SEPARATOR))
}

/// Judges a response that is already cut into steps, for instance at its separator tokens.
///
/// The two rules differ where a policy writes a blank line as two newline tokens.
pub fn check_steps<'a>(problem: &Problem, steps: impl IntoIterator<Item = &'a str>) -> Verdict {
    let mut walk = Walk::new(problem);
    let steps = steps.into_iter().map(|step| walk.judge(step)).collect();
    Verdict { steps, answer_correct: walk.boxed == Some(problem.answer().into()) }
}

/// How far a response has come along the chain.
struct Walk<'a> {
    problem: &'a Problem,
    /// Operations taken up. An equation takes one place unless it repeats another, so that what follows an
    /// error is still held against the operation it most likely means.
    position: usize,
    right_steps: usize,
    stated: Vec<Equation>,
    /// The number in the last box so far.
    boxed: Option<u32>,
    ended: bool,
}

impl<'a> Walk<'a> {
    fn new(problem: &'a Problem) -> Self {
        Self { problem, position: 0, right_steps: 0, stated: Vec::new(), boxed: None, ended: false }
    }

    fn judge(&mut self, step: &str) -> StepVerdict {
        let text = step.trim_matches(' ');
        if let Some(boxed) = last_boxed(text) {
            self.boxed = boxed;
        }
        if text.is_empty() {
            StepVerdict::Empty
        } else if self.ended {
            StepVerdict::ExtraAfterEnd
        } else if let Some(chain) = Equation::parse_chain(text) {
            self.judge_chain(chain)
        } else if let Some(answer) = boxed_alone(text) {
            self.ended = true;
            self.judge_answer(answer)
        } else if FILLERS.contains(&text) {
            StepVerdict::Filler
        } else {
            StepVerdict::Malformed
        }
    }

    /// Every equation takes its place, also after one that is not right.
    fn judge_chain(&mut self, chain: Vec<Equation>) -> StepVerdict {
        let verdicts: Vec<StepVerdict> = chain.into_iter().map(|equation| self.judge_equation(equation)).collect();
        verdicts.into_iter().find(|verdict| !verdict.is_right()).unwrap_or(StepVerdict::Right)
    }

    fn judge_equation(&mut self, equation: Equation) -> StepVerdict {
        let verdict = match self.due() {
            Some((operation, value, result)) if equation.applies(operation, value) => {
                if equation.result == u32::from(result) { StepVerdict::Right } else { StepVerdict::WrongArithmetic }
            }
            _ if self.stated.contains(&equation) => return StepVerdict::Redundant,
            Some((operation, ..)) if equation.uses(operation) => StepVerdict::WrongValue,
            _ => StepVerdict::WrongOperation,
        };
        self.position += 1;
        self.right_steps += usize::from(verdict == StepVerdict::Right);
        self.stated.push(equation);
        verdict
    }

    fn judge_answer(&self, answer: u32) -> StepVerdict {
        if answer != u32::from(self.problem.answer()) {
            StepVerdict::AnswerWrong
        } else if self.right_steps < self.problem.operations().len() {
            StepVerdict::AnswerUnsupported
        } else {
            StepVerdict::AnswerRight
        }
    }

    /// The operation that is due, the true value before it and the true value after it.
    fn due(&self) -> Option<(Operation, u8, u8)> {
        let operation = self.problem.operations().get(self.position)?;
        let before = self.problem.values().get(self.position)?;
        let after = self.problem.values().get(self.position + 1)?;
        Some((*operation, *before, *after))
    }
}

/// `left sign right = result`; where order does not matter, the smaller operand stands left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Equation {
    left: u32,
    sign: char,
    right: u32,
    result: u32,
}

impl Equation {
    fn new(left: u32, sign: char, right: u32, result: u32) -> Self {
        let commutes = matches!(sign, '+' | '*');
        let (left, right) = if commutes && right < left { (right, left) } else { (left, right) };
        Self { left, sign, right, result }
    }

    /// One equation or several in a chain, each going on from the result before it: `2 + 3 = 5 * 2 = 10`.
    fn parse_chain(text: &str) -> Option<Vec<Self>> {
        let parts: Vec<&str> = text.split('=').collect();
        let (last, terms) = parts.split_last()?;
        let terms = terms.iter().map(|text| Self::term(text)).collect::<Option<Vec<_>>>()?;
        let results = terms.iter().skip(1).map(|(left, ..)| *left).chain([number(last)?]);
        let chain =
            terms.iter().zip(results).map(|((left, sign, right), result)| Self::new(*left, *sign, *right, result));
        (!terms.is_empty()).then(|| chain.collect())
    }

    /// `left sign right`
    fn term(text: &str) -> Option<(u32, char, u32)> {
        let (at, sign) = text.char_indices().find(|(_, char)| "+-*/".contains(*char))?;
        let (left, right) = (&text[..at], &text[at + sign.len_utf8()..]);
        Some((number(left)?, sign, number(right)?))
    }

    /// Whether the left side is this operation on this value.
    fn applies(&self, operation: Operation, value: u8) -> bool {
        let (sign, operand) = (operation.sign(), operation.operand());
        *self == Self::new(value.into(), sign, operand.into(), self.result)
    }

    /// Whether the left side is this operation on some value.
    fn uses(&self, operation: Operation) -> bool {
        let operand = u32::from(operation.operand());
        let commuted = matches!(self.sign, '+' | '*') && self.left == operand;
        self.sign == operation.sign() && (self.right == operand || commuted)
    }
}

/// A step that is `\boxed{n}` and nothing else.
fn boxed_alone(text: &str) -> Option<u32> {
    number(text.strip_prefix("\\boxed{")?.strip_suffix('}')?)
}

/// The last box in the text, if any, and the number in it, if it is one.
fn last_boxed(text: &str) -> Option<Option<u32>> {
    let (_, inside) = text.rsplit_once("\\boxed{")?;
    Some(inside.split_once('}').and_then(|(inside, _)| number(inside)))
}

/// A number as the world writes it: digits without leading zeros, spaces around them allowed.
fn number(text: &str) -> Option<u32> {
    let digits = text.trim_matches(' ');
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let padded = digits.len() > 1 && digits.starts_with('0');
    if plain && !padded { digits.parse().ok() } else { None }
}
