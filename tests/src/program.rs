//! The binary, run as a user runs it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The binary in the profile of the tests, built once if it is not there or out of date; together with the tests, whose
/// features are those of their dependencies then, so that nothing is compiled twice.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        // What the tests were built with: `cargo xtask test` says so.
        let features = std::env::var("MINFORM_TEST_FEATURES").unwrap_or_default();
        let mut cargo = Command::new(env!("CARGO"));
        // What cargo tells a test of its package would have build scripts run again, and much be compiled twice.
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_told_by_cargo(name)) {
            cargo.env_remove(name);
        }
        let built = cargo
            .args(["build", "--workspace", "--bins", "--tests", "--message-format", "json"])
            .args(["--profile", &profile(), "--features", &features])
            .current_dir(root)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(built.status.success(), "the binary does not build");
        let messages = String::from_utf8(built.stdout).unwrap();
        let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let is_program =
            |message: &Value| message["target"]["name"] == "minform" && message["target"]["kind"][0] == "bin";
        let programs = artifacts.filter(|message| is_program(message) && message["profile"]["test"] == false);
        programs.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back().unwrap()
    })
}

/// Tests lie in `target/PROFILE/deps`.
fn profile() -> String {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).and_then(Path::file_name).unwrap().to_string_lossy().into_owned();
    if folder == "debug" { "dev".into() } else { folder }
}

fn is_told_by_cargo(name: &OsStr) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start))
}

pub(crate) fn minform(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn last_json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_str(stdout(output).lines().last().unwrap()).unwrap()
}

/// A demo small enough for a test, left in `run`; its summary.
pub(crate) fn nano_demo(run: &str) -> Value {
    let nano =
        ["world.hidden_size=32", "world.prm_problems=20", "world.test_problems=10", "sft.steps=5", "rl.updates=2"];
    let set: Vec<&str> = nano.iter().flat_map(|setting| ["--set", setting]).collect();
    last_json(&minform(&[&["demo", "--quick", "--json", "--out", run], &set[..]].concat()))
}
