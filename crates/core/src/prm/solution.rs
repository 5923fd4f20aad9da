//! A solution with its scores: what every family's model gives.

use minform_credit::{Aggregate, first_error};
use serde::Serialize;

use super::Scale;

/// The steps of a solution with their scores.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredSolution {
    /// The steps.
    pub steps: Vec<String>,
    /// One score per step.
    pub scores: Vec<f32>,
    /// What the scores are.
    pub scale: Scale,
}

/// The values of a solution by every aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Aggregates {
    /// The lowest score.
    pub min: f32,
    /// The soft minimum at T = 0.1.
    pub soft_min: f32,
    /// The product of the probabilities that each step is good.
    pub product: f32,
    /// The last score.
    pub last: f32,
    /// The mean score.
    pub mean: f32,
    /// The sum of the scores.
    pub sum: f32,
}

impl ScoredSolution {
    /// Index of the first step below the threshold, −1 if there is none.
    pub fn first_error(&self, threshold: f32) -> i64 {
        first_error(&self.scores, threshold)
    }

    /// Its value by one aggregate, on the scale of the scores; a product is one of probabilities.
    pub fn value(&self, aggregate: Aggregate) -> f32 {
        match aggregate {
            // There a score r stands for the probability (1 + r) / 2.
            Aggregate::Product => {
                let signed = |score: &f32| 2.0 * self.scale.probability(*score) - 1.0;
                aggregate.value(&self.scores.iter().map(signed).collect::<Vec<_>>())
            }
            other => other.value(&self.scores),
        }
    }

    /// Its value by every aggregate.
    pub fn aggregates(&self) -> Aggregates {
        Aggregates {
            min: self.value(Aggregate::Min),
            soft_min: self.value(Aggregate::SoftMin { temperature: 0.1 }),
            product: self.value(Aggregate::Product),
            last: self.value(Aggregate::Last),
            mean: self.value(Aggregate::Mean),
            sum: self.value(Aggregate::Sum),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solution(scores: &[f32], scale: Scale) -> ScoredSolution {
        ScoredSolution { steps: vec![String::new(); scores.len()], scores: scores.to_vec(), scale }
    }

    #[test]
    fn a_product_is_one_of_probabilities_on_every_scale() {
        let product = |scores: &[f32], scale| solution(scores, scale).value(Aggregate::Product);
        assert!((product(&[0.5, 0.5], Scale::Probability) - 0.25).abs() < 1e-6);
        assert!((product(&[0.0, 0.0], Scale::Signed) - 0.25).abs() < 1e-6);
        assert!((product(&[0.0, 0.0], Scale::LogRatio) - 0.25).abs() < 1e-6);
        assert_eq!(product(&[], Scale::Probability), 0.0);
    }

    #[test]
    fn values_and_first_error_by_hand() {
        let solution = solution(&[0.75, 0.25, 0.5], Scale::Probability);
        let Aggregates { min, product, last, mean, sum, .. } = solution.aggregates();
        assert_eq!((min, last, mean, sum), (0.25, 0.5, 0.5, 1.5));
        assert!((product - 0.75 * 0.25 * 0.5).abs() < 1e-6);
        assert_eq!((solution.first_error(0.5), solution.first_error(0.1)), (1, -1));
    }
}
