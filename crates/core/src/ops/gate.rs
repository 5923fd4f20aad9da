//! The gate of SwiGLU.

use burn::backend::Dispatch;
use burn::backend::flex::FlexTensor;
use burn::tensor::activation::silu;
use burn::tensor::{DType, Tensor};

use super::kernel::{Fused as _, Gradients, Kernel, fused, like, values};
use super::lanes::{sigmoid, vectorised};

/// silu(gate) ⊙ up, with silu(x) = x σ(x).
pub(crate) fn gated<const D: usize>(gate: Tensor<D>, up: Tensor<D>) -> Tensor<D> {
    if !fused(&gate.device()) {
        return composed(gate, up);
    }
    let dtype = gate.dtype();
    let [gate, up] = [gate, up].map(|x| x.cast(DType::F32).into_dispatch());
    Tensor::<D>::from_dispatch(Dispatch::gate(gate, up)).cast(dtype)
}

pub(super) fn composed<const D: usize>(gate: Tensor<D>, up: Tensor<D>) -> Tensor<D> {
    silu(gate) * up
}

#[derive(Debug, Clone)]
pub(super) struct Gate;

impl Kernel<2> for Gate {
    type Saved = ();

    fn forward(&self, [gate, up]: &[FlexTensor; 2]) -> (FlexTensor, ()) {
        let (gate, up) = (gate.to_contiguous(), up.to_contiguous());
        let mut y = Vec::with_capacity(values(&gate).len());
        vectorised(|| y.extend(values(&gate).iter().zip(values(&up)).map(|(x, up)| x * sigmoid(*x) * up)));
        (like(y, &gate), ())
    }

    /// d gate = g up σ (1 + x (1 − σ)), d up = g x σ.
    fn backward(&self, [gate, up]: &[FlexTensor; 2], (): (), grad: &FlexTensor, _: [bool; 2]) -> Gradients<2> {
        let (gate, up) = (gate.to_contiguous(), up.to_contiguous());
        let count = values(&gate).len();
        let (mut dgate, mut dup) = (Vec::with_capacity(count), Vec::with_capacity(count));
        vectorised(|| {
            let inputs = || values(&gate).iter().zip(values(grad));
            dup.extend(inputs().map(|(x, g)| g * x * sigmoid(*x)));
            dgate.extend(inputs().zip(values(&up)).map(|((x, g), up)| {
                let s = sigmoid(*x);
                g * up * s * (1.0 + x * (1.0 - s))
            }));
        });
        [Some(like(dgate, &gate)), Some(like(dup, &up))]
    }
}

#[cfg(test)]
mod tests {
    use super::super::twin::{assert_twins, random};
    use super::*;

    #[test]
    fn one_pass_equals_the_composition() {
        let inputs = [random(&[70], 1), random(&[70], 2)];
        assert_twins(&inputs, |[gate, up]| gated(gate, up), |[gate, up]| composed(gate, up));
    }
}
