//! `minform info`: what this build and this machine offer.

use std::time::Instant;

use anyhow::{Result, bail};
use burn::tensor::{Device, Distribution, Tensor};
use minform_core::self_test::{Check, self_test};
use serde_json::json;

use crate::cli::Info;
use crate::device;
use crate::output;

pub(crate) fn run(options: &Info) -> Result<()> {
    let device = device::choose(&options.device)?;
    let name = device::resolve(&options.device)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let checks = pollster::block_on(self_test(&device))?;
    let rate = matmul_rate(&device)?;
    if options.json {
        let checked = |check: &Check| json!({ "name": check.name, "passed": check.passed, "error": check.error });
        let object = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "compiled_devices": device::COMPILED,
            "device": name,
            "cores": cores,
            "self_test": checks.iter().map(checked).collect::<Vec<_>>(),
            "matmul_gflops_f32": rate,
        });
        output::line(object)?;
    } else {
        output::line(format_args!("minform {}", env!("CARGO_PKG_VERSION")))?;
        output::line(format_args!("compiled in: {}", device::COMPILED.join(", ")))?;
        output::line(format_args!("device: {name} ({cores} cores)"))?;
        for Check { name, passed, error } in &checks {
            let verdict = if *passed { "agrees with the CPU" } else { "DOES NOT AGREE with the CPU" };
            output::line(format_args!("{name}: {verdict}, largest error {error:.1e}"))?;
        }
        output::line(format_args!("f32 matrix product, measured: {rate:.1} GFLOP/s"))?;
    }
    match checks.iter().all(|check| check.passed) {
        true => Ok(()),
        false => bail!("device {name} computes wrongly; update its driver, or use --device flex"),
    }
}

/// Of square products that grow until one takes a while: the best of several, in GFLOP/s.
fn matmul_rate(device: &Device) -> Result<f64> {
    const LONG: f64 = 0.02;
    const LARGEST: usize = 8192;
    let mut side = 1024;
    loop {
        let best = seconds(side, device)?;
        if best > LONG || side == LARGEST {
            return Ok(2.0 * (side as f64).powi(3) / best / 1e9);
        }
        side *= 2;
    }
}

/// Shortest of several products of matrices of this side.
fn seconds(side: usize, device: &Device) -> Result<f64> {
    let random = || Tensor::<2>::random([side, side], Distribution::Default, device);
    let (a, b) = (random(), random());
    device.sync()?;
    let mut best = f64::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        let product = a.clone().matmul(b.clone());
        device.sync()?;
        best = best.min(started.elapsed().as_secs_f64());
        drop(product);
    }
    Ok(best)
}
