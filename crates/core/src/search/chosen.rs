//! The answer that a search ends with.

use minform_credit::{Aggregate, Candidate, Vote};
use minform_text::answer::numbered;

use super::Solution;

/// How the answer is chosen among the solutions that were found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Chosen {
    /// That of the solution of highest value.
    Best(Aggregate),
    /// By a vote.
    Vote(Vote),
}

/// Whether the chosen answer is right. Answers count as the same if their normal forms are.
pub fn choose(solutions: &[Solution], how: Chosen) -> bool {
    match how {
        Chosen::Best(aggregate) => {
            let value = |solution: &Solution| match solution.answer {
                Some(_) => aggregate.value(&solution.scores),
                None => f32::NEG_INFINITY,
            };
            let better = |best, next| if value(next) > value(best) { next } else { best };
            solutions.iter().reduce(better).is_some_and(|solution| solution.right)
        }
        Chosen::Vote(vote) => {
            let candidates = candidates(solutions);
            let answer = vote.answer(&candidates);
            let first = candidates.iter().find(|candidate| answer.is_some() && candidate.answer == answer);
            first.is_some_and(|candidate| candidate.correct)
        }
    }
}

/// The solutions with their answers numbered.
fn candidates(solutions: &[Solution]) -> Vec<Candidate> {
    let answers = numbered(solutions.iter().map(|solution| solution.answer.as_deref()));
    let candidate = |(solution, answer): (&Solution, _)| Candidate {
        scores: solution.scores.clone(),
        correct: solution.right,
        answer,
    };
    solutions.iter().zip(answers).map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solution(score: f32, answer: Option<&str>, right: bool) -> Solution {
        Solution { text: String::new(), scores: vec![score], answer: answer.map(str::to_owned), right }
    }

    #[test]
    fn answers_are_chosen_by_value_or_by_vote() {
        let found = [
            solution(0.9, Some("4"), true),
            solution(0.3, Some("5"), false),
            solution(0.2, Some("5"), false),
            solution(1.0, None, false),
        ];
        assert!(choose(&found, Chosen::Best(Aggregate::Min)));
        assert!(!choose(&found, Chosen::Vote(Vote::Majority)));
        assert!(!choose(&[], Chosen::Best(Aggregate::Min)) && !choose(&[], Chosen::Vote(Vote::Majority)));
        assert!(!choose(&found[3..], Chosen::Vote(Vote::Majority)));
    }
}
