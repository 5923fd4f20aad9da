//! Solutions with labelled steps, and pairs of steps of which one is better.

use std::collections::{BTreeMap, HashMap};

use minform_text::steps::PrmInput;

use crate::policy::Row;

/// A solution with a label per step.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledSteps {
    /// Token ids with the position at which each step is judged.
    pub input: PrmInput,
    /// One label per position: the probability that the step is good, 1 or 0 where somebody judged it, a share of
    /// rollouts where those did; `None` is a step that nobody judged, which is not learned.
    pub labels: Vec<Option<f32>>,
    /// Whether the final answer is right, where that is known.
    pub outcome: Option<bool>,
}

/// What a loss asks of one position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pick {
    pub(super) position: usize,
    /// Which of two classes, or of the vocabulary.
    pub(super) class: u32,
    /// How much it counts.
    pub(super) weight: f32,
    /// The value to reach, where the loss is one of values.
    pub(super) value: f32,
}

impl LabelledSteps {
    /// Right or wrong, at even odds; `None` where nobody judged.
    pub fn verdicts(&self) -> Vec<Option<bool>> {
        self.labels.iter().map(|label| label.map(|good| good >= 0.5)).collect()
    }

    /// Index of the first wrong step, −1 if all are right; `None` if a step that nobody judged leaves it open.
    pub fn first_error(&self) -> Option<i64> {
        let verdicts = self.verdicts();
        match verdicts.iter().position(|verdict| *verdict != Some(true)) {
            None => Some(-1),
            Some(step) => verdicts[step].and(i64::try_from(step).ok()),
        }
    }

    /// The solution up to its last judged step. A causal model sees nothing of what is left out, so that the loss of
    /// the judged steps is the same.
    pub fn judged_part(mut self) -> Self {
        let judged = self.labels.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        self.labels.truncate(judged);
        self.input.positions.truncate(judged);
        let end = self.input.positions.last().map_or(self.input.start, |last| last + 1);
        self.input.ids.truncate(end);
        self
    }

    /// The classes of the judged steps; a label between 0 and 1 counts for both, each by its probability.
    pub(super) fn class_picks(&self, weights: [f32; 2]) -> Vec<Pick> {
        let labelled = self.input.positions.iter().zip(&self.labels);
        let judged = labelled.filter_map(|(position, label)| label.map(|good| (*position, good)));
        let picks = judged.flat_map(|(position, good)| {
            let [bad_weight, good_weight] = weights;
            [(0, (1.0 - good) * bad_weight), (1, good * good_weight)].map(move |(class, weight)| Pick {
                position,
                class,
                weight,
                value: good,
            })
        });
        picks.filter(|pick| pick.weight > 0.0).collect()
    }

    /// The value of every token of the steps; tokens without one are left out.
    pub(super) fn value_picks(&self, values: &[Option<f32>]) -> Vec<Pick> {
        let tokens = (self.input.start..self.input.ids.len()).zip(values);
        let pick = |position, value| Pick { position, class: 0, weight: 1.0, value };
        tokens.filter_map(|(position, value)| value.map(|value| pick(position, value))).collect()
    }

    /// The tokens of good steps, each at the position that predicts it.
    pub(super) fn text_picks(&self) -> Vec<(usize, u32)> {
        let good = self.input.steps().zip(&self.labels).filter(|(_, label)| label.is_some_and(|good| good >= 0.5));
        let tokens = good.flat_map(|(step, _)| step).filter(|token| *token > 0);
        tokens.filter_map(|token| Some((token - 1, *self.input.ids.get(token)?))).collect()
    }

    /// The ids, of which the problem may be that of other solutions too.
    pub(super) fn row(&self) -> Row<'_> {
        super::score::row(&self.input)
    }
}

/// Weights of the classes bad and good that make both count alike in all: N / (2 N_c).
pub(super) fn balanced(rows: &[LabelledSteps]) -> [f32; 2] {
    let labels: Vec<f64> = rows.iter().flat_map(|row| &row.labels).flatten().map(|good| f64::from(*good)).collect();
    let good: f64 = labels.iter().sum();
    let bad = labels.len() as f64 - good;
    match good > 0.0 && bad > 0.0 {
        true => [bad, good].map(|count| (labels.len() as f64 / (2.0 * count)) as f32),
        false => [1.0; 2],
    }
}

