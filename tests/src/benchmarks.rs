//! `prm eval` and `prm score` on small files of the benchmarks' forms, with the nano reward model of the playground.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::program::{binary, minform, stderr, stdout};

const SHELLS: &str =
    "Sam owns 9 shells. He loses 3. Their number doubles. He sells 3 of them. How many shells are there? => ";

fn nano() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("web/models/nano/prm").display().to_string()
}

fn file(folder: &Path, name: &str, rows: &[Value]) -> PathBuf {
    let path = folder.join(name);
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

fn judged(id: &str, steps: &[&str], label: i64) -> Value {
    json!({ "id": id, "problem": SHELLS, "steps": steps, "label": label, "final_answer_correct": label < 0 })
}

/// Longer than any context.
fn endless() -> Value {
    judged("endless", &["9 - 3 = 6"; 500], -1)
}

fn printed(arguments: &[&str]) -> Value {
    let output = minform(arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[test]
fn process_bench_counts_first_errors() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        judged("slip", &["9 - 3 = 6", "6 * 2 = 10", "10 - 3 = 7", "\\boxed{7}"], 1),
        judged("right", &["9 - 3 = 6", "6 * 2 = 12", "12 - 3 = 9", "\\boxed{9}"], -1),
        // It is wrong from its second step on; the file says from its third.
        judged("late", &["9 - 3 = 6", "6 * 2 = 11", "11 - 3 = 8", "\\boxed{8}"], 2),
        endless(),
    ];
    let path = file(folder.path(), "gsm8k.jsonl", &rows).display().to_string();
    let found = printed(&["prm", "eval", "processbench", "--model", &nano(), "--data", &path, "--json"]);
    assert_eq!(found["subset"], "gsm8k");
    assert_eq!((&found["rows"], &found["failed"]), (&json!(4), &json!(1)));
    assert_eq!((&found["accuracy_erroneous"], &found["accuracy_correct"]), (&json!(0.5), &json!(0.5)));
    assert_eq!(found["f1"], json!(0.5));
    assert_eq!(found["guesses"]["always right"]["accuracy_correct"], json!(1.0));
    let text = stdout(&minform(&["prm", "eval", "processbench", "--prm", &nano(), "--data", &path]));
    assert!(
        text.contains("gsm8k") && text.contains("always the first step") && text.contains("average F1 50.0"),
        "{text}"
    );
}

#[test]
fn prm_bench_counts_steps_by_class() {
    let folder = tempfile::tempdir().unwrap();
    let right = ["9 - 3 = 6", "6 * 2 = 12", "12 - 3 = 9", "\\boxed{9}"];
    let row = |id: &str, modified: &[&str], errors: &[usize]| {
        json!({
            "idx": id, "original_question": SHELLS, "modified_question": SHELLS,
            "original_process": right, "modified_process": modified, "error_steps": errors,
        })
    };
    let wrong = ["9 - 3 = 6", "6 * 2 = 10", "12 - 3 = 9", "\\boxed{9}"];
    let one = file(folder.path(), "p1_circular.jsonl", &[row("a", &wrong, &[2])]).display().to_string();
    // The same solution again does not count twice.
    let again = file(folder.path(), "p2_circular.jsonl", &[row("a", &wrong, &[2])]).display().to_string();
    let several = file(folder.path(), "multi_solutions.jsonl", &[row("b", &right, &[])]).display().to_string();
    let data = ["--data", &one, "--data", &again, "--data", &several, "--json"];
    let found = printed(&[&["prm", "eval", "prmbench", "--model", &nano()], &data[..]].concat());
    let classes = found["classes"].as_array().unwrap();
    assert_eq!(classes.len(), 2);
    assert_eq!(
        (&classes[0]["class"], &classes[0]["steps"], &classes[0]["rows"]),
        (&json!("circular"), &json!(4), &json!(1))
    );
    assert_eq!(classes[1]["prm_score"], json!(1.0));
    assert_eq!(found["groups"]["sensitivity"], json!(1.0));
    assert!(found["prm_score"].as_f64().unwrap() > 0.5, "{found}");
    let nameless = file(folder.path(), "rows.jsonl", &[row("a", &wrong, &[2])]).display().to_string();
    let refused = minform(&["prm", "eval", "prmbench", "--model", &nano(), "--data", &nameless]);
    assert!(!refused.status.success() && stderr(&refused).contains("named after no class"), "{}", stderr(&refused));
}

#[test]
fn a_row_that_cannot_be_scored_costs_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [judged("right", &["9 - 3 = 6", "6 * 2 = 12"], -1), endless(), judged("slip", &["9 - 3 = 5"], 0)];
    let path = file(folder.path(), "rows.jsonl", &rows).display().to_string();
    let output = minform(&["prm", "score", "--prm", &nano(), "--data", &path]);
    assert!(!output.status.success());
    assert!(stderr(&output).contains("1 of 3 rows could not be scored"), "{}", stderr(&output));
    let lines: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["id"].as_str().unwrap()).collect::<Vec<_>>(), ["right", "endless", "slip"]);
    assert!(lines[1]["error"].as_str().unwrap().contains("context holds"), "{}", lines[1]);
    assert_eq!(lines[2]["first_error"], json!(0));
}

