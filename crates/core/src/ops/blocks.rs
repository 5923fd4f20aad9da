//! Attention in blocks of queries: the scores of a block stay in a fast cache, and keys behind it are never touched.

use std::ops::Range;
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

/// Queries `start..end` of one head of one row, and the keys that any of them may see: the first `trunk` ones and `own`.
#[derive(Debug, Clone)]
struct Block {
    row: usize,
    head: usize,
    start: usize,
    end: usize,
    trunk: usize,
    own: Range<usize>,
}

/// Keys that lie side by side, and the first column of their scores in a block.
struct Run {
    column: usize,
    keys: Range<usize>,
}

impl Attend {
    fn blocks(&self, sizes: Sizes) -> impl Iterator<Item = Block> + '_ {
        let heads = (0..sizes.rows).flat_map(move |row| (0..sizes.heads).map(move |head| (row, head)));
        let blocks = heads.flat_map(move |(row, head)| {
            let queries = move |t: usize| (t < sizes.time).then(|| self.mask.alike(row, t, BLOCK));
            core::iter::successors(queries(0), move |before| queries(before.end)).map(move |Range { start, end }| {
                let trunk = self.mask.trunk(row, start);
                Block { row, head, start, end, trunk, own: self.mask.own(row, end - 1) }
            })
        });
        blocks.filter(|block| block.columns() > 0)
    }

    /// Turns the scores that each query t sees to weights by `weigh(scores, t)`; what it does not see weighs 0.
    #[inline(always)]
    fn weigh(&self, scores: &mut [f32], block: &Block, mut weigh: impl FnMut(&mut [f32], usize)) {
        for (scores, t) in scores.chunks_exact_mut(block.columns()).zip(block.start..block.end) {
            let own = self.mask.own(block.row, t);
            let seen = block.trunk + own.end.saturating_sub(block.own.start);
            scores[seen..].fill(0.0);
            weigh(&mut scores[..seen], t);
        }
    }
}

impl Block {
    /// Keys that the block sees.
    #[inline(always)]
    fn columns(&self) -> usize {
        self.trunk + self.own.len()
    }

    /// The same, run by run.
    fn runs(&self) -> impl Iterator<Item = Run> + use<> {
        let trunk = Run { column: 0, keys: 0..self.trunk };
        [trunk, Run { column: self.trunk, keys: self.own.clone() }].into_iter().filter(|run| !run.keys.is_empty())
    }

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

    /// A run of the keys (or values) that the block sees.
    fn of_keys<'a>(&self, keys: &'a FlexTensor, run: &Run, sizes: Sizes) -> Matrix<'a> {
        let [of_row, of_head, of_key] = [0, 1, 2].map(|axis| keys.layout().strides()[axis].unsigned_abs());
        let from = self.row * of_row + self.head / sizes.group() * of_head + run.keys.start * of_key;
        let stored = &keys.storage::<f32>()[keys.layout().start_offset() + from..];
        Matrix::new(stored, run.keys.len(), sizes.dim, of_key)
    }

    /// Weights or scores of the block for a run of keys.
    fn of_scores<'a>(&self, scores: &'a [f32], run: &Run) -> Matrix<'a> {
        Matrix::new(&scores[run.column..], self.end - self.start, run.keys.len(), self.columns())
    }

    /// a kᵀ for all keys that the block sees, `[queries, columns]`.
    fn against(&self, a: Matrix<'_>, keys: &FlexTensor, sizes: Sizes) -> Vec<f32> {
        if self.trunk == 0 {
            let run = Run { column: 0, keys: self.own.clone() };
            return product(a, self.of_keys(keys, &run, sizes).transposed());
        }
        let mut scores = vec![0.0; (self.end - self.start) * self.columns()];
        for run in self.runs() {
            let keys = self.of_keys(keys, &run, sizes).transposed();
            multiply_into(&mut scores[run.column..], self.columns(), false, a, keys);
        }
        scores
    }

    /// Writes w k into `out`, whose rows are `of_row` apart.
    fn mix(&self, out: &mut [f32], of_row: usize, weights: &[f32], keys: &FlexTensor, sizes: Sizes) {
        for run in self.runs() {
            let keys = self.of_keys(keys, &run, sizes);
            multiply_into(out, of_row, run.column > 0, self.of_scores(weights, &run), keys);
        }
    }

    /// Adds wᵀ a to the keys of `out [rows, key_heads, keys, dim]` that the block sees.
    fn spread(&self, out: &mut [f32], weights: &[f32], a: Matrix<'_>, sizes: Sizes) {
        for run in self.runs() {
            let from = self.keys_start(sizes) + run.keys.start * sizes.dim;
            multiply_into(&mut out[from..], sizes.dim, true, self.of_scores(weights, &run).transposed(), a);
        }
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
        for block in self.blocks(sizes) {
            let mut scores = block.against(block.of_heads(values(&query), sizes), &keys, sizes);
            let totals = &mut totals[block.head_start(sizes)..];
            vectorised(|| {
                self.weigh(&mut scores, &block, |scores, t| totals[t] = softmax_in_place(scores, sizes.scale()));
            });
            let (from, width) = block.in_lines(sizes);
            block.mix(&mut mixed[from..], width, &scores, &inputs, sizes);
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
        for block in self.blocks(sizes) {
            let (q, g) = (block.of_heads(values(&query), sizes), block.of_lines(values(grad), sizes));
            let mut weights = block.against(q, &keys, sizes);
            let mut slopes = block.against(g, &inputs, sizes);
            let (from, width) = block.in_lines(sizes);
            let line = |values: &FlexTensor, t: usize| {
                let from = from + (t - block.start) * width;
                dot(&self::values(values)[from..from + dim], &self::values(grad)[from..from + dim])
            };
            vectorised(|| {
                self.weigh(&mut weights, &block, |scores, t| {
                    let total = totals[block.head_start(sizes) + t];
                    scores.iter_mut().for_each(|score| *score = exp(scale * *score - total));
                });
                let lines = slopes.chunks_exact_mut(block.columns()).zip(weights.chunks_exact(block.columns()));
                for ((slopes, weights), t) in lines.zip(block.start..) {
                    let along = line(&output, t);
                    slopes
                        .iter_mut()
                        .zip(weights)
                        .for_each(|(slope, weight)| *slope = scale * weight * (*slope - along));
                }
            });
            let from = (block.head_start(sizes) + block.start) * dim;
            block.mix(&mut dquery[from..], dim, &slopes, &keys, sizes);
            block.spread(&mut dvalues, &weights, g, sizes);
            block.spread(&mut dkeys, &slopes, q, sizes);
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
