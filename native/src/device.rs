//! Choosing a device at run time.

#[cfg(feature = "remote")]
use anyhow::Context as _;
use anyhow::{Result, bail};
use burn::tensor::Device;
#[cfg(any(feature = "cuda", feature = "metal", feature = "vulkan", feature = "wgpu"))]
use burn::tensor::DeviceType;
use minform_core::Dtype;
use minform_core::config::Config;
use minform_core::train::Execution;

use crate::cli::Workers;
use crate::rates::types;

/// A way to reach devices, best first: its name, whether it is compiled in, and what its devices need.
const KINDS: [Kind; 4] = [
    Kind { name: "cuda", compiled: cfg!(feature = "cuda"), needs: "an NVIDIA card with its driver" },
    Kind { name: "metal", compiled: cfg!(feature = "metal"), needs: "a Mac" },
    Kind {
        name: "vulkan",
        compiled: cfg!(feature = "vulkan"),
        needs: "a driver for Vulkan and its loader (libvulkan)",
    },
    Kind { name: "wgpu", compiled: cfg!(feature = "wgpu"), needs: "a driver for Vulkan, Metal, DirectX 12 or OpenGL" },
];

/// The processor.
const FLEX: &str = "flex";

struct Kind {
    /// On the command line and as a feature of this package.
    name: &'static str,
    compiled: bool,
    needs: &'static str,
}

/// A device of this machine.
pub(crate) struct Found {
    /// As `--device` takes it.
    pub(crate) name: String,
    pub(crate) device: Device,
    /// The card's own name; none for the processor.
    pub(crate) card: Option<String>,
}

/// The kinds of device that this build can name.
pub(crate) fn compiled() -> Vec<&'static str> {
    let kinds = KINDS.iter().filter(|kind| kind.compiled).map(|kind| kind.name);
    [FLEX].into_iter().chain(kinds).collect()
}

/// Every device of this machine that this build can use, the processor last. Opens each.
pub(crate) fn all() -> Vec<Found> {
    let of = |kind: &Kind| {
        let devices = devices(kind.name).into_iter().enumerate();
        devices.map(|(index, device)| Found::new(format!("{}:{index}", kind.name), device)).collect::<Vec<_>>()
    };
    KINDS.iter().flat_map(of).chain([Found::processor()]).collect()
}

/// The device called `name`: `flex` or `cpu`, `KIND` or `KIND:N` for the N-th of a kind, from 0; `auto` is the first
/// card there is, else the processor.
pub(crate) fn find(name: &str) -> Result<Found> {
    match name {
        FLEX | "cpu" => return Ok(Found::processor()),
        "auto" => return Ok(all().into_iter().find(|found| found.card.is_some()).unwrap_or_else(Found::processor)),
        _ => {}
    }
    let (kind, index) = name.split_once(':').unwrap_or((name, "0"));
    let Some(kind) = KINDS.iter().find(|known| known.name == kind) else {
        let (kinds, others) = (compiled().join(", "), KINDS.iter().filter(|kind| !kind.compiled));
        let others: Vec<&str> = others.map(|kind| kind.name).collect();
        let more = if others.is_empty() { String::new() } else { format!("; other builds have {}", others.join(", ")) };
        bail!("there is no device {name:?}; choose auto or one of {kinds}, with a number as in vulkan:1{more}");
    };
    let Kind { name: kind, compiled, needs } = kind;
    if !compiled {
        bail!("{kind} is not compiled into this build; `cargo install --path native --features {kind}` adds it");
    }
    let Ok(index) = index.parse::<usize>() else { bail!("device {name:?}: after {kind}: comes a number") };
    let devices = devices(kind);
    let count = devices.len();
    match devices.into_iter().nth(index) {
        Some(device) => Ok(Found::new(format!("{kind}:{index}"), device)),
        None if count == 0 => bail!("no {kind} device was found; it needs {needs}. `minform info` lists what there is"),
        None => bail!("there is no {name}; the last is {kind}:{}", count - 1),
    }
}

