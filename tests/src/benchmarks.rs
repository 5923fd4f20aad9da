//! `prm eval` and `prm score` on small files of the benchmarks' forms, with the nano reward model of the playground.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::program::{minform, stderr, stdout};

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
