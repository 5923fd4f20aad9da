//! Progress on standard error: bars on a terminal, lines in a log.

use indicatif::{ProgressBar, ProgressStyle};
use minform_core::event::{Evaluation, Event, GuardFired, Phase, PrmQuality, Update};

use crate::clock::Spent;

/// Shows the innermost open phase.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    bars: Vec<(Phase, ProgressBar)>,
}

impl Progress {
    /// Shows an event; `spent` is the time of its phase so far.
    pub(crate) fn show(&mut self, event: &Event, spent: Option<Spent>) {
        match event {
            Event::PhaseStarted { phase, .. } | Event::PhaseFinished { phase, .. } if phase.is_part_of_update() => {}
            Event::PhaseStarted { phase, total } => self.bars.push((*phase, bar(*phase, *total))),
            Event::Progress { phase, done, tokens } => self.advance(*phase, *done, *tokens),
            Event::PhaseFinished { phase, .. } => self.close(*phase, spent),
            Event::Evaluation(evaluation) => self.say(&evaluation_line(evaluation)),
            Event::PrmQuality(quality) => self.say(&quality_line(quality)),
            Event::Update(update) => self.update(update),
            Event::Guard(fired) => self.say(&guard_line(fired)),
            Event::Warning { message } => self.say(&format!("warning: {message}")),
            Event::SftStep(_) | Event::PrmStep(_) | Event::Sample(_) => {}
        }
    }

    /// Removes every bar.
    pub(crate) fn clear(&mut self) {
        self.bars.drain(..).for_each(|(_, bar)| bar.finish_and_clear());
    }

    fn advance(&self, phase: Phase, done: usize, tokens: usize) {
        if let Some((_, bar)) = self.bars.iter().rev().find(|(open, _)| *open == phase) {
            bar.set_position(done as u64);
            if tokens > 0 {
                bar.set_message(format!("{:.0} tokens/s", tokens as f64 / bar.elapsed().as_secs_f64().max(1e-9)));
            }
        }
    }

    fn close(&mut self, phase: Phase, spent: Option<Spent>) {
        if let Some(index) = self.bars.iter().rposition(|(open, _)| *open == phase) {
            let (_, bar) = self.bars.remove(index);
            bar.finish_and_clear();
        }
        // Evaluations inside RL report themselves by their result, and RL as a whole by its parts.
        if let Some(spent) = spent.filter(|spent| self.bars.is_empty() && spent.tokens > 0) {
            self.say(&spent_line(phase, spent));
        }
    }

    /// On a terminal the bar tells enough; in a log every tenth update leaves a line, and the first and the last.
    fn update(&self, update: &Update) {
        let bar = self.bars.last().map(|(_, bar)| bar);
        let hidden = bar.is_none_or(ProgressBar::is_hidden);
        let last = bar.and_then(ProgressBar::length) == Some(update.step as u64);
        if hidden && (update.step.is_multiple_of(10) || update.step == 1 || last) {
            eprintln!("{}", update_line(update));
        }
    }

    fn say(&self, line: &str) {
        match self.bars.last() {
            Some((_, bar)) if !bar.is_hidden() => bar.println(line),
            _ => eprintln!("{line}"),
        }
    }
}

fn bar(phase: Phase, total: usize) -> ProgressBar {
    let bar = if total > 0 { ProgressBar::new(total as u64) } else { ProgressBar::no_length() };
    let template = "{prefix:>22} {wide_bar:.cyan/dim} {pos}/{len} {per_sec} {msg} ETA {eta}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.set_prefix(phase.title());
    bar
}

/// Time and rate of a phase.
pub(crate) fn spent_line(phase: Phase, spent: Spent) -> String {
    format!("{}: {:.1} s, {:.0} tokens/s", phase.title(), spent.seconds, spent.rate())
}

fn percent(share: f32) -> String {
    format!("{:.1} %", share * 100.0)
}

fn evaluation_line(evaluation: &Evaluation) -> String {
    format!(
        "policy after {} updates: greedy {}, sampled {} right of {} problems; {:.1} steps, {:.0} tokens, {} cut off",
        evaluation.step,
        percent(evaluation.greedy),
        percent(evaluation.sampled),
        evaluation.problems,
        evaluation.steps,
        evaluation.length,
        percent(evaluation.truncated),
    )
}

fn quality_line(quality: &PrmQuality) -> String {
    let show = |value: Option<f32>| value.map_or("n/a".into(), |value| format!("{value:.3}"));
    format!(
        "PRM on {}: AUC {}, step accuracy {}, first-error F1 {}, ECE {} ({} steps up to the first error, {} right)",
        quality.on,
        show(quality.auc),
        show(quality.accuracy),
        show(quality.first_error_f1),
        show(quality.calibration.as_ref().map(|calibration| calibration.ece)),
        quality.steps,
        percent(quality.right_share),
    )
}

fn guard_line(fired: &GuardFired) -> String {
    format!("guard {} at update {}: {} ({})", fired.guard, fired.step, fired.seen, fired.action)
}

fn update_line(update: &Update) -> String {
    let show = |name: &str, value: Option<f32>| value.map_or(String::new(), |value| format!(", {name} {value:.3}"));
    format!(
        "update {}: loss {:.4}{}{}{}, {:.1} steps, {:.0} tokens",
        update.step,
        update.loss,
        show("process outcome", update.process_outcome.map(|outcome| outcome.mean)),
        show("verified", update.verified),
        show("kl", update.kl),
        update.steps.mean,
        update.length.mean,
    )
}
