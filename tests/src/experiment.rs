//! The matrix runner, with models too small to learn anything.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::program::{minform, stderr, stdout};

const NANO: [&str; 7] = [
    "world.hidden_size=32",
    "world.prm_problems=20",
    "world.test_problems=10",
    "sft.steps=5",
    "sampling.max_new_tokens=24",
    "rl.updates=2",
    "rl.evaluate_every=1",
];

fn experiment(out: &Path, more: &[&str]) -> Output {
    let set: Vec<&str> = NANO.iter().flat_map(|setting| ["--set", setting]).collect();
    let out = out.to_str().unwrap();
    minform(&[&["experiment", "credit-forms", "--seeds", "1", "--arm", "sum", "--out", out], &set[..], more].concat())
}

#[test]
fn an_experiment_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("forms");
    let first = experiment(&out, &[]);
    assert!(first.status.success(), "{}", stderr(&first));
    assert_eq!(stdout(&first).lines().count(), 3, "a table with one arm: {}", stdout(&first));
    assert!(stdout(&first).contains("| sum, γ = 1 | 1 |"));
    let summary = fs::read_to_string(out.join("summary.csv")).unwrap();
    assert_eq!(summary.lines().count(), 1 + 3, "three evaluations: {summary}");
    let accuracy = out.join("figures/held-out-accuracy--by-kind-of-reward.svg");
    assert!(fs::read_to_string(accuracy).unwrap().contains("<svg"));

    let again = experiment(&out, &[]);
    assert!(stderr(&again).contains("--resume"), "{}", stderr(&again));
    let other = experiment(&out, &["--resume", "--set", "rl.updates=3"]);
    assert!(stderr(&other).contains("rl.updates"), "{}", stderr(&other));

    // One arm more, on the same policy and reward model; what was done is not done again.
    let before = fs::read(out.join("seed-0/sum/events.jsonl")).unwrap();
    let base = fs::read(out.join("seed-0/base/events.jsonl")).unwrap();
    let more = experiment(&out, &["--resume", "--arm", "vr"]);
    assert!(stdout(&more).contains("| verifiable rewards only | 1 |"), "{}", stderr(&more));
    assert_eq!(fs::read(out.join("seed-0/sum/events.jsonl")).unwrap(), before);
    assert_eq!(fs::read(out.join("seed-0/base/events.jsonl")).unwrap(), base);

    // A run that was cut off says nothing in the table and is run again.
    fs::remove_file(out.join("seed-0/sum/done.json")).unwrap();
    let repaired = experiment(&out, &["--resume"]);
    assert!(repaired.status.success(), "{}", stderr(&repaired));
    let now = fs::read_to_string(out.join("summary.csv")).unwrap();
    assert_eq!(now.lines().count(), 1 + 2 * 3);
    assert!(summary.lines().all(|line| now.lines().any(|other| other == line)), "the same figures again");
}
