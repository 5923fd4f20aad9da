//! Grading, and the choices behind it.
//!
//! The string grader of MATH and the symbolic grader of PRM800K disagree; here is what this one does, with the reason.
//! A dot marks what was not recorded from the symbolic grader.
//!
//! | case | string grader | symbolic grader | here | reason |
//! |---|---|---|---|---|
//! | 5.0 and 5 | no | yes | yes | the same number |
//! | 45,000 and 45000 | one way only | yes | yes | equality is symmetric |
//! | `\fbox{5}` | no | yes | yes | a box is a box |
//! | `\boxed{5` cut off | no | yes | yes, as last number | [`Grade::marker`] tells that no box was closed |
//! | 5 in plain words | no | yes | yes, as last number | a trainer that wants a box asks for [`Marker::Boxed`] |
//! | 2/4 and 1/2 | no | no | yes | the same number; lowest terms are a matter of form |
//! | 33.333 and 100/3 | no | no | yes | the decimal expansion does not end, and 1e-4 is kept |
//! | 5.0001 and 5 | no | · | no | an integer has an exact decimal form |
//! | A and a | no | yes | no | symbols differ by case; words and choices such as (A) do not |
//! | 0.5 and 50 | no | yes (×100) | no | only a written % sign means a hundredth |
//! | 50% and 50, 50% and 0.5 | yes, no | yes, yes | yes, yes | questions ask "what percent", and a percent is a hundredth |
//! | 6.28 and 2π | no | yes (π as 3.14) | no | further off than 1e-4 |
//! | 10 cm and 10 m | yes | · | no | both name a unit and the units differ; 10 goes with either |
//! | 1,2 and 2,1 | no | no | yes | a list without brackets is a set of solutions; (1,2) and (2,1) differ |
//! | 1:4 and 1/4, 4:30 and 4/30 | no | · | yes, no | a ratio is a fraction, a time of day is not |
//! | (1,2) and [1,2) | no | no | no | brackets tell open from closed |
//! | x = 5 and y = 5 | yes | · | no | different claims; either goes with a bare 5 |
//! | 4 = 5 and 5 | yes | · | no | a chain of equations that contradicts itself claims nothing |
//! | 52₈ and 42, 52₈ and 52 | no | · | no | the base is part of what was asked |
//!
//! Exact values (integers, fractions, ended decimals, powers, polynomials and quotients of them) compare exactly.
//! A decimal may stand for a value whose decimal expansion does not end if it is within 10⁻⁴ of it, relatively, and
//! of two decimals one may be the other rounded, within the same limit.

use super::clean::clean;
use super::extract::{Marker, extract_with_marker};
use super::{compare, structure};

/// Why two answers are, or are not, the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// There is nothing to compare.
    NoAnswer,
    /// The same text, up to typesetting; words also up to case.
    Text,
    /// The same rational number.
    Exact,
    /// A decimal that rounds the other value.
    Rounded,
    /// Expressions with the same value everywhere, or equations with the same solutions.
    Identity,
    /// The same tuple, interval, set, list, union, matrix, ratio, inequality or number in some base.
    Structure,
    /// Not the same.
    Different,
}

/// The verdict on one response.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Grade {
    /// Whether the final answer is right.
    pub correct: bool,
    /// The final answer as written, if there is one.
    pub extracted: Option<String>,
    /// How the answer was found.
    pub marker: Option<Marker>,
    /// What decided.
    pub rule: Rule,
}

/// Extracts the final answer of `response` and compares it with `truth`.
///
/// ```
/// use minform_text::answer::{Marker, grade};
///
/// let grade = grade("The answer is 5.", "5");
/// assert!(grade.correct);
/// assert_eq!(grade.marker, Some(Marker::Marked));
/// ```
pub fn grade(response: &str, truth: &str) -> Grade {
    let Some((extracted, marker)) = extract_with_marker(response) else {
        return Grade { correct: false, extracted: None, marker: None, rule: Rule::NoAnswer };
    };
    let rule = deciding_rule(&extracted, truth);
    let correct = rule.is_some();
    Grade { correct, extracted: Some(extracted), marker: Some(marker), rule: rule.unwrap_or(Rule::Different) }
}

/// Whether two answers are the same. Symmetric; nothing equals an empty answer.
pub fn equal(answer: &str, truth: &str) -> bool {
    deciding_rule(answer, truth).is_some()
}

fn deciding_rule(answer: &str, truth: &str) -> Option<Rule> {
    let (answer, truth) = (clean(answer), clean(truth));
    if answer.is_empty() || truth.is_empty() {
        return None;
    }
    if answer == truth {
        return Some(Rule::Text);
    }
    let (left, right) = (structure::readings(&answer), structure::readings(&truth));
    for (i, a) in left.iter().enumerate() {
        for (j, b) in right.iter().enumerate() {
            // Two texts that may both be numbers are numbers, not lists.
            if i + j < 2
                && let Some(rule) = compare::same(a, b)
            {
                return Some(rule);
            }
        }
    }
    None
}
