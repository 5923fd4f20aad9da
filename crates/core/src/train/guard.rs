//! Guards against reward hacking: what they look for, and what they do about it.

use std::collections::BTreeMap;

use minform_credit::mean;
use serde::{Deserialize, Serialize};

use super::rollout::Scored;
use crate::config::{Guards, ResponseAction, RunAction};
use crate::event::{Evaluation, GuardFired, Update};
use crate::{Error, Result};

/// Longest part of a sample that an event carries, in characters.
const SAMPLE_CHARACTERS: usize = 400;

/// What the guards of a run remember.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct GuardMemory {
    updates: Vec<Course>,
    evaluations: Vec<(usize, f32)>,
    /// The update at which each guard spoke last.
    spoke: BTreeMap<String, usize>,
}

/// The figures of one update that the guards follow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Course {
    steps: f32,
    length: f32,
    outcome: Option<f32>,
    verified: Option<f32>,
    kl: Option<f32>,
}

/// A scored response with its text and its repetition score.
pub(super) struct Seen<'a> {
    pub(super) scored: &'a mut Scored,
    pub(super) text: &'a str,
    pub(super) repetition: f32,
}

/// Masks or penalises responses; returns what fired.
pub(super) fn guard_responses(guards: &Guards, step: usize, seen: &mut [Seen<'_>]) -> Vec<GuardFired> {
    type Test = fn(&Guards, &Seen<'_>) -> bool;
    let tests: [(&str, ResponseAction, Test); 4] = [
        ("empty", guards.empty, |_, seen| !seen.text.contains(char::is_alphanumeric)),
        ("few_steps", guards.few_steps, |guards, seen| full_steps(seen.scored) < guards.min_steps),
        ("huge_step", guards.huge_step, |guards, seen| longest_step(seen.scored) > guards.max_step_tokens),
        ("repetition", guards.repetition, |guards, seen| seen.repetition > guards.max_repetition),
    ];
    let mut fired = Vec::new();
    for (guard, action, test) in tests {
        if action == ResponseAction::Off {
            continue;
        }
        let concerned: Vec<usize> = (0..seen.len()).filter(|row| test(guards, &seen[*row])).collect();
        for row in &concerned {
            match action {
                ResponseAction::Mask => seen[*row].scored.masked = true,
                ResponseAction::Penalise => seen[*row].scored.penalty += guards.penalty,
                ResponseAction::Off | ResponseAction::Report => {}
            }
        }
        let share = concerned.len() as f32 / seen.len().max(1) as f32;
        let speaks = action != ResponseAction::Report || share >= guards.report_share;
        if let (true, Some(first)) = (speaks, concerned.first()) {
            fired.push(GuardFired {
                step,
                guard: guard.into(),
                action: action.name().into(),
                seen: format!("{:.0} % of the responses", share * 100.0),
                responses: concerned.len(),
                sample: Some(seen[*first].text.chars().take(SAMPLE_CHARACTERS).collect()),
            });
        }
    }
    fired
}

/// Steps with at least one token besides their separator.
fn full_steps(scored: &Scored) -> usize {
    scored.rollout.steps.lengths.iter().filter(|length| **length > 0).count()
}

fn longest_step(scored: &Scored) -> usize {
    scored.rollout.steps.lengths.iter().copied().max().unwrap_or(0)
}

impl GuardMemory {
    /// Whether to tell it: what acts on the run always, what only reports or acts on responses once in a window.
    pub(super) fn is_news(&mut self, fired: &GuardFired, window: usize) -> bool {
        let last = self.spoke.get(&fired.guard);
        let news = fired.action == "stop" || last.is_none_or(|last| fired.step >= last + window);
        if news {
            self.spoke.insert(fired.guard.clone(), fired.step);
        }
        news
    }

    /// Takes in an update; returns what fired.
    pub(super) fn update(&mut self, guards: &Guards, update: &Update) -> Vec<GuardFired> {
        self.updates.push(Course {
            steps: update.steps.mean,
            length: update.length.mean,
            outcome: update.process_outcome.map(|outcome| outcome.mean),
            verified: update.verified,
            kl: update.kl,
        });
        let ratio = || (update.skipped_steps > 0).then(|| format!("{} steps not taken", update.skipped_steps));
        let found: [(&'static str, RunAction, Option<String>); 4] = [
            ("drift", guards.drift, self.drift(guards)),
            ("divergence", guards.divergence, self.divergence_in_training(guards)),
            ("kl", guards.kl, self.kl(guards)),
            ("ratio", guards.ratio, ratio()),
        ];
        found.into_iter().filter_map(|(guard, action, seen)| fire(update.step, guard, action, seen)).collect()
    }

    /// Takes in a held-out evaluation; returns what fired.
    pub(super) fn evaluation(&mut self, guards: &Guards, evaluation: &Evaluation) -> Option<GuardFired> {
        self.evaluations.push((evaluation.step, evaluation.sampled));
        fire(evaluation.step, "divergence", guards.divergence, self.divergence_held_out(guards))
    }

    /// The last `window` updates and the `window` before them.
    fn windows(&self, window: usize) -> Option<(&[Course], &[Course])> {
        let start = self.updates.len().checked_sub(2 * window)?;
        Some(self.updates[start..].split_at(window))
    }

    fn drift(&self, guards: &Guards) -> Option<String> {
        let (_, recent) = self.windows(guards.window)?;
        let first = &self.updates[..guards.window];
        type Figure = fn(&Course) -> f32;
        let figures: [(&str, Figure); 2] = [("steps", |course| course.steps), ("tokens", |course| course.length)];
        let drifted = |(name, figure): (&str, Figure)| {
            let (before, now) = (average(first, figure)?, average(recent, figure)?);
            let (low, high) = (before.min(now), before.max(now));
            (high > low * guards.drift_factor).then(|| format!("{before:.1} {name} at first, now {now:.1}"))
        };
        figures.into_iter().find_map(drifted)
    }

    /// Outcome up and verified accuracy down from one window to the next.
    fn divergence_in_training(&self, guards: &Guards) -> Option<String> {
        let (before, recent) = self.windows(guards.window)?;
        let verified = |courses| known(courses, |course| course.verified);
        let outcome = |courses| known(courses, |course| course.outcome);
        diverged((verified(before)?, verified(recent)?), (outcome(before)?, outcome(recent)?), guards.divergence_drop)
    }

    /// Outcome up and held-out accuracy down since the best evaluation.
    fn divergence_held_out(&self, guards: &Guards) -> Option<String> {
        let (last_step, last) = *self.evaluations.last()?;
        let (best_step, best) = *self.evaluations.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let around = |step: usize| {
            let end = step.clamp(guards.window.min(self.updates.len()), self.updates.len());
            known(&self.updates[end.saturating_sub(guards.window)..end], |course| course.outcome)
        };
        diverged((best, last), (around(best_step)?, around(last_step)?), guards.divergence_drop)
    }

    fn kl(&self, guards: &Guards) -> Option<String> {
        let (last, before) = self.updates.split_last()?;
        let now = last.kl?;
        if now > guards.max_kl {
            return Some(format!("{now:.3} nats per token"));
        }
        let start = before.len().checked_sub(guards.window)?;
        let usual = known(&before[start..], |course| course.kl)?;
        (usual > 1e-3 && now > 10.0 * usual).then(|| format!("{now:.3} nats per token after {usual:.3}"))
    }
}

fn diverged(accuracy: (f32, f32), outcome: (f32, f32), drop: f32) -> Option<String> {
    let fell = accuracy.0 - accuracy.1 > drop && outcome.1 > outcome.0;
    fell.then(|| {
        format!(
            "accuracy {:.1} % to {:.1} %, process outcome {:.2} to {:.2}",
            accuracy.0 * 100.0,
            accuracy.1 * 100.0,
            outcome.0,
            outcome.1
        )
    })
}

fn average(courses: &[Course], figure: fn(&Course) -> f32) -> Option<f32> {
    mean(&courses.iter().map(figure).collect::<Vec<_>>())
}

fn known(courses: &[Course], figure: fn(&Course) -> Option<f32>) -> Option<f32> {
    mean(&courses.iter().filter_map(figure).collect::<Vec<_>>())
}

pub(super) fn fire(step: usize, guard: &str, action: RunAction, seen: Option<String>) -> Option<GuardFired> {
    let (guard, action) = (guard.to_owned(), action.name()?.to_owned());
    Some(GuardFired { step, guard, action, seen: seen?, responses: 0, sample: None })
}

/// The error that a guard with the action `stop` ends the run with.
pub(super) fn stop(fired: &[GuardFired]) -> Result<()> {
    match fired.iter().find(|fired| fired.action == "stop") {
        Some(fired) => Err(Error::Guard { guard: fired.guard.clone(), step: fired.step, seen: fired.seen.clone() }),
        None => Ok(()),
    }
}

impl ResponseAction {
    fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Report => "report",
            Self::Mask => "mask",
            Self::Penalise => "penalise",
        }
    }
}

impl RunAction {
    /// `None` where the guard is off.
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Off => None,
            Self::Report => Some("report"),
            Self::Stop => Some("stop"),
        }
    }
}

