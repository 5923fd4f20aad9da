//! Process reward models of every family against the reference arithmetic of `fixtures/families/generate.py`.

use std::fs;

use burn::tensor::Device;
use minform_core::model::{ModelConfig, Storage};
use minform_core::policy::Policy;
use minform_core::prm::{self, PrmParts, StepScorer};
use minform_text::layout::{Layout, LayoutError, PrmFamily};
use minform_text::steps::PrmInput;
use minform_text::tokenizer::Tokenizer;
use serde_json::Value;

use crate::fixture::{config, difference, folder, ids, json, policy, weights};
use crate::program::{minform, stderr, stdout};

fn name(family: PrmFamily) -> String {
    format!("families/{}", family.name())
}

fn layout(family: PrmFamily) -> Layout {
    let file = |file: &str| fs::read(folder(&name(family)).join(file)).unwrap();
    let tokenizer = Tokenizer::from_json(&file("tokenizer.json")).unwrap();
    Layout::new(family, &tokenizer, Some(&file("tokenizer_config.json")), None).unwrap()
}

fn scorer(family: PrmFamily) -> Box<dyn StepScorer> {
    let reference: Option<(Policy, f32)> =
        (family == PrmFamily::Implicit).then(|| (policy("families/implicit-reference"), 0.05));
    let parts = PrmParts {
        config: config(&name(family)),
        weights: weights(&name(family)),
        answers: layout(family).answers(),
        reference,
        storage: Storage::default(),
    };
    prm::load(family, parts, &Device::flex()).unwrap()
}

fn rows() -> Vec<Value> {
    json(&folder("families/rows.json")).as_array().unwrap().clone()
}

fn inputs(family: PrmFamily) -> Vec<PrmInput> {
    let layout = layout(family);
    let steps = |row: &Value| -> Vec<String> { serde_json::from_value(row["steps"].clone()).unwrap() };
    rows().iter().map(|row| layout.input(row["problem"].as_str().unwrap(), &steps(row)).unwrap()).collect()
}

fn expected(family: PrmFamily) -> Vec<Value> {
    json(&folder(&name(family)).join("expected.json")).as_array().unwrap().clone()
}

#[test]
fn solutions_are_laid_out_as_the_family_lays_them_out() {
    for family in PrmFamily::ALL {
        for (input, expected) in inputs(family).iter().zip(expected(family)) {
            let positions: Vec<usize> = serde_json::from_value(expected["positions"].clone()).unwrap();
            assert_eq!(input.ids, ids(&expected["ids"]), "{family:?} {}", expected["id"]);
            assert_eq!(input.positions, positions, "{family:?} {}", expected["id"]);
        }
    }
}

#[test]
fn scores_are_those_of_the_reference() {
    for family in PrmFamily::ALL {
        let (scorer, inputs) = (scorer(family), inputs(family));
        // All together, where solutions of one problem share its reading, and one by one.
        for budget in [4096, 1] {
            let scores = pollster::block_on(prm::score(&*scorer, &inputs, budget, &mut |_| true)).unwrap();
            for (scores, expected) in scores.iter().zip(expected(family)) {
                let wanted: Vec<f32> = serde_json::from_value(expected["scores"].clone()).unwrap();
                let worst = difference(scores, &wanted);
                assert!(worst <= 1e-4, "{family:?} {}: {scores:?}, not {wanted:?}", expected["id"]);
            }
        }
    }
}

/// Both solutions of a problem begin with the same ids, so that they can share its reading.
#[test]
fn solutions_of_one_problem_share_its_beginning() {
    for family in PrmFamily::ALL {
        let inputs = inputs(family);
        let beginning = |input: &PrmInput| input.ids[..input.start].to_vec();
        assert!(inputs[0].start > 5, "{family:?}");
        assert_eq!(beginning(&inputs[0]), beginning(&inputs[1]), "{family:?}");
    }
}

#[test]
fn classes_tell_families_and_language_models_do_not() {
    for family in PrmFamily::ALL {
        let config = json(&folder(&name(family)).join("config.json"));
        let told = matches!(family, PrmFamily::Pure | PrmFamily::Trl | PrmFamily::QwenMath | PrmFamily::Skywork);
        assert_eq!(PrmFamily::detect(&config, ""), told.then_some(family));
        assert!(PrmFamily::detect(&config, "some-rlhflow-prm").is_some());
    }
    // Mistral's window bounds the context, within which attention is that of any other model.
    assert_eq!(config("families/math-shepherd").max_position_embeddings, 256);
}

