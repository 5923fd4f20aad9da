//! The binary as a user meets it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::{binary, last_json, minform, nano_demo, stderr, stdout};

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// By hand: 0.9 · 1 + 0.2 · 0.9 − 0.5 · 0.81 = 0.675, then 0.2 − 0.45 = −0.25, then −0.5.
#[test]
fn credit_prints_returns_of_the_discounted_sum() {
    let arguments = ["credit", "--rewards", "0.9,0.2,-0.5", "--form", "sum", "--gamma", "0.9", "--json"];
    let object = last_json(&minform(&arguments));
    for (found, expected) in numbers(&object["returns"]).iter().zip([0.675, -0.25, -0.5]) {
        assert!((found - expected).abs() < 1e-6, "{object}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_and_not_a_panic() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(binary()).args(["credit", "--rewards", "1"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cannot write to standard output"), "{}", stderr(&output));
}

#[test]
fn credit_prints_weights_that_sum_to_one() {
    let object = last_json(&minform(&["credit", "--rewards=-0.5,0.9,0.2", "--json"]));
    assert!((numbers(&object["weights"]).iter().sum::<f64>() - 1.0).abs() < 1e-6);
    assert_eq!(numbers(&object["transformed"]).len(), 3);
    let table = stdout(&minform(&["credit", "--rewards", "0.9,0.2,-0.5", "--form", "exact-min"]));
    assert!(table.contains("return") && table.contains("outcome -0.5000"), "{table}");
    let minimum = last_json(&minform(&["credit", "--rewards=-0.5,0.9,0.2", "--form", "min", "--json"]));
    assert_eq!(minimum, object, "the soft minimum has a short name");
}

#[test]
fn bad_input_names_the_remedy() {
    let missing = minform(&["generate", "--model", "no/such/folder", "--prompt", "x"]);
    assert!(!missing.status.success() && stderr(&missing).contains("config.json"), "{}", stderr(&missing));
    let key = minform(&["demo", "--set", "rl.credit.shape=sum"]);
    assert!(stderr(&key).contains("temperature"), "{}", stderr(&key));
    let number = minform(&["credit", "--rewards", "0.9,NaN"]);
    assert!(stderr(&number).contains("NaN"), "{}", stderr(&number));
    for (device, remedy) in [("cuda:0", "--features cuda"), ("gpu", "auto or one of flex")] {
        let output = minform(&["info", "--device", device]);
        assert!(!output.status.success() && stderr(&output).contains(remedy), "{}", stderr(&output));
    }
}

#[test]
fn bench_measures_every_phase_beside_its_floor() {
    let sizes = ["--shape", "nano", "--rows", "4", "--tokens", "16", "--new-tokens", "4", "--repeats", "2"];
    let object = last_json(&minform(&[&["bench", "--growth", "--json"], &sizes[..]].concat()));
    let phases = object["phases"].as_array().unwrap();
    let names: Vec<&str> = phases.iter().map(|phase| phase["phase"].as_str().unwrap()).collect();
    assert_eq!(names, ["scoring", "generation", "update"]);
    for phase in phases {
        assert!(phase["floor"].as_f64().unwrap() > 0.0, "{phase}");
        assert!(phase["seconds"].as_array().is_some_and(|seconds| seconds.len() == 2), "{phase}");
    }
    // 3 layers of 96 (4 · 96 + 3 · 256) weights, attention of 16 · 17 / 2 keys a row.
    let reading = 4.0 * (2.0 * 3.0 * 96.0 * 1152.0 * 16.0 + 4.0 * 3.0 * 96.0 * 136.0);
    assert_eq!(phases[0]["operations"].as_f64().unwrap(), reading);
    let growth = object["growth"].as_array().unwrap();
    // Of three phases and the memory, with rows, tokens and width.
    assert_eq!(growth.len(), 4 * 3);
    assert!(growth.iter().all(|growth| growth["exponent"].is_f64()), "{object}");
    let unknown = minform(&["bench", "--shape", "nanno"]);
    assert!(stderr(&unknown).contains("smollm2-135m"), "{}", stderr(&unknown));
    let short = minform(&["bench", "--shape", "nano", "--new-tokens", "600"]);
    assert!(!short.status.success());
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let script = stdout(&minform(&["completions", "bash"]));
    assert!(script.contains("--token-file"), "{script}");
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    assert!(minform(&["man", pages.to_str().unwrap()]).status.success());
    let page = std::fs::read_to_string(pages.join("minform-prm-score.1")).unwrap();
    assert!(page.contains(".TH") && page.contains("shard") && page.contains(".SH EXAMPLES"), "{page}");
    assert!(pages.join("minform.1").exists());
}

/// The models of `demo` know questions by the mark behind them, which users need not know of.
#[test]
fn problems_of_the_world_need_no_file_and_no_mark() {
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/models/nano/policy");
    let level = ["--greedy", "--set", "world.max_level=1"];
    let found =
        last_json(&minform(&[&["eval", "--model", policy, "--data", "world:20", "--json"], &level[..]].concat()));
    assert!(found["problems"] == 20 && found["accuracy"].as_f64().unwrap() > 0.8, "{found}");
    let written = |prompt| stdout(&minform(&["generate", "--model", policy, "--greedy", "--prompt", prompt]));
    let question = "Sam owns 9 shells. He loses 3. How many shells are there?";
    assert!(written(question).contains("9 - 3 = 6"), "{}", written(question));
    assert_eq!(written(question), written(&format!("{question} => ")));
}

