//! The arithmetic world as a whole: problems, solutions, verdicts and tokens fit each other.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::HashSet;

use minform_text::tokenizer::Tokenizer;
use minform_text::world::{
    EOS, EOS_ID, Habits, Level, NEWLINE, NEWLINE_ID, Operation, PAD, PAD_ID, Problem, SEPARATOR, SEPARATOR_ID, Split,
    StepVerdict, UNK, UNK_ID, World, check, check_steps, prompt, solution, solution_steps, supervised, tokenizer_json,
    vocabulary, written,
};
use proptest::prelude::*;

const WORLD: World = World { seed: 7 };

const CAREFUL: Habits = Habits { filler: 0.5, mistakes: 0.0, joined: 0.0 };

/// 12 + 7 = 19, 19 - 4 = 15, 15 * 2 = 30, 30 / 2 = 15
fn apples() -> Problem {
    let operations = vec![Operation::Add(7), Operation::Subtract(4), Operation::Double, Operation::Halve];
    Problem::new("Tom has 12 apples.", 12, operations).expect("the chain stays in the world")
}

fn tokenizer() -> Tokenizer {
    Tokenizer::from_json(tokenizer_json().as_bytes()).expect("the tokenizer of the world")
}

fn level(number: u8) -> Level {
    Level::new(number).expect("a level from 1 to 5")
}

/// Checks steps written on one line, parted by `|`.
fn verdicts(response: &str) -> (Vec<StepVerdict>, bool) {
    let verdict = check(&apples(), &response.replace('|', SEPARATOR));
    (verdict.steps, verdict.answer_correct)
}

#[test]
fn each_mistake_has_its_verdict() {
    use StepVerdict::*;
    let all = "12 + 7 = 19|19 - 4 = 15|15 * 2 = 30|30 / 2 = 15";
    let cases: &[(String, &[StepVerdict], bool)] = &[
        (format!("{all}|\\boxed{{15}}"), &[Right, Right, Right, Right, AnswerRight], true),
        (format!("{all}|\\boxed{{16}}"), &[Right, Right, Right, Right, AnswerWrong], false),
        (format!("{all}|15 + 2 = 17"), &[Right, Right, Right, Right, WrongOperation], false),
        (format!("{all}|\\boxed{{15"), &[Right, Right, Right, Right, Malformed], false),
        (all.into(), &[Right; 4], false),
        (String::new(), &[Empty], false),
        ("|".into(), &[Empty, Empty], false),
        ("  ".into(), &[Empty], false),
        ("7 + 12 = 19|19 - 4 = 15|2 * 15 = 30".into(), &[Right; 3], false),
        ("12+7=19".into(), &[Right], false),
        ("12 + 7 = 19|4 - 19 = 15".into(), &[Right, WrongOperation], false),
        ("12 + 7 = 20".into(), &[WrongArithmetic], false),
        ("12 + 7 = 119".into(), &[WrongArithmetic], false),
        ("12 + 7 = 99999999999999999999".into(), &[Malformed], false),
        ("12 - 7 = 5".into(), &[WrongOperation], false),
        ("12 + 8 = 20".into(), &[WrongOperation], false),
        ("13 + 7 = 20".into(), &[WrongValue], false),
        ("7 + 13 = 20".into(), &[WrongValue], false),
        ("12 + 7 = 20|20 - 4 = 16".into(), &[WrongArithmetic, WrongValue], false),
        ("12 + 7 = 19|12 + 7 = 19".into(), &[Right, Redundant], false),
        ("12 + 7 = 19|7 + 12 = 19|19 - 4 = 15".into(), &[Right, Redundant, Right], false),
        ("Let us go on.|12 + 7 = 19|Let us go on.".into(), &[Filler, Right, Filler], false),
        ("Let us go.".into(), &[Malformed], false),
        ("Let us go on. 12 + 7 = 19".into(), &[Malformed], false),
        ("012 + 7 = 19".into(), &[Malformed], false),
        ("12 + 7 = 19\n".into(), &[Malformed], false),
        ("12 + 7 = 19 = 19".into(), &[Malformed], false),
        ("12 + 7 = 19 - 4 = 15|15 * 2 = 30 / 2 = 15|\\boxed{15}".into(), &[Right, Right, AnswerRight], true),
        ("12 + 7 = 19 - 4 = 16|16 * 2 = 32".into(), &[WrongArithmetic, WrongValue], false),
        ("12 + 7 = 20 - 4 = 16|15 * 2 = 30".into(), &[WrongArithmetic, Right], false),
        ("12 + 7 = 19 -".into(), &[Malformed], false),
        ("19".into(), &[Malformed], false),
        ("12 + = 19".into(), &[Malformed], false),
        ("12 + 7 + 0 = 19".into(), &[Malformed], false),
        ("\\boxed{15}".into(), &[AnswerUnsupported], true),
        ("\\boxed{}".into(), &[Malformed], false),
        ("so \\boxed{15}".into(), &[Malformed], true),
        ("\\boxed{15}|Let us think.".into(), &[AnswerUnsupported, ExtraAfterEnd], true),
        ("\\boxed{15}|".into(), &[AnswerUnsupported, Empty], true),
        ("\\boxed{15}|\\boxed{16}".into(), &[AnswerUnsupported, ExtraAfterEnd], false),
        ("\\boxed{16}|\\boxed{15}".into(), &[AnswerWrong, ExtraAfterEnd], true),
    ];
    for (response, steps, answer_correct) in cases {
        assert_eq!(verdicts(response), (steps.to_vec(), *answer_correct), "{response:?}");
    }
}

