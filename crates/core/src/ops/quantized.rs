//! Products with weights of few bits.
//!
//! Writing text reads every weight for a handful of rows, so that the memory sets the pace; weights of one byte are read
//! four times as fast as those of four.

use core::ops::Range;

use burn::backend::flex::{FlexQTensor, FlexTensor};
use burn::backend::{BackendTensor, DispatchKindConversion, DispatchTensor, Flex};
use burn::tensor::module::linear;
use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{DType, Device, Tensor};

use super::kernel::{fused, tensor, values};
use super::lanes::vectorised;
use super::product::{Matrix, product};
use crate::parallel;

/// Weights that share a scale.
const BLOCK: usize = 32;

/// Outputs that are formed together: their sums stay in registers.
const TILE: usize = 64;

/// Rows up to which weights are read as they are stored; more share the work of writing them out.
const FEW: usize = 8;

/// How a weight `[inputs, outputs]` is kept in few bits, if blocks of 32 with a scale each fill it: 32 inputs of an output
/// where the products below read them, else 32 outputs of an input, since burn's kernels for GPUs put neighbours of the
/// last axis into a word, which must have one scale.
pub(crate) fn scheme(value: QuantValue, [inputs, outputs]: [usize; 2], device: &Device) -> Option<QuantScheme> {
    let (length, block) = match fused(device) {
        true => (inputs, [BLOCK as u8, 1]),
        false => (outputs, [1, BLOCK as u8]),
    };
    let scheme = QuantScheme::default().with_value(value).with_store(QuantStore::PackedU32(0));
    length.is_multiple_of(BLOCK).then(|| scheme.per_block(block, ScaleDtype::F32))
}

/// Whether a weight is stored in few bits.
pub(super) fn is_quantized(weight: &Tensor<2>) -> bool {
    matches!(weight.dtype(), DType::QFloat(_))
}

/// x W + b over the last axis for a weight of few bits, `weight [input, output]`.
pub(super) fn mapped_by<const D: usize>(x: Tensor<D>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<D> {
    let stored = <DispatchTensor as DispatchKindConversion<Flex>>::try_into_backend(weight.clone().into_dispatch());
    let dtype = x.dtype();
    match (stored, x.clone().cast(DType::F32).try_into_primitive::<Flex>()) {
        (Ok(BackendTensor::Quantized(stored)), Ok(x)) if stored.tensor().is_contiguous() => {
            let y = Tensor::from_primitive::<Flex>(multiplied(&x.to_contiguous(), &stored));
            let y = match bias {
                Some(bias) => y + bias.unsqueeze(),
                None => y,
            };
            y.cast(dtype)
        }
        _ => linear(x, weight.dequantize().cast(dtype), bias.map(|bias| bias.cast(dtype))),
    }
}

/// x W over the last axis.
fn multiplied(x: &FlexTensor, weight: &FlexQTensor) -> FlexTensor {
    let mut shape = x.layout().shape().clone();
    let (last, stored) = (shape.num_dims() - 1, weight.tensor().layout().shape());
    let weight = Blocks {
        values: &weight.tensor().storage::<i8>()[weight.tensor().layout().start_offset()..],
        scales: weight.scales(),
        inputs: stored[0],
        outputs: stored[1],
    };
    shape[last] = weight.outputs;
    let x = values(x);
    let rows = x.len() / weight.inputs.max(1);
    let y = match rows <= FEW {
        true => weight.times_few(x),
        false => {
            let written = weight.written_out();
            let Blocks { inputs, outputs, .. } = weight;
            product(Matrix::new(x, rows, inputs, inputs), Matrix::new(&written, inputs, outputs, outputs))
        }
    };
    tensor(y, shape)
}

/// A matrix `[inputs, outputs]` of values of one byte, with a scale for every 32 inputs of an output.
#[derive(Clone, Copy)]
struct Blocks<'a> {
    values: &'a [i8],
    scales: &'a [f32],
    inputs: usize,
    outputs: usize,
}

