//! Beam search and DVTS: one step at a time.

use std::ops::ControlFlow;

use minform_credit::minimum;

use super::{Question, Searcher};
use crate::Result;
use crate::policy::NewToken;

/// A beginning of a solution.
#[derive(Debug, Clone)]
struct Beam {
    question: usize,
    /// Beams of one tree compete with each other.
    tree: usize,
    tokens: Vec<u32>,
    scores: Vec<f32>,
}

impl Beam {
    /// By which beams are compared: the lowest step score.
    fn value(&self) -> f32 {
        minimum(&self.scores).unwrap_or(f32::NEG_INFINITY)
    }
}

/// N ways on are written at every step: N / width beams are kept, of each tree the best. With `apart` each of the N / width
/// beams is a tree of its own, else all beams of a question are one.
pub(super) async fn search(
    searcher: &mut Searcher<'_>,
    questions: &[Question],
    n: usize,
    width: usize,
    apart: bool,
    listen: &mut dyn FnMut(NewToken) -> ControlFlow<()>,
) -> Result<Vec<Vec<(Vec<u32>, Vec<f32>)>>> {
    let width = width.clamp(1, n.max(1));
    let kept = (n / width).max(1);
    let mut found = vec![Vec::new(); questions.len()];
    let beam = |question, tree| Beam { question, tree, tokens: Vec::new(), scores: Vec::new() };
    let trees = if apart { kept } else { 1 };
    let mut open: Vec<Beam> =
        (0..questions.len()).flat_map(|question| (0..trees).map(move |tree| beam(question, tree))).collect();
    // The first step is written as often as any other.
    let mut ways = if apart { width } else { n.max(1) };
    while !open.is_empty() {
        let beginnings: Vec<(usize, Vec<u32>)> = open.iter().map(|beam| (beam.question, beam.tokens.clone())).collect();
        let room = room(searcher, questions, &open);
        let written = searcher.write(questions, &beginnings, &vec![ways; open.len()], true, room, listen).await?;
        let most = searcher.sampling.max_new_tokens;
        let grow = |(beam, group): (&Beam, Vec<Vec<u32>>)| {
            let cut = |mut tokens: Vec<u32>| {
                tokens.truncate(most);
                Beam { tokens, ..beam.clone() }
            };
            group.into_iter().map(cut).collect::<Vec<_>>()
        };
        let grown: Vec<Beam> = open.iter().zip(written).flat_map(grow).collect();
        let looked_at: Vec<(usize, Vec<u32>)> = grown.iter().map(|beam| (beam.question, beam.tokens.clone())).collect();
        let scores = searcher.judge(questions, &looked_at).await?;
        let grown = grown.into_iter().zip(scores).map(|(beam, scores)| Beam { scores, ..beam });
        let per_tree = if apart { 1 } else { kept };
        open = Vec::new();
        for beam in best(grown.collect(), per_tree) {
            match is_over(searcher, &beam) {
                true => found[beam.question].push((beam.tokens, beam.scores)),
                false => open.push(beam),
            }
        }
        ways = width;
    }
    Ok(found)
}

/// Tokens of a step, so many that the shortest beam may end in it, as far as the longest one leaves room in the context.
/// What a longer beam then writes too much is cut.
fn room(searcher: &Searcher<'_>, questions: &[Question], open: &[Beam]) -> usize {
    let shortest = open.iter().map(|beam| beam.tokens.len()).min().unwrap_or(0);
    let read = |beam: &Beam| questions[beam.question].prompt.len() + beam.tokens.len();
    let longest = open.iter().map(read).max().unwrap_or(0);
    let context = searcher.policy.config.max_position_embeddings.saturating_sub(longest);
    searcher.sampling.max_new_tokens.saturating_sub(shortest).min(context).max(1)
}

/// Whether a beam has come to its end: the end of the sequence, or of the room.
fn is_over(searcher: &Searcher<'_>, beam: &Beam) -> bool {
    let is_finished = beam.tokens.last().is_some_and(|last| searcher.policy.config.eos_token_ids.contains(last));
    is_finished || beam.tokens.len() >= searcher.sampling.max_new_tokens
}

/// The best beams of each tree of each question, without repetitions.
fn best(mut beams: Vec<Beam>, count: usize) -> Vec<Beam> {
    beams.sort_by(|a, b| {
        let tree = (a.question, a.tree).cmp(&(b.question, b.tree));
        tree.then(b.value().total_cmp(&a.value()))
    });
    let mut kept: Vec<Beam> = Vec::new();
    for beam in beams {
        let of_tree = || kept.iter().filter(|other| (other.question, other.tree) == (beam.question, beam.tree));
        if of_tree().count() < count && of_tree().all(|other| other.tokens != beam.tokens) {
            kept.push(beam);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_each_tree_go_on_and_none_twice() {
        let beam =
            |question, tree, token, score| Beam { question, tree, tokens: vec![token], scores: vec![0.9, score] };
        let beams = vec![
            beam(0, 0, 1, 0.1),
            beam(1, 0, 1, 0.7),
            beam(0, 0, 2, 0.5),
            beam(0, 0, 2, 0.5),
            beam(0, 0, 3, 0.3),
            beam(0, 1, 4, -0.9),
        ];
        let kept: Vec<_> = best(beams, 2).iter().map(|beam| (beam.question, beam.tree, beam.tokens[0])).collect();
        assert_eq!(kept, [(0, 0, 2), (0, 0, 3), (0, 1, 4), (1, 0, 1)]);
    }
}
