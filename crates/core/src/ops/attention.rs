//! Scaled dot-product attention of queries that see a window of keys.

use std::sync::Arc;

use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::ops::FloatTensorOps as _;
use burn::backend::{Dispatch, Flex};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Shape, Tensor, TensorData};

use super::kernel::{Fused as _, Kernel, fused, sizes, tensor, values};
use super::lanes::{dot, exp, log_sum_exp, vectorised};

/// Added to the score of a key that must not be seen. Finite, so a row that sees nothing stays finite.
const HIDDEN: f32 = -1e9;

/// Queries worked on at once: their scores fit into a fast cache, and later keys are never touched.
const BLOCK: usize = 64;

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
    fn seen(&self, row: usize, t: usize) -> core::ops::Range<usize> {
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

#[derive(Debug, Clone)]
pub(super) struct Attend {
    pub(super) mask: Arc<Mask>,
}

/// The sizes of one attention.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    rows: usize,
    heads: usize,
    key_heads: usize,
    time: usize,
    keys: usize,
    dim: usize,
}

impl Sizes {
    fn of(query: &FlexTensor, keys: &FlexTensor) -> Self {
        let [rows, heads, time, dim] = sizes(query);
        let [_, key_heads, keys, _] = sizes(keys);
        Self { rows, heads, key_heads, time, keys, dim }
    }

    fn scale(&self) -> f32 {
        1.0 / (self.dim as f32).sqrt()
    }

    /// Query heads per key head.
    fn group(&self) -> usize {
        self.heads / self.key_heads
    }
}

/// Some queries of one row, of all its heads: scores are `[key_heads, group · (end − start), keys]`.
#[derive(Debug, Clone, Copy)]
struct Block {
    row: usize,
    start: usize,
    end: usize,
    /// Keys that any of these queries sees.
    keys: usize,
}

impl Attend {
    fn blocks(&self, sizes: Sizes) -> impl Iterator<Item = Block> + '_ {
        let starts = move || (0..sizes.time).step_by(BLOCK);
        (0..sizes.rows).flat_map(move |row| starts().map(move |start| (row, start))).map(move |(row, start)| {
            let end = (start + BLOCK).min(sizes.time);
            Block { row, start, end, keys: self.mask.seen(row, end - 1).end }
        })
    }

    /// Which keys each row of the block's scores sees, and where its query lies among `[rows, heads, time]`.
    #[inline(always)]
    fn lines(&self, sizes: Sizes, block: Block) -> impl Iterator<Item = (core::ops::Range<usize>, usize)> + '_ {
        (0..sizes.heads).flat_map(move |head| {
            (block.start..block.end)
                .map(move |t| (self.mask.seen(block.row, t), (block.row * sizes.heads + head) * sizes.time + t))
        })
    }
}

impl Kernel<3> for Attend {
    /// The output, and log Σ exp(scores) of each query `[rows, heads, time]`.
    type Saved = (FlexTensor, Vec<f32>);