#[cfg(test)]
mod tests {
    use minform_text::steps::Steps;

    use super::*;
    use crate::event::Spread;
    use crate::policy::Response;
    use crate::train::Rollout;

    fn response(lengths: &[usize]) -> Scored {
        let steps = Steps { ends: vec![0; lengths.len()], lengths: lengths.to_vec() };
        let response = Response { tokens: vec![], log_probs: vec![], finished: true };
        Scored::new(Rollout { prompt: 0, prompt_ids: vec![], response, steps })
    }

    fn fired(guards: &Guards, scored: &mut [Scored], text: &str, repetition: f32) -> Vec<String> {
        let mut seen: Vec<Seen<'_>> = scored.iter_mut().map(|scored| Seen { scored, text, repetition }).collect();
        guard_responses(guards, 1, &mut seen).into_iter().map(|fired| fired.guard).collect()
    }

    #[test]
    fn each_response_guard_knows_its_case() {
        let guards = Guards { min_steps: 1, ..Guards::default() };
        assert!(fired(&guards, &mut [response(&[3, 4])], "3 + 4", 0.0).is_empty());
        assert_eq!(fired(&guards, &mut [response(&[2])], " \n.", 0.0), ["empty"]);
        assert_eq!(fired(&guards, &mut [response(&[0, 0])], "x", 0.0), ["few_steps"]);
        assert_eq!(fired(&guards, &mut [response(&[300])], "x", 0.0), ["huge_step"]);
        assert_eq!(fired(&guards, &mut [response(&[3])], "x", 0.3), ["repetition"]);
    }