#[test]
fn every_command_has_help_with_an_example() {
    let commands: [&[&str]; 17] = [
        &["demo"],
        &["sft"],
        &["prm", "train"],
        &["prm", "score"],
        &["serve"],
        &["bench"],
        &["completions"],
        &["man"],
        &["generate"],
        &["train"],
        &["eval"],
        &["credit"],
        &["report"],
        &["experiment"],
        &["import"],
        &["info"],
        &[],
    ];
    for command in commands {
        let output = minform(&[command, &["--help"]].concat());
        let help = stdout(&output);
        assert!(output.status.success() && (help.contains("Example") || command.is_empty()), "{command:?}: {help}");
    }
}

/// A nano run through every training command: demo, scoring from standard input, generation, RL on a file.
#[test]
fn the_commands_work_on_each_others_output() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let run = at("demo");
    let object = nano_demo(&run);
    assert!(
        ["base_accuracy", "final_accuracy", "prm_auc", "seconds"].iter().all(|key| object.get(key).is_some()),
        "{object}"
    );
    for file in
        ["config.toml", "run.json", "events.jsonl", "report.html", "policy/config.json", "prm/model.safetensors"]
    {
        assert!(folder.path().join("demo").join(file).is_file(), "{file}");
    }
    let again = minform(&["demo", "--quick", "--out", &run]);
    assert!(!again.status.success() && stderr(&again).contains("--overwrite"), "a run is not overwritten silently");

    let prm = at("demo/prm");
    let mut score = Command::new(binary())
        .args(["prm", "score", "--prm", &prm])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let rows = "{\"problem\": \"Tom has 3 apples. He buys 4 more.\", \"solution\": \"3 + 4 = 7\\n\\n\\\\boxed{7}\"}\n\
                {\"problem\": \"Tom has 3 apples.\", \"steps\": [\"3 + 4 = 8\"]}\n";
    score.stdin.take().unwrap().write_all(rows.as_bytes()).unwrap();
    let scored = score.wait_with_output().unwrap();
    let rows: Vec<Value> = stdout(&scored).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2, "{}", stderr(&scored));
    assert_eq!(rows[0]["steps"].as_array().unwrap().len(), 2);
    assert_eq!(numbers(&rows[0]["scores"]).len(), 2);
    assert!(rows[1]["min"].is_number() && rows[1]["soft_min"].is_number() && rows[1]["first_error"].is_i64());

    let problems = at("problems.jsonl");
    std::fs::write(
        &problems,
        "{\"question\": \"Tom has 3 apples. He buys 4 more.\", \"answer\": \"3 + 4 = 7\\n#### 7\"}\n",
    )
    .unwrap();
    let policy = at("demo/policy");
    let generated = minform(&[
        "generate",
        "--model",
        &policy,
        "--data",
        &problems,
        "--template",
        "plain",
        "--samples",
        "2",
        "--json",
    ]);
    assert_eq!(stdout(&generated).lines().count(), 2, "{}", stderr(&generated));
    let out = at("rl");
    let trained = minform(&[
        "train",
        "--model",
        &policy,
        "--prm",
        &prm,
        "--data",
        &problems,
        "--template",
        "plain",
        "--out",
        &out,
        "--set",
        "rl.updates=2",
        "--set",
        "rl.prompts=2",
        "--set",
        "sampling.max_new_tokens=16",
        "--set",
        "rl.reward.verifiable=1",
        "--json",
    ]);
    let saved = last_json(&trained);
    assert!(Path::new(saved["saved"].as_str().unwrap()).join("model.safetensors").is_file());
    let events = std::fs::read_to_string(Path::new(&out).join("events.jsonl")).unwrap();
    let updates = events.lines().filter(|line| line.contains("\"event\":\"update\"")).count();
    assert_eq!(updates, 2);

    let compared = at("compare.html");
    let report = minform(&["report", &run, &out, "--out", &compared]);
    assert!(report.status.success(), "{}", stderr(&report));
    let page = std::fs::read_to_string(&compared).unwrap();
    assert!(["Settings that differ", "<svg", "data-save=\"png\"", "text/csv"].iter().all(|part| page.contains(part)));

    // A page is replaced only if told so; a log whose last line is cut off can be shown.
    assert!(stderr(&minform(&["report", &run, "--out", &compared])).contains("--overwrite"));
    assert!(stderr(&minform(&["report", &run, &run, "--out", &at("twice.html")])).contains("named twice"));
    assert!(stderr(&minform(&["report", &at("."), "--out", &at("none.html")])).contains("no events.jsonl"));
    let log = Path::new(&out).join("events.jsonl");
    std::fs::write(&log, &events[..events.len() - 9]).unwrap();
    let cut = minform(&["report", &out, "--out", &compared, "--overwrite"]);
    assert!(cut.status.success() && stderr(&cut).contains("cut off"), "{}", stderr(&cut));

    // A run is replaced only if told so, and what is not of the run stays.
    let note = Path::new(&out).join("note.txt");
    std::fs::write(&note, "mine").unwrap();
    let tune = ["sft", "--model", &policy, "--data", &problems, "--out", &out, "--set", "sft.steps=1"];
    assert!(stderr(&minform(&tune)).contains("already holds a run"));
    assert!(minform(&[&tune[..], &["--overwrite"]].concat()).status.success());
    assert!(note.is_file() && Path::new(&out).join("policy/model.safetensors").is_file());
}

/// `minform reference docs/reference` writes it anew.
#[test]
fn the_reference_of_the_book_is_what_the_program_says() {
    let folder = tempfile::tempdir().unwrap();
    let output = minform(&["reference", &folder.path().display().to_string()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference");
    for name in ["cli.md", "configuration.md", "events.md"] {
        let page = |place: &Path| std::fs::read_to_string(place.join(name)).unwrap();
        assert!(page(folder.path()) == page(&kept), "docs/reference/{name} is old: minform reference docs/reference");
    }
}
