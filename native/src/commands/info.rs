//! `minform info`: what this build and this machine offer.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use burn::tensor::Device;
use minform_core::Dtype;
use minform_core::self_test::{Check, self_test};
use serde_json::json;

use crate::cli::Info;
use crate::device::{self, Found};
use crate::memory::{Memory, memories};
use crate::output;
use crate::rates::{copy_rate, product_rate, types};

pub(crate) fn run(options: &Info) -> Result<()> {
    let all = device::all();
    let Found { name, device, card } = device::find(&options.device)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let checks = pollster::block_on(self_test(&device))?;
    let bytes = copy_rate(&device)?;
    let products = types(&device)
        .into_iter()
        .map(|dtype| Ok((dtype.name(), product_rate(&device, dtype)?)))
        .collect::<Result<Vec<(&str, f64)>>>()?;
    let names = |device: &Device| types(device).into_iter().map(Dtype::name).collect::<Vec<_>>();
    if options.json {
        let listed = |found: &Found| json!({ "name": found.name, "card": found.card, "types": names(&found.device) });
        let checked = |check: &Check| json!({ "name": check.name, "passed": check.passed, "error": check.error });
        let object = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "compiled_devices": device::compiled(),
            "devices": all.iter().map(listed).collect::<Vec<_>>(),
            "memory": memories(),
            "device": name,
            "cores": cores,
            "self_test": checks.iter().map(checked).collect::<Vec<_>>(),
            "matmul_gflops": products.iter().map(|(name, rate)| (*name, rate / 1e9)).collect::<BTreeMap<_, _>>(),
            "copy_gb_per_second": bytes / 1e9,
        });
        output::line(object)?;
    } else {
        output::line(format_args!("minform {}", env!("CARGO_PKG_VERSION")))?;
        output::line(format_args!("compiled in: {}", device::compiled().join(", ")))?;
        let workers = if cfg!(feature = "remote") { "compiled in" } else { "not compiled in (feature remote)" };
        output::line(format_args!("workers on other machines: {workers}"))?;
        output::line("devices:")?;
        for found in &all {
            let what = found.card.as_deref().map_or_else(|| format!("the processor, {cores} cores"), str::to_owned);
            output::line(format_args!("  {:<10}{what} ({})", found.name, names(&found.device).join(", ")))?;
        }
        for Memory { of, total_gb, free_gb } in memories() {
            output::line(format_args!("memory of {of}: {:.1} GB, {:.1} free", total_gb, free_gb))?;
        }
        output::line(format_args!("tried here: {name}{}", card.map_or(String::new(), |card| format!(", {card}"))))?;
        for Check { name, passed, error } in &checks {
            let verdict = if *passed { "agrees with the CPU" } else { "DOES NOT AGREE with the CPU" };
            output::line(format_args!("  {name}: {verdict}, largest error {error:.1e}"))?;
        }
        for (name, rate) in products {
            output::line(format_args!("  {name} matrix product: {:.1} GFLOP/s", rate / 1e9))?;
        }
        output::line(format_args!("  copy: {:.1} GB/s read and written", bytes / 1e9))?;
    }
    match checks.iter().all(|check| check.passed) {
        true => Ok(()),
        false => bail!("device {name} computes wrongly; update its driver, or use --device flex"),
    }
}
