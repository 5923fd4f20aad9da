//! The device that models of this worker live on.

use std::cell::RefCell;

use burn::tensor::Device;
use minform_core::{Error, self_test};
use serde::{Deserialize, Serialize};
use tsify::{Ts, Tsify};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::thrown::{refused, thrown, unwritten};
use super::turns::in_turns;

thread_local! {
    static DEVICE: RefCell<Option<Device>> = const { RefCell::new(None) };
}

/// What the engine runs on.
#[derive(Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct DeviceReport {
    /// Where models live.
    pub backend: Backend,
    /// Name of the GPU, as far as the browser gives it away.
    #[tsify(optional)]
    pub adapter: Option<String>,
    /// Whether it computes in half precision.
    #[tsify(optional)]
    pub f16: Option<bool>,
    /// Threads that compute.
    pub threads: usize,
    /// Whether this build has vector instructions.
    pub simd: bool,
    /// Version of minform.
    pub version: &'static str,
    /// Memory taken from the browser so far, in MiB.
    pub memory_mb: usize,
}

/// What became of one known-answer test.
#[derive(Debug, Serialize, Tsify)]
pub struct SelfTest {
    /// The operation.
    pub name: &'static str,
    /// Whether device and CPU agree.
    pub passed: bool,
    /// Largest error, relative above 1 and absolute below.
    pub error: f32,
}

/// Where models are to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Tsify)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// The processor.
    Cpu,
    /// The graphics processor; in the build `webgpu` alone.
    WebGpu,
}

/// Makes a device ready. Called before anything else; models stay on the device they were loaded to.
///
/// # Errors
/// A build or a browser without WebGPU, or no adapter for it: a `DeviceError`.
#[wasm_bindgen]
pub async fn start(backend: Ts<Backend>) -> Result<Ts<DeviceReport>, JsValue> {
    console_error_panic_hook::set_once();
    let device = match backend.to_rust().map_err(unwritten)? {
        Backend::Cpu => Device::flex(),
        Backend::WebGpu => open_gpu().await.map_err(|problem| thrown(Error::Device(problem)))?,
    };
    DEVICE.set(Some(device));
    report()
}

#[cfg(not(feature = "webgpu"))]
async fn open_gpu() -> Result<Device, String> {
    Err("this build computes on the CPU alone".into())
}

#[cfg(feature = "webgpu")]
async fn open_gpu() -> Result<Device, String> {
    Device::wgpu_options().init_async().await.map_err(|error| error.to_string())
}

/// The device and what is known of it.
///
/// # Errors
/// Before [`start`].
#[wasm_bindgen]
pub fn report() -> Result<Ts<DeviceReport>, JsValue> {
    let device = chosen()?;
    let on_cpu = device == Device::flex();
    let report = DeviceReport {
        backend: if on_cpu { Backend::Cpu } else { Backend::WebGpu },
        adapter: adapter(&device),
        f16: (!on_cpu).then(|| self_test::computes_in_half(&device)),
        threads: 1,
        simd: cfg!(target_feature = "simd128"),
        version: env!("CARGO_PKG_VERSION"),
        memory_mb: memory_mb(),
    };
    report.into_ts().map_err(unwritten)
}

#[cfg(not(feature = "webgpu"))]
fn adapter(_device: &Device) -> Option<String> {
    None
}

#[cfg(feature = "webgpu")]
fn adapter(device: &Device) -> Option<String> {
    device.identity().map(|identity| identity.name).filter(|name| !name.is_empty())
}

#[cfg(target_family = "wasm")]
fn memory_mb() -> usize {
    // Pages of 64 KiB.
    core::arch::wasm32::memory_size(0) / 16
}

#[cfg(not(target_family = "wasm"))]
fn memory_mb() -> usize {
    0
}

/// Compares the device with the CPU.
///
/// # Errors
/// Before [`start`], or if the device cannot be read.
#[wasm_bindgen(js_name = selfTest)]
pub async fn self_test() -> Result<Vec<Ts<SelfTest>>, JsValue> {
    let device = chosen()?;
    let checks = in_turns(self_test::self_test(&device)).await.map_err(thrown)?;
    let checks = checks.into_iter().map(|self_test::Check { name, passed, error }| SelfTest { name, passed, error });
    checks.map(|check| check.into_ts().map_err(unwritten)).collect()
}

/// The device of this worker.
pub(super) fn chosen() -> Result<Device, JsValue> {
    DEVICE.with_borrow(Clone::clone).ok_or_else(|| refused("the engine has not been started"))
}
