//! What the benchmarks of the field make of step scores, with the guesses of those who read nothing beside it.

use minform_credit::{Confusion, Detection, detection, first_error};

/// A kind of error of PRMBench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorClass {
    /// Steps that are not needed (NR).
    Redundancy,
    /// Reasoning in a circle (NCL).
    Circular,
    /// Statements against facts (ES).
    Counterfactual,
    /// Steps that contradict others (SC).
    StepContradiction,
    /// Methods of another domain (DC).
    DomainInconsistency,
    /// Claims without ground (CI).
    Confidence,
    /// A condition that is missing (PS).
    MissingCondition,
    /// Small changes that deceive (DR).
    Deception,
    /// Right solutions of several kinds; no step is wrong (MS).
    MultiSolutions,
}

impl ErrorClass {
    /// All of them, in the order of the published tables.
    pub const ALL: [Self; 9] = [
        Self::Redundancy,
        Self::Circular,
        Self::Counterfactual,
        Self::StepContradiction,
        Self::DomainInconsistency,
        Self::Confidence,
        Self::MissingCondition,
        Self::Deception,
        Self::MultiSolutions,
    ];

    /// The class that a file is named after; the benchmark spells redundancy "redundency".
    pub fn in_file_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| name.contains(class.name()))
    }

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Redundancy => "redundency",
            Self::Circular => "circular",
            Self::Counterfactual => "counterfactual",
            Self::StepContradiction => "step_contradiction",
            Self::DomainInconsistency => "domain_inconsistency",
            Self::Confidence => "confidence",
            Self::MissingCondition => "missing_condition",
            Self::Deception => "deception",
            Self::MultiSolutions => "multi_solutions",
        }
    }

    /// The group that its figure is averaged in: simplicity, soundness or sensitivity.
    pub fn group(self) -> &'static str {
        match self {
            Self::Redundancy | Self::Circular => "simplicity",
            Self::Counterfactual | Self::StepContradiction | Self::DomainInconsistency | Self::Confidence => {
                "soundness"
            }
            Self::MissingCondition | Self::Deception | Self::MultiSolutions => "sensitivity",
        }
    }

    /// PRMScore of the class; several solutions have no wrong step, so theirs is F₁ alone.
    pub fn prm_score(self, counts: &Confusion) -> Option<f32> {
        if self == Self::MultiSolutions { counts.f1() } else { counts.prm_score() }
    }
}

/// Which steps pass a threshold, against their labels; steps that nobody judged do not count.
pub fn confusion(scores: &[f32], labels: &[Option<bool>], threshold: f32) -> Confusion {
    let mut counts = Confusion::default();
    for (score, label) in scores.iter().zip(labels) {
        if let Some(is_right) = label {
            counts.add(*is_right, *score >= threshold);
        }
    }
    counts
}

/// One solution of ProcessBench: what was found in it, and what is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Scores of its steps; `None` where it could not be scored, which counts as not found.
    pub scores: Option<Vec<f32>>,
    /// Its steps.
    pub steps: usize,
    /// Index of the first wrong step, −1 for none.
    pub label: i64,
}

/// Figures of ProcessBench at a threshold.
pub fn process_bench(solutions: &[Found], threshold: f32) -> Detection {
    /// No step has this index.
    const NOWHERE: i64 = -2;
    let found = |one: &Found| one.scores.as_ref().map_or(NOWHERE, |scores| first_error(scores, threshold));
    detection(solutions.iter().map(|one| (found(one), one.label)))
}

