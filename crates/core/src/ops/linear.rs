//! Linear maps.

use burn::backend::flex::FlexTensor;
use burn::backend::{Dispatch, Flex};
use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::module::linear;
use burn::tensor::{DType, Tensor};

use super::fold::{spread, stacked};
use super::kernel::{Fused as _, Gradients, Kernel, fused, like, tensor, values};
use super::lanes::vectorised;
use super::product::{Matrix, multiply_into, product};
use super::quantized::{self, is_quantized};

/// x W + b over the last axis; with an adapter x W + b + (α / r) (x A) B, which never forms a gradient as large as W.
pub(crate) fn mapped<const D: usize>(map: &Linear, x: Tensor<D>) -> Tensor<D> {
    let bias = map.bias.as_ref().map(Param::val);
    let Some(adapter) = map.weight.adapter() else { return mapped_by(x, map.weight.val(), bias) };
    let narrow = mapped_by(x.clone(), adapter.a.val(), None) * adapter.scale;
    mapped_by(x, map.weight.base(), bias) + mapped_by(narrow, adapter.b.val(), None)
}

/// x W + b over the last axis, of the type of x; `weight [input, output]`, `bias [output]`.
pub(crate) fn mapped_by<const D: usize>(x: Tensor<D>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<D> {
    if is_quantized(&weight) {
        return quantized::mapped_by(x, weight, bias);
    }
    let dtype = x.dtype();
    if !fused(&x.device()) {
        return composed(x, weight.cast(dtype), bias.map(|bias| bias.cast(dtype)));
    }
    let (x, weight) = (x.cast(DType::F32).into_dispatch(), weight.cast(DType::F32).into_dispatch());
    let y = match bias {
        Some(bias) => Dispatch::linear_biased(x, weight, bias.cast(DType::F32).into_dispatch()),
        None => Dispatch::linear_plain(x, weight),
    };
    Tensor::<D>::from_dispatch(y).cast(dtype)
}

pub(super) fn composed<const D: usize>(x: Tensor<D>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<D> {
    let y = linear(x, weight, None);
    let Some(bias) = bias else { return y };
    let shape = y.dims();
    let y = stacked(y);
    let rows = y.dims()[0] * y.dims()[1];
    (y + spread(bias, rows)).reshape(shape)
}

/// The same matrix with its rows one after another in memory, for a weight that meets few rows of x at a time.
pub(crate) fn in_rows(weight: Tensor<2>) -> Tensor<2> {
    match weight.clone().try_into_primitive::<Flex>() {
        Ok(stored) => Tensor::from_primitive::<Flex>(stored.to_contiguous()),
        Err(_) => weight,
    }
}

/// Without a bias.
#[derive(Debug, Clone)]
pub(super) struct LinearPlain;

/// With a bias.
#[derive(Debug, Clone)]
pub(super) struct LinearBiased;

impl Kernel<2> for LinearPlain {
    type Saved = ();

    fn forward(&self, [x, weight]: &[FlexTensor; 2]) -> (FlexTensor, ()) {
        let (x, weight) = (x.to_contiguous(), in_one_piece(weight));
        let y = product(lines(&x), matrix(&weight));
        (shaped(y, &x, &weight), ())
    }

    fn backward(&self, inputs: &[FlexTensor; 2], (): (), grad: &FlexTensor, wanted: [bool; 2]) -> Gradients<2> {
        gradients(inputs, grad, wanted)
    }
}

impl Kernel<3> for LinearBiased {
    type Saved = ();

    fn forward(&self, [x, weight, bias]: &[FlexTensor; 3]) -> (FlexTensor, ()) {
        let (x, weight, bias) = (x.to_contiguous(), in_one_piece(weight), bias.to_contiguous());
        let rows = values(&x).len() / weight.layout().shape()[0].max(1);
        let mut y = values(&bias).repeat(rows);
        multiply_into(&mut y, values(&bias).len(), true, lines(&x), matrix(&weight));
        (shaped(y, &x, &weight), ())
    }

    fn backward(&self, inputs: &[FlexTensor; 3], (): (), grad: &FlexTensor, wanted: [bool; 3]) -> Gradients<3> {
        let [x, weight, bias] = inputs;
        let [dx, dweight] = gradients(&[x.clone(), weight.clone()], grad, [wanted[0], wanted[1]]);
        let mut dbias = vec![0.0; bias.layout().num_elements()];
        vectorised(|| {
            for line in values(grad).chunks_exact(dbias.len().max(1)) {
                dbias.iter_mut().zip(line).for_each(|(sum, g)| *sum += g);
            }
        });
        [dx, dweight, Some(like(dbias, bias))]
    }
}

/// dx = g Wᵀ, dW = xᵀ g.
fn gradients([x, weight]: &[FlexTensor; 2], grad: &FlexTensor, wanted: [bool; 2]) -> Gradients<2> {
    let (x, stored) = (x.to_contiguous(), in_one_piece(weight));
    let g = lines(grad);
    let dx = || like(product(g, matrix(&stored).transposed()), &x);
    let dweight = || like(product(lines(&x).transposed(), g), weight);
    [wanted[0].then(dx), wanted[1].then(dweight)]
}

/// A contiguous tensor as a matrix of its last axis.
fn lines(x: &FlexTensor) -> Matrix<'_> {
    let width = x.layout().shape().last().copied().unwrap_or(1);
    Matrix::new(values(x), x.layout().num_elements() / width.max(1), width, width)
}

/// A matrix whose rows or whose columns are contiguous.
fn in_one_piece(weight: &FlexTensor) -> FlexTensor {
    let strides = weight.layout().strides();
    if strides.contains(&1) && strides.iter().all(|stride| *stride > 0) {
        weight.clone()
    } else {
        weight.to_contiguous()
    }
}

/// The cells of a tensor that is [`in_one_piece`].
fn matrix(weight: &FlexTensor) -> Matrix<'_> {
    let (shape, strides) = (weight.layout().shape(), weight.layout().strides());
    let stored = &weight.storage::<f32>()[weight.layout().start_offset()..];
    if strides[1] == 1 {
        return Matrix::new(stored, shape[0], shape[1], strides[0].unsigned_abs());
    }
    Matrix::new(stored, shape[1], shape[0], strides[1].unsigned_abs()).transposed()
}

