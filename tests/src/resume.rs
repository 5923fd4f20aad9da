//! Runs that are killed, damaged or changed, and go on: with real processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rand::RngExt as _;
use serde_json::Value;
use tempfile::TempDir;

use crate::presets::write_problems;
use crate::program::{binary, nano_demo, stderr};

/// A nano policy, a reward model and problems, made once.
fn material() -> &'static Path {
    static MATERIAL: OnceLock<TempDir> = OnceLock::new();
    let folder = MATERIAL.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        nano_demo(&folder.path().join("demo").display().to_string());
        write_problems(&folder.path().join("problems.jsonl"), 30);
        write_problems(&folder.path().join("others.jsonl"), 31);
        folder
    });
    folder.path()
}

/// The command of every run here; PPO, so that the value function is part of it.
fn command(out: &Path, more: &[&str]) -> Command {
    let at = |name: &str| material().join(name).display().to_string();
    let mut command = Command::new(binary());
    command.args(["train", "--model", &at("demo/policy"), "--prm", &at("demo/prm")]);
    command.args(["--data", &at("problems.jsonl"), "--test", &at("problems.jsonl"), "--test-limit", "5", "--out"]);
    command.arg(out).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let settings = [
        "rl.updates=12",
        "rl.prompts=3",
        "rl.samples=3",
        "rl.evaluate_every=4",
        "rl.checkpoints.every=2",
        "rl.credit.estimator=gae",
        "rl.epochs=2",
        "rl.kl.target=0.1",
        "rl.optimizer.lr=1e-3",
        "sampling.max_new_tokens=20",
    ];
    for setting in settings {
        command.args(["--set", setting]);
    }
    command.args(more);
    command
}

fn run(out: &Path, more: &[&str]) -> Output {
    command(out, more).output().unwrap()
}

/// The log without times.
fn events(out: &Path) -> Vec<Value> {
    let text = fs::read_to_string(out.join("events.jsonl")).unwrap();
    let without_time = |line: &str| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        event.as_object_mut().unwrap().remove("time");
        event
    };
    text.lines().map(without_time).collect()
}

fn weights(out: &Path) -> Vec<u8> {
    fs::read(out.join("policy/model.safetensors")).unwrap()
}

/// An unbroken run to compare with.
fn unbroken() -> &'static Path {
    static RUN: OnceLock<TempDir> = OnceLock::new();
    RUN.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let output = run(folder.path(), &[]);
        assert!(output.status.success(), "{}", stderr(&output));
        folder
    })
    .path()
}

fn assert_same(out: &Path) {
    let (found, expected) = (events(out), events(unbroken()));
    let differs = found.iter().zip(&expected).position(|(a, b)| a != b);
    assert_eq!((differs, found.len()), (None, expected.len()), "the logs differ");
    assert!(weights(out) == weights(unbroken()), "weights differ");
}

#[test]
fn a_run_killed_at_any_moment_goes_on_as_if_nothing_had_happened() {
    let mut rng = minform_core::seed::stream(11, &[]);
    let began = std::time::Instant::now();
    let whole = {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), &[]);
        began.elapsed()
    };
    let mut interrupted = 0;
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let mut child = command(folder.path(), &["--resume"]).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(rng.random_range(0.02..1.0)));
        child.kill().unwrap();
        interrupted += usize::from(!child.wait().unwrap().success());
        let output = run(folder.path(), &["--resume"]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_same(folder.path());
    }
    assert!(interrupted >= 10, "only {interrupted} of 20 runs were still going on when they were killed");
}

#[test]
fn an_interrupted_run_goes_on_from_where_it_stopped() {
    // No checkpoint but that of the interrupt, which comes between updates or inside an evaluation.
    for (event, count) in [("update", 3), ("update", 4), ("evaluation", 2)] {
        let folder = tempfile::tempdir().unwrap();
        let none = ["--set", "rl.checkpoints.every=0"];
        let child = command(folder.path(), &none).spawn().unwrap();
        let log = folder.path().join("events.jsonl");
        let events = || fs::read_to_string(&log).unwrap_or_default();
        while events().matches(&format!("\"event\":\"{event}\"")).count() < count {
            std::thread::sleep(Duration::from_millis(1));
        }
        let interrupt = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
        assert!(interrupt.success());
        let stopped = child.wait_with_output().unwrap();
        assert_eq!(stopped.status.code(), Some(130), "{}", stderr(&stopped));
        assert!(stderr(&stopped).contains("--resume goes on"), "{}", stderr(&stopped));
        let output = run(folder.path(), &[&none[..], &["--resume"]].concat());
        assert!(output.status.success() && stderr(&output).contains("going on after"), "{}", stderr(&output));
        assert_same(folder.path());
    }
}

