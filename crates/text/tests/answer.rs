//! Extraction and grading of final answers: own cases, the reference graders, and real benchmark answers.

use std::path::PathBuf;

use minform_text::answer::{Marker, Rule, equal, extract, extract_boxed, extract_with_marker, grade, normal_form};
use proptest::prelude::*;
use serde_json::Value;

const GOLDEN: &str = include_str!("fixtures/answer/golden.json");
const EQUAL: &str = include_str!("fixtures/answer/equal.tsv");
const DIFFERENT: &str = include_str!("fixtures/answer/different.tsv");

/// Where this grader leaves the string grader of the main branch, which wants a box.
const MAIN_DEVIATIONS: &[(&str, &str, &str)] = &[
    (r"\boxed{45,000}", "45000", "equality is symmetric"),
    (r"\fbox{5}", "5", "a box is a box"),
    (r"\boxed{5.0}", "5", "the same number"),
];

/// Where this grader leaves the symbolic grader of the verl branch.
const VERL_DEVIATIONS: &[(&str, &str, &str)] = &[
    (r"\boxed{2/4}", r"\frac{1}{2}", "the same number, not in lowest terms"),
    (r"\boxed{33.333}", r"\frac{100}{3}", "a repeating decimal within 1e-4"),
    (r"\boxed{0.33333}", r"\frac{1}{3}", "a repeating decimal within 1e-4"),
];

/// Each table row is (answer, truth); comments and blank lines are skipped.
fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
    table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'))
}

