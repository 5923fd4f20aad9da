//! Rows of different lengths as one right-padded batch with a list of the positions that matter.
//!
//! Rows that begin alike, as the samples of one prompt do, can share a line of the batch: the beginning is laid out once
//! and each row's own tokens after it, one row after another. A token then sees the beginning and its own row, and its
//! position counts from there, so that every row is read as if it stood alone:
//!
//! ```text
//! tokens     p₀ p₁ p₂ a₀ a₁ b₀ b₁ b₂        rows p a and p b
//! positions   0  1  2  3  4  3  4  5
//! ```

use std::collections::HashMap;
use std::ops::Range;

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::model::{Frame, ModelConfig, Rope};
use crate::ops::{Branches, log_prob_at};

/// Batch sides are rounded up to multiples of these, so that few distinct shapes occur.
const TIME_MULTIPLE: usize = 8;
pub(super) const PICK_MULTIPLE: usize = 64;

/// Longest line that rows share. Where attention is composed of whole matrices, a line costs the square of its length.
const SHARED_LINE: usize = 256;

/// A sequence: a beginning that other sequences may have as well, and the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// What it may have in common with others.
    pub shared: &'a [u32],
    /// What follows.
    pub own: &'a [u32],
}

impl<'a> Row<'a> {
    /// A sequence on a line of its own.
    pub fn alone(tokens: &'a [u32]) -> Self {
        Self { shared: &[], own: tokens }
    }

    /// Tokens in all.
    #[allow(clippy::len_without_is_empty, reason = "a sequence is never asked whether it is empty")]
    pub fn len(&self) -> usize {
        self.shared.len() + self.own.len()
    }
}

/// Rows that are read together, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MicroBatch {
    /// The rows of each line, by their place among all rows.
    lines: Vec<Vec<usize>>,
}

impl MicroBatch {
    /// Its rows in the order in which their picks come.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.lines.iter().flatten().copied()
    }

    /// Its lines, given all rows.
    pub fn lines<'a>(&self, row: impl Fn(usize) -> Row<'a>) -> Vec<Vec<Row<'a>>> {
        self.lines.iter().map(|line| line.iter().map(|index| row(*index)).collect()).collect()
    }
}

/// A right-padded batch `[lines, time]` and `picks` positions in it, each with a target id.
#[derive(Debug, Clone)]
pub struct Packed {
    tokens: Vec<i32>,
    lines: usize,
    time: usize,
    places: Vec<Place>,
    /// Of each line; none where every line holds one row.
    branches: Vec<Branches>,
    positions: Vec<i32>,
    targets: Vec<i32>,
    picks: usize,
}

/// Where a row lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    line: usize,
    /// Tokens at the beginning of the line that belong to the row.
    trunk: usize,
    /// Where in the line its own tokens begin.
    start: usize,
}

impl Place {
    /// Where token `t` of the row lies in the flattened batch.
    fn at(&self, t: usize, time: usize) -> i32 {
        let column = if t < self.trunk { t } else { self.start + t - self.trunk };
        (self.line * time + column) as i32
    }
}