#[test]
fn words_that_the_model_does_not_have_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [judged("known", &["9 - 3 = 6"], -1), judged("foreign", &["Let x denote the hypotenuse"], -1)];
    let path = file(folder.path(), "rows.jsonl", &rows).display().to_string();
    let output = minform(&["prm", "score", "--prm", &nano(), "--data", &path]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("1 of 2 solutions hold words"), "{}", stderr(&output));
    let path = file(folder.path(), "known.jsonl", &rows[..1]).display().to_string();
    let output = minform(&["prm", "score", "--prm", &nano(), "--data", &path]);
    assert!(!stderr(&output).contains("hold words"), "{}", stderr(&output));
}

#[test]
fn rows_of_several_formats_can_be_scored_and_the_samples_of_one_problem_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let sample = |sample: usize| json!({ "id": "a", "sample": sample, "problem": SHELLS, "solution": "9 - 3 = 6" });
    let rows = [sample(0), sample(1), judged("judged", &["9 - 3 = 6"], -1)];
    let broken = file(folder.path(), "broken.jsonl", &[sample(0), judged("broken", &["9 - 3 = 6"], 7)]);
    let broken = minform(&["prm", "score", "--prm", &nano(), "--data", &broken.display().to_string()]);
    assert_eq!(broken.status.code(), Some(1), "a label that is wrong is not passed over");
    let data = file(folder.path(), "rows.jsonl", &rows).display().to_string();
    let out = folder.path().join("scores.jsonl").display().to_string();
    let output = minform(&["prm", "score", "--prm", &nano(), "--data", &data, "--out", &out]);
    assert!(output.status.success(), "{}", stderr(&output));
    let written = std::fs::read_to_string(&out).unwrap();
    let ids = written.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone());
    assert_eq!(ids.collect::<Vec<_>>(), ["a/0", "a/1", "judged"]);
}

