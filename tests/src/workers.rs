//! Training whose gradients are computed by `minform worker` processes too, where the program has the feature `remote`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::{Value, json};

use crate::program::{binary, minform, stderr};

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/models/nano/policy");

/// A worker that ends with the test.
struct Worker {
    process: Child,
    address: String,
}

impl Worker {
    fn start() -> Option<Self> {
        let mut process = Command::new(binary())
            .args(["worker", "--device", "flex", "--bind", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some((_, address)) = line.trim().split_once(" at ") else {
            process.wait().unwrap();
            eprintln!("skipped: this build has no workers (feature `remote`)");
            return None;
        };
        Some(Self { process, address: address.into() })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn problems(folder: &Path) -> String {
    let row = |n: u32| {
        let (question, answer) = (format!("{n} + {}", n + 3), 2 * n + 3);
        json!({ "question": question, "answer": format!("{question} = {answer}\n#### {answer}") })
    };
    let path = folder.join("problems.jsonl");
    fs::write(&path, (1..9).map(|n| format!("{}\n", row(n))).collect::<String>()).unwrap();
    path.display().to_string()
}

fn events(run: &str, kind: &str) -> Vec<Value> {
    let text = fs::read_to_string(Path::new(run).join("events.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter(|e| e["event"] == kind).collect()
}

/// The first step compares gradients, the later ones also what was sent to the workers after it.
#[test]
fn the_course_of_training_does_not_depend_on_the_workers() {
    let folder = tempfile::tempdir().unwrap();
    let data = problems(folder.path());
    let course = |name: &str, workers: &[&str]| -> Vec<[f64; 2]> {
        let out = folder.path().join(name).display().to_string();
        let given = ["sft", "--model", POLICY, "--data", &data, "--out", &out, "--device", "flex"];
        let set = ["--set", "sft.steps=3", "--set", "sft.batch=8", "--set", "sft.optimizer.lr=1e-3"];
        let output = minform(&[&given[..], &set, workers].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let steps = events(&out, "sft-step");
        steps.iter().map(|step| [&step["loss"], &step["grad_norm"]].map(|value| value.as_f64().unwrap())).collect()
    };
    let alone = course("alone", &[]);
    assert_eq!(alone.len(), 3);
    let agrees = |other: &[[f64; 2]]| {
        for (step, (expected, found)) in alone.iter().zip(other).enumerate() {
            let error = expected.iter().zip(found).map(|(e, f)| ((e - f) / e).abs()).fold(0.0, f64::max);
            assert!(error < if step == 0 { 1e-5 } else { 1e-3 }, "step {step}: {found:?} instead of {expected:?}");
        }
    };
    agrees(&course("threads", &["--workers", "flex,flex"]));
    let (Some(one), Some(two)) = (Worker::start(), Worker::start()) else { return };
    agrees(&course("processes", &["--workers", &format!("{},{}", one.address, two.address)]));
}

#[test]
fn a_run_whose_worker_dies_goes_on_with_the_others() {
    let (Some(mut one), Some(two)) = (Worker::start(), Worker::start()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = problems(folder.path());
    let out = folder.path().join("run").display().to_string();
    let given = ["train", "--model", POLICY, "--data", &data, "--out", &out, "--device", "flex"];
    let sizes = ["rl.reward.process=0", "rl.updates=40", "rl.prompts=4", "rl.samples=2", "rl.checkpoints.every=1"];
    let set: Vec<&str> = sizes.iter().flat_map(|setting| ["--set", setting]).collect();
    let both = format!("{},{}", one.address, two.address);
    let run = Command::new(binary())
        .args([&given[..], &set[..], &["--workers", &both]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let patience = Instant::now();
    while events(&out, "update").len() < 2 {
        assert!(patience.elapsed() < Duration::from_secs(60), "no second update");
        thread::sleep(Duration::from_millis(20));
    }
    one.process.kill().unwrap();
    let ended = run.wait_with_output().unwrap();
    let said = stderr(&ended);
    assert!(!ended.status.success() && said.contains("worker") && said.contains("checkpoint"), "{said}");
    let made = events(&out, "update").len();
    assert!(made < 40, "the run was over before its worker died");
    let fewer = ["--workers", &two.address, "--resume"];
    let resumed = minform(&[&given[..], &set[..], &fewer].concat());
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    assert_eq!(events(&out, "update").len(), 40);
}
