//! What devices compose of burn's operations, in half precision, against the same in f32.

use burn::tensor::{DType, Device, Tensor};

use super::attention::Mask;
use super::rotary::Angles;
use super::twin::random;
use super::{attention, gate, linear, norm, rotary};
use crate::numbers::numbers;

fn tensor<const D: usize>(shape: [usize; D], seed: u64, dtype: DType) -> Tensor<D> {
    Tensor::<1>::from_data(random(&shape, seed).as_slice(), &Device::flex()).reshape(shape).cast(dtype)
}

/// The result has the type of the states, and is that of f32 but for its precision.
fn assert_close<const D: usize>(name: &str, function: impl Fn(DType) -> Tensor<D>) {
    let exact = numbers(function(DType::F32));
    let largest = exact.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    // 11 and 8 bits of precision.
    for (dtype, bound) in [(DType::F16, 4e-3), (DType::BF16, 3e-2)] {
        let result = function(dtype);
        assert_eq!(result.dtype(), dtype, "{name}");
        let found = numbers(result.cast(DType::F32));
        let error = exact.iter().zip(&found).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
        assert!(error > 0.0 && error < bound * largest, "{name} in {dtype:?}: {error} of {largest}");
    }
}

#[test]
fn compositions_in_half_precision_are_those_of_f32() {
    assert_close("linear", |dtype| {
        let (weight, bias) = (tensor([16, 8], 2, dtype), tensor([8], 3, dtype));
        linear::composed(tensor([2, 5, 16], 1, dtype), weight, Some(bias))
    });
    assert_close("gate", |dtype| gate::composed(tensor([40, 3], 1, dtype), tensor([40, 3], 2, dtype)));
    assert_close("rotation", |dtype| {
        let angles = Angles::new(&[1.0, 0.1, 0.01], &[vec![0, 1, 2, 3]]);
        rotary::composed(tensor([2, 4, 24], 1, dtype), angles.tensors(&Device::flex()).cast(dtype))
    });
    assert_close("attention", |dtype| {
        let mask = Mask { padding: vec![0], column: 0, time: 9, keys: 9, branches: vec![] };
        let [k, v] = [2, 3].map(|seed| tensor([2, 2, 9, 6], seed, dtype));
        attention::composed(tensor([2, 4, 9, 6], 1, dtype), k, v, mask.bias(&Device::flex()))
    });
    assert_close("norm", |dtype| norm::rms_norm(tensor([7, 40], 1, dtype), tensor([40], 2, DType::F32), 1e-5));
}
