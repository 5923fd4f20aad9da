//! Scaled dot-product attention of queries that see a window of keys.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};

use super::kernel::{Fused as _, fused};

/// Added to the score of a key that must not be seen. Finite, so a row that sees nothing stays finite.
const HIDDEN: f32 = -1e9;

/// Which of `keys` keys each of `time` queries sees: query t of a row sees the keys padding..=column + t.
#[derive(Debug, Clone)]
pub(crate) struct Mask {
    /// Keys at the left of each row that hold nothing; a single entry stands for all rows.
    pub(crate) padding: Vec<usize>,
    pub(crate) column: usize,
    pub(crate) time: usize,
    pub(crate) keys: usize,
}

impl Mask {
    /// `[rows or 1, 1, time, keys]`: 0 where a query may look, very negative where it may not.
    pub(crate) fn bias(&self, device: &Device) -> Tensor<4> {
        let cells = self.padding.iter().flat_map(|pad| (0..self.time).map(move |t| (*pad, t)));
        let bias: Vec<f32> = cells
            .flat_map(|(pad, t)| {
                (0..self.keys).map(move |key| if key >= pad && key <= self.column + t { 0.0 } else { HIDDEN })
            })
            .collect();
        Tensor::from_data(TensorData::new(bias, [self.padding.len(), 1, self.time, self.keys]), device)
    }

    /// The keys that query `t` of `row` sees.
    #[inline(always)]
    pub(super) fn seen(&self, row: usize, t: usize) -> core::ops::Range<usize> {
        let end = (self.column + t + 1).min(self.keys);
        self.padding[row % self.padding.len()].min(end)..end
    }
}

/// softmax(q kᵀ / √d + mask) v.
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
            let (query, keys, values) = (query.into_dispatch(), keys.into_dispatch(), values.into_dispatch());
            Tensor::from_dispatch(Dispatch::attend(query, keys, values, mask.clone()))
        }
    }
}

fn composed(query: Tensor<4>, keys: Tensor<4>, values: Tensor<4>, bias: Tensor<4>) -> Tensor<3> {
    let [rows, heads, time, dim] = query.dims();
    // The query heads that share a key head stand one after another on the time axis: keys are never repeated.
    let group = heads / keys.dims()[1];
    let query = query.reshape([rows, heads / group, group * time, dim]);
    let bias = if group == 1 { bias } else { bias.repeat_dim(2, group) };
    let scores = query.mul_scalar(1.0 / (dim as f64).sqrt()).matmul(keys.transpose()) + bias;
    let mixed = softmax(scores, 3).matmul(values).reshape([rows, heads, time, dim]);
    mixed.swap_dims(1, 2).reshape([rows, time, heads * dim])
}

#[cfg(test)]
mod tests {
    use super::super::blocks::BLOCK;
    use super::super::twin::{assert_twins, random, values_of};
    use super::*;

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
        twins(2, 3, 3, &Mask { padding: vec![0], column: 0, time: 5, keys: 5 });
        twins(2, 4, 2, &Mask { padding: vec![0], column: 0, time: BLOCK + 9, keys: BLOCK + 9 });
    }

    #[test]
    fn a_window_of_a_cache_equals_the_composition() {
        twins(3, 2, 1, &Mask { padding: vec![0, 2, 5], column: 6, time: 1, keys: 16 });
        twins(1, 2, 2, &Mask { padding: vec![1], column: 3, time: 4, keys: 9 });
    }

    #[test]
    fn a_query_that_sees_nothing_gives_nothing() {
        let mask = Arc::new(Mask { padding: vec![2], column: 0, time: 3, keys: 3 });
        let ones = || Tensor::<4>::ones([1, 1, 3, 2], &Device::flex());
        let found = values_of(attended(ones(), ones(), ones(), &mask, None));
        assert_eq!(found, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    }
}
