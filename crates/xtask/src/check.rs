//! Everything that must hold, cheapest first.
//!
//! The release profile serves every step: the tests train small models, and one profile means burn is checked once
//! for the lints and compiled once for tests and program.

use anyhow::Result;

use crate::steps::{Steps, cargo};
use crate::{setup, web};

/// What the tests are built with: devices that need no more than a processor.
const FEATURES: &str = "minform/remote,minform/wgpu";

/// `cargo xtask test`.
pub(crate) fn test(steps: &mut Steps, fast: bool) -> Result<()> {
    format_and_lints(steps)?;
    let llama = setup::llama(steps)?;
    let device = setup::software_gpu(steps)?;
    let mut tests = cargo(&format!("test --release --workspace --features {FEATURES}"));
    steps.run("tests", tests.env("MINFORM_TEST_FEATURES", FEATURES).envs(llama).envs(device))?;
    if fast {
        return Ok(());
    }
    web::web(steps, false)?;
    web::test(steps)?;
    let mut documentation = cargo("doc --no-deps --workspace --release");
    steps.run("documentation", documentation.env("RUSTDOCFLAGS", "-D warnings"))
}

/// `cargo xtask test --device NAME`: the tests of a device, with a program that can use it.
pub(crate) fn device(steps: &mut Steps, name: &str) -> Result<()> {
    let kind = name.split(':').next().unwrap_or(name);
    let features = if kind == "flex" { String::new() } else { format!("minform/{kind}") };
    let mut tests = cargo("test --release --workspace");
    tests.args(["--features", &features, "--test", "all", "--", "devices"]);
    steps.run("device", tests.env("MINFORM_TEST_FEATURES", &features).env("MINFORM_TEST_DEVICE", name))
}

/// `cargo xtask check`.
pub(crate) fn check(steps: &mut Steps) -> Result<()> {
    format_and_lints(steps)?;
    steps.run("fast tests", &mut cargo("test --release -p minform-credit -p minform-text"))
}

fn format_and_lints(steps: &mut Steps) -> Result<()> {
    setup::lints(steps)?;
    steps.run("format", &mut cargo("fmt --all --check"))?;
    let lints = "clippy --release --workspace --all-targets --features minform-web/engine -- -D warnings";
    steps.run("lints", &mut cargo(lints))
}