/// Runs `verdict` over a table both ways round and reports all misses at once.
fn check_table(table: &str, expected: bool) {
    let wrong: Vec<String> = rows(table)
        .flat_map(|(answer, truth)| [(answer, truth), (truth, answer)])
        .filter(|(answer, truth)| equal(answer, truth) != expected)
        .map(|(answer, truth)| format!("{answer}  |  {truth}"))
        .collect();
    assert!(wrong.is_empty(), "expected {expected} for {} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn equal_answers_are_equal_both_ways() {
    check_table(EQUAL, true);
}

#[test]
fn different_answers_are_different_both_ways() {
    check_table(DIFFERENT, false);
}

#[test]
fn every_answer_of_the_tables_equals_itself() {
    let itself: Vec<&str> = rows(EQUAL).chain(rows(DIFFERENT)).flat_map(|(a, b)| [a, b]).collect();
    for answer in itself.into_iter().filter(|answer| !answer.trim().is_empty()) {
        assert!(equal(answer, answer), "{answer}");
    }
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_default()
}

/// The cases of one golden group.
fn golden_cases(group: &str) -> Vec<Value> {
    let golden: Value = serde_json::from_str(GOLDEN).expect("golden.json is JSON");
    golden[group]["cases"].as_array().cloned().expect("every group has cases")
}

/// Compares one golden group of scores; deviations must be exactly the listed ones.
fn check_scores(group: &str, deviations: &[(&str, &str, &str)], correct: impl Fn(&str, &str) -> bool) {
    let cases = golden_cases(group);
    let mut found = Vec::new();
    for case in &cases {
        let (response, truth) = (text(case, "response"), text(case, "ground_truth"));
        if correct(response, truth) != (case["score"] == 1.0) {
            found.push((response, truth));
        }
    }
    let listed: Vec<(&str, &str)> = deviations.iter().map(|(response, truth, _)| (*response, *truth)).collect();
    assert_eq!(found, listed, "{group}");
}

#[test]
fn scores_match_the_string_grader_of_the_main_branch() {
    check_scores("grader_main_branch", MAIN_DEVIATIONS, |response, truth| {
        let grade = grade(response, truth);
        grade.correct && grade.marker == Some(Marker::Boxed)
    });
}

#[test]
fn scores_match_the_symbolic_grader_of_the_verl_branch() {
    check_scores("grader_verl_branch", VERL_DEVIATIONS, |response, truth| grade(response, truth).correct);
}

#[test]
fn extraction_matches_the_references_up_to_the_normal_form() {
    for group in ["eval_answer_extraction", "grader_verl_branch"] {
        for case in &golden_cases(group) {
            let (response, expected) = (text(case, "response"), text(case, "extracted"));
            // The verl branch keeps an unclosed box as text; here the number in it is the answer.
            let expected = if expected == r"\boxed{5" { "5" } else { expected };
            let extracted = extract(response).unwrap_or_default();
            assert_eq!(normal_form(&extracted), normal_form(expected), "{group}: {response}");
        }
    }
}

#[test]
fn extraction_prefers_the_box_then_the_marker_then_the_number() {
    let cases = [
        (r"The answer is 3, \boxed{4} of 5", "4", Marker::Boxed),
        (r"\boxed{\frac{1}{\sqrt{2}}}", r"\frac{1}{\sqrt{2}}", Marker::Boxed),
        (r"\boxed{\left\{ x \right.}", r"\left\{ x \right.", Marker::Boxed),
        (r"\boxed 7 $ or so", "7", Marker::Boxed),
        ("6 * 7 = 42\n#### 42", "42", Marker::Marked),
        ("#### 1,234", "1,234", Marker::Marked),
        ("**Answer:** 12", "12", Marker::Marked),
        ("The answer is $x = 5$. Checking with 7.", "x = 5", Marker::Marked),
        ("Final answer: \\(\\frac{3}{4}\\), see step 2", r"\frac{3}{4}", Marker::Marked),
        ("The answer is (C).", "(C)", Marker::Marked),
        ("The answer is $1$ or $2$.", "$1$ or $2$", Marker::Marked),
        ("The answer is that there are 12 such numbers in all", "12", Marker::Marked),
        ("so 3/4 of them", "3/4", Marker::LastNumber),
        ("the probability is $p = \\frac{3}{4}$, done", r"\frac{3}{4}", Marker::LastNumber),
        ("pay $18 and $20.", "20", Marker::LastNumber),
        ("it is -5", "-5", Marker::LastNumber),
        ("from 3-5", "5", Marker::LastNumber),
        ("about 1,234.5 then", "1234.5", Marker::LastNumber),
        ("roughly .75", ".75", Marker::LastNumber),
    ];
    for (response, answer, marker) in cases {
        assert_eq!(extract_with_marker(response), Some((answer.to_owned(), marker)), "{response}");
    }
}

#[test]
fn without_an_answer_nothing_is_extracted() {
    for response in ["", "no idea", "\u{1f937}", r"\boxed{}", r"\boxed{"] {
        assert_eq!(extract(response), None, "{response}");
    }
    assert_eq!(extract_boxed(r"\boxed{5"), None);
    assert_eq!(grade("no idea", "5").rule, Rule::NoAnswer);
}

#[test]
fn the_normal_form_has_one_spelling() {
    let cases = [
        (r"\dfrac12", r"\frac{1}{2}"),
        (r"\frac{\sqrt3}{2}", r"\frac{\sqrt{3}}{2}"),
        ("0.5", r"\frac{1}{2}"),
        ("-3/4", r"-\frac{3}{4}"),
        (".25", "0.25"),
        ("5.00", "5"),
        ("1,234,567", "1234567"),
        ("(1, 234)", "(1,234)"),
        ("x = 7", "7"),
        (r"\left( 1,\, 2 \right)", "(1,2)"),
        (r"90^{\circ}", "90"),
        (r"\$12.50.", "12.50"),
        (r"10\text{ cm}^2", "10"),
        (r"\text{Evelyn}", "Evelyn"),
        ("50\\%", "50"),
        (r"3\sqrt2", r"3\sqrt{2}"),
    ];
    for (answer, expected) in cases {
        assert_eq!(normal_form(answer), expected, "{answer}");
    }
}

#[test]
fn hostile_answers_are_bounded_in_time() {
    let nested = |open: &str, close: &str, n| format!("{}1{}", open.repeat(n), close.repeat(n));
    let hostile = [
        nested("(", ")", 20_000),
        nested("{", "}", 20_000),
        nested(r"\frac{1}{1+", "}", 500),
        nested(r"\sqrt{", "}", 3_000),
        nested("[(", ",2)]", 900),
        nested(r"\text{", "}", 600),
        "x^".repeat(700) + "2",
        "-".repeat(3_900) + "1",
        "x!".repeat(700) + &"!".repeat(100),
        r"\pm 1".repeat(300),
        r"\pm 1,".repeat(300),
        "1,".repeat(1_900) + "1",
        "(1,2),".repeat(400),
        "1:".repeat(900),
        "x=".repeat(900),
        "9".repeat(1_400) + "^" + &"9".repeat(90),
        "9!!!!!!!!".to_owned(),
        r"\binom{10^{30}}{10^{29}}".to_owned(),
        r"\begin{pmatrix}".to_owned() + &r"1&2\\".repeat(400) + r"\end{pmatrix}",
        "1e999999999".to_owned(),
    ];
    let start = std::time::Instant::now();
    for a in &hostile {
        for b in &hostile {
            equal(a, b);
        }
        grade(&format!(r"\boxed{{{a}}}"), "1");
        normal_form(a);
    }
    assert!(start.elapsed().as_secs() < 30, "took {:?}", start.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_graded_without_panic(response in any::<String>(), truth in any::<String>()) {
        grade(&response, &truth);
        normal_form(&response);
        prop_assert_eq!(equal(&response, &truth), equal(&truth, &response));
    }

    #[test]
    fn formula_like_text_is_graded_without_panic(
        a in r"[0-9x{}()\[\],.$^_/|:!<=> \\a-f±π-]{0,40}",
        parts in prop::collection::vec(prop::sample::select(vec![
            r"\frac", r"\sqrt", r"\pm", r"\cup", r"\text{", r"\begin{pmatrix}", r"\end{pmatrix}", "{", "}", "(", ")", "1",
            "x", ",", "=", "^", "_", "&", r"\\", r"\left", r"\boxed{", "answer is ", "%", r"^\circ", " ", "0.5", r"\overline{",
        ]), 0..24),
    ) {
        let b = parts.concat();
        grade(&b, &a);
        extract(&a);
        normal_form(&b);
        prop_assert_eq!(equal(&a, &b), equal(&b, &a));
    }

    #[test]
    fn integers_equal_only_themselves(a in -9999_i32..9999, b in -9999_i32..9999) {
        prop_assert_eq!(equal(&a.to_string(), &b.to_string()), a == b);
        let decimal = format!("{a}.0");
        prop_assert!(equal(&decimal, &a.to_string()));
    }

    #[test]
    fn fractions_compare_as_numbers(a in 1_i32..99, b in 1_i32..99, c in 1_i32..99, d in 1_i32..99) {
        let (left, right) = (format!(r"\frac{{{a}}}{{{b}}}"), format!("{c}/{d}"));
        prop_assert_eq!(equal(&left, &right), a * d == b * c);
    }
}

/// The folder with benchmark data, or `None` where it is not there.
fn data_folder() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("MINFORM_DATA").map_or_else(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// The rows of a benchmark file, JSON lines or one array; says so and gives `None` where it is absent.
fn benchmark(name: &str) -> Option<Vec<Value>> {
    let content = data_folder().and_then(|folder| std::fs::read_to_string(folder.join(name)).ok());
    let Some(content) = content else {
        println!("{name}: not found, skipped");
        return None;
    };
    if content.trim_start().starts_with('[') {
        return serde_json::from_str(&content).ok();
    }
    Some(content.lines().map(|line| serde_json::from_str(line).expect("one JSON value per line")).collect())
}

/// Grades (response, truth) pairs, prints the rate and the misses, and returns the number of misses.
fn count_misses(name: &str, pairs: &[(String, String)]) -> usize {
    let missed: Vec<&(String, String)> =
        pairs.iter().filter(|(response, truth)| !grade(response, truth).correct).collect();
    println!("{name}: {} of {} right", pairs.len() - missed.len(), pairs.len());
    for (response, truth) in &missed {
        println!("  {:?} is not {truth:?}", extract(response).unwrap_or_default());
    }
    missed.len()
}

fn owned(row: &Value, key: &str) -> String {
    text(row, key).to_owned()
}

#[test]
fn gsm8k_solutions_grade_as_right() {
    let Some(rows) = benchmark("gsm8k/test.jsonl") else {
        return;
    };
    let truth = |answer: &str| answer.rsplit("####").next().unwrap_or_default().trim().to_owned();
    let pairs: Vec<_> = rows.iter().map(|row| (owned(row, "answer"), truth(text(row, "answer")))).collect();
    assert_eq!(count_misses("gsm8k", &pairs), 0);
}

#[test]
fn math500_solutions_grade_as_right() {
    let Some(rows) = benchmark("benchmarks/math500.jsonl") else {
        return;
    };
    let pairs: Vec<_> = rows.iter().map(|row| (owned(row, "solution"), owned(row, "answer"))).collect();
    assert_eq!(count_misses("math500", &pairs), 0);
}

#[test]
fn boxed_benchmark_answers_grade_as_right() {
    let boxed = |answer: &str| (format!(r"So it is \boxed{{{answer}}}."), answer.to_owned());
    let mut misses = 0;
    if let Some(rows) = benchmark("benchmarks/minerva_math.jsonl") {
        let answers = rows.iter().filter_map(|row| extract_boxed(text(row, "solution")));
        let pairs: Vec<_> = answers.map(|answer| boxed(&answer)).collect();
        misses += count_misses("minerva_math", &pairs);
    }
    if let Some(rows) = benchmark("benchmarks/olympiadbench.jsonl") {
        let answers = rows.iter().flat_map(|row| row["final_answer"].as_array().unwrap());
        let pairs: Vec<_> = answers.map(|answer| boxed(answer.as_str().unwrap())).collect();
        misses += count_misses("olympiadbench", &pairs);
    }
    if let Some(rows) = benchmark("benchmarks/amc23.jsonl") {
        let whole = |row: &Value| format!("{}", row["answer"].as_f64().unwrap());
        let pairs: Vec<_> = rows.iter().map(|row| (boxed(&whole(row)).0, row["answer"].to_string())).collect();
        misses += count_misses("amc23", &pairs);
    }
    if let Some(rows) = benchmark("benchmarks/aime24.jsonl") {
        let pairs: Vec<_> = rows.iter().map(|row| boxed(text(row, "answer"))).collect();
        misses += count_misses("aime24", &pairs);
    }
    if let Some(rows) = benchmark("pure/8k_math_879_answers.json") {
        let answers = rows.iter().map(|row| text(row, "ref_answer")).filter(|answer| !answer.is_empty());
        let pairs: Vec<_> = answers.map(boxed).collect();
        misses += count_misses("8k training prompts", &pairs);
    }
    assert_eq!(misses, 0);
}

/// Unlike an answer graded against its own text, this goes through reading and comparing.
#[test]
fn answers_stay_equal_behind_a_name() {
    let mut truths = Vec::new();
    for (file, key) in [("benchmarks/math500.jsonl", "answer"), ("pure/8k_math_879_answers.json", "ref_answer")] {
        let Some(rows) = benchmark(file) else { return };
        truths.extend(rows.iter().map(|row| owned(row, key)).filter(|truth| !truth.is_empty()));
    }
    // A name in front of an equation would make a chain.
    let signs = ["=", "<", ">", r"\in ", r"\le", r"\ge", r"\approx"];
    truths.retain(|truth| signs.iter().all(|sign| !truth.replace(r"\left", "").contains(sign)));
    truths.sort();
    truths.dedup();
    let pairs: Vec<_> = truths.into_iter().map(|truth| (format!(r"\boxed{{w_0 = {truth}}}"), truth)).collect();
    assert_eq!(count_misses("behind a name", &pairs), 0);
}

#[test]
fn neighbouring_answers_are_not_mistaken_for_each_other() {
    let Some(rows) = benchmark("benchmarks/math500.jsonl") else {
        return;
    };
    let answers: Vec<&str> = rows.iter().map(|row| text(row, "answer")).collect();
    let mut accidental = Vec::new();
    for (i, answer) in answers.iter().enumerate() {
        for truth in answers.iter().skip(i + 1) {
            if normal_form(answer) != normal_form(truth) && equal(answer, truth) {
                accidental.push((*answer, *truth));
            }
        }
    }
    println!("math500: pairs equal with different normal forms: {accidental:?}");
    // Both are right: the order of a list is free, and half a turn is π.
    assert_eq!(accidental, [(r"\pi", r"180^\circ"), ("1,-2", "-2,1")]);
}
