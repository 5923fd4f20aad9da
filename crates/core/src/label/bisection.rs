//! Halving towards the first error of a wrong solution.

use super::{Asks, Completion, RolloutLabels, share};

/// The first step from which no rollout reaches the right answer, found by asking at ⌈log₂ steps⌉ of them: where some do,
/// the error comes later, where none does, it is there or before.
#[derive(Debug, Clone)]
pub struct Bisection {
    steps: Vec<Vec<u32>>,
    /// Steps from the first that are known to be good.
    good: usize,
    /// Index of the first step known to be bad.
    bad: usize,
    /// What was seen, by step.
    seen: Vec<Option<f32>>,
    right: bool,
    /// Whether a beginning left no room for rollouts, so that the search ended before its time.
    given_up: bool,
}

impl Bisection {
    /// Of a finished solution. One with the right answer is good at every step, and nothing is asked.
    pub fn new(solution: Completion) -> Self {
        let Completion { steps, right } = solution;
        let last = steps.len().saturating_sub(1);
        let good = if right { steps.len() } else { 0 };
        Self { seen: vec![None; steps.len()], good, bad: last.max(good), steps, right, given_up: false }
    }

    /// Index of the first error, if there is one and the search is over.
    pub fn first_error(&self) -> Option<usize> {
        (!self.right && self.good == self.bad && !self.steps.is_empty()).then_some(self.bad)
    }

    /// What is known: steps before the first error are good, it is bad, and those after it are not judged.
    pub fn labels(&self) -> RolloutLabels {
        let label = |step: usize| match () {
            () if step < self.good => Some(true),
            () if step == self.bad && !self.given_up => Some(false),
            () => None,
        };
        let count = self.steps.len();
        let mut values = self.seen.clone();
        if let Some(last) = values.last_mut() {
            *last = Some(f32::from(self.right));
        }
        let labels = (0..count).map(label).collect();
        RolloutLabels { steps: self.steps.clone(), labels, values, right: self.right }
    }

    /// The step that is asked about next.
    fn middle(&self) -> Option<usize> {
        (self.good < self.bad && !self.given_up).then(|| self.good.midpoint(self.bad - 1))
    }
}

impl Asks for Bisection {
    fn wants(&self) -> Option<Vec<u32>> {
        self.middle().map(|step| self.steps[..=step].concat())
    }

    fn take(&mut self, completions: Vec<Completion>) {
        let Some(step) = self.middle() else { return };
        self.seen[step] = share(&completions);
        match self.seen[step] {
            Some(value) if value > 0.0 => self.good = step + 1,
            Some(_) => self.bad = step,
            None => self.given_up = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps 1, 2, … of which those from `error` on spoil everything.
    fn search(count: u32, error: usize) -> (Bisection, usize) {
        let steps = (0..count).map(|step| vec![step]).collect();
        let mut search = Bisection::new(Completion { steps, right: false });
        let mut asked = 0;
        while let Some(beginning) = search.wants() {
            let right = beginning.len() <= error;
            search.take(vec![Completion { steps: vec![], right }]);
            asked += 1;
        }
        (search, asked)
    }

    #[test]
    fn the_first_error_is_found_in_logarithmically_many_questions() {
        for count in 1..20 {
            for error in 0..count as usize {
                let (search, asked) = search(count, error);
                assert_eq!(search.first_error(), Some(error), "{count} steps");
                assert!(asked <= (count as f32).log2().ceil() as usize, "{asked} questions for {count} steps");
                let labels = search.labels().labels;
                assert_eq!(labels.iter().position(|label| *label == Some(false)), Some(error));
                assert!(labels[..error].iter().all(|label| *label == Some(true)));
                assert!(labels[error + 1..].iter().all(Option::is_none));
            }
        }
    }

    #[test]
    fn a_beginning_without_room_ends_the_search() {
        let mut search = Bisection::new(Completion { steps: vec![vec![1], vec![2], vec![3]], right: false });
        search.take(Vec::new());
        assert_eq!((search.wants(), search.first_error()), (None, None));
        assert_eq!(search.labels().labels, [None; 3]);
    }

    #[test]
    fn a_right_solution_needs_no_rollouts() {
        let search = Bisection::new(Completion { steps: vec![vec![1], vec![2]], right: true });
        assert_eq!((search.wants(), search.first_error()), (None, None));
        assert_eq!(search.labels().labels, [Some(true); 2]);
        assert_eq!(Bisection::new(Completion { steps: vec![], right: false }).wants(), None);
    }
}
