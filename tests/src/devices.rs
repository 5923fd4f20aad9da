//! What a graphics processor computes, held against the processor: scores, text and one update of RL.
//!
//! `cargo xtask test --device vulkan` builds the program with that device, names it in `MINFORM_TEST_DEVICE` and runs
//! these tests; without that variable they say so and pass.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{last_json, minform, stderr, stdout};

const NANO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/models/nano");

/// The device to test, where there is one.
fn device() -> Option<String> {
    let device = std::env::var("MINFORM_TEST_DEVICE").ok();
    if device.is_none() {
        eprintln!("no device to test; `cargo xtask test --device NAME` names one");
    }
    device
}

/// The rows that a command writes to standard output.
fn rows(arguments: &[&str]) -> Vec<Value> {
    let output = minform(arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Greedy solutions of a few problems of the embedded world.
fn written(device: &str) -> Vec<Value> {
    let policy = format!("{NANO}/policy");
    rows(&["generate", "--model", &policy, "--data", "world:20", "--greedy", "--json", "--device", device])
}

/// The same solutions as a file, which also serves as one of problems.
fn file(folder: &Path) -> String {
    let path = folder.join("solutions.jsonl");
    let lines = written("flex").into_iter().map(|row| {
        let id = row["id"].clone();
        json!({ "id": id, "problem": row["question"], "solution": row["response"], "answer": row["answer"] })
    });
    fs::write(&path, lines.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    path.display().to_string()
}

fn assert_close(found: &Value, expected: &Value, tolerance: f64, what: &str) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() <= tolerance * (1.0 + expected.abs()), "{what}: {found} against {expected}");
}

#[test]
fn a_device_gives_the_known_answers() {
    let Some(device) = device() else { return };
    let object = last_json(&minform(&["info", "--json", "--device", &device]));
    assert!(object["device"].as_str().unwrap().starts_with(&device), "{object}");
    assert!(object["self_test"].as_array().unwrap().iter().all(|check| check["passed"] == true), "{object}");
}

#[test]
fn scores_agree_to_1e_4() {
    let Some(device) = device() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (file, prm) = (file(folder.path()), format!("{NANO}/prm"));
    let score = |device: &str| rows(&["prm", "score", "--prm", &prm, "--data", &file, "--device", device]);
    let (found, expected) = (score(&device), score("flex"));
    assert_eq!((found.len(), expected.len()), (20, 20));
    for (found, expected) in found.iter().zip(&expected) {
        let scores = |row: &Value| row["scores"].as_array().unwrap().clone();
        assert_eq!(scores(found).len(), scores(expected).len());
        for (found, expected) in scores(found).iter().zip(&scores(expected)) {
            assert_close(found, expected, 1e-4, "a score");
        }
    }
}

/// Blocks of weights lie otherwise than on the processor, so the scores are those of the whole weights and not its.
#[test]
fn weights_of_few_bits_score_as_on_the_processor() {
    let Some(device) = device() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (file, prm) = (file(folder.path()), format!("{NANO}/prm"));
    let data = ["prm", "score", "--prm", &prm, "--data", &file];
    let scores = |options: &[&str]| -> Vec<f64> {
        let rows = rows(&[&data[..], options].concat());
        rows.iter()
            .flat_map(|row| row["scores"].as_array().unwrap().clone())
            .map(|score| score.as_f64().unwrap())
            .collect()
    };
    let whole = scores(&["--device", "flex"]);
    let error = |options: &[&str]| {
        let found = scores(options);
        assert_eq!(found.len(), whole.len());
        found.iter().zip(&whole).map(|(a, b)| (a - b).abs()).sum::<f64>() / whole.len() as f64
    };
    for (bits, most) in [("q8", 0.02), ("q4", 0.3)] {
        let (there, here) =
            (error(&["--device", &device, "--quantize", bits]), error(&["--device", "flex", "--quantize", bits]));
        eprintln!("{bits}: mean error of a score {there} there, {here} on the processor");
        assert!(there > 1e-5 && there < most, "{bits}: {there} there, {here} on the processor");
    }
}

/// The likeliest token is another one only where two are nearly as likely.
#[test]
fn greedy_solutions_are_the_same() {
    let Some(device) = device() else { return };
    let (found, expected) = (written(&device), written("flex"));
    let same = found.iter().zip(&expected).filter(|(found, expected)| found["response"] == expected["response"]);
    assert!(same.count() >= 19, "{found:?} against {expected:?}");
}

/// Whether the same tokens are sampled, rewarded and learned from.
#[test]
fn an_update_agrees_to_1e_2() {
    let Some(device) = device() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let (policy, prm) = (format!("{NANO}/policy"), format!("{NANO}/prm"));
    let update = |name: &str, device: &str| {
        let out = folder.path().join(name).display().to_string();
        let models = ["--model", &policy, "--prm", &prm, "--data", &file, "--out", &out, "--device", device];
        let sizes = ["rl.updates=1", "rl.prompts=4", "rl.samples=4", "sampling.max_new_tokens=48"];
        let set: Vec<&str> = sizes.iter().flat_map(|setting| ["--set", setting]).collect();
        let output = minform(&[&["train"], &models[..], &set[..]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let events = fs::read_to_string(Path::new(&out).join("events.jsonl")).unwrap();
        let mut events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.find(|event| event["event"] == "update").expect("an update")
    };
    let (found, expected) = (update("tested", &device), update("processor", "flex"));
    for figure in ["/length/mean", "/reward/mean", "/grad_norm", "/entropy"] {
        let at = |update: &Value| update.pointer(figure).cloned().unwrap_or_else(|| panic!("no {figure} in {update}"));
        assert_close(&at(&found), &at(&expected), 1e-2, figure);
    }
}
