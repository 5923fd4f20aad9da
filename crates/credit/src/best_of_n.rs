//! Expected accuracy when one of n sampled solutions is chosen, without sampling.
//!
//! Of M solutions to one problem, n are drawn without replacement, each subset as likely as any other. The figures here
//! are exact expectations over these subsets, so that a curve over n has no noise of its own. Ties are broken evenly.

use alloc::vec;
use alloc::vec::Vec;

use crate::error::{CreditError, same_length};
use crate::number::{finite, narrow};

/// Expected accuracy of the solution of highest value among n.
///
/// With the solutions in falling order of value and equal values taken together,
///
/// E = Σ_g (share of g that is right) · \[P(no draw is better than g) − P(no draw is as good as g)\]
///
/// where P(all n draws come from m given solutions) = C(m, n) / C(M, n). A value that is NaN counts as lowest.
/// More than M draws count as M, none as one; no solutions have accuracy 0.
///
/// # Errors
/// [`CreditError::Parallel`] if there are not as many verdicts as values.
///
/// ```
/// use minform_credit::best_of_n;
/// // A right solution that the scores rank between two wrong ones.
/// assert_eq!(best_of_n(&[0.9, 0.5, 0.1], &[false, true, false], 1)?, 1.0 / 3.0);
/// assert_eq!(best_of_n(&[0.9, 0.5, 0.1], &[false, true, false], 3)?, 0.0);
/// # Ok::<(), minform_credit::CreditError>(())
/// ```
pub fn best_of_n(values: &[f32], correct: &[bool], n: usize) -> Result<f32, CreditError> {
    same_length("correct", values.len(), correct.len())?;
    let mut ranked: Vec<(f64, bool)> =
        values.iter().zip(correct).map(|(&value, &right)| (finite(value, f64::NEG_INFINITY), right)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (total, n) = (ranked.len(), draws(n, values.len()));
    let (mut left, mut expected) = (total, 0.0);
    for tied in ranked.chunk_by(|a, b| a.0 == b.0) {
        let chosen = all_among(left, total, n) - all_among(left - tied.len(), total, n);
        let right = tied.iter().filter(|(_, right)| *right).count();
        expected += chosen * right as f64 / tied.len() as f64;
        left -= tied.len();
    }
    Ok(narrow(expected))
}

/// Probability that at least one of n solutions is right, which no choice can exceed.
///
/// E = 1 − C(wrong, n) / C(M, n), the unbiased pass@n of Chen et al. (2021).
pub fn pass_at_n(correct: &[bool], n: usize) -> f32 {
    let wrong = correct.iter().filter(|right| !**right).count();
    let total = correct.len();
    if total == 0 { 0.0 } else { narrow(1.0 - all_among(wrong, total, draws(n, total))) }
}

/// Expected accuracy of the answer that most of n solutions give.
///
/// `answers` numbers the answer of each solution: equal numbers, equal answers; `None` is a solution without an answer,
/// which has no vote. An answer is right if the first solution that gives it is.
///
/// E = Σ_{a right} Σₘ E\[ 1/(1 + other answers with m votes) · 1(no answer has more than m) | m votes for a \] P(m votes for a)
///
/// summed by going through the answers one by one, each with its hypergeometric number of votes.
///
/// # Errors
/// [`CreditError::Parallel`] if there are not as many verdicts as answers.
pub fn majority_of_n(answers: &[Option<usize>], correct: &[bool], n: usize) -> Result<f32, CreditError> {
    same_length("correct", answers.len(), correct.len())?;
    let (total, n) = (answers.len(), draws(n, answers.len()));
    let voters: Vec<(usize, bool)> =
        answers.iter().zip(correct).filter_map(|(&answer, &right)| Some((answer?, right))).collect();
    let mut classes: Vec<(usize, usize, bool)> = Vec::new();
    for (answer, right) in voters {
        match classes.iter_mut().find(|class| class.0 == answer) {
            Some(class) => class.1 += 1,
            None => classes.push((answer, 1, right)),
        }
    }
    let sizes: Vec<usize> = classes.iter().map(|class| class.1).collect();
    let right = (0..classes.len()).filter(|class| classes[*class].2);
    Ok(narrow(right.map(|class| wins(class, &sizes, total, n)).sum()))
}

/// Probability that the answers `sizes[winner]` get the vote of `n` of `total` solutions.
fn wins(winner: usize, sizes: &[usize], total: usize, n: usize) -> f64 {
    let others: Vec<usize> = (0..sizes.len()).filter(|class| *class != winner).map(|class| sizes[class]).collect();
    let votes = 1..=sizes[winner].min(n);
    let with_votes = |votes| {
        let own = votes_probability(votes, sizes[winner], total, n);
        own * wins_with(votes, &others, total - sizes[winner], n - votes)
    };
    votes.map(with_votes).sum()
}

/// Probability to win with `votes` when the `left` other votes fall on `others` and on solutions without an answer.
fn wins_with(votes: usize, others: &[usize], mut rest: usize, left: usize) -> f64 {
    // states[still to draw][answers with as many votes]
    let mut states = vec![vec![0.0; others.len() + 1]; left + 1];
    states[left][0] = 1.0;
    for &size in others {
        let mut next = vec![vec![0.0; others.len() + 1]; left + 1];
        for (open, ties) in states.iter().enumerate() {
            for (tied, &probability) in ties.iter().enumerate().filter(|(_, probability)| **probability > 0.0) {
                for drawn in 0..=votes.min(size).min(open) {
                    let tied = tied + usize::from(drawn == votes);
                    next[open - drawn][tied] += probability * votes_probability(drawn, size, rest, open);
                }
            }
        }
        rest -= size;
        states = next;
    }
    // What is still to draw has no answer, and must not be more than there is of it.
    let silent = states.iter().take(rest + 1).flat_map(|ties| ties.iter().enumerate());
    silent.map(|(tied, probability)| probability / (1.0 + tied as f64)).sum()
}

/// Hypergeometric: P(k of n draws fall on m given of M) = C(m, k) C(M − m, n − k) / C(M, n).
fn votes_probability(k: usize, m: usize, total: usize, n: usize) -> f64 {
    if k > m || k > n || n - k > total - m {
        return 0.0;
    }
    libm::exp(log_choose(m, k) + log_choose(total - m, n - k) - log_choose(total, n))
}

fn log_choose(n: usize, k: usize) -> f64 {
    let log_factorial = |n: usize| libm::lgamma(n as f64 + 1.0);
    log_factorial(n) - log_factorial(k) - log_factorial(n - k)
}

/// C(m, n) / C(M, n) = Π_{i<n} (m − i) / (M − i): every draw comes from m given solutions of M.
fn all_among(m: usize, total: usize, n: usize) -> f64 {
    if n > m { 0.0 } else { (0..n).map(|i| (m - i) as f64 / (total - i) as f64).product() }
}

fn draws(n: usize, total: usize) -> usize {
    n.clamp(1, total.max(1))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::{best_of_n, majority_of_n, pass_at_n};
    use crate::CreditError;

    const VALUES: [f32; 6] = [0.9, 0.3, 0.3, -0.2, 0.9, 0.1];
    const CORRECT: [bool; 6] = [false, true, false, true, true, false];
    const ANSWERS: [Option<usize>; 6] = [Some(4), Some(7), Some(2), Some(7), Some(7), None];

    /// Mean over all subsets of n of the share of right ones among the most wanted.
    fn by_enumeration(n: usize, wanted: impl Fn(&[usize]) -> Vec<usize>) -> f32 {
        let subsets = (0_u32..64).filter(|bits| bits.count_ones() as usize == n);
        let (mut sum, mut count) = (0.0, 0.0);
        for bits in subsets {
            let drawn: Vec<usize> = (0..6).filter(|index| bits & (1 << index) != 0).collect();
            let wanted = wanted(&drawn);
            let right = wanted.iter().filter(|index| CORRECT[**index]).count();
            sum += right as f32 / wanted.len().max(1) as f32;
            count += 1.0;
        }
        sum / count
    }

    fn best(drawn: &[usize]) -> Vec<usize> {
        let highest = drawn.iter().map(|index| VALUES[*index]).fold(f32::MIN, f32::max);
        drawn.iter().copied().filter(|index| VALUES[*index] == highest).collect()
    }

    /// One solution for each of the most frequent answers.
    fn most_frequent(drawn: &[usize]) -> Vec<usize> {
        let votes = |index: &usize| drawn.iter().filter(|other| ANSWERS[**other] == ANSWERS[*index]).count();
        let voters: Vec<usize> = drawn.iter().copied().filter(|index| ANSWERS[*index].is_some()).collect();
        let most = voters.iter().map(votes).max().unwrap_or(0);
        let is_first = |index: &usize| voters.iter().find(|other| ANSWERS[**other] == ANSWERS[*index]) == Some(index);
        voters.iter().copied().filter(|index| votes(index) == most && is_first(index)).collect()
    }

    #[test]
    fn expectations_are_those_over_all_subsets() {
        for n in 1..=6 {
            let found = best_of_n(&VALUES, &CORRECT, n).unwrap();
            assert!((found - by_enumeration(n, best)).abs() < 1e-6, "best of {n}: {found}");
            let found = majority_of_n(&ANSWERS, &CORRECT, n).unwrap();
            let expected = by_enumeration(n, most_frequent);
            assert!((found - expected).abs() < 1e-6, "majority of {n}: {found}, not {expected}");
        }
    }

    #[test]
    fn pass_at_n_by_hand() {
        assert_eq!(pass_at_n(&CORRECT, 1), 0.5);
        // One of the C(6, 3) = 20 triples is all wrong.
        assert!((pass_at_n(&CORRECT, 3) - 0.95).abs() < 1e-6);
        assert_eq!(pass_at_n(&CORRECT, 4), 1.0);
    }

    #[test]
    fn one_draw_is_the_mean_accuracy_and_no_choice_beats_the_oracle() {
        for n in 1..=6 {
            let oracle = pass_at_n(&CORRECT, n);
            assert!(best_of_n(&VALUES, &CORRECT, n).unwrap() <= oracle + 1e-6);
            assert!(majority_of_n(&ANSWERS, &CORRECT, n).unwrap() <= oracle + 1e-6);
        }
        assert!((best_of_n(&VALUES, &CORRECT, 1).unwrap() - 0.5).abs() < 1e-6);
    }

    #[test]
    fn a_perfect_score_reaches_the_oracle() {
        let values = CORRECT.map(f32::from);
        for n in 1..=6 {
            assert!((best_of_n(&values, &CORRECT, n).unwrap() - pass_at_n(&CORRECT, n)).abs() < 1e-6);
        }
    }

    #[test]
    fn hundreds_of_solutions_stay_finite() {
        let correct: Vec<bool> = (0..400).map(|index| index % 3 == 0).collect();
        let answers: Vec<Option<usize>> = (0..400).map(|index| Some(index % 3)).collect();
        let found = majority_of_n(&answers, &correct, 200).unwrap();
        assert!((0.3..0.4).contains(&found), "{found}");
    }

    #[test]
    fn odd_input_has_an_answer() {
        assert_eq!(best_of_n(&[], &[], 3), Ok(0.0));
        assert_eq!(majority_of_n(&[], &[], 3), Ok(0.0));
        assert_eq!(pass_at_n(&[], 3), 0.0);
        assert_eq!(best_of_n(&[f32::NAN, 0.0], &[true, false], 0), Ok(0.5));
        assert_eq!(best_of_n(&[f32::NAN, -1.0], &[true, false], 9), Ok(0.0));
        assert_eq!(majority_of_n(&[None, None], &[true, true], 2), Ok(0.0));
        let expected = CreditError::Parallel { name: "correct", expected: 1, found: 0 };
        assert_eq!(best_of_n(&[0.0], &[], 1), Err(expected));
    }
}
