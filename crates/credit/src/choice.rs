//! Ways to choose one of several sampled solutions, and how often each would be right.

use alloc::vec::Vec;

use crate::aggregate::Aggregate;
use crate::best_of_n::{best_of_n, majority_of_n, pass_at_n};
use crate::number::narrow;

/// One sampled solution of a problem.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Candidate {
    /// Step scores of a process reward model.
    pub scores: Vec<f32>,
    /// Whether its answer is right.
    pub correct: bool,
    /// A number for its answer, the same for the same answer; `None` without one.
    pub answer: Option<usize>,
}

/// How one of several solutions is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Choice {
    /// The solution of highest value.
    Best(Aggregate),
    /// A solution with the answer that most of them give.
    Majority,
    /// A right one wherever there is one: the limit of every choice.
    Oracle,
}

impl Choice {
    /// Expected share of the problems solved when each has `n` of its solutions to choose from.
    ///
    /// The mean over the problems of [`best_of_n`], [`majority_of_n`] or [`pass_at_n`]; 0 without problems.
    pub fn accuracy(self, problems: &[Vec<Candidate>], n: usize) -> f32 {
        let sum: f64 = problems.iter().map(|candidates| f64::from(self.accuracy_of(candidates, n))).sum();
        narrow(sum / problems.len().max(1) as f64)
    }

    fn accuracy_of(self, candidates: &[Candidate], n: usize) -> f32 {
        let correct: Vec<bool> = candidates.iter().map(|candidate| candidate.correct).collect();
        let chosen = match self {
            Self::Oracle => Ok(pass_at_n(&correct, n)),
            Self::Majority => {
                let answers: Vec<_> = candidates.iter().map(|candidate| candidate.answer).collect();
                majority_of_n(&answers, &correct, n)
            }
            Self::Best(aggregate) => {
                let values: Vec<f32> = candidates.iter().map(|candidate| aggregate.value(&candidate.scores)).collect();
                best_of_n(&values, &correct, n)
            }
        };
        // Both lists have one entry per candidate.
        chosen.unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::{Candidate, Choice};
    use crate::Aggregate;

    fn problem(solutions: &[(&[f32], bool, usize)]) -> Vec<Candidate> {
        let candidate = |&(scores, correct, answer): &(&[f32], bool, usize)| Candidate {
            scores: scores.to_vec(),
            correct,
            answer: Some(answer),
        };
        solutions.iter().map(candidate).collect()
    }

    #[test]
    fn accuracies_of_three_problems_by_hand() {
        let problems = [
            problem(&[(&[0.9, -0.8], false, 1), (&[0.3, 0.2], true, 2), (&[0.1], false, 1)]),
            problem(&[(&[0.5], true, 3), (&[0.9], true, 3), (&[-0.5], false, 4)]),
            vec![],
        ];
        let accuracy = |choice: Choice| choice.accuracy(&problems, 3);
        assert!((accuracy(Choice::Best(Aggregate::Min)) - 2.0 / 3.0).abs() < 1e-6);
        // The sum prefers the longer solution of the first problem, the maximum of the second is right all the same.
        assert!((accuracy(Choice::Best(Aggregate::Sum)) - 2.0 / 3.0).abs() < 1e-6);
        assert!((accuracy(Choice::Majority) - 1.0 / 3.0).abs() < 1e-6);
        assert!((accuracy(Choice::Oracle) - 2.0 / 3.0).abs() < 1e-6);
        assert_eq!(Choice::Oracle.accuracy(&[], 3), 0.0);
    }
}
