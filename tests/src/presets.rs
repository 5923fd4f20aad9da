//! Every preset trains, and its configuration is told with origins.

use std::path::Path;

use minform_text::world::{Level, Split, World, prompt};
use serde_json::{Value, json};

use crate::program::{last_json, minform, nano_demo, stderr, stdout};

pub(crate) const PRESETS: [&str; 11] = [
    "pure-paper",
    "pure-main",
    "pure-verl",
    "pure-prm",
    "pure-vr",
    "pure-prm-vr",
    "reft",
    "grpo",
    "dr-grpo",
    "reinforce-pp",
    "remax",
];

/// Problems of the arithmetic world as a file that `train` reads.
pub(crate) fn write_problems(path: &Path, count: usize) {
    let level = Level::new(1).unwrap();
    let problems = World { seed: 3 }.problems(Split::Train, level..=level).take(count);
    let row = |problem| json!({ "problem": prompt(&problem), "answer": problem.answer().to_string() }).to_string();
    std::fs::write(path, problems.map(row).collect::<Vec<_>>().join("\n")).unwrap();
}

#[test]
fn every_preset_runs_five_updates() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    nano_demo(&at("demo"));
    write_problems(&folder.path().join("problems.jsonl"), 40);
    let small = [
        "rl.updates=5",
        "rl.prompts=4",
        "rl.reward.verifiable_share=1",
        "sampling.max_new_tokens=24",
        "rl.kl.target=0.1",
        "rl.loss.entropy=0.001",
    ];
    let set: Vec<&str> = small.iter().flat_map(|setting| ["--set", setting]).collect();
    for preset in PRESETS {
        let mut rows = vec![("rl.samples", "4")];
        if ["reft", "remax"].contains(&preset) {
            rows = vec![("rl.samples", "1")];
        }
        let samples = format!("{}={}", rows[0].0, rows[0].1);
        let (model, prm, data, out) = (at("demo/policy"), at("demo/prm"), at("problems.jsonl"), at(preset));
        let job = ["train", "--preset", preset, "--model", &model, "--prm", &prm, "--data", &data, "--out", &out];
        let more = ["--set", &samples, "--json"];
        last_json(&minform(&[&job[..], &more, &set].concat()));
        let events = std::fs::read_to_string(folder.path().join(preset).join("events.jsonl")).unwrap();
        let updates: Vec<Value> = events
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|event| event["event"] == "update")
            .collect();
        assert_eq!(updates.len(), 5, "{preset}");
        for update in &updates {
            assert!(update["loss"].is_number() && update["grad_norm"].is_number(), "{preset}: {update}");
            assert_eq!(update["value_loss"].is_number(), preset == "reft");
            assert_eq!(update["process_outcome"].is_object(), preset.starts_with("pure") && preset != "pure-vr");
            assert_eq!(update["verified"].is_number(), preset != "pure-prm");
        }
    }
}

/// The demo's models have a context of 1,024 tokens; PURE's presets write more.
#[test]
fn a_response_that_does_not_fit_the_context_is_refused_before_a_folder_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    nano_demo(&at("demo"));
    write_problems(&folder.path().join("problems.jsonl"), 40);
    let (model, prm, data, out) = (at("demo/policy"), at("demo/prm"), at("problems.jsonl"), at("run"));
    let job = ["train", "--preset", "pure-prm-vr", "--model", &model, "--prm", &prm, "--data", &data, "--out", &out];
    for more in [&[][..], &["--dry-run"]] {
        let refused = minform(&[&job[..], more].concat());
        assert!(!refused.status.success() && stderr(&refused).contains("context of 1024"), "{}", stderr(&refused));
        assert!(!Path::new(&out).exists());
    }
    let said = stderr(&minform(&job));
    let room = said.split_once("--set ").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap();
    let fits = minform(&[&job[..], &["--dry-run", "--set", room]].concat());
    assert!(fits.status.success() && stderr(&fits).contains("problems to train on: 40"), "{}", stderr(&fits));
}

#[test]
fn a_dry_run_tells_the_origin_of_each_value() {
    let text = stdout(&minform(&["train", "--preset", "pure-prm-vr", "--set", "rl.samples=8", "--dry-run"]));
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned();
    assert!(line("verifiable_share = 0.1").ends_with("# preset pure-prm-vr"), "{text}");
    assert!(line("mask_step_ends = true").ends_with("# preset pure-main"));
    assert!(line("samples = 8").ends_with("# --set"));
    assert!(line("evaluate_every = ").ends_with("# default"));
    let object = last_json(&minform(&["train", "--dry-run", "--json"]));
    assert_eq!(object["rl.reward.process"], json!({ "value": 0.0, "origin": "no --prm given" }));
    let single = minform(&["train", "--preset", "grpo", "--set", "rl.samples=1", "--dry-run"]);
    assert!(!single.status.success() && stderr(&single).contains("at least 2 samples"), "{}", stderr(&single));
    let missing = minform(&["train", "--preset", "grpo"]);
    assert!(!missing.status.success() && stderr(&missing).contains("--model"), "{}", stderr(&missing));
}
