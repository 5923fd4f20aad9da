//! Whether scores mean what they say: of the steps given a probability of 0.8, eight in ten should be right.

use crate::event::{Calibration, ReliabilityBin};

/// Bins of equal width from 0 to 1.
const BINS: usize = 10;

/// How well probabilities agree with what is right, in pairs of (probability, is right); `None` for none at all.
///
/// ECE = Σ_b n_b / N · |share of right steps in b − mean probability in b| (Naeini et al. 2015), with ten bins of equal
/// width. Empty bins are left out.
pub fn calibration(pairs: &[(f32, bool)]) -> Option<Calibration> {
    let mut bins = [(0_usize, 0_usize, 0.0_f64); BINS];
    let finite: Vec<_> = pairs.iter().filter(|(probability, _)| probability.is_finite()).collect();
    for (probability, right) in &finite {
        let index = ((probability * BINS as f32) as usize).min(BINS - 1);
        let (steps, rights, sum) = &mut bins[index];
        *steps += 1;
        *rights += usize::from(*right);
        *sum += f64::from(*probability);
    }
    let filled = bins.into_iter().filter(|(steps, ..)| *steps > 0);
    let bins: Vec<ReliabilityBin> = filled
        .map(|(steps, rights, sum)| ReliabilityBin {
            probability: (sum / steps as f64) as f32,
            right_share: rights as f32 / steps as f32,
            steps,
        })
        .collect();
    let total = finite.len() as f32;
    let ece = bins.iter().map(|bin| bin.steps as f32 / total * (bin.right_share - bin.probability).abs()).sum();
    (total > 0.0).then_some(Calibration { ece, bins })
}

#[cfg(test)]
mod tests {
    use super::calibration;

    #[test]
    fn the_error_is_the_mean_gap_of_the_bins() {
        // Two steps at 0.25, none right; four at 0.75, three right; one at the very end.
        let pairs =
            [(0.25, false), (0.25, false), (0.75, true), (0.75, true), (0.75, true), (0.75, false), (1.0, true)];
        let found = calibration(&pairs).unwrap();
        assert!((found.ece - 2.0 / 7.0 * 0.25).abs() < 1e-6, "{}", found.ece);
        let shown: Vec<_> = found.bins.iter().map(|bin| (bin.probability, bin.right_share, bin.steps)).collect();
        assert_eq!(shown, [(0.25, 0.0, 2), (0.75, 0.75, 4), (1.0, 1.0, 1)]);
    }

    #[test]
    fn nothing_has_no_calibration_and_broken_scores_do_not_count() {
        assert_eq!(calibration(&[]), None);
        assert_eq!(calibration(&[(f32::NAN, true)]), None);
        assert_eq!(calibration(&[(f32::NAN, true), (0.0, false)]).unwrap().ece, 0.0);
    }
}
