//! Credit assignment as the page sees it: synchronous, on plain numbers.

use minform_credit::{self as credit, Candidate, Choice, CreditError, CreditForm, Estimator, ScoredSteps, StepCredit};
use serde::{Deserialize, Serialize};
use tsify::{Ts, Tsify};
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::values::{given, taken};

/// How the scores of the steps make up the value of a response.
#[derive(Debug, Clone, Copy, Deserialize, Tsify)]
#[serde(tag = "form", rename_all = "kebab-case")]
pub enum Form {
    /// The sum, discounted by γ a step.
    Sum {
        /// γ, from 0 to 1.
        gamma: f32,
    },
    /// The mean.
    Mean,
    /// The approximate minimum.
    SoftMin {
        /// T; 0 is the exact minimum.
        temperature: f32,
    },
    /// The minimum.
    ExactMin,
}

/// What a response is compared with.
#[derive(Debug, Clone, Copy, Deserialize, Tsify)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// Nothing.
    None,
    /// The mean outcome of the group, the response itself included.
    GroupMean,
    /// The others' mean outcome per step, taken off each step.
    RlooStep,
    /// The others' outcome per token, taken off each token of a step.
    RlooToken,
    /// The others' return averaged over the longest response of the group.
    RlooPaper,
    /// The mean outcome of the group, over its standard deviation.
    Grpo,
}

/// The steps of one response of a group.
#[derive(Debug, Deserialize, Tsify)]
pub struct Row {
    /// Score of each step.
    pub rewards: Vec<f32>,
    /// Tokens of each step, with the separator or end token that ends it.
    pub tokens: Vec<usize>,
}

/// Credit of one response; one number per step, shared by its tokens.
#[derive(Debug, Serialize, Tsify)]
pub struct RowCredit {
    /// Value of the whole response.
    pub outcome: f32,
    /// Return of each step.
    pub returns: Vec<f32>,
    /// What the comparison took off the return of each step; under `group-mean` and `grpo` the mean outcome.
    pub baseline: Vec<f32>,
    /// Advantage of each token of the step.
    pub advantages: Vec<f32>,
}

/// One sampled solution.
#[derive(Debug, Deserialize, Tsify)]
pub struct Solution {
    /// Score of each step.
    pub scores: Vec<f32>,
    /// Whether its answer is right.
    pub correct: bool,
    /// Its answer, for the majority vote; answers count as the same if they are written alike.
    #[tsify(optional)]
    pub answer: Option<String>,
}

/// A solution whose first error is known.
#[derive(Debug, Deserialize, Tsify)]
pub struct Judged {
    /// Score of each step.
    pub scores: Vec<f32>,
    /// Index of its first wrong step, −1 for none.
    pub label: i32,
}

/// What became of the first errors of many solutions; see `minform_credit::Detection`.
#[derive(Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Detection {
    /// Share of the solutions with an error whose first error was found.
    #[tsify(optional)]
    pub accuracy_erroneous: Option<f32>,
    /// Share of the solutions without one in which none was found.
    #[tsify(optional)]
    pub accuracy_correct: Option<f32>,
    /// The harmonic mean of the two.
    #[tsify(optional)]
    pub f1: Option<f32>,
}

/// The solutions sampled for one problem.
#[derive(Debug, Deserialize, Tsify)]
pub struct Candidates {
    /// In any order.
    pub solutions: Vec<Solution>,
}

/// A point of a Best-of-N curve.
#[derive(Debug, Serialize, Tsify)]
pub struct BestOfN {
    /// How the solution is chosen.
    #[tsify(type = "Aggregate | \"majority\" | \"oracle\"")]
    pub aggregate: &'static str,
    /// Solutions to choose from.
    pub n: usize,
    /// Expected share of problems solved.
    pub accuracy: f32,
}

/// How the scores of a solution become one number to choose by; see `minform_credit::Aggregate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Tsify)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregate {
    /// The lowest score.
    Min,
    /// The approximate minimum.
    SoftMin,
    /// The probability that all steps are good.
    Product,
    /// The last score.
    Last,
    /// The mean score.
    Mean,
    /// The sum of the scores.
    Sum,
}

/// softmax(−r / T): the weight of each step in the approximate minimum.
#[wasm_bindgen]
pub fn weights(rewards: &[f32], temperature: f32) -> Vec<f32> {
    CreditForm::SoftMin { temperature }.weights(rewards)
}

/// The transformed reward of each step, whose plain sums are the returns.
///
/// # Errors
/// A form that is none.
#[wasm_bindgen]
pub fn transformed(rewards: &[f32], form: Ts<Form>) -> Result<Vec<f32>, JsError> {
    Ok(CreditForm::from(form.to_rust()?).transformed(rewards))
}

/// The return of each step.
///
/// # Errors
/// A form that is none.
#[wasm_bindgen]
pub fn returns(rewards: &[f32], form: Ts<Form>) -> Result<Vec<f32>, JsError> {
    Ok(CreditForm::from(form.to_rust()?).returns(rewards))
}

/// The lowest reward from each step on.
#[wasm_bindgen(js_name = futureMinima)]
pub fn future_minima(rewards: &[f32]) -> Vec<f32> {
    credit::future_minima(rewards)
}

/// The value of a solution with these step scores.
///
/// # Errors
/// A name of no aggregate.
#[wasm_bindgen]
pub fn aggregate(scores: &[f32], how: Ts<Aggregate>, temperature: f32) -> Result<f32, JsError> {
    Ok(how.to_rust()?.at(temperature).value(scores))
}

