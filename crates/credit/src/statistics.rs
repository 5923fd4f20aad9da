//! Statistics that have an answer for empty input.

use crate::number::{narrow, ratio_or_zero};

/// Mean of the values; `None` for an empty slice.
///
/// Batches without one right answer, or without one wrong answer, are common;
/// `None` keeps them from turning into a NaN or an error in a metric.
pub fn mean(values: &[f32]) -> Option<f32> {
    let sum: f64 = values.iter().copied().map(f64::from).sum();
    (!values.is_empty()).then(|| (sum / values.len() as f64) as f32)
}

/// Smallest value, NaN aside; `None` for an empty slice.
pub fn minimum(values: &[f32]) -> Option<f32> {
    values.iter().copied().reduce(f32::min)
}

/// Largest value, NaN aside; `None` for an empty slice.
pub fn maximum(values: &[f32]) -> Option<f32> {
    values.iter().copied().reduce(f32::max)
}

/// Share of `true`; `None` for an empty slice.
pub fn share(flags: &[bool]) -> Option<f32> {
    let hits = flags.iter().filter(|&&flag| flag).count();
    (!flags.is_empty()).then(|| narrow(hits as f64 / flags.len() as f64))
}

/// Count, mean and sum of squared deviations.
pub(crate) struct Moments {
    pub(crate) count: usize,
    pub(crate) mean: f64,
    pub(crate) squares: f64,
}

impl Moments {
    pub(crate) fn of(values: &[f64]) -> Self {
        let mean = ratio_or_zero(values.iter().sum(), values.len() as f64);
        let squares = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        Self { count: values.len(), mean, squares }
    }

    /// Σ (x − mean)² / (n − 1); 0 for fewer than two values.
    pub(crate) fn unbiased_variance(&self) -> f64 {
        ratio_or_zero(self.squares, self.count.saturating_sub(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::{maximum, mean, minimum, share};

    #[test]
    fn nothing_has_no_statistics() {
        assert_eq!((mean(&[]), minimum(&[]), maximum(&[]), share(&[])), (None, None, None, None));
    }

    #[test]
    fn statistics_by_hand() {
        let values = [1.0, -2.0, 4.0];
        assert_eq!(mean(&values), Some(1.0));
        assert_eq!((minimum(&values), maximum(&values)), (Some(-2.0), Some(4.0)));
        assert_eq!(share(&[true, false, false, false]), Some(0.25));
    }
}