#[test]
fn an_equation_that_is_due_again_is_no_repetition() {
    let operations = vec![Operation::Add(5), Operation::Subtract(5), Operation::Add(5)];
    let problem = Problem::new("", 10, operations).unwrap();
    let verdict = check(&problem, "10 + 5 = 15\n\n15 - 5 = 10\n\n10 + 5 = 15\n\n\\boxed{15}");
    assert!(verdict.is_solved());
}

#[test]
fn labels_stop_at_the_first_error() {
    let verdict = check(&apples(), "12 + 7 = 19\n\n19 - 4 = 16\n\n15 * 2 = 30\n\n");
    assert_eq!(verdict.first_error(), Some(1));
    assert_eq!(verdict.labels(), [Some(true), Some(false), None, None]);
    assert_eq!(check(&apples(), "12 + 7 = 19").labels(), [Some(true)]);
    assert_eq!(check(&apples(), "").labels(), [Some(false)]);
}

#[test]
fn joined_equations_are_as_right_as_parted_ones() {
    let mut rng = WORLD.rng(Split::Train);
    for problem in WORLD.problems(Split::Train, Level::ALL).take(200) {
        let all = written(&mut rng, &problem, Habits { filler: 0.0, mistakes: 0.0, joined: 1.0 });
        assert_eq!(check(&problem, &all).steps, [StepVerdict::Right, StepVerdict::AnswerRight], "{all:?}");
        assert!(check(&problem, &written(&mut rng, &problem, Habits { joined: 0.5, ..CAREFUL })).is_solved());
    }
}

#[test]
fn steps_may_be_cut_by_the_caller() {
    let verdict = check_steps(&apples(), ["12 + 7 = 19", "19 - 4 = 15\n\n"]);
    assert_eq!(verdict.steps, [StepVerdict::Right, StepVerdict::Malformed]);
}

#[test]
fn reference_solutions_are_right_at_every_level() {
    for number in 1..=5 {
        let mut rng = WORLD.rng(Split::Train);
        let levels = level(number)..=level(number);
        for problem in WORLD.problems(Split::Train, levels).take(300) {
            assert_eq!(problem.operations().len(), level(number).operations());
            for filler in [0.0, 0.1, 1.0] {
                let text = solution(&mut rng, &problem, filler);
                let verdict = check(&problem, &text);
                assert!(verdict.is_solved(), "{problem:?} {text:?} {verdict:?}");
            }
        }
    }
}

#[test]
fn filler_is_absent_at_zero_and_before_every_step_at_one() {
    let mut rng = WORLD.rng(Split::Train);
    let problem = apples();
    let plain = solution_steps(&problem).join(SEPARATOR);
    for filler in [0.0, -1.0, f32::NAN] {
        assert_eq!(solution(&mut rng, &problem, filler), plain);
    }
    assert_eq!(solution(&mut rng, &problem, 1.0).split(SEPARATOR).count(), 10);
}