impl Blocks<'_> {
    /// s q of all.
    fn written_out(&self) -> Vec<f32> {
        let blocks: Vec<(&[i8], &[f32])> =
            self.values.chunks(BLOCK * self.outputs).zip(self.scales.chunks(self.outputs)).collect();
        let written = parallel::map(&Device::flex(), &blocks, |(values, scales)| {
            let mut written = Vec::with_capacity(values.len());
            vectorised(|| {
                for line in values.chunks_exact(scales.len()) {
                    written.extend(line.iter().zip(*scales).map(|(value, scale)| f32::from(*value) * scale));
                }
            });
            written
        });
        written.concat()
    }

    /// x W for few rows of x, each thread forming some of the outputs.
    fn times_few(&self, x: &[f32]) -> Vec<f32> {
        let (device, rows) = (Device::flex(), x.len() / self.inputs);
        let width = self.outputs.div_ceil(parallel::workers(&device)).next_multiple_of(TILE);
        let stripes: Vec<Range<usize>> =
            (0..self.outputs).step_by(width).map(|start| start..self.outputs.min(start + width)).collect();
        let parts = parallel::map(&device, &stripes, |stripe| {
            let mut y = vec![0.0; rows * stripe.len()];
            vectorised(|| self.add_stripe(x, stripe.clone(), &mut y));
            y
        });
        let mut y = vec![0.0; rows * self.outputs];
        for (stripe, part) in stripes.iter().zip(&parts) {
            for (row, cells) in part.chunks_exact(stripe.len()).enumerate() {
                y[row * self.outputs..][stripe.clone()].copy_from_slice(cells);
            }
        }
        y
    }

    /// Adds some outputs of every row, block by block: what lies together in memory is read together.
    #[inline(always)]
    fn add_stripe(&self, x: &[f32], stripe: Range<usize>, y: &mut [f32]) {
        for (index, scales) in self.scales.chunks_exact(self.outputs).enumerate() {
            let block = &self.values[index * BLOCK * self.outputs..];
            for start in stripe.clone().step_by(TILE) {
                let width = TILE.min(stripe.end - start);
                let scales = &scales[start..start + width];
                for (row, x) in x.chunks_exact(self.inputs).enumerate() {
                    let x = &x[index * BLOCK..][..BLOCK];
                    let y = &mut y[row * stripe.len() + start - stripe.start..][..width];
                    match width {
                        TILE => add_tile::<TILE>(x, &block[start..], self.outputs, scales, y),
                        _ => (0..width).for_each(|at| {
                            add_tile::<1>(x, &block[start + at..], self.outputs, &scales[at..], &mut y[at..]);
                        }),
                    }
                }
            }
        }
    }
}

/// Adds sⱼ Σᵢ xᵢ qᵢⱼ to `N` outputs; the lines of q are `of_line` apart.
#[inline(always)]
fn add_tile<const N: usize>(x: &[f32], q: &[i8], of_line: usize, scales: &[f32], y: &mut [f32]) {
    let mut sums = [0.0_f32; N];
    for (i, x) in x.iter().enumerate() {
        let line = &q[i * of_line..][..N];
        for j in 0..N {
            sums[j] += x * f32::from(line[j]);
        }
    }
    for j in 0..N {
        y[j] += scales[j] * sums[j];
    }
}

#[cfg(test)]
mod tests {
    use super::super::linear::mapped_by as mapped;
    use super::super::twin::random;
    use super::*;
    use crate::numbers::numbers;

    fn matrix(cells: &[f32], rows: usize) -> Tensor<2> {
        let columns = cells.len() / rows;
        Tensor::<1>::from_data(cells, &Device::flex()).reshape([rows, columns])
    }

    fn blocks(value: QuantValue, inputs: usize) -> QuantScheme {
        scheme(value, [inputs, 1], &Device::flex()).unwrap()
    }

    fn weight(inputs: usize, outputs: usize) -> Tensor<2> {
        matrix(&random(&[inputs * outputs], 7), inputs)
    }

    /// Few rows are multiplied block by block, many after the weights were written out; outputs that fill no tile too.
    #[test]
    fn products_are_those_with_the_weights_as_burn_reads_them() {
        for (rows, inputs, outputs) in [(1, 64, 3), (3, 96, 70), (8, 32, 64), (9, 32, 130)] {
            let stored = weight(inputs, outputs).quantize_dynamic(&blocks(QuantValue::Q8S, inputs));
            let x = matrix(&random(&[rows * inputs], 3), rows);
            let bias = weight(1, outputs).reshape([outputs]);
            let expected = numbers(linear(x.clone(), stored.clone().dequantize(), Some(bias.clone())));
            let found = numbers(mapped(x, stored, Some(bias)));
            let error = expected.iter().zip(&found).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
            assert!(error < 1e-4, "{rows} rows of {inputs} to {outputs}: {error}");
        }
    }

    /// A value is kept to half a step of its block: max |w| / 127 or / 7.
    #[test]
    fn a_value_is_kept_to_half_a_step_of_its_block() {
        for (value, largest) in [(QuantValue::Q8S, 127.0), (QuantValue::Q4S, 7.0)] {
            let mut cells = vec![0.01_f32; 64 * 2];
            (cells[0], cells[1], cells[65]) = (2.0, -0.5, 30.0);
            let kept = numbers(matrix(&cells, 64).quantize_dynamic(&blocks(value, 64)).dequantize());
            for (cell, (expected, found)) in cells.iter().zip(&kept).enumerate() {
                let (block, output) = (cell / 64, cell % 2);
                let peak = [[2.0, 0.5], [0.01, 30.0]][block][output];
                assert!((expected - found).abs() <= 0.5001 * peak / largest, "{expected} became {found}");
            }
        }
    }
}
