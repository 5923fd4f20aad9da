//! `minform info`: what this build and this machine offer.

use std::time::Instant;

use anyhow::{Result, bail};
use burn::tensor::{DType, Device, Distribution, Tensor};
use minform_core::self_test::{Check, self_test};
use serde_json::json;

use crate::cli::Info;
use crate::device::{self, Found};
use crate::output;

/// Types of numbers that a device may compute with.
const TYPES: [(&str, DType); 3] = [("f32", DType::F32), ("f16", DType::F16), ("bf16", DType::BF16)];

/// What a device does in a second.
struct Rates {
    /// Of f32 matrix products, in GFLOP/s.
    products: f64,
    /// Of memory read and written by a copy, in GB/s.
    copies: f64,
}

pub(crate) fn run(options: &Info) -> Result<()> {
    let all = device::all();
    let Found { name, device, card } = device::find(&options.device)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let checks = pollster::block_on(self_test(&device))?;
    let rates = Rates { products: product_rate(&device)?, copies: copy_rate(&device)? };
    if options.json {
        let listed = |found: &Found| json!({ "name": found.name, "card": found.card, "types": types(&found.device) });
        let checked = |check: &Check| json!({ "name": check.name, "passed": check.passed, "error": check.error });
        let object = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "compiled_devices": device::compiled(),
            "devices": all.iter().map(listed).collect::<Vec<_>>(),
            "device": name,
            "cores": cores,
            "self_test": checks.iter().map(checked).collect::<Vec<_>>(),
            "matmul_gflops_f32": rates.products,
            "copy_gb_per_second": rates.copies,
        });
        output::line(object)?;
    } else {
        output::line(format_args!("minform {}", env!("CARGO_PKG_VERSION")))?;
        output::line(format_args!("compiled in: {}", device::compiled().join(", ")))?;
        output::line("devices:")?;
        for found in &all {
            let what = found.card.as_deref().map_or_else(|| format!("the processor, {cores} cores"), str::to_owned);
            output::line(format_args!("  {:<10}{what} ({})", found.name, types(&found.device).join(", ")))?;
        }
        output::line(format_args!("tried here: {name}{}", card.map_or(String::new(), |card| format!(", {card}"))))?;
        for Check { name, passed, error } in &checks {
            let verdict = if *passed { "agrees with the CPU" } else { "DOES NOT AGREE with the CPU" };
            output::line(format_args!("  {name}: {verdict}, largest error {error:.1e}"))?;
        }
        output::line(format_args!("  f32 matrix product: {:.1} GFLOP/s", rates.products))?;
        output::line(format_args!("  copy: {:.1} GB/s read and written", rates.copies))?;
    }
    match checks.iter().all(|check| check.passed) {
        true => Ok(()),
        false => bail!("device {name} computes wrongly; update its driver, or use --device flex"),
    }
}

fn types(device: &Device) -> Vec<&'static str> {
    TYPES.into_iter().filter(|(_, dtype)| device.supports_dtype(*dtype)).map(|(name, _)| name).collect()
}

/// Of square products that grow until one takes a while: the best of several, in GFLOP/s.
fn product_rate(device: &Device) -> Result<f64> {
    const LONG: f64 = 0.02;
    const LARGEST: usize = 8192;
    let mut side = 1024;
    loop {
        let (a, b) = (random(side, device), random(side, device));
        let best = best_seconds(device, || a.clone().matmul(b.clone()))?;
        if best > LONG || side == LARGEST {
            return Ok(2.0 * (side as f64).powi(3) / best / 1e9);
        }
        side *= 2;
    }
}

/// Of the negative of a matrix too large for any cache, in GB/s.
fn copy_rate(device: &Device) -> Result<f64> {
    const SIDE: usize = 8192;
    let x = random(SIDE, device);
    let best = best_seconds(device, || -x.clone())?;
    Ok(2.0 * 4.0 * (SIDE * SIDE) as f64 / best / 1e9)
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