/// Each step of a fallible author goes wrong with the given probability, so n steps are all right with (1 − p)^n.
#[test]
fn mistakes_are_as_frequent_as_asked() {
    let mut rng = WORLD.rng(Split::Train);
    let share = |mistakes: f32, rng: &mut _| {
        let habits = Habits { filler: 0.0, mistakes, joined: 0.0 };
        let solved = |problem: &Problem, rng: &mut _| check(problem, &written(rng, problem, habits)).is_solved();
        let levels = level(2)..=level(2);
        let problems = WORLD.problems(Split::Train, levels).take(2000);
        problems.filter(|problem| solved(problem, rng)).count() as f32 / 2000.0
    };
    assert_eq!(share(0.0, &mut rng), 1.0);
    assert_eq!(share(1.0, &mut rng), 0.0);
    // Three operations and the boxed answer; now and then the operation done by mistake is the right one.
    let expected = 0.8_f32.powi(4);
    let found = share(0.2, &mut rng);
    assert!((expected - 0.03..expected + 0.06).contains(&found), "{found} of {expected}");
}

/// A mistake is carried on: each equation starts from the result before it, and the box is near the last one.
#[test]
fn fallible_authors_stay_in_the_world_and_go_on_from_their_mistakes() {
    let mut rng = WORLD.rng(Split::Train);
    let tokenizer = tokenizer();
    for problem in WORLD.problems(Split::Train, Level::ALL).take(1000) {
        let text = written(&mut rng, &problem, Habits { filler: 0.0, mistakes: 0.5, joined: 0.0 });
        let mut value = problem.start().to_string();
        for step in text.split(SEPARATOR).filter(|step| step.contains('=')) {
            let (term, result) = step.split_once(" = ").unwrap();
            assert_eq!(term.split(' ').next(), Some(value.as_str()), "{text}");
            value = result.into();
        }
        let verdicts = check(&problem, &text).steps;
        assert!(!verdicts.contains(&StepVerdict::Malformed) && !verdicts.contains(&StepVerdict::Empty), "{text}");
        assert!(!tokenizer.encode(&text).unwrap().contains(&UNK_ID), "{text}");
    }
}

/// Numbers that no sampled problem reaches are written about too, and the writing ends.
#[test]
fn fallible_authors_write_about_any_problem() {
    let mut rng = WORLD.rng(Split::Train);
    let large = Problem::new("", 30, vec![Operation::Halve, Operation::Double]).unwrap();
    for _ in 0..200 {
        assert!(
            !check(&large, &written(&mut rng, &large, Habits { filler: 0.0, mistakes: 1.0, joined: 0.0 })).is_solved()
        );
    }
}

#[test]
fn the_splits_are_disjoint_whatever_the_seed() {
    let chains = |seed, split, count| -> HashSet<String> {
        let problems = World { seed }.problems(split, Level::ALL).take(count);
        problems.map(|problem| problem.canonical()).collect()
    };
    let train = chains(1, Split::Train, 5000);
    let test = chains(2, Split::Test, 1000);
    assert!(train.is_disjoint(&test));
    assert!(train.len() > 4000 && test.len() > 700, "{} {}", train.len(), test.len());
}

#[test]
fn a_tenth_of_the_chains_is_for_testing() {
    let pairs = || (2..=5).flat_map(|n| (2..=5).map(move |m| [n, m]));
    let chains = (2..=10).flat_map(|start| {
        pairs().flat_map(move |[n, m]| {
            (2..=5).flat_map(move |k| (2..=5).map(move |l| (start, [n, m, k, l].map(Operation::Add))))
        })
    });
    let problems = chains.map(|(start, chain)| Problem::new("", start, chain.to_vec()).unwrap());
    let (test, train): (Vec<_>, Vec<_>) = problems.partition(|p| p.split() == Split::Test);
    let share = test.len() as f64 / (test.len() + train.len()) as f64;
    assert!((0.08..0.12).contains(&share), "{share}");
}

