//! Dataset readers: small own-written files, faults in them, and the real files where they are at hand.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::PathBuf;

use minform_text::data::{
    MODIFIED, ORIGINAL, Problem, ProblemFormat, Rows, StepFormat, StepRow, gsm8k_solution, read_problems, read_steps,
    step_format, without_calculations,
};
use proptest::prelude::*;

fn problems(text: &str) -> Rows<Problem> {
    read_problems("file", text.as_bytes(), ProblemFormat::Auto)
}

fn steps(text: &str) -> Rows<StepRow> {
    read_steps("file", text.as_bytes(), StepFormat::Auto)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The only problem of a one-row file.
fn problem(text: &str) -> Problem {
    problems(text).strict().unwrap().remove(0)
}

#[test]
fn a_weak_first_row_does_not_decide_the_format_of_a_file() {
    let read = problems(
        "{\"question\": \"a\", \"answer\": \"none\"}\n{\"question\": \"b\", \"answer\": \"1 + 1 = 2\\n#### 2\"}\n",
    );
    assert_eq!(read.skipped.len(), 1);
    assert_eq!(read.rows[0].answer.as_deref(), Some("2"));
    let read = steps(
        "{\"problem\": \"a\", \"steps\": [\"x\"]}\n{\"problem\": \"b\", \"solution\": \"x\\n\\ny\", \"label\": 1}\n",
    );
    assert_eq!(read.skipped.len(), 1);
    assert_eq!((read.rows[0].first_error, read.rows[0].steps.len()), (Some(1), 2));
}

#[test]
fn gsm8k_rows_lose_annotations_and_give_the_final_answer() {
    let row =
        problem(r#"{"question": "6 x 7?", "answer": "6 x 7 = <<6*7=42>>42\n\nIn all 1000 <<1*1=1>>more\n#### 1,042"}"#);
    assert_eq!(row.id, "file:1");
    assert_eq!(row.answer, some("1042"));
    assert_eq!(row.solution, some("6 x 7 = 42\n\nIn all 1000 more"));
}

#[test]
fn gsm8k_answers_become_steps_with_a_boxed_end() {
    assert_eq!(gsm8k_solution("a <<1+1=2>>2\n\nb\n#### 2"), "a 2\n\nb\n\nThe answer is \\boxed{2}.");
    assert_eq!(gsm8k_solution("a\nb"), "a\n\nb");
    assert_eq!(gsm8k_solution(""), "");
    assert_eq!(without_calculations("a << b <<1>>c>> <<d"), "a c>> <<d");
}

#[test]
fn svamp_body_and_question_make_one_text() {
    let row = problem(
        r#"[{"ID": "chal-1", "Body": "A pen costs 3 dollars", "Question": "And two?", "Equation": "", "Answer": 6.0}]"#,
    );
    assert_eq!((row.id.as_str(), row.question.as_str()), ("chal-1", "A pen costs 3 dollars. And two?"));
    assert_eq!(row.answer, some("6"));
}

#[test]
fn withheld_answers_of_pure_stay_withheld_unless_asked_for() {
    let text = r#"[
  {"question": "a", "answer": "null", "ref_answer": "118", "level": "5"},
  {"question": "b", "answer": "2", "ref_answer": "null", "level": "3"}
]"#;
    let rows = problems(text).strict().unwrap();
    assert_eq!((rows[0].answer.clone(), rows[0].level.clone()), (None, some("5")));
    assert_eq!(rows[1].answer, some("2"));
    let all = read_problems("file", text.as_bytes(), ProblemFormat::PureAllAnswers).strict().unwrap();
    assert_eq!((all[0].answer.clone(), all[1].answer.clone()), (some("118"), some("2")));
}

#[test]
fn math_rows_of_every_benchmark() {
    let row = problem(
        r#"{"problem": "p", "solution": "s", "answer": "\\frac{1}{2}", "subject": "x", "level": 2, "unique_id": "u"}"#,
    );
    assert_eq!((row.id.as_str(), row.answer, row.level), ("u", some("\\frac{1}{2}"), some("2")));
    let row = problem(
        r#"{"problem": "p", "level": "Level 5", "solution": "\\boxed{1} so \\boxed{\\frac{1}{2}} m", "type": "t", "idx": 0}"#,
    );
    assert_eq!((row.id.as_str(), row.answer, row.level), ("0", some("\\frac{1}{2}"), some("5")));
    let row = problem(r#"{"id": 60, "problem": "p", "question": "p", "answer": 27.0, "url": "u"}"#);
    assert_eq!((row.id.as_str(), row.answer, row.solution), ("60", some("27"), None));
    let row = problem(
        r#"{"id": 1, "context": "c", "question": "q", "solution": ["s", "t"], "final_answer": ["$2$"], "unit": null}"#,
    );
    assert_eq!((row.question.as_str(), row.answer, row.solution), ("c\n\nq", some("2"), some("s")));
}

#[test]
fn trl_rows_keep_unjudged_steps_open() {
    let text = "{\"prompt\": \"p\", \"completions\": [\"a\", \"b\"], \"labels\": [true, false]}\n\
                {\"prompt\": \"p\", \"completions\": [\"a\", \"b\"], \"labels\": [true, null]}\n\
                {\"prompt\": \"p\", \"completions\": [\"a\"], \"labels\": [1]}";
    let rows = steps(text).strict().unwrap();
    let errors: Vec<Option<i64>> = rows.iter().map(|row| row.first_error).collect();
    assert_eq!(errors, [Some(1), None, Some(-1)]);
    assert_eq!(rows[1].labels, [Some(true), None]);
}

#[test]
fn process_bench_judges_no_step_after_the_first_error() {
    let text = r#"[{"id": "a", "problem": "p", "steps": ["1", "2", "3"], "final_answer_correct": false, "label": 1},
{"id": "b", "problem": "p", "steps": ["1"], "final_answer_correct": true, "label": -1},
{"id": "c", "problem": "p", "steps": ["1"], "final_answer_correct": true, "label": 1}]"#;
    let read = steps(text);
    assert_eq!(read.rows[0].labels, [Some(true), Some(false), None]);
    assert_eq!((read.rows[0].first_error, read.rows[0].final_answer_correct), (Some(1), Some(false)));
    assert_eq!((read.rows[1].first_error, read.rows[1].final_answer_correct), (Some(-1), Some(true)));
    assert_eq!((read.skipped[0].line, read.skipped[0].field.as_deref()), (3, Some("label")));
}

#[test]
fn prm_bench_gives_a_right_and_a_corrupted_solution() {
    let row = |errors: &str| {
        format!(
            r#"{{"original_question": "o", "modified_question": "m", "original_process": ["a"], "modified_process": ["a", "b"], "error_steps": {errors}, "idx": "i"}}"#
        )
    };
    let rows = steps(&row("[2, 3]")).strict().unwrap();
    assert_eq!((rows[0].id.clone(), rows[0].problem.as_str()), (format!("i{ORIGINAL}"), "o"));
    assert_eq!((rows[0].labels.as_slice(), rows[0].first_error), ([Some(true)].as_slice(), Some(-1)));
    assert_eq!((rows[1].id.clone(), rows[1].problem.as_str()), (format!("i{MODIFIED}"), "m"));
    assert_eq!((rows[1].labels.as_slice(), rows[1].first_error), ([Some(true), Some(false)].as_slice(), Some(1)));
    assert_eq!(steps(&row("[]")).rows[1].first_error, Some(-1));
    let skipped = steps(&row("[3]"));
    assert_eq!((skipped.rows.len(), skipped.skipped[0].field.as_deref()), (1, Some("error_steps")));
}

#[test]
fn neutral_ratings_read_right() {
    let row = steps(r#"{"problem": "p", "steps": ["a", "b", "c"], "ratings": [1, 0, -1], "truncated": false}"#)
        .rows
        .remove(0);
    assert_eq!(row.labels, [Some(true), Some(true), Some(false)]);
    assert_eq!((row.first_error, row.final_answer_correct), (Some(2), None));
}

#[test]
fn every_fault_of_a_file_is_named_and_the_rest_kept() {
    let read = read_problems("faulty.jsonl", include_bytes!("fixtures/data/faulty.jsonl"), ProblemFormat::Auto);
    let questions: Vec<&str> = read.rows.iter().map(|row| row.question.as_str()).collect();
    assert_eq!(questions, ["first", "second", "last"]);
    let named: Vec<String> = read.skipped.iter().map(ToString::to_string).collect();
    let expected = [
        ("faulty.jsonl:4 (row 3)", "remove the row"),
        ("faulty.jsonl:5 (row 4)", "write null"),
        ("faulty.jsonl:6 (row 5), field `question`", "is missing"),
        ("faulty.jsonl:7 (row 6), field `answer`", "is a list"),
        ("faulty.jsonl:8 (row 7)", "cut off"),
        ("faulty.jsonl:9 (row 8)", "not an object"),
        ("faulty.jsonl:10 (row 9), field `question`", "is blank"),
        ("faulty.jsonl:11 (row 10), field `answer`", "####"),
    ];
    assert_eq!(named.len(), expected.len(), "{named:#?}");
    for (message, (place, problem)) in named.iter().zip(expected) {
        assert!(message.starts_with(place) && message.contains(problem), "{message}");
    }
    assert_eq!(read.skipped[0], read.clone().strict().unwrap_err());
}

#[test]
fn byte_order_mark_crlf_and_blank_lines_are_accepted() {
    let row = "{\"question\": \"q\", \"answer\": \"#### 1\"}";
    let read = problems(&format!("\u{feff}\r\n{row}\r\n\r\n{row}\r\n"));
    assert_eq!((read.rows.len(), read.skipped.len()), (2, 0));
    assert_eq!(problems(&format!("\u{feff} [\r\n{row},\r\n{row}]\r\n")).rows.len(), 2);
    assert_eq!(problems("").strict().unwrap(), []);
    assert_eq!(problems("[]\n").strict().unwrap(), []);
}

#[test]
fn a_broken_element_of_an_array_costs_only_itself() {
    let good = |question: &str| format!("  {{\n    \"question\": \"{question}\", \"answer\": \"#### 1\"\n  }}");
    let broken = [
        "  {\"question\": NaN}",
        "  {\"question\": \"no end",
        "  {\"question\": [1, 2}",
        "  {\"question\": \"a\"]}}",
        "  5",
        "  \"text, with [brackets\"",
    ];
    for broken in broken {
        let read = problems(&format!("[\n{},\n{broken},\n{}\n]", good("a"), good("b")));
        let questions: Vec<&str> = read.rows.iter().map(|row| row.question.as_str()).collect();
        assert_eq!(questions, ["a", "b"], "{broken}");
        assert_eq!(read.skipped[0].line, 5, "{broken}: {:?}", read.skipped);
    }
    let read = problems(r#"[{"question": "a", "answer": "1"}, {"question": NaN}, {"question": "b", "answer": "1"}]"#);
    assert_eq!((read.rows.len(), read.skipped[0].row), (2, 2));
}

#[test]
fn cut_off_arrays_and_trailing_text_are_named() {
    let row = r#"{"question": "a", "answer": "1"}"#;
    for (text, problem) in [
        (format!("[{row},"), "no closing bracket"),
        (format!("[{row}, {{\"question\": \"b"), "cut off"),
        (format!("[{row}]\nnoise"), "end of the array"),
    ] {
        let read = problems(&text);
        assert_eq!(read.rows.len(), 1, "{text}");
        assert!(read.skipped[0].to_string().contains(problem), "{text}: {:?}", read.skipped);
    }
}

#[test]
fn unknown_fields_and_encodings_are_named() {
    assert!(problems(r#"{"x": 1}"#).skipped[0].problem.contains("no known format"));
    assert!(steps(r#"{"x": 1}"#).skipped[0].problem.contains("no known format"));
    let read = read_steps("file", b"\xff\xfe{\x00", StepFormat::Auto);
    assert!(read.skipped[0].problem.contains("UTF-8"));
}

#[test]
fn entries_of_lists_are_named_by_index() {
    let field = |text: &str| steps(text).skipped[0].field.clone().unwrap();
    assert_eq!(field(r#"{"prompt": "p", "completions": ["a", 1], "labels": [true, true]}"#), "completions[1]");
    assert_eq!(field(r#"{"prompt": "p", "completions": ["a", "b"], "labels": [true, "x"]}"#), "labels[1]");
    assert_eq!(field(r#"{"prompt": "p", "completions": ["a", "b"], "labels": [true]}"#), "labels");
    assert_eq!(field(r#"{"prompt": "p", "completions": [], "labels": []}"#), "completions");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(prop::sample::select(br#"[]{}",:\ 1anN
"#.to_vec()), 0..80)) {
        read_problems("file", &bytes, ProblemFormat::Auto);
        read_steps("file", &bytes, StepFormat::Auto);
    }
}

/// The folder of the real files, if there is one.
fn real_files() -> Option<PathBuf> {
    let near = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("MINFORM_DATA").map_or(near, PathBuf::from);
    folder.is_dir().then_some(folder)
}

fn read(folder: &std::path::Path, file: &str) -> Vec<u8> {
    std::fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn real_problem_files_are_read_whole() {
    let Some(folder) = real_files() else {
        eprintln!("skipped: set MINFORM_DATA to the folder of the real files");
        return;
    };
    let expected = [
        ("gsm8k/train.jsonl", 7473, 7473),
        ("gsm8k/test.jsonl", 1319, 1319),
        ("svamp/SVAMP.json", 1000, 1000),
        ("pure/8k_math_879_answers.json", 8523, 879),
        ("benchmarks/math500.jsonl", 500, 500),
        ("benchmarks/minerva_math.jsonl", 272, 272),
        ("benchmarks/olympiadbench.jsonl", 675, 675),
        ("benchmarks/aime24.jsonl", 30, 30),
        ("benchmarks/amc23.jsonl", 40, 40),
    ];
    for (file, count, answered) in expected {
        let rows = read_problems(file, &read(&folder, file), ProblemFormat::Auto).strict().unwrap();
        assert_eq!(rows.len(), count, "{file}");
        assert_eq!(rows.iter().filter(|row| row.answer.is_some()).count(), answered, "{file}");
    }
}

#[test]
fn real_step_files_are_read_whole() {
    let Some(folder) = real_files() else {
        eprintln!("skipped: set MINFORM_DATA to the folder of the real files");
        return;
    };
    for (file, count, right) in [("processbench/gsm8k.json", 400, 193), ("processbench/math.json", 1000, 406)] {
        let rows = read_steps(file, &read(&folder, file), StepFormat::Auto).strict().unwrap();
        assert_eq!(rows.len(), count, "{file}");
        assert_eq!(rows.iter().filter(|row| row.first_error == Some(-1)).count(), right, "{file}");
    }
    let rows = read_steps("val", &read(&folder, "prm800k/val2pct.jsonl"), StepFormat::Auto).strict().unwrap();
    let labels = || rows.iter().flat_map(|row| &row.labels);
    assert_eq!((rows.len(), labels().count()), (1339, 9377));
    assert_eq!(labels().filter(|label| **label == Some(false)).count(), 1110);
}

/// Rows of all files of a folder of PRMBench: solutions read, and corrupted ones whose every error step lies
/// beyond the last step.
fn prm_bench(folder: &std::path::Path) -> (usize, usize) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.iter().fold((0, 0), |(rows, skipped), file| {
        let read = read_steps("prmbench", &std::fs::read(file).unwrap(), StepFormat::Auto);
        assert!(read.skipped.iter().all(|skipped| skipped.field.as_deref() == Some("error_steps")));
        (rows + read.rows.len(), skipped + read.skipped.len())
    })
}

#[test]
fn real_prm_bench_rows_give_two_solutions_each() {
    let Some(folder) = real_files() else {
        eprintln!("skipped: set MINFORM_DATA to the folder of the real files");
        return;
    };
    assert_eq!(prm_bench(&folder.join("prmbench")), (2 * 3013 - 4, 4));
    assert_eq!(prm_bench(&folder.join("prmbench_train")), (2 * 3203 - 12, 12));
}

const MATH_SHEPHERD: &str = r#"{"input": "1 + 1? Step 1: 1 + 1 = 2 ки\nStep 2: The answer is: 3 ки", "label": "1 + 1? Step 1: 1 + 1 = 2 +\nStep 2: The answer is: 3 -", "task": "GSM8K"}"#;

#[test]
fn math_shepherd_rows_are_parted_at_their_tags() {
    let row = steps(MATH_SHEPHERD).strict().unwrap().remove(0);
    assert_eq!((row.problem.as_str(), row.first_error), ("1 + 1?", Some(1)));
    assert_eq!(row.steps, ["Step 1: 1 + 1 = 2", "Step 2: The answer is: 3"]);
    assert_eq!(row.labels, [Some(true), Some(false)]);
    let broken = steps(&MATH_SHEPHERD.replace("= 2 +", "= 3 +"));
    assert_eq!(broken.skipped[0].field.as_deref(), Some("label"));
    assert!(broken.skipped[0].problem.contains("step 1"), "{}", broken.skipped[0]);
    let untagged = steps(&MATH_SHEPHERD.replace(" ки", ""));
    assert!(untagged.skipped[0].problem.contains("ки"), "{}", untagged.skipped[0]);
}

#[test]
fn open_rlhf_rows_have_signs_or_shares() {
    let text = |value: &str| format!(r#"{{"input": "1 + 1?\na ки\nb ки", "value": {value}}}"#);
    let row = steps(&text(r#"["+", "-"]"#)).strict().unwrap().remove(0);
    assert_eq!((row.steps.join(" "), row.labels, row.values), ("a b".into(), vec![Some(true), Some(false)], None));
    let soft = steps(&text("[0.75, 0]")).strict().unwrap().remove(0);
    assert_eq!((soft.labels, soft.values), (vec![Some(true), Some(false)], Some(vec![Some(0.75), Some(0.0)])));
    let spelled = steps(&text(r#""+ -""#)).strict().unwrap().remove(0);
    assert_eq!(spelled.labels, [Some(true), Some(false)]);
    let label = text(r#""+-""#).replace("value", "label");
    assert_eq!(steps(&label).strict().unwrap()[0].labels, [Some(true), Some(false)]);
    assert_eq!(steps(&text(r#""+""#)).skipped[0].field.as_deref(), Some("value"));
    assert_eq!(steps(&text(r#"["+"]"#)).skipped[0].field.as_deref(), Some("value"));
    assert_eq!(steps(&text(r#"["+", "?"]"#)).skipped[0].field.as_deref(), Some("value[1]"));
}

#[test]
fn rlhflow_rows_are_turns() {
    let turns = |signs: [&str; 2]| {
        format!(
            r#"{{"conversations": [{{"role": "user", "content": "1 + 1? Step 1: a"}}, {{"role": "assistant", "content": "{}"}},
               {{"role": "user", "content": "Step 2: b"}}, {{"role": "assistant", "content": "{}"}}]}}"#,
            signs[0], signs[1]
        )
        .replace('\n', " ")
    };
    let row = steps(&turns(["+", "-"])).strict().unwrap().remove(0);
    assert_eq!((row.problem.as_str(), row.steps.join("|").as_str()), ("1 + 1?", "Step 1: a|Step 2: b"));
    assert_eq!(row.labels, [Some(true), Some(false)]);
    assert_eq!(steps(&turns(["+", "maybe"])).skipped[0].field.as_deref(), Some("conversations[3].content"));
    let out_of_turn = turns(["+", "-"]).replace("assistant", "user");
    assert_eq!(steps(&out_of_turn).skipped[0].field.as_deref(), Some("conversations[1].role"));
    let joined = turns(["+", "-"]).replace("Step 1: ", "");
    assert!(steps(&joined).skipped[0].problem.contains("line break"), "{}", steps(&joined).skipped[0]);
}

#[test]
fn a_tree_of_prm800k_gives_its_path_and_every_other_completion() {
    let text = r#"{"question": {"problem": "1 + 1?", "ground_truth_answer": "2"}, "timestamp": "t", "label": {"finish_reason": "found_error", "steps": [
        {"completions": [{"text": "a", "rating": 1}, {"text": "wrong", "rating": -1}, {"text": "unread", "rating": null}], "chosen_completion": 0, "human_completion": null},
        {"completions": [{"text": "b", "rating": -1}], "chosen_completion": null, "human_completion": {"text": "by hand", "rating": null}},
        {"completions": [{"text": "c", "rating": -1}, {"text": "d", "rating": 0}], "chosen_completion": null, "human_completion": null}]}}"#.replace('\n', " ");
    let rows = steps(&text).strict().unwrap();
    let shown: Vec<_> = rows.iter().map(|row| (row.steps.join(" "), row.labels.clone(), row.first_error)).collect();
    assert_eq!(
        shown,
        [
            ("a by hand c".into(), vec![Some(true), Some(true), Some(false)], Some(2)),
            ("wrong".into(), vec![Some(false)], Some(0)),
            ("a b".into(), vec![None, Some(false)], None),
            ("a by hand d".into(), vec![None, None, Some(true)], None),
        ]
    );
    assert_eq!((rows[0].id.as_str(), rows[3].id.as_str(), rows[0].problem.as_str()), ("t", "t/2/1", "1 + 1?"));
    let fault = |from: &str, to: &str| steps(&text.replace(from, to)).skipped.remove(0).field.unwrap();
    assert_eq!(
        fault("\"rating\": -1}, {\"text\": \"unread", "\"rating\": 5}, {\"text\": \"unread"),
        "label.steps[0].completions[1].rating"
    );
    assert_eq!(fault("found_error", "bad_problem"), "label.finish_reason");
    assert_eq!(fault("1 + 1?", " "), "question.problem");
}

#[test]
fn trl_rows_may_carry_shares_and_the_verdict_on_the_answer() {
    let text = r#"{"prompt": "p", "completions": ["a", "b"], "labels": [true, false], "values": [0.5, 0], "final_answer_correct": false}"#;
    let row = steps(text).strict().unwrap().remove(0);
    assert_eq!((row.values, row.final_answer_correct), (Some(vec![Some(0.5), Some(0.0)]), Some(false)));
    assert_eq!(steps(&text.replace("0.5", "1.5")).skipped[0].field.as_deref(), Some("values[0]"));
}

#[test]
fn a_file_tells_its_format() {
    assert_eq!(step_format(MATH_SHEPHERD.as_bytes()), StepFormat::MathShepherd);
    assert_eq!(step_format(br#"{"problem": "p", "steps": ["a"], "label": 0}"#), StepFormat::ProcessBench);
    assert_eq!(step_format(b"{}"), StepFormat::Auto);
}

#[test]
fn unjudged_rows_may_tell_whether_the_answer_is_right() {
    let right = |text: &str| steps(text).strict().unwrap().remove(0).final_answer_correct;
    assert_eq!(right(r#"{"question": "q", "response": "a\n\n\\boxed{7}", "answer": "7"}"#), Some(true));
    assert_eq!(right(r#"{"question": "q", "response": "\\boxed{8}", "answer": 7}"#), Some(false));
    assert_eq!(right(r#"{"question": "q", "response": "\\boxed{8}"}"#), None);
    let reward_math =
        r#"{"problem": "q", "answer": "7", "eval_solution": ["a", "b"], "solution_type": "chosen", "problem_id": 0}"#;
    assert_eq!(right(reward_math), Some(true));
    assert_eq!(right(&reward_math.replace("chosen", "rejected")), Some(false));
}
