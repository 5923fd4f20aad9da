//! Estimators of the distance from the reference policy.

use crate::number::{finite, narrow};

/// Estimator of KL(π ‖ π_ref) from one sampled token, with the log-ratio
/// d = log π − log π_ref (Schulman, "Approximating KL divergence").
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KlEstimator {
    /// d. Unbiased, may be negative. Main branch.
    K1,
    /// d² / 2. Biased, low variance.
    K2,
    /// e^(−d) − 1 + d. Unbiased, never negative. Main branch on request.
    K3,
    /// `K3` held within [−10, 10]. Verl branch (`low_var_kl`).
    K3Clamped,
}

impl KlEstimator {
    /// Estimate for one token. Finite for every input; a log-ratio that is NaN
    /// (both policies give probability 0) counts as 0.
    ///
    /// ```
    /// assert_eq!(minform_credit::KlEstimator::K2.value(3.0), 4.5);
    /// ```
    pub fn value(self, log_ratio: f32) -> f32 {
        let d = finite(log_ratio, 0.0);
        narrow(match self {
            Self::K1 => d,
            Self::K2 => d * d / 2.0,
            Self::K3 => k3(d),
            Self::K3Clamped => k3(d).clamp(-10.0, 10.0),
        })
    }
}

/// A KL coefficient that steers the divergence towards a target (Ziegler et al. 2019, Section 2.2).
///
/// β ← β (1 + e n / horizon),  e = clip(KL / target − 1, −0.2, 0.2)
///
/// n counts responses. KL is a mean per token here, so a target is far below those for whole responses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdaptiveKl {
    /// Divergence to hold; not positive means that the coefficient stays.
    pub target: f32,
    /// Responses over which a lasting error of 1 would multiply β by e, were it not clipped.
    pub horizon: f32,
}

impl AdaptiveKl {
    /// The coefficient after `responses` whose mean divergence was `kl`; NaN and a horizon of 0 change nothing.
    ///
    /// ```
    /// let controller = minform_credit::AdaptiveKl { target: 0.1, horizon: 100.0 };
    /// assert_eq!(controller.next(1.0, 0.5, 50), 1.1);
    /// ```
    pub fn next(&self, coefficient: f32, kl: f32, responses: usize) -> f32 {
        let steers = self.target > 0.0 && self.horizon > 0.0 && !kl.is_nan();
        if !steers {
            return coefficient;
        }
        let error = (f64::from(kl) / f64::from(self.target) - 1.0).clamp(-0.2, 0.2);
        let factor = 1.0 + error * responses as f64 / f64::from(self.horizon);
        narrow(f64::from(coefficient) * factor.max(0.0))
    }
}

fn k3(d: f64) -> f64 {
    // expm1 keeps the digits that e^(−d) − 1 loses near d = 0.
    libm::expm1(-d) + d
}

#[cfg(test)]
mod tests {
    use super::KlEstimator::{K1, K2, K3, K3Clamped};

    #[test]
    fn the_coefficient_follows_the_divergence() {
        let controller = super::AdaptiveKl { target: 0.1, horizon: 100.0 };
        assert_eq!(controller.next(1.0, 0.0, 50), 0.9);
        assert_eq!(controller.next(1.0, 0.1, 50), 1.0);
        assert_eq!(controller.next(1.0, f32::NAN, 50), 1.0);
        assert_eq!(super::AdaptiveKl { target: 0.0, horizon: 100.0 }.next(1.0, 9.0, 50), 1.0);
        assert!(controller.next(1.0, f32::INFINITY, 1_000_000).is_finite());
        assert_eq!(controller.next(1.0, 0.0, 1_000_000), 0.0);
    }

    #[test]
    fn equal_policies_have_no_distance() {
        for estimator in [K1, K2, K3, K3Clamped] {
            assert_eq!(estimator.value(0.0), 0.0);
        }
    }

    #[test]
    fn no_log_ratio_gives_infinity_or_nan() {
        for estimator in [K1, K2, K3, K3Clamped] {
            for d in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e30, -1e30] {
                assert!(estimator.value(d).is_finite());
            }
        }
    }

    #[test]
    fn small_log_ratios_keep_their_digits() {
        assert!((K3.value(1e-4) / 5e-9 - 1.0).abs() < 1e-4);
    }
}