/// How a training computes its gradients.
pub(crate) fn execution(options: &Workers, config: &Config) -> Result<Execution> {
    Ok(Execution { workers: workers(&options.workers, config.dtype)?, dtype: config.dtype })
}

/// The devices that share the work of a training, with their gradients: those of `--workers`.
fn workers(names: &[String], dtype: Dtype) -> Result<Vec<Device>> {
    let mut found = Vec::new();
    for name in names {
        let devices = if name.starts_with("ws://") { remote(name)? } else { vec![find(name)?.device] };
        devices.iter().try_for_each(|device| computes_in(name, device, dtype))?;
        found.extend(devices);
    }
    Ok(found.into_iter().map(Device::autodiff).collect())
}

/// Whether a device has a type of number.
fn computes_in(name: &str, device: &Device, dtype: Dtype) -> Result<()> {
    let types = types(device);
    if types.contains(&dtype) {
        return Ok(());
    }
    let names: Vec<&str> = types.into_iter().map(Dtype::name).collect();
    bail!("{name} does not compute in {}; choose --dtype {}", dtype.name(), names.join(" or "))
}

/// Every device that a `minform worker` hosts.
#[cfg(feature = "remote")]
fn remote(url: &str) -> Result<Vec<Device>> {
    let host = burn::remote::RemoteHost::websocket(url);
    let host = match std::env::var(WORKER_TOKEN) {
        Ok(token) => host.with_credential(token),
        Err(_) => host,
    };
    let devices = host.devices();
    Ok(devices
        .with_context(|| format!("{url} cannot be reached; `minform worker` on that machine starts it"))?
        .into_vec())
}

#[cfg(not(feature = "remote"))]
fn remote(url: &str) -> Result<Vec<Device>> {
    bail!(
        "{url}: workers on other machines are not compiled into this build; `cargo install --path native --features remote` adds them"
    )
}

/// The environment variable with the token of the workers on other machines.
#[cfg(feature = "remote")]
pub(crate) const WORKER_TOKEN: &str = "MINFORM_WORKER_TOKEN";

/// As [`find`], the device alone.
pub(crate) fn choose(name: &str, dtype: Dtype) -> Result<Device> {
    Ok(find_for(name, dtype)?.device)
}

/// The same with what is known of it.
pub(crate) fn find_for(name: &str, dtype: Dtype) -> Result<Found> {
    let found = find(name)?;
    computes_in(&found.name, &found.device, dtype)?;
    Ok(found)
}

/// The devices of a kind in a lasting order, cards before drivers that compute on the processor.
fn devices(kind: &str) -> Vec<Device> {
    match kind {
        #[cfg(feature = "cuda")]
        "cuda" => Device::enumerate(DeviceType::Cuda).into_vec(),
        #[cfg(feature = "metal")]
        "metal" => Device::enumerate(DeviceType::Metal).into_vec(),
        #[cfg(feature = "vulkan")]
        "vulkan" => Device::enumerate(DeviceType::Vulkan).into_vec(),
        #[cfg(feature = "wgpu")]
        "wgpu" => Device::enumerate(DeviceType::Wgpu).into_vec(),
        _ => Vec::new(),
    }
}

impl Found {
    fn new(name: String, device: Device) -> Self {
        Self { card: card(&device), name, device }
    }

    fn processor() -> Self {
        Self { name: FLEX.into(), device: Device::flex(), card: None }
    }
}

/// The name of the card behind a device; none where there is no card, as with software drivers.
#[cfg(any(feature = "cuda", feature = "metal", feature = "vulkan", feature = "wgpu"))]
fn card(device: &Device) -> Option<String> {
    let identity = device.identity()?;
    identity.physical.map(|_| identity.name)
}

#[cfg(not(any(feature = "cuda", feature = "metal", feature = "vulkan", feature = "wgpu")))]
fn card(_device: &Device) -> Option<String> {
    None
}
