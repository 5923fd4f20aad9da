//! The RL loop: updates, evaluations and samples for people.

use super::evaluate::{HeldOut, evaluate};
use super::guard::stop;
use super::rl::{Problem, Rl, Updated};
use crate::Result;
use crate::event::{Evaluation, Event, Listener, Phase, emit};

/// Runs the updates that are left, see [`advance`].
///
/// # Errors
/// Those of [`advance`]. After an error `rl` holds the policy of the last full update.
pub async fn reinforce(
    rl: &mut Rl<'_>,
    next: &mut dyn FnMut(usize, usize) -> Vec<Problem>,
    held_out: Option<&HeldOut>,
    listener: &mut Listener<'_>,
) -> Result<()> {
    emit(listener, Event::PhaseStarted { phase: Phase::Rl, total: rl.config().updates })?;
    while rl.step() < rl.config().updates {
        advance(rl, next, held_out, listener).await?;
    }
    // Its tokens are those of its parts.
    emit(listener, Event::PhaseFinished { phase: Phase::Rl, tokens: 0 })
}

/// One update, on prompts from `next` (given how many were drawn before, and how many), and what is due after it.
///
/// Evaluates every `evaluate_every` updates but the last and shows one sample per evaluation and at both ends.
/// Between two calls the run can be kept as a [`Snapshot`](super::Snapshot).
///
/// # Errors
/// Those of [`Rl::update`] and [`evaluate`], or [`Error::Guard`](crate::Error::Guard) after the update.
pub async fn advance(
    rl: &mut Rl<'_>,
    next: &mut dyn FnMut(usize, usize) -> Vec<Problem>,
    held_out: Option<&HeldOut>,
    listener: &mut Listener<'_>,
) -> Result<Option<Evaluation>> {
    let (updates, every) = (rl.config().updates, rl.config().evaluate_every);
    let Updated { update, problems, scored, mut fired } = rl.update(next, listener).await?;
    fired.extend(rl.watch(&update));
    emit(listener, Event::Update(Box::new(update)))?;
    emit(listener, Event::Progress { phase: Phase::Rl, done: rl.step(), tokens: rl.tokens() })?;
    let due = every > 0 && rl.step().is_multiple_of(every) && rl.step() < updates;
    if let (true, Some(shown)) = (due || rl.step() == 1 || rl.step() == updates, scored.first()) {
        emit(listener, Event::Sample(rl.sample(&problems[shown.rollout.prompt], shown)?))?;
    }
    let evaluation = match held_out {
        Some(held_out) if due => {
            Some(evaluate(rl.policy(), rl.tokenizer(), held_out, "update", rl.step(), listener).await?)
        }
        _ => None,
    };
    fired.extend(evaluation.as_ref().and_then(|evaluation| rl.watch_evaluation(evaluation)));
    let fired = rl.not_said_lately(fired);
    for fired in &fired {
        emit(listener, Event::Guard(fired.clone()))?;
    }
    stop(&fired)?;
    Ok(evaluation)
}
