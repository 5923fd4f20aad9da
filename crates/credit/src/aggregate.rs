//! One number for a whole solution, by which Best-of-N chooses.

use crate::form::CreditForm;
use crate::number::{finite, narrow};

/// How the scores of the steps make up the value of a solution.
///
/// A score that is NaN counts as −1. No steps have the value 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregate {
    /// The lowest score: [`CreditForm::ExactMin`].
    Min,
    /// The approximate minimum: [`CreditForm::SoftMin`].
    SoftMin {
        /// T.
        temperature: f32,
    },
    /// Π (1 + rₜ) / 2: the probability that all steps are good, were they independent
    /// (Lightman et al. 2023). A score r ∈ \[−1, 1\] stands for the probability (1 + r) / 2.
    Product,
    /// The score of the last step, as an outcome reward model gives it.
    Last,
    /// The mean score.
    Mean,
    /// The sum of the scores.
    Sum,
}

impl Aggregate {
    /// The value of a solution with these step scores.
    ///
    /// ```
    /// use minform_credit::Aggregate;
    /// assert_eq!(Aggregate::Min.value(&[0.5, -0.25, 1.0]), -0.25);
    /// assert_eq!(Aggregate::Product.value(&[1.0, 0.0]), 0.5);
    /// ```
    pub fn value(self, scores: &[f32]) -> f32 {
        match self {
            Self::Min => CreditForm::ExactMin.outcome(scores),
            Self::SoftMin { temperature } => CreditForm::SoftMin { temperature }.outcome(scores),
            Self::Mean => CreditForm::Mean.outcome(scores),
            Self::Sum => CreditForm::Sum { gamma: 1.0 }.outcome(scores),
            Self::Last => scores.last().map_or(0.0, |&score| narrow(finite(score, -1.0))),
            Self::Product if scores.is_empty() => 0.0,
            Self::Product => narrow(scores.iter().map(|&score| (1.0 + finite(score, -1.0)) / 2.0).product()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Aggregate::{self, Last, Mean, Min, Product, SoftMin, Sum};

    const ALL: [Aggregate; 6] = [Min, SoftMin { temperature: 0.1 }, Product, Last, Mean, Sum];

    #[test]
    fn values_by_hand() {
        let scores = [0.5, -0.5, 0.75];
        assert_eq!([Min, Last, Mean, Sum].map(|how| how.value(&scores)), [-0.5, 0.75, 0.25, 0.75]);
        assert_eq!(Product.value(&scores), 0.75 * 0.25 * 0.875);
    }

    #[test]
    fn the_soft_minimum_lies_between_minimum_and_mean() {
        let scores = [0.9, 0.2, -0.3, 0.8];
        let soft = SoftMin { temperature: 0.5 }.value(&scores);
        assert!(Min.value(&scores) < soft && soft < Mean.value(&scores));
    }

    #[test]
    fn a_single_step_is_worth_its_score_whatever_the_form() {
        for how in ALL {
            let expected = if how == Product { 0.625 } else { 0.25 };
            assert_eq!(how.value(&[0.25]), expected, "{how:?}");
        }
    }

    #[test]
    fn nothing_and_broken_scores_have_finite_values() {
        for how in ALL {
            assert_eq!(how.value(&[]), 0.0);
            assert!(how.value(&[f32::NAN, f32::INFINITY]).is_finite(), "{how:?}");
        }
    }
}
