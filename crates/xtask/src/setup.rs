//! What the checks need beyond a Rust toolchain; added through rustup where it is missing.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::steps::{Steps, cargo, program};

/// The target of the browser.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// `cargo fmt` and `cargo clippy`.
pub(crate) fn lints(steps: &mut Steps) -> Result<()> {
    for (tool, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let quiet = cargo(&format!("{tool} --version")).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !quiet.is_ok_and(|status| status.success()) {
            rustup(steps, &format!("add {component}"), &format!("component add {component}"))?;
        }
    }
    Ok(())
}

/// The standard library for WebAssembly.
pub(crate) fn wasm(steps: &mut Steps) -> Result<()> {
    let asked = format!("--print target-libdir --target {WASM}");
    let output = program("rustc", &asked).output().context("cannot start rustc")?;
    if !std::path::Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir() {
        rustup(steps, "add WebAssembly", &format!("target add {WASM}"))?;
    }
    Ok(())
}

fn rustup(steps: &mut Steps, name: &str, arguments: &str) -> Result<()> {
    if program("rustup", "--version").output().is_err() {
        bail!("`rustup {arguments}` is needed, but there is no rustup; install rustup or the part itself");
    }
    steps.run(name, &mut program("rustup", arguments))
}
