//! Choosing a device at run time.

use anyhow::{Result, bail};
use burn::tensor::Device;

/// Devices this build can name.
pub(crate) const COMPILED: &[&str] = &["flex"];

/// The device called `name`; `auto` takes the best that is compiled in.
pub(crate) fn choose(name: &str) -> Result<Device> {
    match resolve(name) {
        Some("flex") => Ok(Device::flex()),
        _ => bail!("device {name:?} is not compiled into this build; compiled in: {}", COMPILED.join(", ")),
    }
}

/// The name of the device that [`choose`] takes.
pub(crate) fn resolve(name: &str) -> Option<&'static str> {
    match name {
        "auto" | "flex" | "cpu" => Some("flex"),
        _ => None,
    }
}
