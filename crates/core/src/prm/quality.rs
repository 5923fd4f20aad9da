//! How well step scores separate right from wrong steps.

use minform_credit::{Detection, detection, first_error, share};

use super::{Scale, calibration};
use crate::event::PrmQuality;

/// P(score of a right step > score of a wrong step) + ½ P(equal); `None` unless both kinds occur.
///
/// Computed from ranks (Mann–Whitney U), ties sharing their mean rank. Each pair is (score, is right).
pub fn area_under_roc(pairs: &[(f32, bool)]) -> Option<f32> {
    let mut sorted = pairs.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let right = sorted.iter().filter(|(_, right)| *right).count() as f64;
    let wrong = sorted.len() as f64 - right;
    if right == 0.0 || wrong == 0.0 {
        return None;
    }
    let mut rank_sum = 0.0;
    let mut before = 0;
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let mean_rank = before as f64 + (tied.len() + 1) as f64 / 2.0;
        rank_sum += mean_rank * tied.iter().filter(|(_, right)| *right).count() as f64;
        before += tied.len();
    }
    Some(((rank_sum - right * (right + 1.0) / 2.0) / (right * wrong)) as f32)
}

/// Step and first-error figures of scored solutions.
///
/// `labels` follow PRM800K: judged up to the first error, `None` beyond. A solution without a `Some(false)` has no
/// error.
pub fn quality(
    on: &str,
    scores: &[Vec<f32>],
    labels: &[Vec<Option<bool>>],
    threshold: f32,
    scale: Scale,
) -> PrmQuality {
    let mut pairs = Vec::new();
    let mut first_errors = Vec::new();
    for (scores, labels) in scores.iter().zip(labels) {
        pairs.extend(scores.iter().zip(labels).filter_map(|(score, label)| label.map(|right| (*score, right))));
        let truth = labels.iter().position(|label| *label == Some(false)).map_or(-1, |index| index as i64);
        first_errors.push((first_error(scores, threshold), truth));
    }
    let probabilities: Vec<(f32, bool)> =
        pairs.iter().map(|(score, right)| (scale.probability(*score), *right)).collect();
    let right_side = pairs.iter().map(|(score, right)| (*score >= threshold) == *right).collect::<Vec<_>>();
    let approved = first_errors.iter().map(|(found, _)| *found < 0).collect::<Vec<_>>();
    let Detection { accuracy_erroneous, accuracy_correct, f1 } = detection(first_errors);
    PrmQuality {
        on: on.into(),
        step: None,
        steps: pairs.len(),
        right_share: share(&pairs.iter().map(|(_, right)| *right).collect::<Vec<_>>()).unwrap_or(0.0),
        auc: area_under_roc(&pairs),
        accuracy: share(&right_side),
        accuracy_erroneous,
        accuracy_correct,
        approved: share(&approved),
        first_error_f1: f1,
        loss: log_loss(&probabilities),
        calibration: calibration(&probabilities),
    }
}

/// −(1/N) Σ log p(label), with probabilities kept from 0 and 1 by 10⁻⁶.
fn log_loss(pairs: &[(f32, bool)]) -> Option<f32> {
    let loss = |(probability, right): &(f32, bool)| {
        let of_label = if *right { *probability } else { 1.0 - probability };
        -f64::from(of_label.clamp(1e-6, 1.0)).ln()
    };
    (!pairs.is_empty()).then(|| (pairs.iter().map(loss).sum::<f64>() / pairs.len() as f64) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn area_counts_ordered_pairs() {
        // Pairs (right, wrong): (0.9, 0.1) ordered, (0.9, 0.5) ordered, (0.5, 0.1) ordered, (0.5, 0.5) tied.
        let pairs = [(0.9, true), (0.1, false), (0.5, true), (0.5, false)];
        assert_eq!(area_under_roc(&pairs), Some(3.5 / 4.0));
        assert_eq!(area_under_roc(&[(0.1, true)]), None);
        assert_eq!(area_under_roc(&[]), None);
    }

    #[test]
    fn f1_is_the_harmonic_mean_of_both_accuracies() {
        let scores = [vec![0.9, -0.5], vec![0.9, 0.5], vec![-0.1], vec![0.8]];
        let labels = [vec![Some(true), Some(false)], vec![Some(true), Some(false)], vec![Some(true)], vec![Some(true)]];
        let found = quality("made up", &scores, &labels, 0.0, Scale::Signed);
        assert_eq!((found.accuracy_erroneous, found.accuracy_correct), (Some(0.5), Some(0.5)));
        assert_eq!(found.first_error_f1, Some(0.5));
        // Labels at probabilities 0.95, 0.75, 0.95, 0.25, 0.45 and 0.9.
        let likelihood: f32 = 0.95 * 0.75 * 0.95 * 0.25 * 0.45 * 0.9;
        assert!((found.loss.unwrap() + likelihood.ln() / 6.0).abs() < 1e-5);
        assert_eq!(quality("nothing", &[], &[], 0.0, Scale::Signed).first_error_f1, None);
    }
}