#[test]
fn a_policy_without_a_checkpoint_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let short = ["--set", "rl.checkpoints.every=0", "--set", "rl.updates=2"];
    assert!(run(folder.path(), &short).status.success());
    let before = weights(folder.path());
    fs::remove_dir_all(folder.path().join("checkpoints")).unwrap();
    let output = run(folder.path(), &[&short[..], &["--resume"]].concat());
    assert!(!output.status.success() && stderr(&output).contains("no checkpoint to go on"), "{}", stderr(&output));
    assert!(weights(folder.path()) == before, "the policy of the run is still there");
}

#[test]
fn adapters_are_resumed_too() {
    let lora = ["--set", "rl.lora.rank=4", "--set", "rl.credit.estimator=rloo-token"];
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let output = run(whole.path(), &lora);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(run(parts.path(), &[&lora[..], &["--set", "rl.updates=6"]].concat()).status.success());
    let output = run(parts.path(), &[&lora[..], &["--resume"]].concat());
    assert!(output.status.success() && stderr(&output).contains("after update 6"), "{}", stderr(&output));
    assert!(weights(whole.path()) == weights(parts.path()), "weights differ");
    let base = fs::read(material().join("demo/policy/model.safetensors")).unwrap();
    assert!(weights(whole.path()).len() == base.len() && weights(whole.path()) != base, "folded into the same shape");
}

fn checkpoints(out: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(out.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_it_taken() {
    for damage in ["policy/model.safetensors", "optimizer.burnpack", "critic.safetensors", "state.json"] {
        let folder = tempfile::tempdir().unwrap();
        assert!(run(folder.path(), &["--set", "rl.checkpoints.keep=3"]).status.success());
        let newest = checkpoints(folder.path()).pop().unwrap();
        let file = newest.join(damage);
        let mut bytes = fs::read(&file).unwrap();
        bytes.truncate(bytes.len() / 2);
        fs::write(&file, bytes).unwrap();
        let output = run(folder.path(), &["--resume"]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stderr(&output).contains("step-000012 is not usable"), "{}", stderr(&output));
        assert_same(folder.path());
    }
}

#[test]
fn without_a_usable_checkpoint_the_remedy_is_named() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &[]).status.success());
    for path in checkpoints(folder.path()) {
        fs::write(path.join("policy/model.safetensors"), "nothing").unwrap();
    }
    let before = weights(folder.path());
    let output = run(folder.path(), &["--resume"]);
    assert!(!output.status.success() && stderr(&output).contains("pass --overwrite"), "{}", stderr(&output));
    assert!(weights(folder.path()) == before, "the policy of the run is still there");
}

/// A half-written checkpoint has a temporary name; it is swept away.
#[test]
fn a_half_written_checkpoint_is_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &[]).status.success());
    let half = folder.path().join("checkpoints/.minform-abc");
    fs::create_dir(&half).unwrap();
    fs::write(half.join("state.json"), "{").unwrap();
    let output = run(folder.path(), &["--resume"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!half.exists());
    assert_same(folder.path());
}

#[test]
fn another_configuration_or_dataset_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &[]).status.success());
    let output = run(folder.path(), &["--resume", "--set", "rl.samples=4"]);
    assert!(!output.status.success() && stderr(&output).contains("rl.samples is 4, was 3"), "{}", stderr(&output));
    let others = material().join("others.jsonl").display().to_string();
    let mut changed = command(folder.path(), &["--resume"]);
    let arguments: Vec<String> = changed.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
    let place = arguments.iter().position(|argument| argument == "--data").unwrap();
    changed = Command::new(binary());
    changed.args(&arguments[..=place]).arg(&others).args(&arguments[place + 2..]);
    let output = changed.output().unwrap();
    assert!(
        !output.status.success() && stderr(&output).contains("--data is not what the run began with"),
        "{}",
        stderr(&output)
    );
    assert_same(folder.path());
    let again = run(folder.path(), &[]);
    assert!(!again.status.success() && stderr(&again).contains("--overwrite"), "{}", stderr(&again));
}