#[test]
fn a_head_of_another_family_is_refused() {
    let parts = |family: &str| PrmParts {
        config: config(family),
        weights: weights(family),
        answers: [0; 2],
        reference: None,
        storage: Storage::default(),
    };
    let refused = |family: PrmFamily, of: &str| match prm::load(family, parts(of), &Device::flex()) {
        Ok(_) => panic!("{family:?} from {of}"),
        Err(error) => error.to_string(),
    };
    assert!(refused(PrmFamily::Pure, "families/skywork").contains("the head of skywork models, not of pure"));
    assert!(refused(PrmFamily::Implicit, "families/implicit").contains("reference"));
    // A language model without a value head.
    assert!(refused(PrmFamily::Skywork, "families/rlhflow").contains("v_head.summary"));
    let newer = ModelConfig::from_json(br#"{"architectures": ["LlamaForPrmModel"]}"#).unwrap_err().to_string();
    assert!(newer.contains("Qwen2ForPrmModel"), "{newer}");
}

#[test]
fn marks_inside_a_text_are_refused() {
    let refused = |family, step: &str| match layout(family).input("1 + 1?", &["1 + 1 = 2", step]) {
        Err(LayoutError::Marks { found, steps, .. }) => (found, steps),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(PrmFamily::QwenMath, "So <extra_0> 2"), (3, 2));
    assert_eq!(refused(PrmFamily::MathShepherd, "So ки 2"), (3, 2));
    let tokenizer = Tokenizer::from_json(&fs::read(folder("families/pure/tokenizer.json")).unwrap()).unwrap();
    let missing = Layout::new(PrmFamily::QwenMath, &tokenizer, None, None).unwrap_err().to_string();
    assert!(missing.contains("<extra_0>"), "{missing}");
    let template = Layout::new(PrmFamily::RlhFlow, &tokenizer, Some(b"{}"), None).unwrap_err().to_string();
    assert!(template.contains("chat_template"), "{template}");
}

#[test]
fn every_family_is_judged_by_the_program() {
    let data = folder("families/rows.json").display().to_string();
    for family in PrmFamily::ALL {
        let model = folder(&name(family)).display().to_string();
        let reference = folder("families/implicit-reference").display().to_string();
        let mut arguments = vec!["prm", "eval", "processbench", "--model", &model, "--data", &data, "--json"];
        // The fixtures' folders are named so that two of the three with a language head say what they are.
        if family == PrmFamily::Implicit {
            arguments.extend(["--family", "implicit", "--reference", &reference]);
        }
        let output = minform(&arguments);
        assert!(output.status.success(), "{family:?}: {}", stderr(&output));
        let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let threshold = if matches!(family, PrmFamily::Pure | PrmFamily::Implicit) { 0.0 } else { 0.5 };
        assert_eq!((found["rows"].as_u64(), found["failed"].as_u64()), (Some(4), Some(0)), "{family:?}");
        assert_eq!(found["threshold"].as_f64(), Some(threshold), "{family:?}");
        // What the reference scores give by the definition of the benchmark.
        let (rows, expected) = (rows(), expected(family));
        let right = rows.iter().zip(&expected).filter(|(row, expected)| {
            let scores: Vec<f64> = serde_json::from_value(expected["scores"].clone()).unwrap();
            let first = scores.iter().position(|score| *score < threshold).map_or(-1, |step| step as i64);
            row["label"] == -1 && first == -1
        });
        assert_eq!(found["accuracy_correct"].as_f64(), Some(right.count() as f64 / 2.0), "{family:?}");
    }
    let model = folder("families/implicit").display().to_string();
    let bare = minform(&["prm", "score", "--prm", &folder("models/llama").display().to_string(), "--data", &data]);
    assert!(!bare.status.success());
    let alone = minform(&["prm", "score", "--prm", &model, "--family", "implicit", "--data", &data]);
    assert!(stderr(&alone).contains("--reference"), "{}", stderr(&alone));
    let nano = folder("../../web/models/nano/policy").display().to_string();
    let own = ["--family", "implicit", "--reference", &model];
    let itself = minform(&[&["prm", "score", "--prm", &model, "--data", &data], &own[..]].concat());
    assert!(stderr(&itself).contains("is the reward model itself"), "{}", stderr(&itself));
    let other = ["--family", "implicit", "--reference", &nano];
    let foreign = minform(&[&["prm", "score", "--prm", &model, "--data", &data], &other[..]].concat());
    assert!(stderr(&foreign).contains("different tokenizers"), "{}", stderr(&foreign));
    let skywork = folder("families/skywork").display().to_string();
    let reference = folder("families/implicit-reference").display().to_string();
    let needless = minform(&["prm", "score", "--prm", &skywork, "--data", &data, "--reference", &reference]);
    assert!(stderr(&needless).contains("goes with implicit"), "{}", stderr(&needless));
    let mistaken = minform(&["prm", "score", "--prm", &skywork, "--data", &data, "--family", "trl"]);
    assert!(stderr(&mistaken).contains("the head of skywork models, not of trl"), "{}", stderr(&mistaken));
    let scored =
        minform(&["prm", "score", "--prm", &folder("families/skywork").display().to_string(), "--data", &data]);
    let line: Value = serde_json::from_str(stdout(&scored).lines().next().unwrap()).unwrap();
    assert_eq!(line["family"], "skywork");
    for aggregate in ["min", "soft_min", "product", "last", "mean", "sum"] {
        assert!(line[aggregate].is_number(), "{line}");
    }
}
