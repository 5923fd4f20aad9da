//! A terminal dashboard of a training run: curves and the last sample, its steps coloured by their scores.

use std::io::{Stderr, stderr};

use anyhow::{Context as _, Result};
use crossterm::ExecutableCommand as _;
use crossterm::terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use minform_core::event::{Event, Phase, Sample};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, Gauge, GraphType, Paragraph, Wrap};
use ratatui::{Frame, Terminal};

/// How many of the last messages are shown.
const MESSAGES: usize = 3;

/// Points of a curve: update and value.
type Points = Vec<(f64, f64)>;

/// What the dashboard has seen of a run.
#[derive(Default)]
struct Seen {
    updates: usize,
    total: usize,
    seconds: f64,
    accuracy: Points,
    verified: Points,
    outcome: Points,
    kl: Points,
    steps: Points,
    sample: Option<Sample>,
    messages: Vec<String>,
}

/// A dashboard on the whole terminal, which is given back when it is dropped.
pub(crate) struct Dashboard {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    seen: Seen,
}

impl Dashboard {
    /// Takes the terminal.
    pub(crate) fn open() -> Result<Self> {
        stderr().execute(EnterAlternateScreen).context("cannot take the terminal")?;
        stderr().execute(Clear(ClearType::All)).context("cannot take the terminal")?;
        let terminal = Terminal::new(CrosstermBackend::new(stderr())).context("cannot take the terminal")?;
        Ok(Self { terminal, seen: Seen::default() })
    }

    /// Shows an event at `seconds` after the beginning; a terminal that cannot be drawn on is passed over.
    pub(crate) fn hear(&mut self, event: &Event, seconds: f64) {
        self.seen.hear(event, seconds);
        if !matches!(event, Event::Progress { phase, .. } if *phase != Phase::Rl) {
            let _ = self.terminal.draw(|frame| draw(&self.seen, frame));
        }
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = stderr().execute(LeaveAlternateScreen);
    }
}

impl Seen {
    fn hear(&mut self, event: &Event, seconds: f64) {
        self.seconds = seconds;
        match event {
            Event::PhaseStarted { phase: Phase::Rl, total } => self.total = *total,
            Event::Evaluation(e) => self.accuracy.push((e.step as f64, f64::from(e.sampled))),
            Event::Update(update) => {
                self.updates = update.step;
                let at = |value: f32| (update.step as f64, f64::from(value));
                self.verified.extend(update.verified.map(at));
                self.outcome.extend(update.process_outcome.map(|outcome| at(outcome.mean)));
                self.kl.extend(update.kl.map(at));
                self.steps.push(at(update.steps.mean));
            }
            Event::Sample(sample) => self.sample = Some(sample.clone()),
            Event::Guard(fired) => self.say(format!("guard {} at update {}: {}", fired.guard, fired.step, fired.seen)),
            Event::Warning { message } => self.say(message.clone()),
            _ => {}
        }
    }

    fn say(&mut self, message: String) {
        self.messages.push(message);
        self.messages.drain(..self.messages.len().saturating_sub(MESSAGES));
    }
}

fn draw(seen: &Seen, frame: &mut Frame<'_>) {
    let messages = seen.messages.len() as u16;
    let [head, curves, sample, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Percentage(55),
        Constraint::Min(5),
        Constraint::Length(messages),
    ])
    .areas(frame.area());
    let share = if seen.total > 0 { (seen.updates as f64 / seen.total as f64).min(1.0) } else { 0.0 };
    let left = if seen.updates > 0 { seen.seconds * (1.0 / share.max(1e-9) - 1.0) } else { 0.0 };
    let label = format!("update {} of {}, {:.0} s, about {left:.0} s left", seen.updates, seen.total, seen.seconds);
    frame.render_widget(Gauge::default().ratio(share).label(label).gauge_style(Style::new().blue()), head);
    let rows = Layout::vertical([Constraint::Percentage(50); 2]).split(curves);
    let cells: Vec<Rect> =
        rows.iter().flat_map(|row| Layout::horizontal([Constraint::Percentage(50); 2]).split(*row).to_vec()).collect();
    let panels: [(&str, &[&Points]); 4] = [
        ("accuracy: held out (blue), in training (yellow)", &[&seen.accuracy, &seen.verified]),
        ("process outcome", &[&seen.outcome]),
        ("KL to the reference", &[&seen.kl]),
        ("steps", &[&seen.steps]),
    ];
    for ((title, curves), cell) in panels.into_iter().zip(cells) {
        chart(frame, cell, title, curves);
    }
    let text = seen.sample.as_ref().map(sample_lines).unwrap_or_default();
    let block = Block::bordered().title("last sample");
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }).block(block), sample);
    let lines: Vec<Line<'_>> = seen.messages.iter().map(|message| Line::from(message.as_str()).yellow()).collect();
    frame.render_widget(Paragraph::new(lines), foot);
}