    fn forward(&self, [query, keys, inputs]: &[FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let sizes = Sizes::of(query, keys);
        let query = query.to_contiguous();
        let mut mixed = vec![0.0; sizes.rows * sizes.time * sizes.heads * sizes.dim];
        let mut totals = vec![f32::NEG_INFINITY; sizes.rows * sizes.heads * sizes.time];
        for block in self.blocks(sizes).filter(|block| block.keys > 0) {
            let mut scores = scores(&query, keys, sizes, block);
            vectorised(|| {
                let rows = scores.storage_mut::<f32>().chunks_exact_mut(block.keys);
                for (scores, (seen, at)) in rows.zip(self.lines(sizes, block)) {
                    totals[at] = log_sum_exp(&scores[seen.clone()], sizes.scale());
                    weigh(scores, seen, sizes.scale(), totals[at]);
                }
            });
            let part = Flex::float_matmul(scores, window(inputs, block, false));
            let cells = values(&part).chunks_exact(sizes.dim);
            for (head, queries) in (0..sizes.heads).zip(cells.collect::<Vec<_>>().chunks(block.end - block.start)) {
                for (t, query) in (block.start..block.end).zip(queries) {
                    let at = ((block.row * sizes.time + t) * sizes.heads + head) * sizes.dim;
                    mixed[at..at + sizes.dim].copy_from_slice(query);
                }
            }
        }
        let mixed = tensor(mixed, [sizes.rows, sizes.time, sizes.heads * sizes.dim]);
        (mixed.clone(), (mixed, totals))
    }

    /// With P = softmax(s q kᵀ), s = 1/√d: dv = Pᵀ g, dP = g vᵀ, dS = s P ⊙ (dP − Σ g ⊙ output), dq = dS k,
    /// dk = dSᵀ q. P is computed again from the saved sums.
    fn backward(
        &self,
        [query, keys, inputs]: &[FlexTensor; 3],
        (output, totals): Self::Saved,
        grad: &FlexTensor,
    ) -> [FlexTensor; 3] {
        let sizes = Sizes::of(query, keys);
        let query = query.to_contiguous();
        let mut dquery = vec![0.0; totals.len() * sizes.dim];
        let mut dkeys = vec![0.0; sizes.rows * sizes.key_heads * sizes.keys * sizes.dim];
        let mut dvalues = dkeys.clone();
        let along = along(&output, grad, sizes);
        for block in self.blocks(sizes).filter(|block| block.keys > 0) {
            let g = gathered(grad, [sizes.heads * sizes.dim, sizes.dim], sizes, block);
            let q = gathered(&query, [sizes.dim, sizes.time * sizes.dim], sizes, block);
            let mut weights = scores(&query, keys, sizes, block);
            let mut slopes = Flex::float_matmul(g.clone(), window(inputs, block, true));
            vectorised(|| {
                let weights = weights.storage_mut::<f32>().chunks_exact_mut(block.keys);
                let slopes = slopes.storage_mut::<f32>().chunks_exact_mut(block.keys);
                for ((weights, slopes), (seen, at)) in weights.zip(slopes).zip(self.lines(sizes, block)) {
                    weigh(weights, seen, sizes.scale(), totals[at]);
                    for (slope, weight) in slopes.iter_mut().zip(&*weights) {
                        *slope = sizes.scale() * weight * (*slope - along[at]);
                    }
                }
            });
            let part = Flex::float_matmul(slopes.clone(), window(keys, block, false));
            let lines = values(&part).chunks_exact(sizes.dim).zip(self.lines(sizes, block));
            for (line, (_, at)) in lines {
                dquery[at * sizes.dim..(at + 1) * sizes.dim].copy_from_slice(line);
            }
            add(&mut dvalues, &Flex::float_matmul(weights.transpose(1, 2), g), sizes, block);
            add(&mut dkeys, &Flex::float_matmul(slopes.transpose(1, 2), q), sizes, block);
        }
        let of_keys = [sizes.rows, sizes.key_heads, sizes.keys, sizes.dim];
        let of_query = [sizes.rows, sizes.heads, sizes.time, sizes.dim];
        [tensor(dquery, of_query), tensor(dkeys, of_keys), tensor(dvalues, of_keys)]
    }
}

/// Scores to weights exp(scale · score − total), 0 for what is not seen.
#[inline(always)]
fn weigh(scores: &mut [f32], seen: core::ops::Range<usize>, scale: f32, total: f32) {
    scores[..seen.start].fill(0.0);
    scores[seen.end..].fill(0.0);
    scores[seen].iter_mut().for_each(|score| *score = exp(scale * *score - total));
}

/// q kᵀ of a block, `[key_heads, group · queries, keys]`.
fn scores(query: &FlexTensor, keys: &FlexTensor, sizes: Sizes, block: Block) -> FlexTensor {
    Flex::float_matmul(gathered(query, [sizes.dim, sizes.time * sizes.dim], sizes, block), window(keys, block, true))
}

/// The block's part of a contiguous tensor with the given strides of time and head, `[key_heads, group · queries, dim]`.
fn gathered(source: &FlexTensor, [of_time, of_head]: [usize; 2], sizes: Sizes, block: Block) -> FlexTensor {
    let queries = block.end - block.start;
    let start = block.row * sizes.heads * sizes.time * sizes.dim + block.start * of_time;
    let shape = Shape::new([sizes.heads, queries, sizes.dim]);
    let strides = vec![of_head as isize, of_time as isize, 1];
    let view = FlexTensor::from_arc(source.data_arc(), Layout::new(shape, strides, start), source.dtype());
    if sizes.group() == 1 {
        return view;
    }
    view.to_contiguous().reshape(Shape::new([sizes.key_heads, sizes.group() * queries, sizes.dim]))
}

/// The keys of a block `[key_heads, keys, dim]`, or their transpose.
fn window(keys: &FlexTensor, block: Block, transposed: bool) -> FlexTensor {
    let layout = keys.layout().narrow(0, block.row, 1).narrow(2, 0, block.keys);
    let (shape, strides) = (layout.shape(), layout.strides());
    let layout = Layout::new(Shape::new([shape[1], shape[2], shape[3]]), strides[1..].to_vec(), layout.start_offset());
    let layout = if transposed { layout.transpose(1, 2) } else { layout };
    keys.clone().with_layout(layout)
}

/// Σ g ⊙ output over each head, `[rows, heads, time]`.
fn along(output: &FlexTensor, grad: &FlexTensor, sizes: Sizes) -> Vec<f32> {
    let mut along = vec![0.0; sizes.rows * sizes.heads * sizes.time];
    vectorised(|| {
        let heads = values(output).chunks_exact(sizes.dim).zip(values(grad).chunks_exact(sizes.dim));
        for (at, (output, grad)) in heads.enumerate() {
            let (line, head) = (at / sizes.heads, at % sizes.heads);
            let (row, t) = (line / sizes.time, line % sizes.time);
            along[(row * sizes.heads + head) * sizes.time + t] = dot(output, grad);
        }
    });
    along
}

/// Adds the block's `part [key_heads, keys, dim]` to `sum [rows, key_heads, all keys, dim]`.
fn add(sum: &mut [f32], part: &FlexTensor, sizes: Sizes, block: Block) {
    let head = sizes.keys * sizes.dim;
    let heads = sum[block.row * sizes.key_heads * head..].chunks_exact_mut(head);
    vectorised(|| {
        for (sum, part) in heads.zip(values(part).chunks_exact(block.keys * sizes.dim)) {
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::twin::{assert_twins, random};
    use super::*;

    fn twins(rows: usize, heads: usize, key_heads: usize, mask: Mask) {
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
        twins(2, 3, 3, Mask { padding: vec![0], column: 0, time: 5, keys: 5 });
        twins(2, 4, 2, Mask { padding: vec![0], column: 0, time: BLOCK + 9, keys: BLOCK + 9 });
    }

    #[test]
    fn a_window_of_a_cache_equals_the_composition() {
        twins(3, 2, 1, Mask { padding: vec![0, 2, 5], column: 6, time: 1, keys: 16 });
        twins(1, 2, 2, Mask { padding: vec![1], column: 3, time: 4, keys: 9 });
    }

    #[test]
    fn a_query_that_sees_nothing_gives_nothing() {
        let mask = Arc::new(Mask { padding: vec![2], column: 0, time: 3, keys: 3 });
        let ones = || Tensor::<4>::ones([1, 1, 3, 2], &Device::flex());
        let found = attended(ones(), ones(), ones(), &mask, None).into_data().try_to_vec::<f32>();
        assert_eq!(found.expect("f32"), [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    }
}
