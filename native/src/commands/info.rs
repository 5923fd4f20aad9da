//! `minform info`: what this build and this machine offer.

use std::time::Instant;

use anyhow::Result;
use burn::tensor::{Device, Distribution, Tensor};
use serde_json::json;

use crate::cli::Info;
use crate::device;
use crate::output;

pub(crate) fn run(options: &Info) -> Result<()> {
    let device = device::choose(&options.device)?;
    let name = device::resolve(&options.device)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let rate = matmul_rate(&device)?;
    if options.json {
        let object = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "compiled_devices": device::COMPILED,
            "device": name,
            "cores": cores,
            "matmul_gflops_f32": rate,
        });
        output::line(object)?;
        return Ok(());
    }
    output::line(format_args!("minform {}", env!("CARGO_PKG_VERSION")))?;
    output::line(format_args!("compiled in: {}", device::COMPILED.join(", ")))?;
    output::line(format_args!("device: {} ({cores} cores)", name))?;
    output::line(format_args!("f32 matrix product, measured: {rate:.1} GFLOP/s"))?;
    Ok(())
}

/// Best of several 1024 × 1024 products, in GFLOP/s.
fn matmul_rate(device: &Device) -> Result<f64> {
    const SIDE: usize = 1024;
    let random = || Tensor::<2>::random([SIDE, SIDE], Distribution::Default, device);
    let (a, b) = (random(), random());
    let mut best = f64::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        let product = a.clone().matmul(b.clone());
        pollster::block_on(product.slice([0..1, 0..1]).into_data_async())?;
        best = best.min(started.elapsed().as_secs_f64());
    }
    Ok(2.0 * (SIDE as f64).powi(3) / best / 1e9)
}