/// Index of the first score below the threshold, or −1.
#[wasm_bindgen(js_name = firstError)]
pub fn first_error(scores: &[f32], threshold: f32) -> i32 {
    credit::first_error(scores, threshold) as i32
}

/// How often the first error of solutions is found by a threshold on their scores.
///
/// # Errors
/// A value of another type.
#[wasm_bindgen]
pub fn detection(solutions: Vec<Ts<Judged>>, threshold: f32) -> Result<Ts<Detection>, JsError> {
    let pair = |one: &Judged| (credit::first_error(&one.scores, threshold), one.label.into());
    let credit::Detection { accuracy_erroneous, accuracy_correct, f1 } =
        credit::detection(taken(solutions)?.iter().map(pair));
    Ok(Detection { accuracy_erroneous, accuracy_correct, f1 }.into_ts()?)
}

/// Credit of the responses to one question.
///
/// # Errors
/// A row with another number of token counts than rewards, or a value of another type.
#[wasm_bindgen]
pub fn group(rows: Vec<Ts<Row>>, form: Ts<Form>, baseline: Ts<Baseline>) -> Result<Vec<Ts<RowCredit>>, JsError> {
    given(group_credit(taken(rows)?, form.to_rust()?, baseline.to_rust()?)?)
}

/// The same, of plain values.
pub(crate) fn group_credit(rows: Vec<Row>, form: Form, baseline: Baseline) -> Result<Vec<RowCredit>, CreditError> {
    let longest = rows.iter().map(|row| row.tokens.iter().sum()).max().unwrap_or(0);
    let rows: Vec<ScoredSteps> =
        rows.into_iter().map(|row| ScoredSteps { rewards: row.rewards, tokens: row.tokens }).collect();
    Ok(credit::step_credit(&rows, form.into(), baseline.estimator(longest))?.into_iter().map(RowCredit::from).collect())
}

/// Expected share of problems solved for every number `ns` of solutions to choose from, chosen in every way.
///
/// # Errors
/// A value of another type.
#[wasm_bindgen(js_name = bestOfN)]
pub fn best_of_n(problems: Vec<Ts<Candidates>>, ns: Vec<usize>, temperature: f32) -> Result<Vec<Ts<BestOfN>>, JsError> {
    let problems: Vec<Vec<Candidate>> = taken(problems)?.iter().map(Candidates::numbered).collect();
    let curves = choices(temperature).into_iter().flat_map(|(name, choice)| ns.iter().map(move |n| (name, choice, *n)));
    given(curves.map(|(aggregate, choice, n)| BestOfN { aggregate, n, accuracy: choice.accuracy(&problems, n) }))
}

fn choices(temperature: f32) -> [(&'static str, Choice); 8] {
    let best = |how: Aggregate| Choice::Best(how.at(temperature));
    [
        ("min", best(Aggregate::Min)),
        ("soft-min", best(Aggregate::SoftMin)),
        ("product", best(Aggregate::Product)),
        ("last", best(Aggregate::Last)),
        ("mean", best(Aggregate::Mean)),
        ("sum", best(Aggregate::Sum)),
        ("majority", Choice::Majority),
        ("oracle", Choice::Oracle),
    ]
}

impl From<Form> for CreditForm {
    fn from(form: Form) -> Self {
        match form {
            Form::Sum { gamma } => Self::Sum { gamma },
            Form::Mean => Self::Mean,
            Form::SoftMin { temperature } => Self::SoftMin { temperature },
            Form::ExactMin => Self::ExactMin,
        }
    }
}

impl Baseline {
    /// `longest` is the longest response of the group in tokens.
    fn estimator(self, longest: usize) -> Estimator {
        match self {
            Self::None => credit::Baseline::None.into(),
            Self::GroupMean => Estimator::Grpo { scale_by_std: false },
            Self::RlooStep => credit::Baseline::LeaveOneOutStep.into(),
            Self::RlooToken => credit::Baseline::LeaveOneOutToken.into(),
            Self::RlooPaper => credit::Baseline::PaperToken { max_length: longest }.into(),
            Self::Grpo => Estimator::Grpo { scale_by_std: true },
        }
    }
}

impl Aggregate {
    pub(crate) fn at(self, temperature: f32) -> credit::Aggregate {
        match self {
            Self::Min => credit::Aggregate::Min,
            Self::SoftMin => credit::Aggregate::SoftMin { temperature },
            Self::Product => credit::Aggregate::Product,
            Self::Last => credit::Aggregate::Last,
            Self::Mean => credit::Aggregate::Mean,
            Self::Sum => credit::Aggregate::Sum,
        }
    }
}

impl From<StepCredit> for RowCredit {
    fn from(credit: StepCredit) -> Self {
        let StepCredit { outcome, returns, baseline, advantages } = credit;
        Self { outcome, returns, baseline, advantages }
    }
}

impl Candidates {
    /// Answers written alike get equal numbers: each that of the first solution that gives it.
    fn numbered(&self) -> Vec<Candidate> {
        let answers: Vec<Option<&str>> = self.solutions.iter().map(|solution| solution.answer.as_deref()).collect();
        let number = |answer: &str| answers.iter().position(|other| *other == Some(answer));
        let candidate = |solution: &Solution| Candidate {
            scores: solution.scores.clone(),
            correct: solution.correct,
            answer: solution.answer.as_deref().and_then(number),
        };
        self.solutions.iter().map(candidate).collect()
    }
}
