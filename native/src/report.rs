//! The report of a run: one HTML file that opens without a network.

use std::fmt::Write as _;

use anyhow::{Result, anyhow};
use minform_core::config::Config;
use minform_core::event::{Event, Phase, Sample};
use plotters::prelude::*;

use crate::clock::Spent;
use crate::log::Timed;

const STYLE: &str = "
:root { color-scheme: light dark; --good: #2166ac; --bad: #b2182b; --line: #8888; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { border-bottom: 1px solid var(--line); padding: .3rem .8rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
figure { display: inline-block; margin: .5rem; background: #fff; border-radius: .3rem; }
svg { max-width: 100%; height: auto; }
.sample { border: 1px solid var(--line); border-radius: .3rem; padding: .6rem .8rem; margin: .6rem 0; }
.step { border-left: .4rem solid var(--line); padding-left: .6rem; margin: .2rem 0; white-space: pre-wrap; }
.good { border-color: var(--good); } .bad { border-color: var(--bad); border-left-style: double; }
.score { opacity: .75; font-variant-numeric: tabular-nums; margin-left: .6rem; }
pre { overflow: auto; padding: .6rem; border: 1px solid var(--line); border-radius: .3rem; }
";

/// A curve: a name and points.
type Curve = (&'static str, Vec<(f64, f64)>);

/// The page for what a run has heard so far.
pub(crate) fn page(
    title: &str,
    config: &Config,
    history: &[Timed],
    spent: impl Iterator<Item = (Phase, Spent)>,
) -> Result<String> {
    let mut page = String::new();
    write!(page, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">")?;
    write!(page, "<meta name=\"viewport\" content=\"width=device-width\"><title>{}</title>", escape(title))?;
    write!(page, "<style>{STYLE}</style><h1>{}</h1>", escape(title))?;
    results(&mut page, history)?;
    for (caption, mut curves) in figures(history) {
        curves.retain(|(_, points)| points.len() > 1);
        if !curves.is_empty() {
            write!(page, "<figure>{}</figure>", draw(caption, &curves)?)?;
        }
    }
    phases(&mut page, spent)?;
    samples(&mut page, history)?;
    write!(page, "<h2>Configuration</h2><pre>{}</pre>", escape(&toml::to_string_pretty(config)?))?;
    Ok(page)
}

fn results(page: &mut String, history: &[Timed]) -> Result<()> {
    let mut rows = String::new();
    for timed in history {
        if let Event::Evaluation(e) = &timed.event {
            write!(
                rows,
                "<tr><td>{}</td><td>{}</td><td>{:.1} %</td><td>{:.1} %</td><td>{}</td><td>{:.1}</td><td>{:.1}</td></tr>",
                escape(&e.name),
                e.step,
                e.greedy * 100.0,
                e.sampled * 100.0,
                e.problems,
                e.steps,
                e.length
            )?;
        }
    }
    if !rows.is_empty() {
        write!(
            page,
            "<h2>Accuracy on held-out problems</h2><table><tr><th>policy</th><th>updates</th><th>greedy</th><th>sampled</th><th>problems</th><th>steps</th><th>tokens</th></tr>{rows}</table>"
        )?;
    }
    let mut rows = String::new();
    for timed in history {
        if let Event::PrmQuality(q) = &timed.event {
            let show = |value: Option<f32>| value.map_or("n/a".into(), |value| format!("{value:.3}"));
            write!(
                rows,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(&q.on),
                q.steps,
                show(q.auc),
                show(q.accuracy),
                show(q.first_error_f1)
            )?;
        }
    }
    if !rows.is_empty() {
        write!(
            page,
            "<h2>Process reward model</h2><table><tr><th>on</th><th>labelled steps</th><th>AUC</th><th>step accuracy</th><th>first-error F1</th></tr>{rows}</table>"
        )?;
    }
    write!(page, "<h2>Curves</h2>")?;
    Ok(())
}

fn figures(history: &[Timed]) -> Vec<(&'static str, Vec<Curve>)> {
    let updates = |value: fn(&minform_core::event::Update) -> Option<f32>| -> Vec<(f64, f64)> {
        let point = |timed: &Timed| match &timed.event {
            Event::Update(update) => value(update).map(|value| (update.step as f64, f64::from(value))),
            _ => None,
        };
        history.iter().filter_map(point).collect()
    };
    let evaluations = |value: fn(&minform_core::event::Evaluation) -> f32| -> Vec<(f64, f64)> {
        let point = |timed: &Timed| match &timed.event {
            Event::Evaluation(e) => Some((e.step as f64, f64::from(value(e)))),
            _ => None,
        };
        history.iter().filter_map(point).collect()
    };
    let losses = |wanted: Option<Phase>| -> Vec<(f64, f64)> {
        let loss = |timed: &Timed| match (&timed.event, wanted) {
            (Event::SftStep(step), None) => Some((step.step as f64, f64::from(step.loss))),
            (Event::PrmStep(step), Some(phase)) if step.phase == phase => {
                Some((step.step as f64, f64::from(step.loss)))
            }
            _ => None,
        };
        history.iter().filter_map(loss).collect()
    };
    vec![
        ("accuracy by update", vec![("greedy", evaluations(|e| e.greedy)), ("sampled", evaluations(|e| e.sampled))]),
        (
            "process outcome by update",
            vec![
                ("outcome", updates(|u| u.process_outcome.map(|outcome| outcome.mean))),
                ("verified", updates(|u| u.verified)),
            ],
        ),
        ("KL to the reference by update", vec![("KL", updates(|u| u.kl))]),
        ("steps by update", vec![("steps", updates(|u| Some(u.steps.mean)))]),
        ("length in tokens by update", vec![("tokens", updates(|u| Some(u.length.mean)))]),
        ("entropy by update", vec![("entropy", updates(|u| u.entropy))]),
        ("gradient norm by update", vec![("norm", updates(|u| Some(u.grad_norm)))]),
        ("fine-tuning loss by step", vec![("loss", losses(None))]),
        (
            "PRM loss by step",
            vec![("head only", losses(Some(Phase::PrmHead))), ("all weights", losses(Some(Phase::PrmFull)))],
        ),
    ]
}

/// One figure as SVG; the colours differ in lightness too, so they survive greyscale.
fn draw(caption: &str, curves: &[Curve]) -> Result<String> {
    const COLOURS: [RGBColor; 2] = [RGBColor(33, 102, 172), RGBColor(214, 96, 77)];
    let points = || curves.iter().flat_map(|(_, points)| points).filter(|(_, y)| y.is_finite());
    let range = |value: fn(&(f64, f64)) -> f64| {
        let (low, high) = points().map(value).fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        let margin = ((high - low) * 0.05).max(1e-6);
        low - margin..high + margin
    };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (440, 280)).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .caption(caption, ("sans-serif", 16))
            .margin(8)
            .x_label_area_size(26)
            .y_label_area_size(52)
            .build_cartesian_2d(range(|p| p.0), range(|p| p.1))
            .map_err(|error| anyhow!("{error}"))?;
        chart.configure_mesh().light_line_style(WHITE).x_labels(6).y_labels(6).draw().map_err(|e| anyhow!("{e}"))?;
        for ((name, points), colour) in curves.iter().zip(COLOURS.iter().cycle()) {
            let line = points.iter().copied().filter(|(_, y)| y.is_finite());
            let series =
                chart.draw_series(LineSeries::new(line, colour.stroke_width(2))).map_err(|e| anyhow!("{e}"))?;
            if curves.len() > 1 {
                series
                    .label(*name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2)));
            }
        }
        if curves.len() > 1 {
            let labels = &mut chart.configure_series_labels();
            labels.border_style(BLACK.mix(0.3)).background_style(WHITE.mix(0.8)).draw().map_err(|e| anyhow!("{e}"))?;
        }
        area.present().map_err(|error| anyhow!("{error}"))?;
    }
    Ok(svg)
}