/// The value of every token of the steps of every row, as a token-supervised value model learns it (Lee et al. 2024):
/// the share of right answers among the solutions of the same problem that begin with the same tokens,
///
/// V(y₁ … yₜ) = |{right solutions that begin with y₁ … yₜ}| / |{solutions that begin with y₁ … yₜ}|
///
/// Solutions whose answer nobody graded give their tokens the label of the step they belong to.
pub fn token_values(rows: &[LabelledSteps]) -> Vec<Vec<Option<f32>>> {
    // Node of the prefix tree of a problem -> (right solutions, solutions).
    let mut counts: HashMap<usize, (usize, usize)> = HashMap::new();
    let mut tree = Tree::default();
    let mut paths = Vec::with_capacity(rows.len());
    for row in rows {
        let path = row.outcome.map(|right| (right, tree.path(row)));
        for node in path.iter().flat_map(|(_, path)| path) {
            let (right, all) = counts.entry(*node).or_default();
            *right += usize::from(path.as_ref().is_some_and(|(right, _)| *right));
            *all += 1;
        }
        paths.push(path);
    }
    let share = |node: &usize| counts.get(node).map(|(right, all)| *right as f32 / *all as f32);
    let values = rows.iter().zip(paths).map(|(row, path)| match path {
        Some((_, path)) => path.iter().map(share).collect(),
        None => row.input.steps().zip(&row.labels).flat_map(|(step, label)| step.map(|_| *label)).collect(),
    });
    values.collect()
}

/// The beginnings of solutions, numbered.
#[derive(Default)]
struct Tree<'a> {
    roots: HashMap<&'a [u32], usize>,
    children: HashMap<(usize, u32), usize>,
    nodes: usize,
}

impl<'a> Tree<'a> {
    /// The nodes of the tokens of its steps.
    fn path(&mut self, row: &'a LabelledSteps) -> Vec<usize> {
        let Row { shared, own } = row.row();
        let mut node = *self.roots.entry(shared).or_insert_with(|| next(&mut self.nodes));
        let walk = own.iter().map(|token| {
            node = *self.children.entry((node, *token)).or_insert_with(|| next(&mut self.nodes));
            node
        });
        walk.collect()
    }
}

fn next(count: &mut usize) -> usize {
    *count += 1;
    *count
}

/// Two ways to go on from the same beginning, the first of them better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    /// Problem and earlier steps.
    pub shared: Vec<u32>,
    /// The better step with the token at which it is judged.
    pub chosen: Vec<u32>,
    /// The worse one.
    pub rejected: Vec<u32>,
}

/// How many of the best and of the worst steps after one beginning are paired, as rStar-Math does.
const PAIRED: usize = 2;

