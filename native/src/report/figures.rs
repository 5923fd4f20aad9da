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
            "reward model on the policy's samples by update",
            &[("AUC", &|e| audit(e, |q| q.auc)), ("approved", &|e| audit(e, |q| q.approved))],
        ),
        make("KL to the reference by update", &[("KL", &|e| update(e, |u| u.kl))]),
        make("steps by update", &[("steps", &|e| update(e, |u| Some(u.steps.mean)))]),
        make("length in tokens by update", &[("tokens", &|e| update(e, |u| Some(u.length.mean)))]),
        make("entropy by update", &[("entropy", &|e| update(e, |u| u.entropy))]),
        make("repetition by update", &[("repetition", &|e| update(e, |u| Some(u.repetition.mean)))]),
        make("gradient norm by update", &[("norm", &|e| update(e, |u| Some(u.grad_norm)))]),
        make("value function: explained variance by update", &[("share", &|e| update(e, |u| u.explained_variance))]),
        make("fine-tuning loss by step", &[("loss", &sft_loss)]),
        make(
            "PRM loss by step",
            &[("head only", &|e| prm_loss(e, Phase::PrmHead)), ("all weights", &|e| prm_loss(e, Phase::PrmFull))],
        ),
    ];
    figures.into_iter().flatten().collect()
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
