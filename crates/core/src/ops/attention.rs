//! Scaled dot-product attention of queries that see a window of keys.

use std::ops::Range;
use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::fold::{folded, softmax};
use super::kernel::{Fused as _, fused};

/// Added to the score of a key that must not be seen. Finite, so a row that sees nothing stays finite.
const HIDDEN: f32 = -1e9;

/// Which of `keys` keys each of `time` queries sees: query t of a row sees the keys padding..=column + t, and where rows
/// branch, of these the trunk and its own branch.
#[derive(Debug, Clone)]
pub(crate) struct Mask {
    /// Keys at the left of each row that hold nothing; a single entry stands for all rows.
    pub(crate) padding: Vec<usize>,
    pub(crate) column: usize,
    pub(crate) time: usize,
    pub(crate) keys: usize,
    /// Of each row, or none for rows that do not branch; with them there is neither padding nor column.
    pub(crate) branches: Vec<Branches>,
}

/// How a row branches: its first `trunk` tokens belong to every branch, and branches follow one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Branches {
    pub(crate) trunk: usize,
    /// First token of each branch, rising; the first is that after the trunk.
    pub(crate) starts: Vec<usize>,
}

impl Branches {
    /// Where the branch of token `t` begins; 0 on the trunk.
    fn start(&self, t: usize) -> usize {
        let before = self.starts.partition_point(|start| *start <= t);
        before.checked_sub(1).map_or(0, |branch| self.starts[branch])
    }

    /// The position of token `t` in its sequence.
    pub(crate) fn position(&self, t: usize) -> usize {
        match self.start(t) {
            0 => t,
            start => self.trunk + t - start,
        }
    }
}

impl Mask {
    /// `[rows or 1, 1, time, keys]`: 0 where a query may look, very negative where it may not.
    pub(crate) fn bias(&self, device: &Device) -> Tensor<4> {
        let rows = self.padding.len().max(self.branches.len());
        let mut bias = vec![HIDDEN; rows * self.time * self.keys];
        for (cells, index) in bias.chunks_mut(self.keys.max(1)).zip(0..) {
            let (row, t) = (index / self.time, index % self.time);
            let own = self.own(row, t);
            cells[..self.trunk(row, t)].fill(0.0);
            cells[own].fill(0.0);
        }
        Tensor::from_data(TensorData::new(bias, [rows, 1, self.time, self.keys]), device)
    }

    /// How many keys of the trunk query `t` of `row` sees beside its own.
    #[inline(always)]
    pub(super) fn trunk(&self, row: usize, t: usize) -> usize {
        self.branches.get(row).filter(|branches| branches.start(t) > 0).map_or(0, |branches| branches.trunk)
    }

    /// The keys that query `t` of `row` sees: all of them, or those of its branch.
    #[inline(always)]
    pub(super) fn own(&self, row: usize, t: usize) -> Range<usize> {
        let end = (self.column + t + 1).min(self.keys);
        let start = match self.branches.get(row) {
            Some(branches) => branches.start(t),
            None => self.padding[row % self.padding.len()],
        };
        start.min(end)..end
    }

    /// Queries of `row` from `t` on that have the same branch, up to `most`.
    pub(super) fn alike(&self, row: usize, t: usize, most: usize) -> Range<usize> {
        let next = self.branches.get(row).and_then(|branches| branches.starts.iter().find(|start| **start > t));
        t..(t + most).min(self.time).min(next.copied().unwrap_or(usize::MAX))
    }
}

/// softmax(q kᵀ / √d + mask) v, the softmax formed in f32.
///
/// `query [rows, heads, time, head_dim]`, `keys` and `values [rows, key_value_heads, keys, head_dim]`; as many query
/// heads, one after another, share a key head as their numbers ask for. The result is `[rows, time, heads · head_dim]`.
/// `bias` is that of `mask`, where the device needs it.
pub(crate) fn attended(
    query: Tensor<4>,
    keys: Tensor<4>,
    values: Tensor<4>,
    mask: &Arc<Mask>,
    bias: Option<&Tensor<4>>,
) -> Tensor<3> {
    match bias {
        Some(bias) => composed(query, keys, values, bias.clone()),
        None => {
            debug_assert!(fused(&query.device()));
            let dtype = query.dtype();
            let [query, keys, values] = [query, keys, values].map(|x| x.cast(DType::F32).into_dispatch());
            Tensor::<3>::from_dispatch(Dispatch::attend(query, keys, values, mask.clone())).cast(dtype)
        }
    }
}

