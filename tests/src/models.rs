//! Logits of small models against those `transformers` computed (see `fixtures/models/generate.py`).

use std::ops::ControlFlow;

use burn::tensor::Device;
use minform_core::config::Sampling;
use minform_core::model::{Frame, ModelConfig, Network as _, Rope, TokenClassifier};
use minform_core::policy::{Generator, Policy};
use minform_core::prm::Prm;
use minform_core::{Dtype, Error};
use serde_json::Value;

use crate::fixture::{batch, config, difference, folder, ids, json, policy, values, weights};

const CAUSAL: [&str; 5] =
    ["models/qwen2-tied", "models/qwen2-untied", "models/llama", "models/llama3-scaled", "models/llama-sharded-bf16"];

fn expected_logits(sequence: &Value) -> Vec<f32> {
    let rows = sequence["logits"].as_array().unwrap();
    rows.iter().flat_map(|row| row.as_array().unwrap()).map(|v| v.as_f64().unwrap() as f32).collect()
}

fn logits(policy: &Policy, tokens: &[u32]) -> Vec<f32> {
    let device = Device::flex();
    let frame = Frame::causal(&Rope::new(&policy.config), tokens.len(), &device);
    values(policy.model.logits(policy.model.hidden(batch(tokens, &device), &frame, None)))
}

fn check_logits(name: &str, policy: &Policy) {
    for sequence in json(&folder(name).join("expected.json"))["sequences"].as_array().unwrap() {
        let found = logits(policy, &ids(&sequence["input_ids"]));
        let worst = difference(&found, &expected_logits(sequence));
        assert!(worst <= 1e-4, "{name}: logits differ by {worst}");
    }
}

#[test]
fn logits_agree_with_transformers() {
    for name in CAUSAL {
        check_logits(name, &policy(name));
    }
}

#[test]
fn greedy_continuations_agree_with_transformers() {
    for name in CAUSAL {
        let policy = policy(name);
        let sequences = json(&folder(name).join("expected.json"))["sequences"].clone();
        let prompts: Vec<Vec<u32>> = sequences.as_array().unwrap().iter().map(|s| ids(&s["input_ids"])).collect();
        let sampling = Sampling { temperature: 0.0, max_new_tokens: 32, ..Sampling::default() };
        let generator = Generator::new(&policy.model, &policy.config);
        let mut listen = |_| ControlFlow::Continue(());
        // Both prompts share one batch although their lengths differ.
        let found = pollster::block_on(generator.generate(&prompts, 1, &sampling, 0, &mut listen)).unwrap();
        for (group, sequence) in found.iter().zip(sequences.as_array().unwrap()) {
            assert_eq!(group[0].tokens, ids(&sequence["greedy"]), "{name}");
        }
    }
}

#[test]
fn classifier_logits_agree_with_transformers() {
    let name = "models/qwen2-prm";
    let prm = Prm::from_files(config(name), weights(name), &Device::flex()).unwrap();
    for sequence in json(&folder(name).join("expected.json"))["sequences"].as_array().unwrap() {
        let tokens = ids(&sequence["input_ids"]);
        let device = Device::flex();
        let frame = Frame::causal(&Rope::new(&prm.config), tokens.len(), &device);
        let found = values(prm.model.forward(batch(&tokens, &device), &frame));
        let worst = difference(&found, &expected_logits(sequence));
        assert!(worst <= 1e-4, "logits differ by {worst}");
    }
}

#[test]
fn saved_weights_and_configuration_read_back_with_the_same_logits() {
    for name in CAUSAL {
        let first = policy(name);
        let config = ModelConfig::from_json(first.config.to_json().to_string().as_bytes()).unwrap();
        let again = Policy::from_files(config, vec![first.to_safetensors().unwrap()], &Device::flex()).unwrap();
        check_logits(name, &again);
    }
}

#[test]
fn half_precision_halves_the_file_and_moves_the_logits_little() {
    let first = policy("models/qwen2-tied");
    let (full, half) = (first.to_safetensors().unwrap(), first.to_safetensors_in(Dtype::F16).unwrap());
    assert!(half.len() * 10 < full.len() * 6, "{} of {} bytes", half.len(), full.len());
    let again = Policy::from_files(first.config.clone(), vec![half], &Device::flex()).unwrap();
    let worst = difference(&logits(&again, &[1, 2, 3, 4]), &logits(&first, &[1, 2, 3, 4]));
    assert!(worst > 0.0 && worst < 0.02, "logits differ by {worst}");
}

#[test]
fn weights_that_do_not_fit_are_all_listed() {
    let narrow = ModelConfig { hidden_size: 16, num_hidden_layers: 3, ..config("models/qwen2-untied") };
    let error = Policy::from_files(narrow, weights("models/qwen2-untied"), &Device::flex()).unwrap_err();
    let Error::Weights { missing, mismatched } = &error else { panic!("{error}") };
    assert!(missing.iter().any(|path| path.starts_with("model.layers.2.")), "{missing:?}");
    assert!(mismatched.iter().any(|text| text.contains("embed_tokens")), "{mismatched:?}");
}

#[test]
fn a_broken_weight_file_is_an_error() {
    let mut bytes = weights("models/qwen2-tied").remove(0);
    bytes.truncate(bytes.len() / 2);
    let error = Policy::from_files(config("models/qwen2-tied"), vec![bytes], &Device::flex()).unwrap_err();
    assert!(matches!(error, Error::WeightFile(_)), "{error}");
}

#[test]
fn an_unknown_architecture_names_the_known_ones() {
    let error = ModelConfig::from_json(br#"{"architectures": ["GPT2LMHeadModel"]}"#).unwrap_err().to_string();
    assert!(error.contains("GPT2LMHeadModel") && error.contains("Qwen2ForCausalLM"), "{error}");
}

#[test]
fn freezing_the_decoder_leaves_the_head_to_learn() {
    use burn::module::Module as _;
    let device = Device::flex().autodiff();
    let model = TokenClassifier::new(&config("models/qwen2-prm"), &device).freeze_decoder();
    let frame = Frame::causal(&Rope::new(&config("models/qwen2-prm")), 4, &device);
    let loss = model.forward(batch(&[1, 2, 3, 4], &device), &frame).sum();
    let gradients = burn::optim::GradientsParams::from_grads(loss.backward(), &model);
    assert_eq!(gradients.len(), 2, "weight and bias of the head");
    assert!(model.num_params() > 1000);
}
