//! OmegaPRM: a tree of beginnings whose wrong rollouts are bisected, those that teach most first.

use super::{Asks, Bisection, Completion, RolloutLabels, share};

/// Constants of the search. Those of the paper by default.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OmegaSettings {
    /// Rollouts that are bisected.
    pub searches: usize,
    /// α: how much a beginning is preferred from which most rollouts are right.
    pub alpha: f32,
    /// β: how much a short rollout is preferred.
    pub beta: f32,
    /// L: tokens of a rollout that count as long.
    pub length: f32,
    /// Weight of trying what was seldom tried.
    pub exploration: f32,
}

impl Default for OmegaSettings {
    fn default() -> Self {
        Self { searches: 10, alpha: 0.5, beta: 0.9, length: 500.0, exploration: 0.125 }
    }
}

/// A beginning with its rollouts.
#[derive(Debug, Clone)]
struct State {
    steps: Vec<Vec<u32>>,
    rollouts: Vec<(Completion, bool)>,
    /// MC(s): share of its rollouts that are right.
    value: f32,
    /// N(s): how often one of its rollouts was chosen.
    visits: usize,
}

/// The search over one problem: rollouts of wrong ends are taken from the pool by
///
/// Q(s, r) + U(s) = α^(1 − MC(s)) β^(len(r) / L) + c √(Σ N) / (1 + N(s))
///
/// and bisected; every beginning asked about on the way becomes a state, whose rollouts join the pool.
#[derive(Debug, Clone)]
pub struct OmegaSearch {
    settings: OmegaSettings,
    states: Vec<State>,
    /// The state whose rollout is being bisected, with the search.
    open: Option<(usize, Bisection)>,
    done: Vec<RolloutLabels>,
}

impl OmegaSearch {
    /// Before anything is known of a problem.
    pub fn new(settings: OmegaSettings) -> Self {
        Self { settings, states: Vec::new(), open: None, done: Vec::new() }
    }

    /// The solutions that were bisected, and of each state one right way on, every step of which is good by itself.
    pub fn labels(&self) -> Vec<RolloutLabels> {
        let right = self.states.iter().filter_map(|state| {
            let (rollout, _) = state.rollouts.iter().find(|(rollout, _)| rollout.right)?;
            let steps = [&state.steps[..], &rollout.steps].concat();
            let mut values = vec![None; steps.len()];
            if let Some(step) = state.steps.len().checked_sub(1) {
                values[step] = Some(state.value);
            }
            if let Some(last) = values.last_mut() {
                *last = Some(1.0);
            }
            Some(RolloutLabels { labels: vec![Some(true); steps.len()], values, right: true, steps })
        });
        self.done.iter().cloned().chain(right).collect()
    }

    /// The best wrong rollout that was not bisected yet, of states from which some rollouts are right and some are not.
    fn select(&self) -> Option<(usize, usize)> {
        let visits: usize = self.states.iter().map(|state| state.visits).sum();
        let open = self.states.iter().enumerate().filter(|(_, state)| state.value > 0.0 && state.value < 1.0);
        let pool = open.flat_map(|(index, state)| {
            let rollouts = state.rollouts.iter().enumerate();
            rollouts.filter(|(_, (rollout, taken))| !rollout.right && !taken).map(move |(r, _)| (index, r))
        });
        let score = |(state, rollout): &(usize, usize)| {
            let State { value, visits: own, rollouts, .. } = &self.states[*state];
            let OmegaSettings { alpha, beta, length, exploration, .. } = self.settings;
            let tokens: usize = rollouts[*rollout].0.steps.iter().map(Vec::len).sum();
            let quality = alpha.powf(1.0 - value) * beta.powf(tokens as f32 / length);
            quality + exploration * (visits as f32).sqrt() / (1.0 + *own as f32)
        };
        // The first of equals, so that the search does not depend on their order in memory.
        highest(pool, score)
    }

    /// Opens the next search, if one is due and possible.
    fn go_on(&mut self) {
        while self.open.is_none() && self.done.len() < self.settings.searches {
            let Some((index, rollout)) = self.select() else { return };
            let state = &mut self.states[index];
            state.visits += 1;
            let (completion, taken) = &mut state.rollouts[rollout];
            *taken = true;
            let search = Bisection::new(completion.clone());
            self.open = Some((index, search));
            self.close();
        }
    }

    /// Keeps a search that is over.
    fn close(&mut self) {
        let Some((index, search)) = self.open.take_if(|(_, search)| search.wants().is_none()) else { return };
        let (before, value) = (&self.states[index].steps, self.states[index].value);
        let RolloutLabels { steps, labels, values, right } = search.labels();
        let mut earlier = vec![None; before.len()];
        if let Some(last) = earlier.last_mut() {
            *last = Some(value);
        }
        self.done.push(RolloutLabels {
            steps: [&before[..], &steps].concat(),
            // From the state itself rollouts reach the answer, so that all of its steps are good.
            labels: [vec![Some(true); before.len()], labels].concat(),
            values: [earlier, values].concat(),
            right,
        });
    }
}