/// Every pair of a good and a bad step after the same beginning: the two best against the two worst of each beginning.
///
/// Rows are gathered by what stands before a step; where labels are shares, a step above ½ is good and one below is bad.
pub fn preferences(rows: &[LabelledSteps]) -> Vec<Preference> {
    let mut after: BTreeMap<&[u32], BTreeMap<&[u32], f32>> = BTreeMap::new();
    for row in rows {
        for (step, label) in row.input.steps().zip(&row.labels) {
            let (Some(good), Some(tokens)) = (label, row.input.ids.get(step.clone())) else { continue };
            after.entry(&row.input.ids[..step.start]).or_default().insert(tokens, *good);
        }
    }
    let mut pairs = Vec::new();
    for (shared, steps) in after {
        let mut steps: Vec<(&[u32], f32)> = steps.into_iter().collect();
        steps.sort_by(|a, b| b.1.total_cmp(&a.1));
        let chosen = steps.iter().filter(|(_, good)| *good > 0.5).take(PAIRED);
        for (chosen, _) in chosen {
            let rejected = steps.iter().rev().filter(|(_, good)| *good < 0.5).take(PAIRED);
            pairs.extend(rejected.map(|(rejected, _)| Preference {
                shared: shared.to_vec(),
                chosen: chosen.to_vec(),
                rejected: rejected.to_vec(),
            }));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ids: &[u32], start: usize, positions: &[usize], labels: &[Option<f32>]) -> LabelledSteps {
        let input = PrmInput { ids: ids.to_vec(), positions: positions.to_vec(), start };
        LabelledSteps { input, labels: labels.to_vec(), outcome: None }
    }

    #[test]
    fn a_share_counts_for_both_classes() {
        let row = row(&[1, 2, 3, 4, 5], 1, &[2, 3, 4], &[Some(0.25), None, Some(1.0)]);
        let picks: Vec<_> = row.class_picks([1.0, 2.0]).iter().map(|p| (p.position, p.class, p.weight)).collect();
        assert_eq!(picks, [(2, 0, 0.75), (2, 1, 0.5), (4, 1, 2.0)]);
        assert_eq!(row.verdicts(), [Some(false), None, Some(true)]);
        let first_error =
            |labels: &[Option<f32>]| LabelledSteps { labels: labels.to_vec(), ..row.clone() }.first_error();
        assert_eq!(first_error(&[Some(1.0), Some(0.0), None]), Some(1));
        assert_eq!((first_error(&[Some(1.0); 3]), first_error(&[Some(1.0), None])), (Some(-1), None));
    }

    #[test]
    fn what_follows_the_last_judged_step_is_not_read() {
        let whole = row(&[1, 2, 3, 4, 5], 1, &[2, 3, 4], &[None, Some(0.0), None]);
        assert_eq!(whole.clone().judged_part(), row(&[1, 2, 3, 4], 1, &[2, 3], &[None, Some(0.0)]));
        assert_eq!(whole.clone().judged_part().class_picks([1.0; 2]), whole.class_picks([1.0; 2]));
        let unjudged = row(&[1, 2, 3], 1, &[2], &[None]).judged_part();
        assert_eq!(unjudged, row(&[1], 1, &[], &[]));
        let judged = row(&[1, 2, 3], 1, &[2], &[Some(1.0)]);
        assert_eq!(judged.clone().judged_part(), judged);
    }

    #[test]
    fn balanced_classes_count_alike() {
        let rows = [row(&[1; 5], 1, &[1, 2, 3, 4], &[Some(1.0), Some(1.0), Some(1.0), Some(0.0)])];
        assert_eq!(balanced(&rows), [2.0, 2.0 / 3.0]);
        assert_eq!(balanced(&rows[..0]), [1.0; 2]);
    }

    #[test]
    fn values_are_shares_among_solutions_that_begin_alike() {
        let graded =
            |ids: &[u32], right| LabelledSteps { outcome: Some(right), ..row(ids, 1, &[ids.len() - 1], &[None]) };
        let rows = [
            graded(&[9, 1, 2, 4], true),
            graded(&[9, 1, 3, 4], false),
            graded(&[9, 1, 2, 5], false),
            graded(&[8, 1, 2, 4], false),
            row(&[9, 1, 2, 4], 1, &[2, 3], &[Some(0.75), None]),
        ];
        let values = token_values(&rows);
        assert_eq!(values[0], [Some(1.0 / 3.0), Some(0.5), Some(1.0)]);
        assert_eq!(values[1], [Some(1.0 / 3.0), Some(0.0), Some(0.0)]);
        assert_eq!(values[3], [Some(0.0); 3]);
        assert_eq!(values[4], [Some(0.75), Some(0.75), None]);
    }

    #[test]
    fn steps_after_one_beginning_are_paired() {
        let rows = [
            row(&[9, 1, 4, 2, 4], 1, &[2, 4], &[Some(1.0), Some(0.0)]),
            row(&[9, 1, 4, 3, 4], 1, &[2, 4], &[Some(1.0), Some(1.0)]),
            row(&[9, 1, 4, 5, 4], 1, &[2, 4], &[Some(1.0), Some(0.9)]),
            row(&[9, 1, 4, 6, 4], 1, &[2, 4], &[Some(1.0), None]),
            row(&[9, 7, 4], 1, &[2], &[Some(0.5)]),
        ];
        let pair = |chosen, rejected| Preference {
            shared: vec![9, 1, 4],
            chosen: vec![chosen, 4],
            rejected: vec![rejected, 4],
        };
        assert_eq!(preferences(&rows), [pair(3, 2), pair(5, 2)]);
    }
}