/// The values as a tensor of x's shape with W's outputs as the last axis.
fn shaped(y: Vec<f32>, x: &FlexTensor, weight: &FlexTensor) -> FlexTensor {
    let mut shape = x.layout().shape().clone();
    let last = shape.num_dims() - 1;
    shape[last] = weight.layout().shape()[1];
    tensor(y, shape)
}

#[cfg(test)]
mod tests {
    use super::super::twin::{assert_twins, random};
    use super::*;

    #[test]
    fn one_product_equals_the_composition() {
        for (time, outputs) in [(5, 3), (1 << 10, 32)] {
            one_product(time, outputs);
        }
    }

    fn one_product(time: usize, outputs: usize) {
        let inputs = [random(&[2 * time * 7], 1), random(&[7 * outputs], 2), random(&[outputs], 3)];
        let shaped = |x: Tensor<1>, w: Tensor<1>| (x.reshape([2, time, 7]), w.reshape([7, outputs]));
        assert_twins(
            &inputs,
            |[x, w, b]| {
                let (x, w) = shaped(x, w);
                mapped_by(x, w, Some(b)).flatten(0, 2)
            },
            |[x, w, b]| {
                let (x, w) = shaped(x, w);
                composed(x, w, Some(b)).flatten(0, 2)
            },
        );
    }

    #[test]
    fn a_transposed_weight_is_not_copied_to_be_used() {
        let inputs = [random(&[5 * 7], 1), random(&[7 * 3], 2)];
        let shaped = |x: Tensor<1>, w: Tensor<1>| (x.reshape([5, 7]), w.reshape([3, 7]).transpose());
        assert_twins(
            &inputs,
            |[x, w]| {
                let (x, w) = shaped(x, w);
                mapped_by(x, w, None).flatten(0, 1)
            },
            |[x, w]| {
                let (x, w) = shaped(x, w);
                composed(x, w, None).flatten(0, 1)
            },
        );
    }
}
