//! Requests that come in while the model is busy are scored together next.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::vec;

use anyhow::{Context as _, Result};
use minform_text::steps::PrmInput;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::figures::Figures;
use crate::commands::scoring::Scorer;

/// Most requests that are answered side by side.
const BESIDE: usize = 64;

/// The scores of each input of a request, or why there are none.
type Answer = Result<Vec<Vec<f32>>, String>;

/// A request in the queue.
struct Asked {
    inputs: Vec<PrmInput>,
    answer: oneshot::Sender<Answer>,
}

/// Why a request has no scores.
pub(super) enum Refusal {
    /// Too many are waiting.
    Full,
    /// The model failed.
    Failed(String),
}

/// The way to the thread that scores.
#[derive(Clone)]
pub(super) struct Batches {
    queue: mpsc::Sender<Asked>,
}

impl Batches {
    /// Starts the thread, which ends once the last clone is dropped and all is answered. At most `waiting` requests wait.
    pub(super) fn start(scorer: Arc<Scorer>, figures: Arc<Figures>, waiting: usize) -> Result<(Self, JoinHandle<()>)> {
        let (queue, asked) = mpsc::channel(waiting);
        let thread = thread::Builder::new().name("scoring".into());
        let work = move || answer_all(asked, waiting.min(BESIDE), &scorer, &figures);
        Ok((Self { queue }, thread.spawn(work).context("cannot start the scoring thread")?))
    }

    /// Requests in the queue.
    pub(super) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    pub(super) async fn score(&self, inputs: Vec<PrmInput>) -> Result<Vec<Vec<f32>>, Refusal> {
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        let gone = || Refusal::Failed("the scoring thread has ended".into());
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Asked { inputs, answer }).map_err(|error| match error {
            TrySendError::Full(_) => Refusal::Full,
            TrySendError::Closed(_) => gone(),
        })?;
        answered.await.map_err(|_| gone())?.map_err(Refusal::Failed)
    }
}

/// A request whose inputs are being scored, a few of them in every round.
struct Open {
    waiting: vec::IntoIter<PrmInput>,
    due: usize,
    scores: Vec<Vec<f32>>,
    answer: oneshot::Sender<Answer>,
}

impl From<Asked> for Open {
    fn from(Asked { inputs, answer }: Asked) -> Self {
        Self { due: inputs.len(), waiting: inputs.into_iter(), scores: Vec::new(), answer }
    }
}

fn answer_all(mut asked: mpsc::Receiver<Asked>, beside: usize, scorer: &Scorer, figures: &Figures) {
    // As much as fills the threads once: more would only make the first ones wait.
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let budget = (scorer.config.prm.micro_batch_tokens * threads).max(1);
    let mut open: Vec<Open> = Vec::new();
    loop {
        if open.is_empty() {
            let Some(first) = asked.blocking_recv() else { return };
            open.push(first.into());
        }
        while open.len() < beside
            && let Ok(next) = asked.try_recv()
        {
            open.push(next.into());
        }
        // Nobody waits any more for what ran out of time.
        open.retain(|one| !one.answer.is_closed());
        if open.is_empty() {
            continue;
        }
        let dealt = round(&mut open, budget);
        let served = dealt.iter().map(|(owner, _)| owner + 1).max().unwrap_or(0);
        let (owners, inputs): (Vec<usize>, Vec<PrmInput>) = dealt.into_iter().unzip();
        figures.batch(inputs.len(), inputs.iter().map(|input| input.ids.len()).sum());
        match scorer.scores(&inputs) {
            Ok(scores) => owners.into_iter().zip(scores).for_each(|(owner, scores)| open[owner].scores.push(scores)),
            Err(error) => open.drain(..).for_each(|one| drop(one.answer.send(Err(error.to_string())))),
        }
        // Those that had no turn come first in the next round.
        let served = served.min(open.len());
        open.rotate_left(served);
        open = open.into_iter().filter_map(unanswered).collect();
    }
}

/// The inputs of the next round, each with its place in `open`: one of every request in turn until there are `budget`
/// tokens, so that a long request keeps no short one waiting.
fn round(open: &mut [Open], budget: usize) -> Vec<(usize, PrmInput)> {
    let (mut round, mut tokens) = (Vec::new(), 0);
    loop {
        let before = round.len();
        for (place, one) in open.iter_mut().enumerate() {
            if tokens >= budget {
                return round;
            }
            if let Some(input) = one.waiting.next() {
                tokens += input.ids.len();
                round.push((place, input));
            }
        }
        if round.len() == before {
            return round;
        }
    }
}

/// Answers a request that is done. Who has gone in the meantime is not missed, and what is left of it is dropped.
fn unanswered(open: Open) -> Option<Open> {
    if open.answer.is_closed() {
        return None;
    }
    if open.scores.len() < open.due {
        return Some(open);
    }
    drop(open.answer.send(Ok(open.scores)));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(lengths: &[usize]) -> Asked {
        let input = |tokens: &usize| PrmInput { ids: vec![0; *tokens], positions: Vec::new(), start: 0 };
        Asked { inputs: lengths.iter().map(input).collect(), answer: oneshot::channel().0 }
    }

    fn places(round: &[(usize, PrmInput)]) -> Vec<(usize, usize)> {
        round.iter().map(|(place, input)| (*place, input.ids.len())).collect()
    }

    #[test]
    fn requests_take_turns() {
        let mut open: Vec<Open> = [&[10; 5][..], &[3], &[7, 7]].map(|lengths| asked(lengths).into()).into();
        assert_eq!(places(&round(&mut open, 25)), [(0, 10), (1, 3), (2, 7), (0, 10)]);
        assert_eq!(places(&round(&mut open, 25)), [(0, 10), (2, 7), (0, 10)]);
        assert_eq!(places(&round(&mut open, 25)), [(0, 10)]);
        assert!(round(&mut open, 25).is_empty() && round(&mut [], 25).is_empty());
    }

    /// Rows as long as a whole round: the next request has its turn in the next round.
    #[test]
    fn long_rows_keep_nobody_waiting() {
        let mut open: Vec<Open> = [&[30; 3][..], &[4]].map(|lengths| asked(lengths).into()).into();
        assert_eq!(places(&round(&mut open, 25)), [(0, 30)]);
        open.rotate_left(1);
        assert_eq!(places(&round(&mut open, 25)), [(0, 4), (1, 30)]);
    }

    #[test]
    fn a_request_that_nobody_waits_for_is_dropped() {
        let (answer, answered) = oneshot::channel();
        let open = Open::from(Asked { inputs: asked(&[4, 4]).inputs, answer });
        let open = unanswered(open).unwrap();
        drop(answered);
        assert!(unanswered(open).is_none());
    }
}
