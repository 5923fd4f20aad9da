//! The RL loop: updates, evaluations and samples for people.

use super::evaluate::{HeldOut, evaluate};
use super::guard::stop;
use super::rl::{Problem, Rl, Updated};
use crate::Result;
use crate::event::{Evaluation, Event, GuardFired, Listener, Phase, emit};

/// Runs the updates that are left, see [`advance`].
///
/// # Errors
/// Those of [`advance`]. After an error `rl` holds the policy of the last full update.
pub async fn reinforce(
    rl: &mut Rl,
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

/// One update, on prompts from `next` (given how many were drawn before, and how many); or the evaluation that is due
/// after the last one, every `evaluate_every` updates but at the end.
///
/// Shows one sample per evaluation and at both ends. Between two calls the run can be kept as a
/// [`Snapshot`](super::Snapshot): once weights have changed, the wish to stop waits for the next call.
///
/// # Errors
/// Those of [`Rl::update`] and [`evaluate`], or [`Error::Guard`](crate::Error::Guard) after either.
pub async fn advance(
    rl: &mut Rl,
    next: &mut dyn FnMut(usize, usize) -> Vec<Problem>,
    held_out: Option<&HeldOut>,
    listener: &mut Listener<'_>,
) -> Result<Option<Evaluation>> {
    if let (true, Some(held_out)) = (rl.is_evaluation_due(), held_out) {
        let evaluation = evaluate(&rl.sampler(), rl.tokenizer(), held_out, "update", rl.step(), listener).await?;
        rl.evaluated = rl.step();
        let fired = rl.watch_evaluation(&evaluation);
        tell(rl, fired.into_iter().collect(), listener)?;
        return Ok(Some(evaluation));
    }
    let Updated { update, problems, scored, mut fired } = rl.update(next, listener).await?;
    fired.extend(rl.watch(&update));
    let _ = listener(Event::Update(Box::new(update)));
    let _ = listener(Event::Progress { phase: Phase::Rl, done: rl.step(), tokens: rl.tokens() });
    let is_shown = rl.is_evaluation_due() || rl.step() == 1 || rl.step() == rl.config().updates;
    if let (true, Some(shown)) = (is_shown, scored.first()) {
        let _ = listener(Event::Sample(rl.sample(&problems[shown.rollout.prompt], shown)?));
    }
    if held_out.is_none() {
        // There is nothing to evaluate it on, so nothing is due.
        rl.evaluated = rl.step();
    }
    tell(rl, fired, listener)?;
    Ok(None)
}

/// Tells of the guards that fired, and stops where one of them says so.
fn tell(rl: &mut Rl, fired: Vec<GuardFired>, listener: &mut Listener<'_>) -> Result<()> {
    let fired = rl.not_said_lately(fired);
    for fired in &fired {
        let _ = listener(Event::Guard(fired.clone()));
    }
    stop(&fired)
}
