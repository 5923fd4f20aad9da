//! Accuracy against the number of solutions to choose from, by every way of choosing, and one-to-many ranking.

use minform_credit::{Aggregate, Candidate, Vote, best_of_n, majority_of_n, mean, pass_at_n};
use rand::seq::SliceRandom as _;

use super::ScoredSolution;
use crate::seed;

/// A scored solution among which to choose.
#[derive(Debug, Clone, PartialEq)]
pub struct Rated {
    /// Its steps with their scores.
    pub solution: ScoredSolution,
    /// Whether its answer is right.
    pub correct: bool,
    /// A number for its answer, the same for the same answer; `None` without one.
    pub answer: Option<usize>,
}

impl Rated {
    /// As votes see it: with scores from −1 to 1.
    fn candidate(&self) -> Candidate {
        let ScoredSolution { scores, scale, .. } = &self.solution;
        let scores = scores.iter().map(|score| 2.0 * scale.probability(*score) - 1.0).collect();
        Candidate { scores, correct: self.correct, answer: self.answer }
    }
}

/// A way of choosing among solutions.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    /// The solution of highest value; the expectation over all subsets is known.
    Best(Aggregate),
    /// A solution with the answer that most of them give; likewise.
    Majority,
    /// A right one wherever there is one; likewise.
    Oracle,
    /// A vote, of which the expectation is estimated from subsets that are drawn.
    Drawn(Vote),
}

const SOFT_MIN: Aggregate = Aggregate::SoftMin { temperature: 0.1 };

/// How much few votes count against an answer in the pessimistic vote.
const ALPHA: f32 = 0.1;

/// Share of the solutions that vote where those with the most steps do.
const COMPLEX: f32 = 0.5;

/// Every rule with its name.
const RULES: [(&str, Rule); 12] = [
    ("min", Rule::Best(Aggregate::Min)),
    ("soft min", Rule::Best(SOFT_MIN)),
    ("product", Rule::Best(Aggregate::Product)),
    ("last", Rule::Best(Aggregate::Last)),
    ("mean", Rule::Best(Aggregate::Mean)),
    ("sum", Rule::Best(Aggregate::Sum)),
    ("majority", Rule::Majority),
    ("weighted, min", Rule::Drawn(Vote::Weighted(Aggregate::Min))),
    ("weighted, product", Rule::Drawn(Vote::Weighted(Aggregate::Product))),
    ("complexity", Rule::Drawn(Vote::Complexity { share: COMPLEX })),
    ("pessimistic", Rule::Drawn(Vote::Pessimistic { aggregate: Aggregate::Min, alpha: ALPHA })),
    ("oracle", Rule::Oracle),
];

/// An accuracy with its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Solutions to choose from.
    pub n: usize,
    /// Mean over the problems.
    pub accuracy: f32,
    /// Half of the 95 % confidence interval over the problems, 1.96 standard errors of the mean.
    pub half_width: f32,
}

/// The accuracy of one rule as the number of solutions grows.
#[derive(Debug, Clone, PartialEq)]
pub struct ChoiceCurve {
    /// The rule.
    pub rule: &'static str,
    /// One point per number of solutions.
    pub points: Vec<Estimate>,
}

/// The curves of all rules; solutions are valued on the scale of their family.
pub fn choice_curves(problems: &[Vec<Rated>], ns: &[usize], seed: u64) -> Vec<ChoiceCurve> {
    let curve = |(rule, how): (&'static str, Rule)| {
        let point = |n: usize| {
            let each = problems.iter().zip(0..);
            let each = each.map(|(solutions, index)| accuracy(how, solutions, n, seed::mix_in(seed, index)));
            estimate(n, &each.collect::<Vec<_>>())
        };
        ChoiceCurve { rule, points: ns.iter().copied().map(point).collect() }
    };
    RULES.into_iter().map(curve).collect()
}

/// Expected accuracy of a rule on n solutions of one problem.
fn accuracy(rule: Rule, solutions: &[Rated], n: usize, seed: u64) -> f32 {
    let correct: Vec<bool> = solutions.iter().map(|rated| rated.correct).collect();
    let exact = match rule {
        Rule::Best(aggregate) => {
            let values: Vec<f32> = solutions.iter().map(|rated| rated.solution.value(aggregate)).collect();
            best_of_n(&values, &correct, n)
        }
        Rule::Majority => majority_of_n(&solutions.iter().map(|rated| rated.answer).collect::<Vec<_>>(), &correct, n),
        Rule::Oracle => Ok(pass_at_n(&correct, n)),
        Rule::Drawn(vote) => {
            let candidates: Vec<Candidate> = solutions.iter().map(Rated::candidate).collect();
            Ok(drawn(vote, &candidates, n, seed))
        }
    };
    // All lists have one entry per solution.
    exact.unwrap_or(0.0)
}

