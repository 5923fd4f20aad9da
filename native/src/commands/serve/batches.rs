//! Requests that come in while the model is busy are scored together next.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result};
use minform_text::steps::PrmInput;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::figures::Figures;
use crate::commands::scoring::Scorer;

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
        let work = move || answer_all(asked, &scorer, &figures);
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

fn answer_all(mut asked: mpsc::Receiver<Asked>, scorer: &Scorer, figures: &Figures) {
    // As much as fills the threads once: more would only make the first ones wait.
    let budget = scorer.config.prm.micro_batch_tokens * thread::available_parallelism().map_or(1, usize::from);
    while let Some(first) = asked.blocking_recv() {
        let mut tokens = tokens(&first);
        let mut batch = vec![first];
        while let Some(next) = (tokens < budget).then(|| asked.try_recv().ok()).flatten() {
            tokens += self::tokens(&next);
            batch.push(next);
        }
        // Nobody waits any more for what ran out of time.
        batch.retain(|one| !one.answer.is_closed());
        let inputs: Vec<PrmInput> = batch.iter().flat_map(|one| one.inputs.iter().cloned()).collect();
        let scores = scorer.scores(&inputs).map_err(|error| error.to_string());
        figures.batch(inputs.len(), inputs.iter().map(|input| input.ids.len()).sum());
        reply(batch, scores);
    }
}

fn tokens(asked: &Asked) -> usize {
    asked.inputs.iter().map(|input| input.ids.len()).sum()
}

/// Hands each request its part. Who has gone in the meantime is not missed.
fn reply(batch: Vec<Asked>, scores: Answer) {
    let mut scores = scores.map(Vec::into_iter);
    for Asked { inputs, answer } in batch {
        let part = match &mut scores {
            Ok(scores) => Ok(scores.by_ref().take(inputs.len()).collect()),
            Err(error) => Err(error.clone()),
        };
        drop(answer.send(part));
    }
}
