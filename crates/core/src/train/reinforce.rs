//! The RL loop: updates, evaluations and samples for people.

use super::evaluate::{HeldOut, evaluate};
use super::rl::{Problem, Rl};
use crate::Result;
use crate::event::{Event, Listener, Phase, emit};

/// Runs the updates that are left, drawing prompts from `next` (given the update, from 0, and how many).
///
/// Evaluates every `evaluate_every` updates and shows one sample per evaluation and at both ends.
///
/// # Errors
/// Those of [`Rl::update`] and [`evaluate`]. After an error `rl` holds the policy of the last full update.
pub async fn reinforce(
    rl: &mut Rl<'_>,
    next: &mut dyn FnMut(usize, usize) -> Vec<Problem>,
    held_out: Option<&HeldOut>,
    listener: &mut Listener<'_>,
) -> Result<()> {
    let (updates, every) = (rl.config().updates, rl.config().evaluate_every);
    emit(listener, Event::PhaseStarted { phase: Phase::Rl, total: updates })?;
    while rl.step() < updates {
        let step = rl.step();
        let problems = next(step, rl.config().prompts);
        let (update, scored) = rl.update(&problems, listener).await?;
        emit(listener, Event::Update(Box::new(update)))?;
        emit(listener, Event::Progress { phase: Phase::Rl, done: step + 1, tokens: rl.tokens() })?;
        let due = every > 0 && rl.step().is_multiple_of(every) && rl.step() < updates;
        if let (true, Some(shown)) = (due || step == 0 || rl.step() == updates, scored.first()) {
            emit(listener, Event::Sample(rl.sample(&problems[shown.rollout.prompt], shown)?))?;
        }
        if let (true, Some(held_out)) = (due, held_out) {
            evaluate(rl.policy(), rl.tokenizer(), held_out, "update", rl.step(), listener).await?;
        }
    }
    // Its tokens are those of its parts.
    emit(listener, Event::PhaseFinished { phase: Phase::Rl, tokens: 0 })
}