/// The item of the highest score, the first of equals.
fn highest<T>(items: impl Iterator<Item = T>, score: impl Fn(&T) -> f32) -> Option<T> {
    let scored = items.map(|item| (score(&item), item));
    scored.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, item)| item)
}

impl Asks for OmegaSearch {
    fn wants(&self) -> Option<Vec<u32>> {
        match (&self.open, self.states.is_empty()) {
            (_, true) => Some(Vec::new()),
            (Some((state, search)), false) => Some([self.states[*state].steps.concat(), search.wants()?].concat()),
            (None, false) => None,
        }
    }

    fn take(&mut self, completions: Vec<Completion>) {
        let value = share(&completions).unwrap_or(0.0);
        let steps = match &mut self.open {
            Some((state, search)) => {
                let asked = search.wants().map_or(0, |beginning| beginning.len());
                let mut tokens = 0;
                let own = search.labels().steps;
                let own: Vec<Vec<u32>> = own
                    .into_iter()
                    .take_while(|step| {
                        tokens += step.len();
                        tokens <= asked
                    })
                    .collect();
                search.take(completions.clone());
                [&self.states[*state].steps[..], &own].concat()
            }
            None => Vec::new(),
        };
        let rollouts = completions.into_iter().map(|completion| (completion, false)).collect();
        self.states.push(State { steps, rollouts, value, visits: 0 });
        self.close();
        self.go_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A policy that is right unless a step is 9, after which nothing helps; `wrong` of its rollouts make that mistake.
    fn rollouts(beginning: &[u32], count: usize, wrong: usize) -> Vec<Completion> {
        let spoilt = beginning.contains(&9);
        let rollout = |index: usize| {
            let mistake = spoilt || index < wrong;
            let left = 4_usize.saturating_sub(beginning.len()).max(1) as u32;
            let steps = (0..left).map(|step| vec![if mistake && !spoilt && step == left / 2 { 9 } else { step + 1 }]);
            Completion { steps: steps.collect(), right: !mistake }
        };
        (0..count).map(rollout).collect()
    }

    #[test]
    fn wrong_rollouts_are_bisected_until_the_budget_is_spent() {
        let mut search = OmegaSearch::new(OmegaSettings { searches: 3, ..OmegaSettings::default() });
        let mut asked = 0;
        while let Some(beginning) = search.wants() {
            search.take(rollouts(&beginning, 4, 1));
            asked += 1;
            assert!(asked < 100);
        }
        let labels = search.labels();
        let wrong: Vec<_> = labels.iter().filter(|one| !one.right).collect();
        assert_eq!(wrong.len(), 3);
        for one in wrong {
            let error = one.steps.iter().position(|step| step[0] == 9).unwrap();
            assert_eq!(one.labels[error], Some(false), "{one:?}");
            assert!(one.labels[..error].iter().all(|label| *label == Some(true)), "{one:?}");
        }
        for one in labels.iter().filter(|one| one.right) {
            assert!(one.labels.iter().all(|label| *label == Some(true)) && !one.steps.concat().contains(&9));
        }
    }

    #[test]
    fn a_problem_that_is_always_or_never_solved_teaches_nothing_further() {
        for wrong in [0, 4] {
            let mut search = OmegaSearch::new(OmegaSettings::default());
            search.take(rollouts(&[], 4, wrong));
            assert_eq!(search.wants(), None);
            assert_eq!(search.labels().len(), usize::from(wrong == 0));
        }
    }

    #[test]
    fn a_beginning_with_more_right_rollouts_and_a_shorter_rollout_come_first() {
        let state = |value, tokens: usize| State {
            steps: vec![],
            rollouts: vec![(Completion { steps: vec![vec![1; tokens]], right: false }, false)],
            value,
            visits: 0,
        };
        let selected = |states: Vec<State>| {
            OmegaSearch { states, ..OmegaSearch::new(OmegaSettings::default()) }.select().map(|(state, _)| state)
        };
        assert_eq!(selected(vec![state(0.25, 10), state(0.75, 10)]), Some(1));
        assert_eq!(selected(vec![state(0.5, 400), state(0.5, 10)]), Some(1));
        assert_eq!(selected(vec![state(0.5, 10), state(0.5, 10)]), Some(0));
        assert_eq!(selected(vec![state(0.0, 10), state(1.0, 10)]), None);
        let tried = State { visits: 8, ..state(0.75, 10) };
        assert_eq!(selected(vec![tried, state(0.6, 10)]), Some(1));
    }
}
