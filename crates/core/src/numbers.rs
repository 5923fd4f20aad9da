//! What tests look at: tensors and gradients as numbers.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use crate::read::read;

/// The values of a tensor in row-major order.
pub(crate) fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    pollster::block_on(read(tensor)).expect("a readable device")
}

/// All gradients in the order of `model`.
pub(crate) fn gradient_numbers(model: &impl Module, gradients: &GradientsParams) -> Vec<f32> {
    let mut flat = Flat { gradients, numbers: Vec::new() };
    model.visit(&mut flat);
    flat.numbers
}

struct Flat<'a> {
    gradients: &'a GradientsParams,
    numbers: Vec<f32>,
}

impl ModuleVisitor for Flat<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.numbers.extend(numbers(self.gradients.get::<D>(param.id).expect("a gradient")));
    }
}