#[test]
fn a_killed_scoring_goes_on_and_shards_make_up_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<Value> = (0..3000).map(|row| judged(&row.to_string(), &["9 - 3 = 6", "6 * 2 = 12"], -1)).collect();
    let data =
        file(folder.path(), "rows.jsonl", &[&rows[..], &[json!({ "id": "odd" })]].concat()).display().to_string();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let arguments = |out: &str, more: &[&str]| -> Vec<String> {
        let prm = nano();
        let base = ["prm", "score", "--prm", &prm, "--data", &data, "--set", "prm.micro_batch_tokens=64", "--out", out];
        base.iter().chain(more).map(ToString::to_string).collect()
    };
    let score =
        |out: &str, more: &[&str]| minform(&arguments(out, more).iter().map(String::as_str).collect::<Vec<_>>());
    let whole = path("whole");
    // One row has no problem, which the exit code says.
    assert_eq!(score(&whole, &[]).status.code(), Some(1));
    let text = std::fs::read_to_string(&whole).unwrap();
    assert_eq!(text.lines().count(), 3001);
    let (killed, part) = (path("killed"), path("killed.part"));
    let mut child = Command::new(binary()).args(arguments(&killed, &[])).stderr(Stdio::null()).spawn().unwrap();
    let is_begun = || std::fs::read_to_string(&part).is_ok_and(|text| text.lines().count() > 4);
    while !is_begun() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(Path::new(&part).exists() && !Path::new(&killed).exists(), "killed too late");
    assert!(stderr(&score(&killed, &[])).contains("--resume"));
    let other = stderr(&score(&killed, &["--resume", "--limit", "7"]));
    assert!(other.contains("made with other rows"), "{other}");
    assert_eq!(score(&killed, &["--resume"]).status.code(), Some(1));
    assert!(std::fs::read_to_string(&killed).unwrap() == text && !Path::new(&part).exists());
    let again = score(&killed, &["--resume"]);
    assert!(again.status.code() == Some(1) && stderr(&again).contains("is complete"), "{}", stderr(&again));
    assert!(stderr(&score(&killed, &["--resume", "--limit", "7"])).contains("made with other rows"));
    std::fs::remove_file(path("killed.done")).unwrap();
    assert!(stderr(&score(&killed, &["--resume"])).contains("of other work"));
    let shards: Vec<String> = (1..=3)
        .map(|shard| {
            let out = path(&format!("shard-{shard}"));
            score(&out, &["--shard", &format!("{shard}/3")]);
            std::fs::read_to_string(out).unwrap()
        })
        .collect();
    let rows_of = |text: &str| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let (whole, sharded) = (rows_of(&text), rows_of(&shards.concat()));
    assert_eq!(whole.len(), sharded.len());
    for (whole, shard) in whole.iter().zip(&sharded) {
        assert_eq!((&whole["id"], &whole["error"]), (&shard["id"], &shard["error"]));
        let (one, other) = (whole["min"].as_f64(), shard["min"].as_f64());
        assert!(one == other || (one.unwrap() - other.unwrap()).abs() < 1e-5, "{whole} {shard}");
    }
    // The problem of all these solutions is the same, so that they stay together.
    assert!(shards[1].is_empty() && shards[2].lines().count() <= 1);
    assert!(!score(&path("none"), &["--shard", "4/3"]).status.success());
}

#[test]
fn a_benchmark_of_which_nothing_could_be_scored_has_no_result() {
    let folder = tempfile::tempdir().unwrap();
    let data = file(folder.path(), "long.jsonl", &[endless()]).display().to_string();
    let output = minform(&["prm", "eval", "processbench", "--model", &nano(), "--data", &data]);
    assert!(!output.status.success() && stdout(&output).is_empty());
    assert!(stderr(&output).contains("none of 1 solutions"), "{}", stderr(&output));
    assert!(stderr(&output).contains("context holds"), "{}", stderr(&output));
    let right = file(folder.path(), "right.jsonl", &[judged("right", &["9 - 3 = 6"], -1)]).display().to_string();
    let figure = minform(&["prm", "eval", "processbench", "--model", &nano(), "--data", &right, "--figure", "f.svg"]);
    assert!(stderr(&figure).contains("curves of bon"), "{}", stderr(&figure));
    let one_kind = minform(&["prm", "eval", "processbench", "--model", &nano(), "--data", &right]);
    assert!(stdout(&one_kind).contains("none of these rows is wrong"), "{}", stdout(&one_kind));
}

#[test]
fn every_row_has_a_result_whatever_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    let good = judged("good", &["9 - 3 = 6"], -1).to_string();
    let none = json!({ "id": "none", "problem": SHELLS, "steps": [], "label": -1 }).to_string();
    let fields = json!({ "id": "fields", "steps": ["9 - 3 = 6"], "label": -1 }).to_string();
    let mut bytes = [good.as_str(), &none, &fields, "{\"id\": \"cut", ""].join("\n").into_bytes();
    bytes.extend(b"{\"problem\": \"\xff\", \"steps\": [\"a\"], \"label\": -1}\n");
    bytes.extend(endless().to_string().bytes());
    std::fs::write(&path, bytes).unwrap();
    let data = path.display().to_string();
    let output = minform(&["prm", "score", "--prm", &nano(), "--data", &data]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("5 of 6 rows could not be scored"), "{}", stderr(&output));
    let lines: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let errors: Vec<&str> = lines.iter().map(|line| line["error"].as_str().unwrap_or("none")).collect();
    let expected = ["none", "at least one step", "`problem`: is missing", "cut off", "UTF-8", "context holds"];
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }
    assert_eq!(lines.len(), 6);
    assert_eq!([&lines[1]["id"], &lines[2]["id"]], ["none", "fields"]);
    let strict = minform(&["prm", "score", "--prm", &nano(), "--data", &data, "--strict"]);
    assert!(stderr(&strict).contains("at least one step") && stdout(&strict).is_empty(), "{}", stderr(&strict));
}