fn phases(page: &mut String, spent: impl Iterator<Item = (Phase, Spent)>) -> Result<()> {
    write!(page, "<h2>Time</h2><table><tr><th>phase</th><th>seconds</th><th>tokens</th><th>tokens/s</th></tr>")?;
    for (phase, spent) in spent {
        write!(
            page,
            "<tr><td>{}</td><td>{:.1}</td><td>{}</td><td>{:.0}</td></tr>",
            phase.title(),
            spent.seconds,
            spent.tokens,
            spent.rate()
        )?;
    }
    write!(page, "</table>")?;
    Ok(())
}

/// The first and the last few samples, so that a reader sees what changed.
fn samples(page: &mut String, history: &[Timed]) -> Result<()> {
    const SHOWN: usize = 4;
    let all: Vec<&Sample> = history
        .iter()
        .filter_map(|timed| match &timed.event {
            Event::Sample(sample) => Some(sample),
            _ => None,
        })
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    write!(page, "<h2>Samples</h2><p>A double red edge marks a step scored below 0, a blue edge one above.</p>")?;
    let last = all.len().saturating_sub(SHOWN).max(SHOWN.min(all.len()));
    for sample in all.iter().take(SHOWN).chain(&all[last..]) {
        write!(
            page,
            "<div class=\"sample\"><b>update {}</b> {}<br>{}",
            sample.step,
            verdict(sample),
            escape(&sample.prompt)
        )?;
        for (index, step) in sample.steps.iter().enumerate() {
            let score = sample.scores.get(index).copied();
            let class = score.map_or("", |score| if score < 0.0 { "bad" } else { "good" });
            let shown = score.map_or(String::new(), |score| format!("{score:+.2}"));
            write!(page, "<div class=\"step {class}\">{}<span class=\"score\">{shown}</span></div>", escape(step))?;
        }
        write!(page, "</div>")?;
    }
    Ok(())
}

fn verdict(sample: &Sample) -> &'static str {
    match sample.verified {
        Some(true) => "(answer right)",
        Some(false) => "(answer wrong)",
        None => "(answer not checked)",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