pub(super) fn composed(query: Tensor<4>, keys: Tensor<4>, values: Tensor<4>, bias: Tensor<4>) -> Tensor<3> {
    let [rows, heads, time, dim] = query.dims();
    // The query heads that share a key head stand one after another on the time axis: keys are never repeated.
    let [_, key_heads, seen, _] = keys.dims();
    let group = heads / key_heads;
    let query = query.reshape([rows, key_heads, group * time, dim]);
    let scores = query.mul_scalar(1.0 / (dim as f64).sqrt()).matmul(keys.transpose()).cast(DType::F32);
    let scores = scores.reshape([rows, key_heads, group, time, seen]) + bias.unsqueeze_dim(1);
    let weights = softmax(folded(scores)).reshape([rows, key_heads, group * time, seen]).cast(values.dtype());
    let mixed = weights.matmul(values).reshape([rows, heads, time, dim]);
    mixed.swap_dims(1, 2).reshape([rows, time, heads * dim])
}

#[cfg(test)]
mod tests {
    use super::super::blocks::BLOCK;
    use super::super::twin::{assert_twins, random};
    use super::*;
    use crate::numbers::numbers;

    fn twins(rows: usize, heads: usize, key_heads: usize, mask: &Mask) {
        const DIM: usize = 6;
        let (time, keys) = (mask.time, mask.keys);
        let (mask, bias) = (Arc::new(mask.clone()), mask.bias(&Device::flex().autodiff()));
        let inputs = [
            random(&[rows * heads * time * DIM], 1),
            random(&[rows * key_heads * keys * DIM], 2),
            random(&[rows * key_heads * keys * DIM], 3),
        ];
        let run = |[q, k, v]: [Tensor<1>; 3], bias: Option<&Tensor<4>>| {
            let of_keys = [rows, key_heads, keys, DIM];
            // Values come as a view of a projection, with the heads after the time.
            let v = v.reshape([rows, keys, key_heads, DIM]).swap_dims(1, 2);
            attended(q.reshape([rows, heads, time, DIM]), k.reshape(of_keys), v, &mask, bias).flatten(0, 2)
        };
        assert_twins(&inputs, |inputs| run(inputs, None), |inputs| run(inputs, Some(&bias)));
    }

    #[test]
    fn blocks_equal_the_composition() {
        twins(2, 3, 3, &Mask { padding: vec![0], column: 0, time: 5, keys: 5, branches: vec![] });
        twins(2, 4, 2, &Mask { padding: vec![0], column: 0, time: BLOCK + 9, keys: BLOCK + 9, branches: vec![] });
    }

    #[test]
    fn many_scores_equal_the_composition() {
        twins(4, 4, 2, &Mask { padding: vec![0], column: 0, time: 2 * BLOCK, keys: 2 * BLOCK, branches: vec![] });
    }

    #[test]
    fn a_window_of_a_cache_equals_the_composition() {
        twins(3, 2, 1, &Mask { padding: vec![0, 2, 5], column: 6, time: 1, keys: 16, branches: vec![] });
        twins(1, 2, 2, &Mask { padding: vec![1], column: 3, time: 4, keys: 9, branches: vec![] });
    }

    #[test]
    fn branches_equal_the_composition() {
        let branches = |trunk: usize, starts: &[usize]| Branches { trunk, starts: starts.to_vec() };
        let branches = vec![branches(3, &[3, 5, 9]), branches(BLOCK + 2, &[BLOCK + 2, BLOCK + 3]), branches(0, &[0])];
        twins(3, 4, 2, &Mask { padding: vec![0], column: 0, time: BLOCK + 9, keys: BLOCK + 9, branches });
    }

    #[test]
    fn positions_count_along_the_branch() {
        let branches = Branches { trunk: 3, starts: vec![3, 5] };
        assert_eq!((0..8).map(|t| branches.position(t)).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 3, 4, 5]);
        let flat = Branches { trunk: 0, starts: vec![0] };
        assert_eq!((0..3).map(|t| flat.position(t)).collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn a_query_that_sees_nothing_gives_nothing() {
        let mask = Arc::new(Mask { padding: vec![2], column: 0, time: 3, keys: 3, branches: vec![] });
        let ones = || Tensor::<4>::ones([1, 1, 3, 2], &Device::flex());
        let found = numbers(attended(ones(), ones(), ones(), &mask, None));
        assert_eq!(found, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    }
}
