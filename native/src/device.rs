//! Choosing a device at run time.

use anyhow::{Result, bail};
use burn::tensor::Device;
#[cfg(feature = "vulkan")]
use burn::tensor::DeviceKind;

/// Devices this build can name.
pub(crate) const COMPILED: &[&str] = if cfg!(feature = "vulkan") { &["flex", "vulkan"] } else { &["flex"] };

/// The device called `name`; `auto` takes the processor.
///
/// `vulkan` is the graphics processor the driver prefers, `vulkan:1` the second discrete one, and `vulkan:cpu` a
/// driver that computes on the processor.
pub(crate) fn choose(name: &str) -> Result<Device> {
    match name {
        "auto" | "flex" | "cpu" => Ok(Device::flex()),
        #[cfg(feature = "vulkan")]
        "vulkan" => Ok(Device::vulkan(DeviceKind::DefaultDevice)),
        #[cfg(feature = "vulkan")]
        "vulkan:cpu" => Ok(Device::vulkan(DeviceKind::Cpu)),
        #[cfg(feature = "vulkan")]
        numbered if numbered.starts_with("vulkan:") => match numbered["vulkan:".len()..].parse() {
            Ok(index) => Ok(Device::vulkan(DeviceKind::DiscreteGpu(index))),
            Err(_) => bail!("device {numbered:?}: after \"vulkan:\" comes a number or \"cpu\""),
        },
        other => bail!(
            "device {other:?} is not compiled into this build; compiled in: {}; \
             `cargo build --release --features vulkan` adds vulkan",
            COMPILED.join(", ")
        ),
    }
}

/// The name of the device that [`choose`] takes.
pub(crate) fn resolve(name: &str) -> Result<String> {
    choose(name)?;
    Ok(if matches!(name, "auto" | "cpu") { "flex".into() } else { name.into() })
}
