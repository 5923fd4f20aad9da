//! Gradients of the losses against central finite differences of the same loss.

use burn::tensor::{Device, Tensor, TensorData};
use minform_core::train::clipped_policy_loss;

use crate::fixture::{difference, values};

fn tensor(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

/// Away from the clip boundaries at ratio 0.8 and 1.2, where the loss has a kink.
const LOG_PROBS: [f32; 6] = [-1.0, -2.0, -0.5, -0.3, -0.7, -1.0];
const OLD: [f32; 6] = [-1.3, -1.9, -0.55, -0.9, -0.2, -1.0];
const ADVANTAGES: [f32; 6] = [1.0, -0.5, 0.25, -2.0, -1.0, 0.0];
const WEIGHTS: [f32; 6] = [0.2, 0.2, 0.2, 0.2, 0.2, 0.0];

fn loss(log_probs: &[f32]) -> f32 {
    let device = Device::flex();
    let t = |values: &[f32]| tensor(values, &device);
    values(clipped_policy_loss(t(log_probs), t(&OLD), t(&ADVANTAGES), t(&WEIGHTS), 0.2, 0.2).loss)[0]
}

#[test]
fn the_policy_loss_has_the_gradient_of_finite_differences() {
    let device = Device::flex().autodiff();
    let t = |values: &[f32]| tensor(values, &device);
    let log_probs = t(&LOG_PROBS).require_grad();
    let terms = clipped_policy_loss(log_probs.clone(), t(&OLD), t(&ADVANTAGES), t(&WEIGHTS), 0.2, 0.2);
    let gradients = terms.loss.backward();
    let found = values(log_probs.grad(&gradients).unwrap());
    let h = 1e-2;
    let expected: Vec<f32> = (0..LOG_PROBS.len())
        .map(|i| {
            let shifted = |by: f32| {
                let mut x = LOG_PROBS;
                x[i] += by;
                loss(&x)
            };
            (shifted(h) - shifted(-h)) / (2.0 * h)
        })
        .collect();
    assert!(difference(&found, &expected) < 1e-3, "{found:?} against {expected:?}");
    assert!(found.iter().any(|g| g.abs() > 0.01));
}
