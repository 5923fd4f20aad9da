//! What the runs of an experiment show together.

use serde::Serialize;

use crate::event::Event;

/// One run at one evaluation. Shares lie between 0 and 1.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Point {
    /// Updates made.
    pub step: usize,
    /// Held-out accuracy, sampled as in training.
    pub sampled: f32,
    /// Held-out accuracy, greedy.
    pub greedy: f32,
    /// Mean number of steps.
    pub steps: f32,
    /// Mean length in tokens.
    pub length: f32,
    /// Share of answers cut off at the length limit.
    pub truncated: f32,
    /// AUC of the process reward model on samples of this policy.
    pub auc: Option<f32>,
    /// Share of these samples in which it finds no wrong step.
    pub approved: Option<f32>,
    /// Mean process outcome of the training responses since the last evaluation, in the arm's own form.
    pub outcome: Option<f32>,
    /// Mean KL estimate per token since the last evaluation.
    pub kl: Option<f32>,
}

/// The evaluations of one run, in order.
pub fn course<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let (mut outcomes, mut kls, mut audits) = (Vec::new(), Vec::new(), Vec::new());
    for event in events {
        match event {
            Event::Update(update) => {
                outcomes.extend(update.process_outcome.map(|outcome| outcome.mean));
                kls.extend(update.kl);
            }
            Event::PrmQuality(quality) => audits.extend(quality.step.map(|step| (step, quality.auc, quality.approved))),
            Event::Evaluation(evaluation) => points.push(Point {
                step: evaluation.step,
                sampled: evaluation.sampled,
                greedy: evaluation.greedy,
                steps: evaluation.steps,
                length: evaluation.length,
                truncated: evaluation.truncated,
                outcome: minform_credit::mean(&std::mem::take(&mut outcomes)),
                kl: minform_credit::mean(&std::mem::take(&mut kls)),
                ..Point::default()
            }),
            _ => {}
        }
    }
    for point in &mut points {
        if let Some((_, auc, approved)) = audits.iter().find(|(step, ..)| *step == point.step) {
            (point.auc, point.approved) = (*auc, *approved);
        }
    }
    points
}

/// A run in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// Accuracy before RL.
    pub base: f32,
    /// Accuracy at the end.
    pub last: f32,
    /// Best accuracy of an evaluation.
    pub best: f32,
    /// Updates until the accuracy first reached `target`.
    pub reached: Option<usize>,
    /// Updates until the accuracy first lay more than 10 points under the base.
    pub collapsed: Option<usize>,
    /// AUC of the process reward model on samples of the base policy and of the last one.
    pub auc: (Option<f32>, Option<f32>),
    /// Approved by the process reward model less right by the checker, at the end.
    pub divergence: Option<f32>,
    /// Mean number of steps at the end.
    pub steps: f32,
}

/// How far accuracy may fall under the base before a run counts as collapsed.
const COLLAPSE: f32 = 0.1;

impl RunSummary {
    /// Whether there was enough accuracy to lose.
    pub fn can_collapse(&self) -> bool {
        self.base > COLLAPSE
    }
}

/// The run in short; `target` is an accuracy to reach. `None` without an evaluation.
pub fn summarise(points: &[Point], target: Option<f32>) -> Option<RunSummary> {
    let (first, last) = (points.first()?, points.last()?);
    let first_step =
        |wanted: &dyn Fn(&Point) -> bool| points.iter().find(|point| wanted(point)).map(|point| point.step);
    Some(RunSummary {
        base: first.sampled,
        last: last.sampled,
        best: points.iter().map(|point| point.sampled).fold(0.0, f32::max),
        reached: target.and_then(|target| first_step(&|point| point.sampled >= target)),
        collapsed: first_step(&|point| point.sampled < first.sampled - COLLAPSE),
        auc: (first.auc, last.auc),
        divergence: last.approved.map(|approved| approved - last.sampled),
        steps: last.steps,
    })
}

/// A mean with the half-width of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Mean.
    pub mean: f64,
    /// Half-width by Student's t; `None` for one value.
    pub half_width: Option<f64>,
}

/// t for a two-sided 95 % interval with 1 to 30 degrees of freedom; beyond, the normal value serves.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// Mean ± t s / √n over seeds; `None` without a value.
pub fn interval(values: &[f32]) -> Option<Interval> {
    let n = values.len();
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / n as f64;
    let squares: f64 = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum();
    let half_width = (n > 1).then(|| {
        let t = STUDENT.get(n - 2).copied().unwrap_or(1.96);
        t * (squares / (n - 1) as f64 / n as f64).sqrt()
    });
    (n > 0).then_some(Interval { mean, half_width })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Evaluation, PrmQuality, Spread, Update};

    fn evaluation(step: usize, sampled: f32) -> Event {
        Event::Evaluation(Evaluation {
            name: "update".into(),
            step,
            greedy: 0.9,
            sampled,
            problems: 10,
            length: 20.0,
            steps: 4.0,
            truncated: 0.0,
        })
    }

    fn audit(step: usize, auc: f32) -> Event {
        let quality = PrmQuality {
            on: String::new(),
            step: Some(step),
            steps: 1,
            right_share: 1.0,
            auc: Some(auc),
            accuracy: None,
            accuracy_erroneous: None,
            accuracy_correct: None,
            first_error_f1: None,
            approved: Some(0.9),
            loss: None,
            calibration: None,
        };
        Event::PrmQuality(quality)
    }

    fn update(outcome: f32) -> Event {
        let outcome = Spread { mean: outcome, min: outcome, max: outcome };
        Event::Update(Box::new(Update { process_outcome: Some(outcome), kl: Some(0.5), ..Update::default() }))
    }

    #[test]
    fn a_course_joins_what_belongs_to_an_evaluation() {
        let events = [evaluation(0, 0.5), audit(0, 0.9), update(0.25), update(0.75), evaluation(2, 0.6), audit(2, 0.8)];
        let points = course(&events);
        assert_eq!((points[0].outcome, points[0].auc), (None, Some(0.9)));
        assert_eq!((points[1].outcome, points[1].kl, points[1].auc), (Some(0.5), Some(0.5), Some(0.8)));
    }

    #[test]
    fn a_collapse_and_its_first_step_are_found() {
        let events: Vec<Event> =
            [(0, 0.5), (10, 0.8), (20, 0.45), (30, 0.3), (40, 0.2)].map(|(step, share)| evaluation(step, share)).into();
        let summary = summarise(&course(&events), Some(0.7)).expect("evaluations");
        assert_eq!((summary.base, summary.best, summary.last), (0.5, 0.8, 0.2));
        assert_eq!((summary.reached, summary.collapsed), (Some(10), Some(30)));
        assert_eq!(summarise(&[], None), None);
    }

    #[test]
    fn an_interval_by_hand() {
        // s² = 1, so the half-width is 4.303 / √3.
        let found = interval(&[1.0, 2.0, 3.0]).expect("values");
        assert_eq!(found.mean, 2.0);
        assert!((found.half_width.expect("three values") - 4.303 / 3.0_f64.sqrt()).abs() < 1e-9);
        assert_eq!(interval(&[1.0]), Some(Interval { mean: 1.0, half_width: None }));
        assert_eq!(interval(&[]), None);
    }
}