/// Without held-out problems no evaluation is due, so none holds a checkpoint back.
#[test]
fn checkpoints_are_made_without_held_out_problems() {
    let folder = tempfile::tempdir().unwrap();
    let whole = command(folder.path(), &["--set", "rl.checkpoints.keep=9"]);
    let arguments: Vec<String> = whole.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let test = arguments.iter().position(|argument| argument == "--test").unwrap();
    let mut without = Command::new(binary());
    let output = without.args(&arguments[..test]).args(&arguments[test + 4..]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let names: Vec<PathBuf> = (2..=12).step_by(2).map(|step| format!("step-{step:06}").into()).collect();
    assert!(checkpoints(folder.path()).iter().map(|path| path.file_name().unwrap()).eq(&names));
}

/// Of a log that was cut off before the newest checkpoint, the older one still has its part.
#[test]
fn a_log_that_is_too_short_sends_the_run_back_to_an_older_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &["--set", "rl.checkpoints.keep=9"]).status.success());
    let log = folder.path().join("events.jsonl");
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, &bytes[..bytes.len() / 2]).unwrap();
    let output = run(folder.path(), &["--resume", "--set", "rl.checkpoints.keep=9"]);
    assert!(output.status.success() && stderr(&output).contains("is shorter than"), "{}", stderr(&output));
    assert_same(folder.path());
}

/// What decides on speed and memory only may change; sums in another order then differ in the last bits.
#[test]
fn a_run_goes_on_with_fewer_rows_at_once() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &["--set", "rl.updates=6"]).status.success());
    let output = run(folder.path(), &["--resume", "--set", "sampling.rows=4", "--set", "prm.batch=3"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let updates = events(folder.path()).iter().filter(|event| event["event"] == "update").count();
    assert_eq!(updates, 12);
}

#[test]
fn a_folder_that_another_process_writes_to_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path(), &[]).stderr(Stdio::null()).spawn().unwrap();
    while !folder.path().join("events.jsonl").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let second = run(folder.path(), &["--resume"]);
    assert!(!second.status.success() && stderr(&second).contains("another process"), "{}", stderr(&second));
    assert!(child.wait().unwrap().success());
    assert_same(folder.path());
}

/// What is left of a run without its log is not overwritten.
#[test]
fn a_part_of_a_run_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &[]).status.success());
    fs::remove_file(folder.path().join("events.jsonl")).unwrap();
    let before = weights(folder.path());
    for more in [&[][..], &["--resume"]] {
        let output = run(folder.path(), more);
        assert!(!output.status.success() && stderr(&output).contains("but no events.jsonl"), "{}", stderr(&output));
    }
    assert!(weights(folder.path()) == before);
}

/// More updates than planned are fine where the learning rate does not depend on their number.
#[test]
fn a_finished_run_can_be_extended() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &["--set", "rl.updates=6"]).status.success());
    let output = run(folder.path(), &["--resume", "--set", "rl.updates=12"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let updates = events(folder.path()).iter().filter(|event| event["event"] == "update").count();
    assert_eq!(updates, 12);
}

/// A limit on file sizes stands for a full disk: the checkpoint cannot be written, the one before it stays good.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_leaves_the_checkpoint_before_it() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &["--set", "rl.updates=4"]).status.success());
    let resume = command(folder.path(), &["--resume"]);
    let arguments: Vec<String> = resume.get_args().map(|a| format!("'{}'", a.to_string_lossy())).collect();
    let script = format!("trap '' XFSZ; ulimit -f 40; exec '{}' {}", binary().display(), arguments.join(" "));
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(!output.status.success() && stderr(&output).contains("cannot write"), "{}", stderr(&output));
    assert!(checkpoints(folder.path()).iter().any(|path| path.ends_with("step-000004")));
    let output = run(folder.path(), &["--resume"]);
    assert!(output.status.success() && stderr(&output).contains("after update 4"), "{}", stderr(&output));
    assert!(weights(folder.path()) == weights(unbroken()), "weights differ");
}

/// A bound that the divergence crosses after some updates: the run ends, and what remains is the best policy.
#[test]
fn a_guard_can_end_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ["--set", "rl.guards.kl=stop", "--set", "rl.guards.max_kl=0.08"];
    let output = run(folder.path(), &settings);
    assert!(!output.status.success() && stderr(&output).contains("guard kl ended the run"), "{}", stderr(&output));
    assert!(stderr(&output).contains("the policy that remains"), "{}", stderr(&output));
    let guard = events(folder.path()).into_iter().rfind(|event| event["event"] == "guard").unwrap();
    assert_eq!(guard["action"], "stop");
    assert!(checkpoints(folder.path()).iter().any(|path| {
        fs::read(path.join("policy/model.safetensors")).is_ok_and(|bytes| bytes == weights(folder.path()))
    }));
}
