//! What a device can do, measured.

use std::time::Instant;

use anyhow::{Result, bail};
use burn::tensor::{DType, Device, Distribution, Tensor};
use minform_core::Dtype;

/// Types of numbers that a device may compute with.
const TYPES: [Dtype; 3] = [Dtype::F32, Dtype::F16, Dtype::Bf16];

/// The most that a device does in a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    /// Multiplications and additions of matrix products.
    pub(crate) operations: f64,
    /// Bytes of memory read and written.
    pub(crate) bytes: f64,
}

impl Rates {
    /// With numbers of type `dtype`.
    pub(crate) fn of(device: &Device, dtype: Dtype) -> Result<Self> {
        Ok(Self { operations: product_rate(device, dtype)?, bytes: copy_rate(device)? })
    }
}

/// The types of numbers that `device` computes with.
pub(crate) fn types(device: &Device) -> Vec<Dtype> {
    TYPES.into_iter().filter(|dtype| device.supports_dtype(DType::from(*dtype))).collect()
}

/// Of square products that grow until one takes a while: the best of all, in operations a second.
pub(crate) fn product_rate(device: &Device, dtype: Dtype) -> Result<f64> {
    const LONG: f64 = 0.05;
    let mut most = 0.0;
    for side in [1024, 2048, 4096, 8192] {
        let [a, b] = [(); 2].map(|()| random(side, device).cast(DType::from(dtype)));
        let best = best_seconds(device, || a.clone().matmul(b.clone()))?;
        most = f64::max(most, 2.0 * (side as f64).powi(3) / best);
        if best > LONG {
            break;
        }
    }
    Ok(most)
}

/// Of negatives, one of the other, of a matrix as large as the device takes, in bytes a second.
pub(crate) fn copy_rate(device: &Device) -> Result<f64> {
    const TIMES: usize = 4;
    for side in [6144, 4096, 2048] {
        let x = Tensor::<2>::ones([side, side], device);
        let negated = || (0..TIMES).fold(x.clone(), |x, _| x.neg());
        // A device may refuse so much memory without a word.
        let last = pollster::block_on(negated().slice([side - 1..side, side - 1..side]).into_data_async());
        if last.is_ok_and(|last| last.try_into_vec::<f32>().is_ok_and(|last| last == [1.0])) {
            return Ok((TIMES * 2 * 4 * side * side) as f64 / best_seconds(device, negated)?);
        }
    }
    bail!("the device cannot hold 16 MB in one piece")
}

fn random(side: usize, device: &Device) -> Tensor<2> {
    Tensor::random([side, side], Distribution::Default, device)
}

/// The shortest of several runs, after one that is not timed.
pub(crate) fn best_seconds<T>(device: &Device, work: impl Fn() -> T) -> Result<f64> {
    work();
    device.sync()?;
    let mut best = f64::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        let result = work();
        device.sync()?;
        best = best.min(started.elapsed().as_secs_f64());
        drop(result);
    }
    Ok(best)
}
