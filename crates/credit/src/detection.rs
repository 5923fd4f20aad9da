//! How often the first error of a solution is found: the figures of ProcessBench.

use alloc::vec::Vec;

use crate::statistics::share;

/// What became of the first errors of many solutions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Detection {
    /// Share of the solutions with an error whose first error was found exactly; `None` without any.
    pub accuracy_erroneous: Option<f32>,
    /// Share of the solutions without one in which none was found; `None` without any.
    pub accuracy_correct: Option<f32>,
    /// F₁ = 2 ab / (a + b) of the two; `None` unless there are both.
    pub f1: Option<f32>,
}

/// Holds found first errors against true ones, in pairs of step indices, −1 for none.
///
/// ```
/// // Found, found too late, rightly none, false alarm.
/// let found = minform_credit::detection([(2, 2), (3, 1), (-1, -1), (0, -1)]);
/// assert_eq!((found.accuracy_erroneous, found.accuracy_correct, found.f1), (Some(0.5), Some(0.5), Some(0.5)));
/// ```
pub fn detection(pairs: impl IntoIterator<Item = (i64, i64)>) -> Detection {
    let (mut erroneous, mut correct) = (Vec::new(), Vec::new());
    for (found, truth) in pairs {
        if truth < 0 { &mut correct } else { &mut erroneous }.push(found == truth);
    }
    Detection::of(share(&erroneous), share(&correct))
}

impl Detection {
    /// Two accuracies with their F₁.
    pub fn of(accuracy_erroneous: Option<f32>, accuracy_correct: Option<f32>) -> Self {
        let f1 = accuracy_erroneous.zip(accuracy_correct).map(harmonic_mean);
        Self { accuracy_erroneous, accuracy_correct, f1 }
    }
}

fn harmonic_mean((a, b): (f32, f32)) -> f32 {
    if a + b > 0.0 { 2.0 * a * b / (a + b) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::detection;

    #[test]
    fn one_kind_alone_has_no_f1() {
        assert_eq!(detection([]).f1, None);
        assert_eq!(detection([(1, 1)]).accuracy_erroneous, Some(1.0));
        assert_eq!(detection([(1, 1)]).f1, None);
        assert_eq!(detection([(0, -1)]).accuracy_correct, Some(0.0));
        assert_eq!(detection([(0, -1), (0, 1)]).f1, Some(0.0));
    }

    #[test]
    fn f1_is_the_harmonic_mean_of_both_accuracies() {
        // 1 of 4 and 1 of 1: 2 · 0.25 · 1 / 1.25.
        let found = detection([(0, 0), (1, 0), (-1, 0), (2, 0), (-1, -1)]);
        assert_eq!(found.f1, Some(0.4));
    }
}