    #[test]
    fn actions_act_and_reports_wait_for_their_share() {
        let mut guards = Guards { empty: ResponseAction::Mask, report_share: 1.0, ..Guards::default() };
        let mut rows = [response(&[0]), response(&[5, 5])];
        fired(&guards, &mut rows, "", 0.0);
        assert_eq!(rows.map(|row| row.masked), [true, true]);
        guards.few_steps = ResponseAction::Penalise;
        guards.empty = ResponseAction::Off;
        let mut rows = [response(&[0]), response(&[5, 5])];
        assert_eq!(fired(&guards, &mut rows, "", 0.0), ["few_steps"]);
        assert_eq!(rows.map(|row| row.penalty), [1.0, 0.0]);
        guards.few_steps = ResponseAction::Report;
        assert!(fired(&guards, &mut [response(&[0]), response(&[5, 5])], "", 0.0).is_empty());
    }

    fn update(step: usize, steps: f32, outcome: f32, verified: f32, kl: f32) -> Update {
        let all = |mean: f32| Spread { mean, min: mean, max: mean };
        Update {
            step,
            steps: all(steps),
            length: all(10.0),
            process_outcome: Some(all(outcome)),
            verified: Some(verified),
            kl: Some(kl),
            ..Update::default()
        }
    }

    fn course(guards: &Guards, of: impl Fn(usize) -> Update) -> Vec<String> {
        let mut memory = GuardMemory::default();
        let fired = (1..=20).flat_map(|step| memory.update(guards, &of(step)));
        let mut names: Vec<String> = fired.map(|fired| fired.guard).collect();
        names.dedup();
        names
    }

    #[test]
    fn each_run_guard_knows_its_case() {
        let guards = Guards::default();
        assert!(course(&guards, |step| update(step, 4.0, 0.5, 0.5, 0.01)).is_empty());
        assert_eq!(course(&guards, |step| update(step, if step > 10 { 13.0 } else { 4.0 }, 0.5, 0.5, 0.01)), ["drift"]);
        let hacked = |step: usize| update(step, 4.0, step as f32 * 0.01, 1.0 - step as f32 * 0.02, 0.01);
        assert_eq!(course(&guards, hacked), ["divergence"]);
        assert_eq!(course(&guards, |step| update(step, 4.0, 0.5, 0.5, if step == 15 { 0.2 } else { 0.01 })), ["kl"]);
        assert_eq!(course(&guards, |step| update(step, 4.0, 0.5, 0.5, if step == 2 { 2.0 } else { 0.0 })), ["kl"]);
        let skipped = |step| Update { skipped_steps: usize::from(step == 3), ..update(step, 4.0, 0.5, 0.5, 0.0) };
        assert_eq!(course(&guards, skipped), ["ratio"]);
        assert!(course(&Guards { divergence: RunAction::Off, ..guards }, hacked).is_empty());
    }

    #[test]
    fn held_out_accuracy_is_watched_too() {
        let guards = Guards { divergence: RunAction::Stop, window: 2, ..Guards::default() };
        let mut memory = GuardMemory::default();
        let evaluation = |step, sampled| Evaluation {
            name: "update".into(),
            step,
            greedy: 0.5,
            sampled,
            problems: 10,
            length: 1.0,
            steps: 1.0,
            truncated: 0.0,
        };
        (1..=2).for_each(|step| drop(memory.update(&guards, &update(step, 4.0, 0.2, 0.5, 0.0))));
        assert_eq!(memory.evaluation(&guards, &evaluation(2, 0.6)), None);
        (3..=4).for_each(|step| drop(memory.update(&guards, &update(step, 4.0, 0.4, 0.5, 0.0))));
        assert_eq!(memory.evaluation(&guards, &evaluation(4, 0.55)), None);
        let fired = memory.evaluation(&guards, &evaluation(4, 0.4)).expect("accuracy fell by 20 points");
        assert!(stop(&[fired]).is_err());
    }
}