#[test]
fn a_seed_stands_for_one_world() {
    let first = |split| WORLD.problems(split, Level::ALL).next().unwrap();
    assert_eq!(first(Split::Train).question(), "Ana has 3 apples. A friend adds 2. She loses 5. How many are left?");
    assert_eq!(
        first(Split::Test).question(),
        "Sam owns 6 stamps. He buys 2 more. He loses 3. He sells 4 of them. He triples them. He finds 5 more. How many now?"
    );
    let (prompt, solution) = supervised(&mut WORLD.rng(Split::Train), &Level::ALL, CAREFUL);
    assert_eq!(prompt, "Ana has 3 apples. A friend adds 2. She loses 5. How many are left? => ");
    assert_eq!(solution, "So far so good.\n\n3 + 2 = 5\n\nWe take it step by step.\n\n5 - 5 = 0\n\n\\boxed{0}");
}

#[test]
fn every_operation_occurs() {
    let problems: Vec<Problem> = WORLD.problems(Split::Train, Level::ALL).take(500).collect();
    let kinds = problems.iter().flat_map(Problem::operations).map(std::mem::discriminant);
    assert_eq!(kinds.collect::<HashSet<_>>().len(), 5);
}

#[test]
fn tokens_put_end_to_end_give_the_text_back() {
    let tokenizer = tokenizer();
    let mut rng = WORLD.rng(Split::Train);
    for _ in 0..1000 {
        let (prompt, solution) = supervised(&mut rng, &Level::ALL, Habits { filler: 0.3, mistakes: 0.2, joined: 0.3 });
        let apart = [prompt.as_str(), solution.as_str()].map(|text| {
            let ids = tokenizer.encode(text).unwrap();
            assert!(!ids.contains(&UNK_ID), "{text:?}");
            assert_eq!(tokenizer.decode(&ids).unwrap(), text);
            ids
        });
        assert_eq!(tokenizer.encode(&(prompt + &solution)).unwrap(), apart.concat());
    }
}

#[test]
fn special_tokens_have_their_ids() {
    let tokenizer = tokenizer();
    let expected = [(PAD, PAD_ID), (EOS, EOS_ID), (UNK, UNK_ID), (SEPARATOR, SEPARATOR_ID), (NEWLINE, NEWLINE_ID)];
    for (token, id) in expected {
        assert_eq!(tokenizer.id_of(token), Some(id), "{token:?}");
    }
    let ids = tokenizer.encode("19\n\n\\boxed{19}<eos>").unwrap();
    let texts: Vec<String> = ids.iter().map(|id| tokenizer.text_of(*id)).collect();
    assert_eq!(texts, ["19", "\n\n", "\\boxed{", "19", "}", "<eos>"]);
    assert_eq!(tokenizer.decode(&ids).unwrap(), "19\n\n\\boxed{19}");
    assert_eq!(tokenizer.encode("100").unwrap(), [UNK_ID]);
}

#[test]
fn the_vocabulary_is_small_and_stable() {
    let tokens = vocabulary();
    let tokenizer = tokenizer();
    println!("vocabulary size {}", tokens.len());
    assert!(tokens.len() <= 400);
    assert_eq!(tokens.iter().collect::<HashSet<_>>().len(), tokens.len());
    assert_eq!(tokens.len(), tokenizer.vocabulary_size());
    assert_eq!(tokenizer_json(), tokenizer_json());
    for (id, token) in (0..).zip(&tokens) {
        assert_eq!(tokenizer.id_of(token), Some(id));
    }
}