impl Packed {
    /// Picks every row's own tokens: position t − 1 predicts token t. Nothing predicts the first token of a row.
    pub fn continuations(lines: &[Vec<Row<'_>>]) -> Self {
        let picks = lines.iter().flatten().map(|row| {
            let own = row.own.iter().enumerate().map(|(t, token)| (row.shared.len() + t, *token));
            own.filter_map(|(t, token)| Some((t.checked_sub(1)?, token))).collect()
        });
        Self::labelled(lines, picks.collect())
    }

    /// Picks the given positions of every row with a target each (for a classifier, the label). Rows of one line have
    /// the same beginning.
    pub fn labelled(lines: &[Vec<Row<'_>>], picks: Vec<Vec<(usize, u32)>>) -> Self {
        let time = lines.iter().map(|line| length(line)).max().unwrap_or(0).next_multiple_of(TIME_MULTIPLE);
        let mut tokens = vec![0; lines.len() * time];
        let (mut places, mut branches) = (Vec::new(), Vec::new());
        for ((index, line), cells) in lines.iter().enumerate().zip(tokens.chunks_mut(time.max(1))) {
            let shared = line.first().map_or(&[][..], |row| row.shared);
            debug_assert!(line.iter().all(|row| row.shared == shared), "rows of one line begin alike");
            let trunk = shared.len();
            let mut filled = write(cells, 0, shared);
            let mut starts = Vec::with_capacity(line.len());
            for row in line {
                places.push(Place { line: index, trunk, start: filled });
                starts.push(filled);
                filled = write(cells, filled, row.own);
            }
            branches.push(Branches { trunk, starts });
        }
        if branches.iter().all(|branches| branches.starts.len() <= 1) {
            branches.clear();
        }
        let (positions, targets) = (vec![], vec![]);
        Self { tokens, lines: lines.len(), time, places, branches, positions, targets, picks: 0 }.repicked(picks)
    }

    /// The same rows with other picks.
    pub fn repicked(&self, picks: Vec<Vec<(usize, u32)>>) -> Self {
        let flat = picks.into_iter().zip(&self.places).flat_map(|(picks, place)| {
            picks.into_iter().map(|(position, target)| (place.at(position, self.time), target as i32))
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

    /// Number of picks with what they are padded with.
    pub(crate) fn padded(&self) -> usize {
        self.positions.len()
    }

    /// Padded length of a line.
    pub fn time(&self) -> usize {
        self.time
    }

    /// `[lines, time]`.
    pub fn tokens(&self, device: &Device) -> Tensor<2, Int> {
        Tensor::from_data(TensorData::new(self.tokens.clone(), [self.lines, self.time]), device)
    }

    /// The positions of its tokens and what each of them sees.
    pub(crate) fn frame(&self, config: &ModelConfig, device: &Device) -> Frame {
        Frame::branched(&Rope::new(config), &self.branches, self.time, device)
    }

    /// Positions in the flattened batch, `[picks, padded]`.
    pub fn positions(&self, device: &Device) -> Tensor<1, Int> {
        Tensor::from_data(TensorData::new(self.positions.clone(), [self.positions.len()]), device)
    }

    /// The picked rows of `hidden [lines, time, width]`, `[picks, width]`.
    pub(crate) fn pick(&self, hidden: Tensor<3>) -> Tensor<2> {
        let device = hidden.device();
        let [lines, time, width] = hidden.dims();
        hidden.reshape([lines * time, width]).select(0, self.positions(&device))
    }

    /// Consecutive ones of its padded picks.
    pub(crate) fn picks_in(&self, range: Range<usize>) -> Picks<'_> {
        Picks { targets: &self.targets[range.clone()], range }
    }

    /// log softmax(logits)_target of each pick, `[picks]`; `logits [picks, classes]`.
    pub(crate) fn target_log_probs(&self, logits: Tensor<2>) -> Tensor<1> {
        log_prob_at(logits, &self.targets)
    }

    /// One value per pick as a tensor, zero on the padding: weights, advantages, old log-probabilities.
    pub fn values(&self, values: &[f32], device: &Device) -> Tensor<1> {
        self.picks_in(0..self.padded()).values(values, device)
    }
}

/// Consecutive picks of a packed batch.
#[derive(Debug, Clone)]
pub struct Picks<'a> {
    targets: &'a [i32],
    range: Range<usize>,
}

impl Picks<'_> {
    /// log softmax(logits)_target of each, `[picks]`; `logits [picks, classes]`.
    pub(crate) fn target_log_probs(&self, logits: Tensor<2>) -> Tensor<1> {
        log_prob_at(logits, self.targets)
    }

    /// The values of these picks, `[picks]`, given those of all; zero on the padding.
    pub fn values(&self, all: &[f32], device: &Device) -> Tensor<1> {
        let mut own: Vec<f32> = all.iter().take(self.range.end).skip(self.range.start).copied().collect();
        own.resize(self.range.len(), 0.0);
        Tensor::from_data(TensorData::new(own, [self.range.len()]), device)
    }
}

/// Writes tokens into a line from a column on; gives the column after them.
fn write(line: &mut [i32], from: usize, tokens: &[u32]) -> usize {
    line[from..].iter_mut().zip(tokens).for_each(|(cell, token)| *cell = *token as i32);
    from + tokens.len()
}

/// Tokens of a line.
fn length(line: &[Row<'_>]) -> usize {
    line.first().map_or(0, |row| row.shared.len()) + line.iter().map(|row| row.own.len()).sum::<usize>()
}

/// Groups rows so that no group, padded to its longest line, holds more than `budget` tokens.
///
/// Rows that begin alike share lines, lines of like length a group; a row longer than the budget is alone. There are as
/// few groups as the budget allows and the largest is as small as it can be, so that groups side by side end together.
pub fn micro_batches(rows: &[Row<'_>], budget: usize) -> Vec<MicroBatch> {
    let padded = |(line, tokens): (Vec<usize>, usize)| (line, tokens.next_multiple_of(TIME_MULTIPLE));
    let mut lines: Vec<(Vec<usize>, usize)> = shared_lines(rows, budget).into_iter().map(padded).collect();
    lines.sort_by_key(|(_, tokens)| *tokens);
    let fewest = filled(&lines, budget).len();
    let (mut too_small, mut enough) = (0, budget);
    while too_small + 1 < enough {
        let middle = too_small.midpoint(enough);
        match filled(&lines, middle).len() <= fewest {
            true => enough = middle,
            false => too_small = middle,
        }
    }
    let batch =
        |lines: &[(Vec<usize>, usize)]| MicroBatch { lines: lines.iter().map(|(line, _)| line.clone()).collect() };
    filled(&lines, enough).into_iter().map(batch).collect()
}

/// The rows of each line with its tokens: those that begin alike together, as many as fit.
fn shared_lines(rows: &[Row<'_>], budget: usize) -> Vec<(Vec<usize>, usize)> {
    let mut lines: Vec<(Vec<usize>, usize)> = Vec::new();
    let mut open: HashMap<&[u32], usize> = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        let line = open.get(row.shared).copied().filter(|_| !row.shared.is_empty());
        match line.and_then(|line| lines.get_mut(line)) {
            Some((line, tokens)) if *tokens + row.own.len() <= budget.min(SHARED_LINE) => {
                line.push(index);
                *tokens += row.own.len();
            }
            _ => {
                open.insert(row.shared, lines.len());
                lines.push((vec![index], row.len()));
            }
        }
    }
    lines
}

/// Fills group after group with `lines`, `(rows, padded length)` in rising length.
fn filled(lines: &[(Vec<usize>, usize)], budget: usize) -> Vec<&[(Vec<usize>, usize)]> {
    let mut groups = Vec::new();
    let mut start = 0;
    for (end, (_, padded)) in lines.iter().enumerate() {
        if end > start && (end + 1 - start) * padded > budget {
            groups.push(&lines[start..end]);
            start = end;
        }
    }
    if start < lines.len() {
        groups.push(&lines[start..]);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_lengths(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
        let rows: Vec<Vec<u32>> = lengths.iter().map(|length| vec![0; *length]).collect();
        let rows: Vec<Row<'_>> = rows.iter().map(|row| Row::alone(row)).collect();
        micro_batches(&rows, budget).iter().map(|group| group.rows().collect()).collect()
    }

    #[test]
    fn positions_precede_their_targets() {
        let rows = [Row { shared: &[5], own: &[6, 7] }, Row::alone(&[8, 9])];
        let packed = Packed::continuations(&[vec![rows[0]], vec![rows[1]]]);
        assert_eq!(packed.time(), 8);
        assert_eq!(packed.positions[..3], [0, 1, 8]);
        assert_eq!(packed.targets[..3], [6, 7, 9]);
        assert_eq!((packed.picks(), packed.positions.len()), (3, 64));
        assert!(packed.branches.is_empty());
    }

    #[test]
    fn rows_that_begin_alike_share_a_line() {
        let rows = [Row { shared: &[1, 2, 3], own: &[4, 5] }, Row { shared: &[1, 2, 3], own: &[6] }];
        let packed = Packed::continuations(&[rows.to_vec()]);
        assert_eq!(packed.tokens, [1, 2, 3, 4, 5, 6, 0, 0]);
        // The last token of the beginning predicts the first own token of both.
        assert_eq!(packed.positions[..3], [2, 3, 2]);
        assert_eq!(packed.targets[..3], [4, 5, 6]);
        assert_eq!(packed.branches, [Branches { trunk: 3, starts: vec![3, 5] }]);
        let labelled = packed.repicked(vec![vec![(0, 1)], vec![(3, 0)]]);
        assert_eq!(labelled.positions[..2], [0, 5]);
    }

    #[test]
    fn rows_are_gathered_by_their_beginning_as_far_as_they_fit() {
        let long = [0; 100];
        let row = |shared: &'static [u32]| Row { shared, own: &long };
        let rows = [row(&[1]), row(&[2]), row(&[1]), row(&[1]), Row::alone(&long), Row::alone(&long)];
        let expected = [(vec![0, 2], 201), (vec![1], 101), (vec![3], 101), (vec![4], 100), (vec![5], 100)];
        assert_eq!(shared_lines(&rows, 512), expected);
        assert_eq!(shared_lines(&rows, 100).len(), 6);
    }

    #[test]
    fn groups_respect_the_budget_and_lose_no_row() {
        assert_eq!(of_lengths(&[30, 5, 100, 16], 64), [vec![1, 3], vec![0], vec![2]]);
        assert!(of_lengths(&[], 10).is_empty());
        assert_eq!(of_lengths(&[9, 9], 0), [vec![0], vec![1]]);
    }

    #[test]
    fn groups_are_alike_in_size() {
        let sizes = |lengths: &[usize], budget| of_lengths(lengths, budget).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(&[96; 64], 4096), [32, 32]);
        assert_eq!(sizes(&[96; 64], 6144), [64]);
        // The first four hold 32 tokens as the last two do.
        assert_eq!(sizes(&[8, 8, 8, 8, 16, 16], 40), [4, 2]);
    }
}
