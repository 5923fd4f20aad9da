//! Attention in blocks of queries: the scores of a block stay in a fast cache, and keys behind it are never touched.

use std::sync::Arc;

use burn::backend::flex::FlexTensor;

use super::attention::Mask;
use super::kernel::{Gradients, Kernel, sizes, tensor, values};
use super::lanes::{dot, exp, softmax_in_place, vectorised};
use super::product::{Matrix, multiply_into, product};

/// Queries worked on at once.
pub(super) const BLOCK: usize = 32;

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

/// Queries `start..end` of one head of one row, and the `seen` keys that any of them may see.
#[derive(Debug, Clone, Copy)]
struct Block {
    row: usize,
    head: usize,
    start: usize,
    end: usize,
    seen: usize,
}

impl Attend {
    fn blocks(&self, sizes: Sizes) -> impl Iterator<Item = Block> + '_ {
        let heads = (0..sizes.rows).flat_map(move |row| (0..sizes.heads).map(move |head| (row, head)));
        let starts = move |(row, head)| (0..sizes.time).step_by(BLOCK).map(move |start| (row, head, start));
        heads.flat_map(starts).map(move |(row, head, start)| {
            let end = (start + BLOCK).min(sizes.time);
            Block { row, head, start, end, seen: self.mask.seen(row, end - 1).end }
        })
    }

    /// Turns the scores that each query t sees to weights by `weigh(scores, t)`; what it does not see weighs 0.
    #[inline(always)]
    fn weigh(&self, scores: &mut [f32], block: Block, mut weigh: impl FnMut(&mut [f32], usize)) {
        for (scores, t) in scores.chunks_exact_mut(block.seen.max(1)).zip(block.start..block.end) {
            let seen = self.mask.seen(block.row, t);
            scores[..seen.start].fill(0.0);
            scores[seen.end..].fill(0.0);
            weigh(&mut scores[seen], t);
        }
    }
}

impl Block {
    /// The block's part of `[rows, time, heads · dim]`: from where on, and how far apart its queries are.
    fn in_lines(&self, sizes: Sizes) -> (usize, usize) {
        let width = sizes.heads * sizes.dim;
        ((self.row * sizes.time + self.start) * width + self.head * sizes.dim, width)
    }

    /// First query of the head among `[rows, heads, time]`.
    fn head_start(&self, sizes: Sizes) -> usize {
        (self.row * sizes.heads + self.head) * sizes.time
    }

    /// The block's part of a `[rows, heads, time, dim]` slice.
    fn of_heads<'a>(&self, values: &'a [f32], sizes: Sizes) -> Matrix<'a> {
        let from = (self.head_start(sizes) + self.start) * sizes.dim;
        Matrix::new(&values[from..], self.end - self.start, sizes.dim, sizes.dim)
    }

    /// The block's part of a `[rows, time, heads · dim]` slice.
    fn of_lines<'a>(&self, values: &'a [f32], sizes: Sizes) -> Matrix<'a> {
        let (from, width) = self.in_lines(sizes);
        Matrix::new(&values[from..], self.end - self.start, sizes.dim, width)
    }

    /// The keys (or values) that the block sees.
    fn of_keys<'a>(&self, keys: &'a FlexTensor, sizes: Sizes) -> Matrix<'a> {
        let strides = keys.layout().strides();
        let head = self.head / sizes.group();
        let from = self.row * strides[0].unsigned_abs() + head * strides[1].unsigned_abs();
        let stored = &keys.storage::<f32>()[keys.layout().start_offset() + from..];
        Matrix::new(stored, self.seen, sizes.dim, strides[2].unsigned_abs())
    }

    /// Weights or scores of the block.
    fn of_scores<'a>(&self, scores: &'a [f32]) -> Matrix<'a> {
        Matrix::new(scores, self.end - self.start, self.seen, self.seen)
    }

    /// First cell of the head's keys among `[rows, key_heads, keys, dim]`.
    fn keys_start(&self, sizes: Sizes) -> usize {
        (self.row * sizes.key_heads + self.head / sizes.group()) * sizes.keys * sizes.dim
    }
}