#[test]
fn choosing_among_solutions_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let solution =
        |steps: &[&str], right: bool| json!({ "problem": SHELLS, "steps": steps, "final_answer_correct": right });
    let right = ["9 - 3 = 6", "6 * 2 = 12", "12 - 3 = 9", "\\boxed{9}"];
    let wrong = ["9 - 3 = 6", "6 * 2 = 10", "10 - 3 = 7", "\\boxed{7}"];
    let rows = [solution(&right, true), solution(&wrong, false), solution(&wrong, false)];
    let path = file(folder.path(), "samples.jsonl", &rows).display().to_string();
    let picture = folder.path().join("bon.svg");
    let drawn = picture.display().to_string();
    let model = nano();
    let arguments = ["--model", &model, "--data", &path, "--json"];
    let found = printed(&[&["prm", "eval", "bon", "--figure", &drawn], &arguments[..]].concat());
    let accuracy = |rule: &str| {
        let curve = found["curves"].as_array().unwrap().iter().find(|curve| curve["rule"] == rule).unwrap();
        curve["points"].as_array().unwrap().last().unwrap()["accuracy"].as_f64().unwrap()
    };
    assert_eq!((accuracy("min"), accuracy("oracle"), accuracy("majority")), (1.0, 1.0, 0.0), "{found}");
    assert!(std::fs::read_to_string(picture).unwrap().contains("<svg"));
    let ranked = printed(&[&["prm", "eval", "rewardmath"], &arguments[..]].concat());
    assert_eq!((&ranked["aggregates"]["min"]["accuracy"], &ranked["compared"]), (&json!(1.0), &json!(1)));
    // Without their words steps of the world lose nothing; the option is taken all the same.
    let stripped = printed(&[&["prm", "eval", "rewardmath", "--strip-language"], &arguments[..]].concat());
    assert_eq!(stripped["compared"], json!(1));
    let unknown = file(folder.path(), "unknown.jsonl", &[json!({ "problem": SHELLS, "steps": ["9 - 3 = 6"] })]);
    let unknown = unknown.display().to_string();
    let refused = minform(&["prm", "eval", "bon", "--model", &model, "--data", &unknown]);
    assert!(stderr(&refused).contains("final_answer_correct"), "{}", stderr(&refused));
}

fn nano_policy() -> String {
    nano().replace("prm", "policy")
}

const SHORT: [&str; 4] = ["--set", "sampling.max_new_tokens=64", "--set", "sampling.rows=128"];

