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

fn k3(d: f64) -> f64 {
    // expm1 keeps the digits that e^(−d) − 1 loses near d = 0.
    libm::expm1(-d) + d
}

#[cfg(test)]
mod tests {
    use super::KlEstimator::{K1, K2, K3, K3Clamped};

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
