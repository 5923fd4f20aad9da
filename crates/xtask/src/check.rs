//! Everything that must hold, cheapest first.
//!
//! One profile, `checks`, serves every step: the tests train small models, so it is a fast one, and burn is checked once
//! for the lints and compiled once for tests and program.

use std::process::Command;

use anyhow::Result;

use crate::steps::{Steps, cargo, npm};
use crate::{book, notebook, setup, web};

/// The profile of everything that is built to be checked.
const PROFILE: &str = "checks";

/// What the tests are built with: the device that software can stand in for.
const FEATURES: &str = "minform/wgpu";

/// `cargo xtask test`.
pub(crate) fn test(steps: &mut Steps, fast: bool) -> Result<()> {
    format_and_lints(steps)?;
    let llama = setup::llama(steps)?;
    let device = setup::software_gpu(steps)?;
    let mut tests = cargo(&format!("test --profile {PROFILE} --workspace --features {FEATURES}"));
    steps.run("tests", tests.env("MINFORM_TEST_FEATURES", FEATURES).envs(llama).envs(device))?;
    if fast {
        return Ok(());
    }
    web::web(steps, false)?;
    web::test(steps)?;
    notebook::test(steps)?;
    book::pages(steps)?;
    steps.run("book in a browser", &mut npm("run test:book"))?;
    let mut documentation = cargo(&format!("doc --no-deps --workspace --profile {PROFILE}"));
    steps.run("documentation", documentation.env("RUSTDOCFLAGS", "-D warnings"))
}

/// `cargo xtask test --device NAME`: the tests of a device, with a program that can use it.
pub(crate) fn device(steps: &mut Steps, name: &str) -> Result<()> {
    let kind = name.split(':').next().unwrap_or(name);
    let features = if kind == "flex" { String::new() } else { format!("minform/{kind}") };
    let mut tests = some_tests(&features, "devices");
    steps.run("device", tests.env("MINFORM_TEST_DEVICE", name))
}

/// `cargo xtask test --workers`: training over worker processes.
pub(crate) fn workers(steps: &mut Steps) -> Result<()> {
    steps.run("workers", &mut some_tests("minform/remote", "workers"))
}

fn some_tests(features: &str, names: &str) -> Command {
    let mut tests = cargo(&format!("test --profile {PROFILE} --workspace"));
    tests.args(["--features", features, "--test", "all", "--", names]);
    tests.env("MINFORM_TEST_FEATURES", features);
    tests
}

/// `cargo xtask check`.
pub(crate) fn check(steps: &mut Steps) -> Result<()> {
    format_and_lints(steps)?;
    steps.run("fast tests", &mut cargo(&format!("test --profile {PROFILE} -p minform-credit -p minform-text")))
}

fn format_and_lints(steps: &mut Steps) -> Result<()> {
    setup::lints(steps)?;
    steps.run("format", &mut cargo("fmt --all --check"))?;
    let lints =
        format!("clippy --profile {PROFILE} --workspace --all-targets --features minform-web/engine -- -D warnings");
    steps.run("lints", &mut cargo(&lints))
}
