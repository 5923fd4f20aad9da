//! Rollouts from every step of a solution.

use super::{Asks, Completion, RolloutLabels, share};

/// The value of every step but the last is the share of its rollouts that reach the right answer; that of the last is
/// whether its own answer is right.
#[derive(Debug, Clone)]
pub struct Exhaustive {
    solution: Completion,
    values: Vec<Option<f32>>,
}

impl Exhaustive {
    /// Of a finished solution.
    pub fn new(solution: Completion) -> Self {
        Self { solution, values: Vec::new() }
    }

    /// What is known so far.
    pub fn labels(&self) -> RolloutLabels {
        let Completion { steps, right } = &self.solution;
        let mut values = self.values.clone();
        if values.len() + 1 == steps.len() {
            values.push(Some(f32::from(*right)));
        }
        values.resize(steps.len(), None);
        let labels = values.iter().map(|value| value.map(|value| value > 0.0)).collect();
        RolloutLabels { steps: steps.clone(), labels, values, right: *right }
    }
}

impl Asks for Exhaustive {
    fn wants(&self) -> Option<Vec<u32>> {
        let step = self.values.len();
        (step + 1 < self.solution.steps.len()).then(|| self.solution.steps[..=step].concat())
    }

    fn take(&mut self, completions: Vec<Completion>) {
        self.values.push(share(&completions));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_but_the_last_is_asked_for() {
        let mut labels = Exhaustive::new(Completion { steps: vec![vec![1], vec![2, 3], vec![4]], right: false });
        let right = |right| Completion { steps: vec![], right };
        assert_eq!(labels.wants(), Some(vec![1]));
        labels.take(vec![right(true), right(false)]);
        assert_eq!(labels.wants(), Some(vec![1, 2, 3]));
        labels.take(vec![right(false), right(false)]);
        assert_eq!(labels.wants(), None);
        let found = labels.labels();
        assert_eq!(found.values, [Some(0.5), Some(0.0), Some(0.0)]);
        assert_eq!(found.labels, [Some(true), Some(false), Some(false)]);
        let one = Exhaustive::new(Completion { steps: vec![vec![1]], right: true });
        assert_eq!((one.wants(), one.labels().labels), (None, vec![Some(true)]));
        assert_eq!(Exhaustive::new(Completion { steps: vec![], right: false }).labels().values, []);
        let mut full = Exhaustive::new(Completion { steps: vec![vec![1], vec![2]], right: false });
        full.take(Vec::new());
        assert_eq!(full.labels().labels, [None, Some(false)]);
    }
}
