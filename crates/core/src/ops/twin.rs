//! Two ways to compute the same function, compared.

use burn::tensor::{Device, Tensor};

use crate::numbers::numbers;
use crate::seed;
use rand::RngExt as _;

/// Values in −1..1, as many as `shape` has cells.
pub(super) fn random(shape: &[usize], seed: u64) -> Vec<f32> {
    let mut rng = seed::stream(seed, &[]);
    (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// Values and gradients of both functions agree to 1e-5; the output is weighed, so that gradients differ by cell.
pub(super) fn assert_twins<const N: usize>(
    inputs: &[Vec<f32>; N],
    one: impl Fn([Tensor<1>; N]) -> Tensor<1>,
    other: impl Fn([Tensor<1>; N]) -> Tensor<1>,
) {
    let found = values_and_gradients(inputs, one);
    let expected = values_and_gradients(inputs, other);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found.len(), expected.len());
        assert!(expected.iter().any(|value| *value != 0.0));
        for (index, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "value {index}: {a} against {b}");
        }
    }
}

fn values_and_gradients<const N: usize>(
    inputs: &[Vec<f32>; N],
    function: impl Fn([Tensor<1>; N]) -> Tensor<1>,
) -> Vec<Vec<f32>> {
    let device = Device::flex().autodiff();
    let inputs = inputs.each_ref().map(|values| Tensor::<1>::from_data(&values[..], &device).require_grad());
    let output = function(inputs.clone());
    let weights = Tensor::from_data(&random(&output.dims(), 9)[..], &device);
    let gradients = (output.clone() * weights).sum().backward();
    let mut found = vec![numbers(output.detach())];
    found.extend(inputs.iter().map(|input| numbers(input.grad(&gradients).expect("a gradient"))));
    found
}