#[test]
fn rollouts_label_steps_and_a_stopped_labelling_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let label = |method: &str, out: &str, more: &[&str]| {
        let model = nano_policy();
        let base =
            ["label", "--method", method, "--model", &model, "--data", "world:40", "--rollouts", "4", "--out", out];
        minform(&[&base[..], &SHORT, more].concat())
    };
    // Problems are worked on in groups of 32: `world:33/0` is of the second.
    let is_of_first_group = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let number = row["id"].as_str().unwrap()["world:".len()..].split('/').next().unwrap().parse::<usize>().unwrap();
        number <= 32
    };
    for method in ["monte-carlo", "omega"] {
        let out = path(method);
        let output = label(method, &out, &["--searches", "3"]);
        assert!(output.status.success(), "{}", stderr(&output));
        let text = std::fs::read_to_string(&out).unwrap();
        let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(rows.len() >= 20, "{method}: {} rows", rows.len());
        for row in &rows {
            let labels = row["labels"].as_array().unwrap();
            assert_eq!(labels.len(), row["completions"].as_array().unwrap().len(), "{row}");
            let first = labels.iter().position(|label| *label == json!(false));
            assert!(row["final_answer_correct"] == json!(false) || first != Some(labels.len() - 1), "{row}");
        }
        assert!(rows.iter().any(|row| row["labels"].as_array().unwrap().contains(&json!(false))), "{method}");
        let complete = label(method, &out, &["--searches", "3", "--resume"]);
        assert!(complete.status.success() && stdout(&complete).contains("is complete"), "{}", stderr(&complete));
        let half = path(&format!("{method}-again"));
        let part = format!("{half}.part");
        assert!(label(method, &half, &["--searches", "3"]).status.success());
        assert_eq!(std::fs::read_to_string(&half).unwrap(), text, "{method}: the same seed, the same labels");
        std::fs::remove_file(&half).unwrap();
        // The first of two groups is done, with rows that tell that they are not made again; a line was cut off.
        let told = std::fs::read_to_string(format!("{half}.done")).unwrap();
        let spent = json!({ "rollouts": 1, "tokens": 1, "cut": 0, "crowded": 0 });
        let first = json!({ "piece": 0, "done": { "rows": [rows[0]], "spent": spent } });
        std::fs::write(&part, format!("{told}{first}\n{{\"piece\": 1, \"do")).unwrap();
        let resumed = label(method, &half, &["--searches", "3", "--resume"]);
        assert!(resumed.status.success(), "{}", stderr(&resumed));
        let resumed = std::fs::read_to_string(&half).unwrap();
        let second: Vec<&str> = text.lines().filter(|line| !is_of_first_group(line)).collect();
        assert_eq!(resumed.lines().skip(1).collect::<Vec<_>>(), second, "{method}");
        std::fs::remove_file(&half).unwrap();
        std::fs::write(&part, "{}\n").unwrap();
        let foreign = label(method, &half, &["--searches", "3", "--resume"]);
        assert!(stderr(&foreign).contains("made with other"), "{}", stderr(&foreign));
        assert!(stderr(&label(method, &half, &["--searches", "3"])).contains("--resume"));
    }
    let refused = label("monte-carlo", &path("omega"), &[]);
    assert!(stderr(&refused).contains("already there"), "{}", stderr(&refused));
}

/// Halving needs fewer rollouts than asking at every step; both find errors.
#[test]
fn labels_are_held_against_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("labels.csv").display().to_string();
    let model = nano_policy();
    let base = [
        "label",
        "--method",
        "compare",
        "--model",
        &model,
        "--data",
        "world:60",
        "--searches",
        "2",
        "--out",
        &out,
        "--json",
    ];
    let found = printed(&[&base[..], &SHORT].concat());
    let row = |method: &str, each: u64| {
        let rows = found["found"].as_array().unwrap().iter();
        rows.clone().find(|row| row["method"] == method && row["rollouts_each"] == json!(each)).unwrap().clone()
    };
    for each in [1, 4, 16] {
        let (all, half) = (row("monte-carlo", each), row("bisection", each));
        assert!(half["rollouts"].as_u64() < all["rollouts"].as_u64(), "{all} {half}");
        assert!(half["first_error_accuracy"].as_f64().unwrap() > 0.2, "{half}");
    }
    assert!(std::fs::read_to_string(&out).unwrap().lines().count() == 16);
    assert!(folder.path().join("labels.svg").exists());
}

#[test]
fn searching_with_a_reward_model_finds_more() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("search.csv").display().to_string();
    let (policy, prm) = (nano_policy(), nano());
    let base = [
        "search", "--policy", &policy, "--prm", &prm, "--data", "world:60", "--n", "1", "--n", "8", "--out", &out,
        "--json",
    ];
    let found = printed(&[&base[..], &SHORT].concat());
    let row = |method: &str, n: u64| {
        let rows = found["found"].as_array().unwrap().iter();
        rows.clone().find(|row| row["method"] == method && row["n"] == json!(n)).unwrap().clone()
    };
    let alone = row("best-of-n", 1)["accuracy"]["min"].as_f64().unwrap();
    for method in ["best-of-n", "beam", "dvts"] {
        let more = row(method, 8);
        let chosen = more["accuracy"]["min"].as_f64().unwrap();
        assert!(chosen > alone + 0.1, "{method}: {chosen}, alone {alone}");
        assert!(more["oracle"].as_f64().unwrap() >= chosen);
        assert!(more["policy_tokens"].as_u64() > row(method, 1)["policy_tokens"].as_u64());
    }
    assert_eq!(row("best-of-n", 8)["prm_calls"], json!(8 * 60));
    assert_eq!(std::fs::read_to_string(&out).unwrap().lines().count(), 7);
}
