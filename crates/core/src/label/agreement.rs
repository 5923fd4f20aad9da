//! Labels counted against the truth.

/// How many labels of steps are true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Agreement {
    /// Steps that have a label.
    pub judged: usize,
    /// Labels that are true.
    pub agreed: usize,
}

impl Agreement {
    /// Counts the labels of a solution. A step is good before the first error; afterwards nothing can be good, so that
    /// every label there should be bad.
    pub fn add(&mut self, first_error: Option<usize>, labels: &[Option<bool>]) {
        for (step, label) in labels.iter().enumerate() {
            if let Some(good) = label {
                self.judged += 1;
                self.agreed += usize::from(*good == first_error.is_none_or(|error| step < error));
            }
        }
    }

    /// Share of the labels that are true; `None` of none.
    pub fn share(self) -> Option<f32> {
        (self.judged > 0).then(|| self.agreed as f32 / self.judged as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_after_the_first_error_are_bad() {
        let mut agreement = Agreement::default();
        assert_eq!(agreement.share(), None);
        agreement.add(Some(1), &[Some(true), Some(true), Some(false), None]);
        assert_eq!(agreement, Agreement { judged: 3, agreed: 2 });
        agreement.add(None, &[Some(true), Some(false)]);
        assert_eq!((agreement.judged, agreement.share()), (5, Some(0.6)));
        agreement.add(Some(0), &[]);
        assert_eq!(agreement.judged, 5);
    }
}
