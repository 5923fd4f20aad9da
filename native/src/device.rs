//! Choosing a device at run time.

use anyhow::{Result, bail};
use burn::tensor::Device;

/// Devices this build can name.
pub(crate) const COMPILED: &[&str] = &["flex"];

/// The device called `name`; `auto` takes the best that is compiled in.
pub(crate) fn choose(name: &str) -> Result<Device> {
    resolve(name).map(|_| Device::flex())
}

/// The name of the device that [`choose`] takes.
pub(crate) fn resolve(name: &str) -> Result<&'static str> {
    match name {
        "auto" | "flex" | "cpu" => Ok("flex"),
        other => bail!("device {other:?} is not compiled into this build; compiled in: {}", COMPILED.join(", ")),
    }
}
