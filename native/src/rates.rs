//! What a device can do, measured.

use std::time::Instant;

use anyhow::Result;
use burn::tensor::{DType, Device, Distribution, Tensor};

/// Types of numbers that a device may compute with.
const TYPES: [(&str, DType); 3] = [("f32", DType::F32), ("f16", DType::F16), ("bf16", DType::BF16)];

/// The most that a device does in a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    /// Multiplications and additions of f32 matrix products.
    pub(crate) operations: f64,
    /// Bytes of memory read and written.
    pub(crate) bytes: f64,
}

impl Rates {
    pub(crate) fn of(device: &Device) -> Result<Self> {
        Ok(Self { operations: product_rate(device)?, bytes: copy_rate(device)? })
    }
}

/// The types of numbers that `device` computes with.
pub(crate) fn types(device: &Device) -> Vec<&'static str> {
    TYPES.into_iter().filter(|(_, dtype)| device.supports_dtype(*dtype)).map(|(name, _)| name).collect()
}

/// Of square products that grow until one takes a while: the best of several, in operations a second.
fn product_rate(device: &Device) -> Result<f64> {
    const LONG: f64 = 0.02;
    const LARGEST: usize = 8192;
    let mut side = 1024;
    loop {
        let (a, b) = (random(side, device), random(side, device));
        let best = best_seconds(device, || a.clone().matmul(b.clone()))?;
        if best > LONG || side == LARGEST {
            return Ok(2.0 * (side as f64).powi(3) / best);
        }
        side *= 2;
    }
}

/// Of the negative of a matrix too large for any cache, in bytes a second.
fn copy_rate(device: &Device) -> Result<f64> {
    const SIDE: usize = 8192;
    let x = random(SIDE, device);
    let best = best_seconds(device, || -x.clone())?;
    Ok(2.0 * 4.0 * (SIDE * SIDE) as f64 / best)
}

fn random(side: usize, device: &Device) -> Tensor<2> {
    Tensor::random([side, side], Distribution::Default, device)
}

/// The shortest of several runs.
fn best_seconds(device: &Device, work: impl Fn() -> Tensor<2>) -> Result<f64> {
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