/// What those reach who read nothing: always "no error", always "the first step", and a fair guess among all steps and
/// "no error", of which the accuracies are expectations.
pub fn guesses(solutions: &[Found]) -> [(&'static str, Detection); 3] {
    let always = |guess: i64| detection(solutions.iter().map(|one| (guess, one.label)));
    [("always right", always(-1)), ("always the first step", always(0)), ("random", fair_guess(solutions))]
}

fn fair_guess(solutions: &[Found]) -> Detection {
    let expected = |wrong: bool| {
        let of: Vec<f32> = solutions
            .iter()
            .filter(|one| (one.label >= 0) == wrong)
            .map(|one| 1.0 / (one.steps as f32 + 1.0))
            .collect();
        minform_credit::mean(&of)
    };
    Detection::of(expected(true), expected(false))
}

/// The threshold among the scores that gives the largest mean over `sets` of F₁, and that mean; `None` if no set has
/// both kinds of solutions.
///
/// For validation sets: a threshold chosen on what is reported flatters. Sets count alike, however large, so that one
/// kind of problem does not decide for all; those of few solutions of a kind, whose F₁ is mostly chance, count as one.
pub fn best_threshold(sets: &[&[Found]]) -> Option<(f32, f32)> {
    let (mut sets, small): (Vec<&[Found]>, Vec<&[Found]>) = sets.iter().partition(|set| is_telling(set));
    let small = small.concat();
    sets.push(&small);
    let solutions = || sets.iter().copied().flatten();
    let mut candidates: Vec<f32> = solutions().flat_map(|one| one.scores.iter().flatten()).copied().collect();
    candidates.retain(|score| score.is_finite());
    candidates.sort_by(f32::total_cmp);
    candidates.dedup();
    // A few hundred cuts between the scores tell as much as all of them.
    let step = candidates.len().div_ceil(MOST_CUTS).max(1);
    let cuts = candidates.into_iter().step_by(step);
    let mean_f1 = |cut| {
        let of_sets: Vec<f32> = sets.iter().filter_map(|set| process_bench(set, cut).f1).collect();
        Some((cut, minform_credit::mean(&of_sets)?))
    };
    let rated = cuts.filter_map(mean_f1);
    rated.max_by(|(_, a), (_, b)| a.total_cmp(b))
}

/// Whether there are enough solutions of each kind.
fn is_telling(set: &[Found]) -> bool {
    const FEW: usize = 10;
    let wrong = set.iter().filter(|one| one.label >= 0).count();
    wrong >= FEW && set.len() - wrong >= FEW
}

/// Thresholds that are tried.
const MOST_CUTS: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(scores: Option<&[f32]>, steps: usize, label: i64) -> Found {
        Found { scores: scores.map(<[f32]>::to_vec), steps, label }
    }

    #[test]
    fn figures_of_a_set_made_by_hand() {
        let set = [
            found(Some(&[0.9, -0.5]), 2, 1),
            found(Some(&[0.9, 0.5, 0.1]), 3, 1),
            found(Some(&[0.9, 0.8]), 2, -1),
            // Not scored: not found, whatever the label.
            found(None, 3, -1),
        ];
        let Detection { accuracy_erroneous, accuracy_correct, f1 } = process_bench(&set, 0.0);
        assert_eq!((accuracy_erroneous, accuracy_correct, f1), (Some(0.5), Some(0.5), Some(0.5)));
        let [(_, right), (_, first), (_, random)] = guesses(&set);
        assert_eq!((right.accuracy_erroneous, right.accuracy_correct, right.f1), (Some(0.0), Some(1.0), Some(0.0)));
        assert_eq!(first.f1, Some(0.0));
        // 1/3 and 1/4 for the wrong ones, 1/3 and 1/4 for the right ones.
        assert!((random.f1.unwrap() - 7.0 / 24.0).abs() < 1e-6);
        // Between 0.5 and 0.8 both errors are found: 1 and 1/2.
        let (threshold, f1) = best_threshold(&[&set]).unwrap();
        assert!((0.5..=0.8).contains(&threshold) && (f1 - 2.0 / 3.0).abs() < 1e-6, "{threshold} {f1}");
        assert_eq!(best_threshold(&[&set[..2]]), None);
        // Two small sets are one.
        assert_eq!(best_threshold(&[&set[..2], &set[2..]]), Some((threshold, f1)));
        // Larger ones count alike, whatever their sizes: each has a cut of its own.
        let low = [found(Some(&[-0.9]), 1, 0), found(Some(&[-0.5]), 1, -1)];
        let (many_low, many_high) = ([&low[..]; 90].concat(), [&set[..3]; 10].concat());
        assert_eq!(best_threshold(&[&many_low]).unwrap().0, -0.5);
        let (cut, together) = best_threshold(&[&many_low, &many_high]).unwrap();
        let mean = |cut| (process_bench(&many_low, cut).f1.unwrap() + process_bench(&many_high, cut).f1.unwrap()) / 2.0;
        let best = [-0.9, -0.5, 0.1, 0.5, 0.8, 0.9].map(mean).into_iter().fold(0.0, f32::max);
        assert_eq!((together, mean(cut)), (best, best));
    }

    #[test]
    fn classes_are_found_in_file_names() {
        for class in ErrorClass::ALL {
            assert_eq!(ErrorClass::in_file_name(&format!("prm800k_test_p1_4o_{}.jsonl", class.name())), Some(class));
        }
        assert_eq!(ErrorClass::in_file_name("prm800k_test_p1_4o_redundency"), Some(ErrorClass::Redundancy));
        assert_eq!(ErrorClass::in_file_name("gsm8k.json"), None);
        let counts = confusion(&[0.5, -0.5, 0.5, 0.1], &[Some(true), Some(false), Some(false), None], 0.0);
        assert_eq!(counts, Confusion { right_passed: 1, right_rejected: 0, wrong_passed: 1, wrong_rejected: 1 });
        assert_eq!(ErrorClass::Circular.prm_score(&counts), Some(2.0 / 3.0));
        let right = confusion(&[0.5, -0.5], &[Some(true); 2], 0.0);
        assert_eq!(ErrorClass::MultiSolutions.prm_score(&right), Some(2.0 / 3.0));
        assert_eq!(ErrorClass::Deception.prm_score(&right), None);
    }
}
