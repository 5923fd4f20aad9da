//! Steps that a reward model lets pass or rejects, counted against what they are: the figures of PRMBench.

/// Counts of judged steps. A right step is the positive class, as PRMBench counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    /// Right steps that pass (true positives).
    pub right_passed: usize,
    /// Right steps that are rejected (false negatives).
    pub right_rejected: usize,
    /// Wrong steps that pass (false positives).
    pub wrong_passed: usize,
    /// Wrong steps that are rejected (true negatives).
    pub wrong_rejected: usize,
}

impl Confusion {
    /// Counts one step.
    pub fn add(&mut self, is_right: bool, passes: bool) {
        *match (is_right, passes) {
            (true, true) => &mut self.right_passed,
            (true, false) => &mut self.right_rejected,
            (false, true) => &mut self.wrong_passed,
            (false, false) => &mut self.wrong_rejected,
        } += 1;
    }

    /// Adds the counts of other steps.
    pub fn extend(&mut self, other: Self) {
        self.right_passed += other.right_passed;
        self.right_rejected += other.right_rejected;
        self.wrong_passed += other.wrong_passed;
        self.wrong_rejected += other.wrong_rejected;
    }

    /// Steps counted.
    pub fn steps(&self) -> usize {
        self.right_passed + self.right_rejected + self.wrong_passed + self.wrong_rejected
    }

    /// F₁ over right steps, 2 TP / (2 TP + FP + FN); `None` without a right step.
    pub fn f1(&self) -> Option<f32> {
        (self.right_passed + self.right_rejected > 0)
            .then(|| harmonic(self.right_passed, self.wrong_passed + self.right_rejected))
    }

    /// F₁ over wrong steps, 2 TN / (2 TN + FN + FP); `None` without a wrong step.
    pub fn negative_f1(&self) -> Option<f32> {
        (self.wrong_passed + self.wrong_rejected > 0)
            .then(|| harmonic(self.wrong_rejected, self.right_rejected + self.wrong_passed))
    }

    /// PRMScore, the mean of the two; `None` unless there are steps of both kinds.
    pub fn prm_score(&self) -> Option<f32> {
        self.f1().zip(self.negative_f1()).map(|(right, wrong)| 0.5 * (right + wrong))
    }
}

fn harmonic(hits: usize, misses: usize) -> f32 {
    let hits = 2.0 * hits as f64;
    (hits / (hits + misses as f64)) as f32
}

#[cfg(test)]
mod tests {
    use super::Confusion;

    #[test]
    fn figures_of_a_table_made_by_hand() {
        let mut counts = Confusion::default();
        // Three right steps, two of which pass; two wrong steps, one of which passes.
        for (is_right, passes) in [(true, true), (true, true), (true, false), (false, true), (false, false)] {
            counts.add(is_right, passes);
        }
        // Precision 2/3, recall 2/3; for wrong steps 1/2 and 1/2.
        assert_eq!(counts.f1(), Some(2.0 / 3.0));
        assert_eq!(counts.negative_f1(), Some(0.5));
        assert_eq!(counts.prm_score(), Some(0.5 * (2.0 / 3.0 + 0.5)));
        let mut twice = counts;
        twice.extend(counts);
        assert_eq!((twice.steps(), twice.prm_score()), (10, counts.prm_score()));
    }

    #[test]
    fn what_does_not_occur_has_no_figure() {
        assert_eq!(Confusion::default().f1(), None);
        let right = Confusion { right_passed: 3, ..Confusion::default() };
        assert_eq!((right.f1(), right.negative_f1(), right.prm_score()), (Some(1.0), None, None));
        let blind = Confusion { right_passed: 3, wrong_passed: 1, ..Confusion::default() };
        assert_eq!(blind.negative_f1(), Some(0.0));
    }
}