impl Kernel<3> for Attend {
    /// The output, and log Σ exp(scores) of each query `[rows, heads, time]`.
    type Saved = (FlexTensor, Vec<f32>);

    fn forward(&self, [query, keys, inputs]: &[FlexTensor; 3]) -> (FlexTensor, Self::Saved) {
        let sizes = Sizes::of(query, keys);
        let (query, keys, inputs) = (query.to_contiguous(), with_rows(keys), with_rows(inputs));
        let mut mixed = vec![0.0; sizes.rows * sizes.time * sizes.heads * sizes.dim];
        let mut totals = vec![f32::NEG_INFINITY; sizes.rows * sizes.heads * sizes.time];
        for block in self.blocks(sizes).filter(|block| block.seen > 0) {
            let mut scores = product(block.of_heads(values(&query), sizes), block.of_keys(&keys, sizes).transposed());
            let totals = &mut totals[block.head_start(sizes)..];
            vectorised(|| {
                self.weigh(&mut scores, block, |scores, t| totals[t] = softmax_in_place(scores, sizes.scale()));
            });
            let (from, width) = block.in_lines(sizes);
            multiply_into(&mut mixed[from..], width, false, block.of_scores(&scores), block.of_keys(&inputs, sizes));
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
        _: [bool; 3],
    ) -> Gradients<3> {
        let sizes = Sizes::of(query, keys);
        let (query, keys, inputs) = (query.to_contiguous(), with_rows(keys), with_rows(inputs));
        let (scale, dim) = (sizes.scale(), sizes.dim);
        let mut dquery = vec![0.0; totals.len() * dim];
        let mut dkeys = vec![0.0; sizes.rows * sizes.key_heads * sizes.keys * dim];
        let mut dvalues = dkeys.clone();
        for block in self.blocks(sizes).filter(|block| block.seen > 0) {
            let (q, g) = (block.of_heads(values(&query), sizes), block.of_lines(values(grad), sizes));
            let mut weights = product(q, block.of_keys(&keys, sizes).transposed());
            let mut slopes = product(g, block.of_keys(&inputs, sizes).transposed());
            let (from, width) = block.in_lines(sizes);
            let line = |values: &FlexTensor, t: usize| {
                let from = from + (t - block.start) * width;
                dot(&self::values(values)[from..from + dim], &self::values(grad)[from..from + dim])
            };
            vectorised(|| {
                self.weigh(&mut weights, block, |scores, t| {
                    let total = totals[block.head_start(sizes) + t];
                    scores.iter_mut().for_each(|score| *score = exp(scale * *score - total));
                });
                let lines = slopes.chunks_exact_mut(block.seen).zip(weights.chunks_exact(block.seen));
                for ((slopes, weights), t) in lines.zip(block.start..) {
                    let along = line(&output, t);
                    slopes
                        .iter_mut()
                        .zip(weights)
                        .for_each(|(slope, weight)| *slope = scale * weight * (*slope - along));
                }
            });
            let (weights, slopes) = (block.of_scores(&weights), block.of_scores(&slopes));
            let from = (block.head_start(sizes) + block.start) * dim;
            multiply_into(&mut dquery[from..], dim, false, slopes, block.of_keys(&keys, sizes));
            let from = block.keys_start(sizes);
            multiply_into(&mut dvalues[from..], dim, true, weights.transposed(), g);
            multiply_into(&mut dkeys[from..], dim, true, slopes.transposed(), q);
        }
        let of_keys = [sizes.rows, sizes.key_heads, sizes.keys, dim];
        let dquery = tensor(dquery, [sizes.rows, sizes.heads, sizes.time, dim]);
        [dquery, tensor(dkeys, of_keys), tensor(dvalues, of_keys)].map(Some)
    }
}

/// The same keys with every key's values side by side.
fn with_rows(keys: &FlexTensor) -> FlexTensor {
    let strides = keys.layout().strides();
    if strides.iter().all(|stride| *stride >= 0) && strides[3] == 1 { keys.clone() } else { keys.to_contiguous() }
}
