//! Rows of different lengths as one right-padded batch with a list of the positions that matter.

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::ops::log_prob_at;

/// Batch sides are rounded up to multiples of these, so that few distinct shapes occur.
const TIME_MULTIPLE: usize = 8;
const PICK_MULTIPLE: usize = 64;

/// A right-padded batch `[rows, time]` and `picks` positions in it, each with a target id.
#[derive(Debug, Clone)]
pub struct Packed {
    tokens: Vec<i32>,
    rows: usize,
    time: usize,
    positions: Vec<i32>,
    targets: Vec<i32>,
    picks: usize,
}

impl Packed {
    /// Picks, in every row, the tokens from `starts[row]` on: position t − 1 predicts token t.
    ///
    /// A start of 0 is taken as 1, since nothing precedes the first token.
    pub fn continuations(rows: &[&[u32]], starts: &[usize]) -> Self {
        let picks = rows.iter().zip(starts).map(|(row, start)| {
            let start = (*start).max(1).min(row.len());
            (start..row.len()).map(|t| (t - 1, row[t])).collect()
        });
        Self::new(rows, picks.collect())
    }

    /// Picks the given positions of every row with a target each (for a classifier, the label).
    pub fn labelled(rows: &[&[u32]], picks: Vec<Vec<(usize, u32)>>) -> Self {
        Self::new(rows, picks)
    }

    fn new(rows: &[&[u32]], picks: Vec<Vec<(usize, u32)>>) -> Self {
        let time = rows.iter().map(|row| row.len()).max().unwrap_or(0).next_multiple_of(TIME_MULTIPLE);
        let mut tokens = vec![0; rows.len() * time];
        for (row, line) in rows.iter().zip(tokens.chunks_mut(time.max(1))) {
            line.iter_mut().zip(*row).for_each(|(cell, token)| *cell = *token as i32);
        }
        let unpicked = Self { tokens, rows: rows.len(), time, positions: vec![], targets: vec![], picks: 0 };
        unpicked.repicked(picks)
    }

    /// The same rows with other picks.
    pub fn repicked(&self, picks: Vec<Vec<(usize, u32)>>) -> Self {
        let flat = picks.into_iter().enumerate().flat_map(|(row, picks)| {
            picks.into_iter().map(move |(position, target)| ((row * self.time + position) as i32, target as i32))
        });
        let (mut positions, mut targets): (Vec<i32>, Vec<i32>) = flat.unzip();
        let picks = positions.len();
        let padded = picks.next_multiple_of(PICK_MULTIPLE);
        positions.resize(padded, 0);
        targets.resize(padded, 0);
        Self { positions, targets, picks, ..self.clone() }
    }

    /// Number of real picks; the tensors below are padded beyond it.
    pub fn picks(&self) -> usize {
        self.picks
    }

    /// Padded length of a row.
    pub fn time(&self) -> usize {
        self.time
    }

    /// `[rows, time]`.
    pub fn tokens(&self, device: &Device) -> Tensor<2, Int> {
        Tensor::from_data(TensorData::new(self.tokens.clone(), [self.rows, self.time]), device)
    }

    /// Positions in the flattened batch, `[picks, padded]`.
    pub fn positions(&self, device: &Device) -> Tensor<1, Int> {
        Tensor::from_data(TensorData::new(self.positions.clone(), [self.positions.len()]), device)
    }

    /// The picked rows of `hidden [rows, time, width]`, `[picks, width]`.
    pub(crate) fn pick(&self, hidden: Tensor<3>) -> Tensor<2> {
        let device = hidden.device();
        let [rows, time, width] = hidden.dims();
        hidden.reshape([rows * time, width]).select(0, self.positions(&device))
    }

    /// log softmax(logits)_target of each pick, `[picks]`; `logits [picks, classes]`.
    pub(crate) fn target_log_probs(&self, logits: Tensor<2>) -> Tensor<1> {
        log_prob_at(logits, &self.targets)
    }

    /// One value per pick as a tensor, zero on the padding: weights, advantages, old log-probabilities.
    pub fn values(&self, values: &[f32], device: &Device) -> Tensor<1> {
        let mut padded = values.to_vec();
        padded.resize(self.positions.len(), 0.0);
        Tensor::from_data(TensorData::new(padded, [self.positions.len()]), device)
    }
}

/// Groups row indices so that no group, padded to its longest row, holds more than `budget` tokens.
///
/// Rows of like length share a group; a row longer than the budget is alone. There are as few groups as the budget
/// allows and the largest is as small as it can be, so that groups side by side end together.
pub fn micro_batches(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|row| lengths[*row]);
    let rows: Vec<(usize, usize)> =
        order.into_iter().map(|row| (row, lengths[row].next_multiple_of(TIME_MULTIPLE))).collect();
    let fewest = filled(&rows, budget).len();
    let (mut too_small, mut enough) = (0, budget);
    while too_small + 1 < enough {
        let middle = too_small.midpoint(enough);
        match filled(&rows, middle).len() <= fewest {
            true => enough = middle,
            false => too_small = middle,
        }
    }
    filled(&rows, enough)
}

/// Fills group after group with `rows`, `(row, padded length)` in rising length.
fn filled(rows: &[(usize, usize)], budget: usize) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (row, padded) in rows {
        match groups.last_mut() {
            Some(group) if (group.len() + 1) * padded <= budget => group.push(*row),
            _ => groups.push(vec![*row]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_precede_their_targets() {
        let packed = Packed::continuations(&[&[5, 6, 7], &[8, 9]], &[1, 0]);
        assert_eq!(packed.time(), 8);
        assert_eq!(packed.positions[..3], [0, 1, 8]);
        assert_eq!(packed.targets[..3], [6, 7, 9]);
        assert_eq!((packed.picks(), packed.positions.len()), (3, 64));
    }

    #[test]
    fn groups_respect_the_budget_and_lose_no_row() {
        let groups = micro_batches(&[30, 5, 100, 16], 64);
        assert_eq!(groups, vec![vec![1, 3], vec![0], vec![2]]);
        assert!(micro_batches(&[], 10).is_empty());
        assert_eq!(micro_batches(&[9, 9], 0), vec![vec![0], vec![1]]);
    }

    #[test]
    fn groups_are_alike_in_size() {
        let sizes = |lengths: &[usize], budget| micro_batches(lengths, budget).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(&[96; 64], 4096), [32, 32]);
        assert_eq!(sizes(&[96; 64], 6144), [64]);
        // The first four hold 32 tokens as the last two do.
        assert_eq!(sizes(&[8, 8, 8, 8, 16, 16], 40), [4, 2]);
    }
}
