//! Votes of several finished solutions on the answer.

use alloc::vec::Vec;

use crate::aggregate::Aggregate;
use crate::choice::Candidate;

/// How solutions vote. Those without an answer have no vote; ties go to the answer given first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Vote {
    /// Every solution counts the same (self-consistency, Wang et al. 2023).
    Majority,
    /// Every solution counts as much as the reward model values it.
    Weighted(Aggregate),
    /// The share of the solutions with the most steps votes, the others do not (Fu et al. 2022).
    Complexity {
        /// From 0 to 1; at least one solution votes.
        share: f32,
    },
    /// The answer whose mean value is highest at its lower confidence bound (Heimdall, Shi and Jin 2025):
    ///
    /// argmax_a r̄(a) − α ln N / (N_a + 1)
    ///
    /// with N solutions, of which N_a give the answer a.
    Pessimistic {
        /// How a solution is valued.
        aggregate: Aggregate,
        /// How much few votes count against an answer.
        alpha: f32,
    },
}

impl Vote {
    /// The answer that is chosen; `None` if no solution has one.
    ///
    /// Values r of step scores in \[−1, 1\] count as (1 + r) / 2, products as they are.
    ///
    /// ```
    /// use minform_credit::{Aggregate, Candidate, Vote};
    /// let one = |score, answer| Candidate { scores: vec![score], answer: Some(answer), ..Candidate::default() };
    /// let solutions = [one(-0.8, 7), one(-0.9, 7), one(0.9, 4)];
    /// assert_eq!(Vote::Majority.answer(&solutions), Some(7));
    /// assert_eq!(Vote::Weighted(Aggregate::Min).answer(&solutions), Some(4));
    /// ```
    pub fn answer(self, candidates: &[Candidate]) -> Option<usize> {
        let voters: Vec<&Candidate> = match self {
            Self::Complexity { share } => longest(candidates, share),
            _ => candidates.iter().collect(),
        };
        let mut answers: Vec<(usize, f64, usize)> = Vec::new();
        for (answer, candidate) in voters.iter().filter_map(|candidate| Some((candidate.answer?, candidate))) {
            let value = match self {
                Self::Majority | Self::Complexity { .. } => 1.0,
                Self::Weighted(aggregate) | Self::Pessimistic { aggregate, .. } => weight(aggregate, &candidate.scores),
            };
            match answers.iter_mut().find(|(known, ..)| *known == answer) {
                Some((_, sum, count)) => {
                    *sum += value;
                    *count += 1;
                }
                None => answers.push((answer, value, 1)),
            }
        }
        let solutions = candidates.len().max(1) as f64;
        let merit = |(_, sum, count): &(usize, f64, usize)| match self {
            Self::Pessimistic { alpha, .. } => {
                sum / *count as f64 - f64::from(alpha) * libm::log(solutions) / (*count as f64 + 1.0)
            }
            _ => *sum,
        };
        let better = |best: (usize, f64, usize), next: (usize, f64, usize)| {
            if merit(&next) > merit(&best) { next } else { best }
        };
        answers.into_iter().reduce(better).map(|(answer, ..)| answer)
    }
}

/// The solutions with the most steps, in their order.
fn longest(candidates: &[Candidate], share: f32) -> Vec<&Candidate> {
    let count = libm::ceilf(candidates.len() as f32 * share.clamp(0.0, 1.0)) as usize;
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|index| core::cmp::Reverse(candidates[*index].scores.len()));
    let mut kept: Vec<usize> = order.into_iter().take(count.max(1)).collect();
    kept.sort_unstable();
    kept.into_iter().map(|index| &candidates[index]).collect()
}

fn weight(aggregate: Aggregate, scores: &[f32]) -> f64 {
    let value = f64::from(aggregate.value(scores));
    match aggregate {
        Aggregate::Product => value,
        _ => (1.0 + value) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::Vote;
    use crate::{Aggregate, Candidate};

    fn solutions(list: &[(&[f32], Option<usize>)]) -> Vec<Candidate> {
        let one = |(scores, answer): &(&[f32], Option<usize>)| Candidate {
            scores: scores.to_vec(),
            answer: *answer,
            correct: false,
        };
        list.iter().map(one).collect()
    }

    #[test]
    fn votes_by_hand() {
        let list = solutions(&[
            (&[0.0], Some(1)),
            (&[0.2, 0.0], Some(1)),
            (&[0.6, 0.9], Some(2)),
            (&[0.6, 0.5, 0.5], Some(3)),
            (&[0.9], None),
        ]);
        assert_eq!(Vote::Majority.answer(&list), Some(1));
        // Answer 1 has 0.5 twice, which is more than 0.8 once.
        assert_eq!(Vote::Weighted(Aggregate::Min).answer(&list), Some(1));
        // Products: 0.5 + 0.3 = 0.8 against 0.76.
        assert_eq!(Vote::Weighted(Aggregate::Product).answer(&list), Some(1));
        assert_eq!(Vote::Complexity { share: 0.2 }.answer(&list), Some(3));
        assert_eq!(Vote::Complexity { share: 0.6 }.answer(&list), Some(1));
        // Means 0.5, 0.8 and 0.75; the penalties are α ln 5 / 3 and α ln 5 / 2.
        let pessimistic = |alpha| Vote::Pessimistic { aggregate: Aggregate::Min, alpha }.answer(&list);
        assert_eq!((pessimistic(0.0), pessimistic(0.1), pessimistic(2.0)), (Some(2), Some(2), Some(1)));
    }

    #[test]
    fn ties_go_to_the_first_and_nothing_to_nobody() {
        let list = solutions(&[(&[0.5], Some(4)), (&[0.5], Some(2))]);
        for vote in [Vote::Majority, Vote::Weighted(Aggregate::Mean), Vote::Complexity { share: 1.0 }] {
            assert_eq!(vote.answer(&list), Some(4));
            assert_eq!(vote.answer(&[]), None);
            assert_eq!(vote.answer(&solutions(&[(&[], None)])), None);
        }
        let broken = solutions(&[(&[f32::NAN], Some(4)), (&[0.5], Some(2))]);
        assert_eq!(Vote::Weighted(Aggregate::Min).answer(&broken), Some(2));
        assert_eq!(Vote::Complexity { share: 0.0 }.answer(&list), Some(4));
    }
}