#[test]
fn sequences_stay_short() {
    let tokenizer = tokenizer();
    let count = |text: String| tokenizer.encode(&text).unwrap().len();
    for number in 1..=5 {
        let mut rng = WORLD.rng(Split::Train);
        let levels = level(number)..=level(number);
        let problems: Vec<Problem> = WORLD.problems(Split::Train, levels).take(1000).collect();
        let prompts: Vec<usize> = problems.iter().map(|p| count(prompt(p))).collect();
        let mut solutions =
            |filler| -> Vec<usize> { problems.iter().map(|p| count(solution(&mut rng, p, filler))).collect() };
        let (plain, filled) = (solutions(0.0), solutions(0.1));
        for (name, lengths) in [("prompt", &prompts), ("plain", &plain), ("filler 0.1", &filled)] {
            let mean = lengths.iter().sum::<usize>() as f64 / lengths.len() as f64;
            println!("level {number} {name}: mean {mean:.1} longest {:?}", lengths.iter().max());
        }
        assert!(prompts.iter().all(|length| *length <= 45));
        assert!(plain.iter().all(|length| *length == 6 * level(number).operations() + 3));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gets_one_verdict_per_step(text in "[0-9 +\\-*/=\\\\boxed{}\n]{0,40}|(?s).{0,40}") {
        let verdict = check(&apples(), &text);
        prop_assert_eq!(verdict.steps.len(), text.matches(SEPARATOR).count() + 1);
        prop_assert_eq!(verdict.labels().len(), verdict.steps.len());
    }

    #[test]
    fn any_chain_is_refused_or_solved(start: u8, numbers in prop::collection::vec(any::<u8>(), 0..9)) {
        let operation = |n| match n % 5 {
            0 => Operation::Add(n / 5),
            1 => Operation::Subtract(n / 5),
            2 => Operation::Double,
            3 => Operation::Triple,
            _ => Operation::Halve,
        };
        if let Ok(problem) = Problem::new("", start, numbers.into_iter().map(operation).collect()) {
            let text = solution_steps(&problem).join(SEPARATOR);
            prop_assert!(check(&problem, &text).is_solved());
        }
    }

    #[test]
    fn any_seed_gives_problems_of_its_split(seed: u64) {
        for split in [Split::Train, Split::Test] {
            let problem = World { seed }.problems(split, Level::ALL).next().unwrap();
            prop_assert_eq!(problem.split(), split);
            prop_assert!(problem.values().iter().all(|value| *value <= 99));
        }
    }
}

/// The library of the model's authors reads the same file.
fn assert_as_the_library(text: &str) {
    let library: tokenizers::Tokenizer = tokenizer_json().parse().unwrap();
    let (expected, found) = (library.encode_fast(text, false).unwrap(), tokenizer().encode(text).unwrap());
    assert_eq!(found, expected.get_ids(), "{text:?}");
    assert_eq!(tokenizer().decode(&found).unwrap(), library.decode(&found, true).unwrap(), "{text:?}");
    let with_special = tokenizer().decode_with_special(&found).unwrap();
    assert_eq!(with_special, library.decode(&found, false).unwrap(), "{text:?}");
}

#[test]
fn tokens_are_those_of_the_library() {
    let mut rng = WORLD.rng(Split::Train);
    for _ in 0..200 {
        let (prompt, solution) = supervised(&mut rng, &Level::ALL, Habits { filler: 0.3, mistakes: 0.2, joined: 0.3 });
        assert_as_the_library(&(prompt + &solution + EOS));
    }
    assert_as_the_library("");
}

proptest! {
    #[test]
    fn tokens_of_any_text_are_those_of_the_library(text in r"([ \n=>+*/.?}a1é-]|\\boxed\{|has|<eos>|<unk|12| => ){0,20}") {
        assert_as_the_library(&text);
    }
}

#[test]
fn other_word_lists_are_left_to_the_library() {
    let of_the_world: serde_json::Value = serde_json::from_str(&tokenizer_json()).unwrap();
    let changes: [(&str, serde_json::Value); 3] = [
        ("normalizer", serde_json::json!({ "type": "Lowercase" })),
        ("pre_tokenizer", serde_json::json!({ "type": "Whitespace" })),
        ("decoder", serde_json::Value::Null),
    ];
    for (key, value) in changes {
        let mut json = of_the_world.clone();
        json[key] = value;
        let found = Tokenizer::from_json(json.to_string().as_bytes()).unwrap();
        let library: tokenizers::Tokenizer = json.to_string().parse().unwrap();
        for text in ["Tom has 3 apples.", "tom 3"] {
            assert_eq!(
                found.encode(text).unwrap(),
                library.encode_fast(text, false).unwrap().get_ids(),
                "{key}: {text}"
            );
        }
    }
}
