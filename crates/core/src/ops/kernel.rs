//! Functions computed in one pass over the memory of burn's CPU backend, and their record for the gradient.
//!
//! burn's own operations each write a whole tensor. What a decoder repeats in every layer is done here at once; other
//! devices get the same functions composed of burn's operations (and, where compiled in, burn's own fusion).

use core::fmt::Debug;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, backend_extension};
use burn::tensor::{Bytes, DType, Device, Shape};

use super::attention::Mask;
use super::blocks::Attend;
use super::gate::Gate;
use super::linear::{LinearBiased, LinearPlain};
use super::norm::RmsNorm;
use super::pick::LogProbAt;
use super::rotary::{Angles, Rotate};

/// Whether the functions of this module run on `device`.
pub(crate) fn fused(device: &Device) -> bool {
    device.clone().inner() == Device::flex()
}

/// A function of `N` tensors and its derivative.
pub(super) trait Kernel<const N: usize>: Clone + Debug + Send + 'static {
    /// What the derivative needs beside the inputs.
    type Saved: Clone + Debug + Send + 'static;

    fn forward(&self, inputs: &[FlexTensor; N]) -> (FlexTensor, Self::Saved);

    /// Gradients of the inputs, of their shapes, from the contiguous gradient of the output.
    /// Those that are not `wanted` may be left out.
    fn backward(
        &self,
        inputs: &[FlexTensor; N],
        saved: Self::Saved,
        grad: &FlexTensor,
        wanted: [bool; N],
    ) -> Gradients<N>;
}

/// One gradient per input.
pub(super) type Gradients<const N: usize> = [Option<FlexTensor>; N];

/// The functions of this module, as burn dispatches them to backends.
#[backend_extension(Flex, Autodiff)]
pub(super) trait Fused: Backend {
    fn rms_norm(x: FloatTensor<Self>, gamma: FloatTensor<Self>, epsilon: f32) -> FloatTensor<Self>;
    fn gate(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self>;
    fn rotate(x: FloatTensor<Self>, angles: Arc<Angles>) -> FloatTensor<Self>;
    fn attend(
        query: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        mask: Arc<Mask>,
    ) -> FloatTensor<Self>;
    fn log_prob_at(logits: FloatTensor<Self>, targets: Arc<[i32]>) -> FloatTensor<Self>;
    fn linear_plain(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
    fn linear_biased(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl Fused for Flex {
    fn rms_norm(x: FlexTensor, gamma: FlexTensor, epsilon: f32) -> FlexTensor {
        RmsNorm { epsilon }.forward(&[x, gamma]).0
    }

    fn gate(gate: FlexTensor, up: FlexTensor) -> FlexTensor {
        Gate.forward(&[gate, up]).0
    }

    fn rotate(x: FlexTensor, angles: Arc<Angles>) -> FlexTensor {
        Rotate { angles }.forward(&[x]).0
    }

    fn attend(query: FlexTensor, keys: FlexTensor, values: FlexTensor, mask: Arc<Mask>) -> FlexTensor {
        Attend { mask }.forward(&[query, keys, values]).0
    }

    fn log_prob_at(logits: FlexTensor, targets: Arc<[i32]>) -> FlexTensor {
        LogProbAt { targets }.forward(&[logits]).0
    }

    fn linear_plain(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
        LinearPlain.forward(&[x, weight]).0
    }

    fn linear_biased(x: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        LinearBiased.forward(&[x, weight, bias]).0
    }
}

impl<C: CheckpointStrategy> Fused for Autodiff<Flex, C> {
    fn rms_norm(x: FloatTensor<Self>, gamma: FloatTensor<Self>, epsilon: f32) -> FloatTensor<Self> {
        record::<C, _, 2>(&RmsNorm { epsilon }, [x, gamma])
    }

    fn gate(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        record::<C, _, 2>(&Gate, [gate, up])
    }

    fn rotate(x: FloatTensor<Self>, angles: Arc<Angles>) -> FloatTensor<Self> {
        record::<C, _, 1>(&Rotate { angles }, [x])
    }

    fn attend(
        query: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        mask: Arc<Mask>,
    ) -> FloatTensor<Self> {
        record::<C, _, 3>(&Attend { mask }, [query, keys, values])
    }

    fn log_prob_at(logits: FloatTensor<Self>, targets: Arc<[i32]>) -> FloatTensor<Self> {
        record::<C, _, 1>(&LogProbAt { targets }, [logits])
    }

    fn linear_plain(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        record::<C, _, 2>(&LinearPlain, [x, weight])
    }

    fn linear_biased(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        record::<C, _, 3>(&LinearBiased, [x, weight, bias])
    }
}

/// Runs a kernel and, where an input has a gradient, notes how to go back.
#[allow(clippy::redundant_closure_for_method_calls, reason = "burn gives these methods' type no public path")]
fn record<C: CheckpointStrategy, K: Kernel<N>, const N: usize>(
    kernel: &K,
    inputs: [FloatTensor<Autodiff<Flex, C>>; N],
) -> FloatTensor<Autodiff<Flex, C>> {
    let guards = inputs.each_ref().map(|input| input.node());
    let inputs = inputs.map(|input| input.into_primitive());
    match Step(kernel.clone()).prepare::<C>(guards).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let (output, saved) = kernel.forward(&inputs);
            prepared.finish((inputs, saved), output)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(kernel.forward(&inputs).0),
    }
}

/// The way back through a kernel.
#[derive(Debug)]
struct Step<K>(K);

impl<K: Kernel<N>, const N: usize> Backward<Flex, N> for Step<K> {
    type State = ([FlexTensor; N], K::Saved);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut grads::Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<Flex>(&ops.node);
        let (inputs, saved) = ops.state;
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = self.0.backward(&inputs, saved, &grad.to_contiguous(), wanted);
        for (parent, grad) in ops.parents.into_iter().zip(found) {
            if let (Some(parent), Some(grad)) = (parent, grad) {
                grads.register::<Flex>(parent.id, grad);
            }
        }
    }
}

/// The sizes of a tensor.
pub(super) fn sizes<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    let shape = tensor.layout().shape();
    core::array::from_fn(|axis| shape[axis])
}

/// A tensor of `values` in row-major order.
pub(super) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(shape.into()), DType::F32)
}

/// A tensor of the shape of `model`.
pub(super) fn like(values: Vec<f32>, model: &FlexTensor) -> FlexTensor {
    tensor(values, model.layout().shape().clone())
}

/// The values of a contiguous tensor.
pub(super) fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().unwrap_or_default()
}