/// Share of drawn subsets of n whose vote is right; an answer is right if the first solution that gives it is.
fn drawn(vote: Vote, candidates: &[Candidate], n: usize, run_seed: u64) -> f32 {
    /// Subsets of each problem.
    const DRAWS: u64 = 100;
    let right = |answer: usize| {
        let first = candidates.iter().find(|candidate| candidate.answer == Some(answer));
        first.is_some_and(|candidate| candidate.correct)
    };
    // All of them are one subset.
    let draws = if n >= candidates.len() { 1 } else { DRAWS };
    let share = (0..draws).map(|draw| {
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.shuffle(&mut seed::stream(run_seed, &[draw]));
        let subset: Vec<Candidate> = order.into_iter().take(n.max(1)).map(|index| candidates[index].clone()).collect();
        f32::from(vote.answer(&subset).is_some_and(right))
    });
    mean(&share.collect::<Vec<_>>()).unwrap_or(0.0)
}

fn estimate(n: usize, accuracies: &[f32]) -> Estimate {
    let average = f64::from(mean(accuracies).unwrap_or(0.0));
    let count = accuracies.len() as f64;
    let squares: f64 = accuracies.iter().map(|accuracy| (f64::from(*accuracy) - average).powi(2)).sum();
    let error = if count > 1.0 { (squares / (count - 1.0) / count).sqrt() } else { 0.0 };
    Estimate { n, accuracy: average as f32, half_width: (1.96 * error) as f32 }
}

/// How often a right solution is ranked above all wrong ones of its problem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranking {
    /// Share of right solutions above all wrong ones (RewardMATH's accuracy); a tie is no success.
    pub accuracy: f32,
    /// Mean of 1 / rank among the wrong ones, ties counting against it.
    pub reciprocal_rank: f32,
    /// Right solutions that were compared.
    pub compared: usize,
}

/// One-to-many ranking as RewardMATH has it (Kim et al. 2024): each right solution against all wrong ones of its problem.
/// `None` if no problem has both.
pub fn rank(problems: &[Vec<Rated>], aggregate: Aggregate) -> Option<Ranking> {
    let (mut first, mut reciprocal) = (Vec::new(), Vec::new());
    for solutions in problems {
        let values = |right: bool| {
            let of = solutions.iter().filter(move |rated| rated.correct == right);
            of.map(|rated| rated.solution.value(aggregate))
        };
        let wrong: Vec<f32> = values(false).collect();
        if wrong.is_empty() {
            continue;
        }
        for value in values(true) {
            let above = wrong.iter().filter(|other| **other >= value).count();
            first.push(f32::from(above == 0));
            reciprocal.push(1.0 / (above + 1) as f32);
        }
    }
    let accuracy = mean(&first)?;
    Some(Ranking { accuracy, reciprocal_rank: mean(&reciprocal)?, compared: first.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prm::Scale;

    fn candidate(score: f32, correct: bool, answer: usize) -> Rated {
        let solution = ScoredSolution { steps: vec![String::new()], scores: vec![score], scale: Scale::Signed };
        Rated { solution, correct, answer: Some(answer) }
    }

    #[test]
    fn curves_of_two_problems_by_hand() {
        let problems = [
            vec![candidate(0.9, true, 1), candidate(0.1, false, 2), candidate(0.2, false, 2)],
            vec![candidate(-0.5, false, 3), candidate(0.4, false, 3)],
        ];
        let curves = choice_curves(&problems, &[1, 3], 0);
        let of = |rule: &str| {
            let curve = curves.iter().find(|curve| curve.rule == rule).unwrap();
            curve.points.iter().map(|point| point.accuracy).collect::<Vec<_>>()
        };
        let close = |rule: &str, expected: [f32; 2]| {
            let found = of(rule);
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{rule}: {found:?}");
        };
        // One of three is right in the first problem, none in the second.
        close("min", [1.0 / 6.0, 0.5]);
        close("majority", [1.0 / 6.0, 0.0]);
        close("oracle", [1.0 / 6.0, 0.5]);
        // All three: 0.95 against 0.55 + 0.6.
        assert_eq!(of("weighted, min")[1], 0.0);
        // Mean 0.95 − α ln 3 / 2 against 0.575 − α ln 3 / 3.
        assert_eq!(of("pessimistic")[1], 0.5);
        assert!((of("weighted, min")[0] - 1.0 / 6.0).abs() < 0.1);
        // Accuracies 1 and 0: a standard error of ½.
        let oracle = &curves.iter().find(|curve| curve.rule == "oracle").unwrap().points[1];
        assert!((oracle.half_width - 0.98).abs() < 1e-6);
    }

    #[test]
    fn ranking_by_hand() {
        let problems = [
            vec![candidate(0.9, true, 1), candidate(0.1, false, 2), candidate(0.95, false, 3)],
            vec![candidate(0.5, true, 1), candidate(0.5, false, 2)],
            vec![candidate(0.5, true, 1), candidate(0.4, false, 2)],
            vec![candidate(0.5, true, 1)],
        ];
        let found = rank(&problems, Aggregate::Min).unwrap();
        assert_eq!((found.accuracy, found.compared), (1.0 / 3.0, 3));
        assert!((found.reciprocal_rank - (0.5 + 0.5 + 1.0) / 3.0).abs() < 1e-6);
        assert_eq!(rank(&problems[3..], Aggregate::Min), None);
        assert!(choice_curves(&[], &[1], 0).iter().all(|curve| curve.points[0].accuracy == 0.0));
    }
}