fn chart(frame: &mut Frame<'_>, area: Rect, title: &str, curves: &[&Points]) {
    const COLOURS: [Color; 2] = [Color::Blue, Color::Yellow];
    let points = || curves.iter().flat_map(|curve| curve.iter());
    let x = bounds(points().map(|point| point.0));
    let y = bounds(points().map(|point| point.1));
    let datasets = curves.iter().zip(COLOURS).map(|(curve, colour)| {
        Dataset::default()
            .data(curve)
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(Style::new().fg(colour))
    });
    let labels = |[low, high]: [f64; 2]| [format!("{low:.2}"), format!("{high:.2}")];
    let chart = Chart::new(datasets.collect())
        .block(Block::bordered().title(title.to_owned()))
        .x_axis(Axis::default().bounds(x))
        .y_axis(Axis::default().bounds(y).labels(labels(y)));
    frame.render_widget(chart, area);
}

fn bounds(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    if low > high { [0.0, 1.0] } else { [low, high.max(low + 1e-6)] }
}

/// The prompt, then each step with its score: blue above 0, red below, the stronger the further.
fn sample_lines(sample: &Sample) -> Vec<Line<'_>> {
    let mut lines = vec![Line::from(sample.prompt.as_str()).dim()];
    for (index, step) in sample.steps.iter().enumerate() {
        let score = sample.scores.get(index).copied();
        let colour = match score {
            Some(score) if score < -0.5 => Color::LightRed,
            Some(score) if score < 0.0 => Color::Red,
            Some(score) if score < 0.5 => Color::Blue,
            Some(_) => Color::LightBlue,
            None => Color::Reset,
        };
        let shown = score.map_or(String::new(), |score| format!("{score:+.2}  "));
        lines.push(Line::from(vec![Span::from(shown).bold(), Span::from(step.as_str())]).fg(colour));
    }
    lines
}

#[cfg(test)]
mod tests {
    use minform_core::event::{Spread, Update};
    use ratatui::backend::TestBackend;

    use super::*;

    #[test]
    fn curves_and_the_last_sample_are_drawn() {
        let mut seen = Seen::default();
        seen.hear(&Event::PhaseStarted { phase: Phase::Rl, total: 4 }, 0.0);
        for step in 1..=2 {
            let outcome = Some(Spread { mean: 0.5, min: 0.0, max: 1.0 });
            let update = Update { step, process_outcome: outcome, kl: Some(0.25), ..Update::default() };
            seen.hear(&Event::Update(Box::new(update)), 3.0);
        }
        let steps = vec!["3 + 4 = 7".to_owned(), "\\boxed{8}".to_owned()];
        let (scores, returns) = (vec![0.9, -0.8], vec![-0.8, -0.8]);
        seen.hear(
            &Event::Sample(Sample { step: 2, prompt: "3 + 4?".into(), steps, scores, returns, verified: None }),
            3.0,
        );
        seen.hear(&Event::Warning { message: "look".into() }, 3.0);
        let mut terminal = Terminal::new(TestBackend::new(100, 40)).unwrap();
        terminal.draw(|frame| draw(&seen, frame)).unwrap();
        let text: String = terminal.backend().buffer().content().iter().map(ratatui::buffer::Cell::symbol).collect();
        for part in ["update 2 of 4, 3 s, about 3 s left", "process outcome", "+0.90  3 + 4 = 7", "-0.80", "look"] {
            assert!(text.contains(part), "{part}");
        }
    }
}
