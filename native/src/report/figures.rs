//! The curves of one run or of several over each other.

use minform_core::event::{Evaluation, Event, Phase, PrmQuality, Update};

use super::Recorded;
use crate::figure::{Curve, Figure};

/// A point of a curve, if the event has one.
type Point<'a> = &'a dyn Fn(&Event) -> Option<(usize, f32)>;

/// Every figure that the runs have data for.
pub(super) fn figures(runs: &[Recorded]) -> Vec<Figure> {
    let make = |caption: &str, series: &[(&str, Point<'_>)]| {
        let curve = |run: &Recorded, name: &str, point: Point<'_>| {
            let points = run.history.iter().filter_map(|timed| point(&timed.event));
            let name = match (runs.len(), series.len()) {
                (1, _) => name.to_owned(),
                (_, 1) => run.name.clone(),
                _ => format!("{}, {name}", run.name),
            };
            Curve::line(name, points.map(|(x, y)| (x as f64, f64::from(y))))
        };
        let curves = runs.iter().flat_map(|run| series.iter().map(move |(name, point)| curve(run, name, *point)));
        Figure::new(caption, curves.collect())
    };
    let figures = [
        make(
            "accuracy by update",
            &[("sampled", &|e| evaluation(e, |e| e.sampled)), ("greedy", &|e| evaluation(e, |e| e.greedy))],
        ),
        make("process outcome by update", &[("outcome", &|e| update(e, |u| Some(u.process_outcome?.mean)))]),
        make("answers right in training by update", &[("verified", &|e| update(e, |u| u.verified))]),
        make(
            "reward model by update or step",
            &[("AUC", &|e| audit(e, |q| q.auc)), ("approved", &|e| audit(e, |q| q.approved))],
        ),
        make("KL to the reference by update", &[("KL", &|e| update(e, |u| u.kl))]),
        make("KL of what wrote the responses to the policy by update", &[("KL", &|e| update(e, |u| u.sampler_kl))]),
        make("steps by update", &[("steps", &|e| update(e, |u| Some(u.steps.mean)))]),
        make("length in tokens by update", &[("tokens", &|e| update(e, |u| Some(u.length.mean)))]),
        make("entropy by update", &[("entropy", &|e| update(e, |u| u.entropy))]),
        make("repetition by update", &[("repetition", &|e| update(e, |u| Some(u.repetition.mean)))]),
        make("gradient norm by update", &[("norm", &|e| update(e, |u| Some(u.grad_norm)))]),
        make("value function: explained variance by update", &[("share", &|e| update(e, |u| u.explained_variance))]),
        make("fine-tuning loss by step", &[("loss", &sft_loss)]),
        make(
            "PRM loss by step",
            &[("head only", &|e| prm_loss(e, Phase::PrmHead)), ("decoder and head", &|e| prm_loss(e, Phase::PrmFull))],
        ),
    ];
    figures.into_iter().flatten().chain(reliability(runs)).collect()
}

/// The share of right steps against the probability that the last measurement gave them; on the diagonal both agree.
fn reliability(runs: &[Recorded]) -> Option<Figure> {
    let last = |run: &Recorded| {
        let calibration = run.history.iter().rev().find_map(|timed| match &timed.event {
            Event::PrmQuality(quality) => quality.calibration.clone(),
            _ => None,
        })?;
        let points = calibration.bins.into_iter().map(|bin| (f64::from(bin.probability), f64::from(bin.right_share)));
        let name = if runs.len() == 1 { "steps".into() } else { run.name.clone() };
        Some(Curve::line(format!("{name}, ECE {:.3}", calibration.ece), points))
    };
    let mut curves: Vec<Curve> = runs.iter().filter_map(last).collect();
    if !curves.is_empty() {
        curves.push(Curve::line("as they should be", [(0.0, 0.0), (1.0, 1.0)]));
    }
    Figure::new("share of right steps by probability", curves)
}

fn update(event: &Event, value: fn(&Update) -> Option<f32>) -> Option<(usize, f32)> {
    let Event::Update(update) = event else { return None };
    Some((update.step, value(update)?))
}

fn evaluation(event: &Event, value: fn(&Evaluation) -> f32) -> Option<(usize, f32)> {
    let Event::Evaluation(evaluation) = event else { return None };
    Some((evaluation.step, value(evaluation)))
}

fn audit(event: &Event, value: fn(&PrmQuality) -> Option<f32>) -> Option<(usize, f32)> {
    let Event::PrmQuality(quality) = event else { return None };
    Some((quality.step?, value(quality)?))
}

fn sft_loss(event: &Event) -> Option<(usize, f32)> {
    let Event::SftStep(step) = event else { return None };
    Some((step.step, step.loss))
}

fn prm_loss(event: &Event, phase: Phase) -> Option<(usize, f32)> {
    let Event::PrmStep(step) = event else { return None };
    (step.phase == phase).then_some((step.step, step.loss))
}
