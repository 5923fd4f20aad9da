//! SmolLM2-135M, where `MINFORM_SMOLLM2` names its folder as `minform import` writes it.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::{env, fs};

use burn::tensor::Device;
use minform_core::config::Sampling;
use minform_core::model::{Frame, ModelConfig, Rope};
use minform_core::policy::{Generator, Policy};
use minform_core::train::{Example, mean_loss};
use minform_text::tokenizer::Tokenizer;
use serde_json::Value;

use crate::fixture::{batch, folder, ids, json, values};

fn model() -> Option<(Policy, Tokenizer)> {
    let Some(path) = env::var_os("MINFORM_SMOLLM2").map(PathBuf::from) else {
        eprintln!("skipped: set MINFORM_SMOLLM2 to the folder of SmolLM2-135M-Instruct made by `minform import`");
        return None;
    };
    let read = |name: &str| fs::read(path.join(name)).unwrap();
    let config = ModelConfig::from_json(&read("config.json")).unwrap();
    let policy = Policy::from_files(config, vec![read("model.safetensors")], &Device::flex()).unwrap();
    Some((policy, Tokenizer::from_json(&read("tokenizer.json")).unwrap()))
}

fn number(value: &Value) -> f32 {
    value.as_f64().unwrap() as f32
}

#[test]
fn smollm2_agrees_with_transformers() {
    let Some((mut policy, tokenizer)) = model() else { return };
    let expected = json(&folder("smollm2").join("expected.json"));
    for case in expected["tokenize"].as_array().unwrap() {
        assert_eq!(tokenizer.encode(case["text"].as_str().unwrap()).unwrap(), ids(&case["ids"]));
    }
    // The recorded continuations run on past the end of a turn.
    policy.config.eos_token_ids.clear();
    for text in expected["texts"].as_array().unwrap() {
        let prompt = ids(&text["input_ids"]);
        assert_eq!(tokenizer.encode(text["text"].as_str().unwrap()).unwrap(), prompt);
        let device = Device::flex();
        let frame = Frame::causal(&Rope::new(&policy.config), prompt.len(), &device);
        let hidden = policy.model.hidden(batch(&prompt, &device), &frame, None).narrow(1, prompt.len() - 1, 1);
        let logits = values(policy.model.logits(hidden));
        for pair in text["top"].as_array().unwrap() {
            let (id, value) = (pair[0].as_u64().unwrap() as usize, number(&pair[1]));
            assert!((logits[id] - value).abs() <= 1e-4, "logit {id}: {} against {value}", logits[id]);
        }
        let sampling = Sampling { temperature: 0.0, max_new_tokens: 32, ..Sampling::default() };
        let generator = Generator::new(&policy.model, &policy.config);
        let mut listen = |_| ControlFlow::Continue(());
        let found = pollster::block_on(generator.generate(&[prompt], 1, &sampling, 0, &mut listen)).unwrap();
        assert_eq!(found[0][0].tokens, ids(&text["greedy"]));
    }
}

#[test]
fn smollm2_has_the_recorded_loss_on_a_solution() {
    let Some((policy, _)) = model() else { return };
    let solution = json(&folder("smollm2").join("expected.json"))["solution"].clone();
    let example = Example { prompt: ids(&solution["prompt_ids"]), target: ids(&solution["ids"]) };
    let found = pollster::block_on(mean_loss(&policy, &[example], 4096)).unwrap();
    let nats: Vec<f32> = solution["nats"].as_array().unwrap().iter().map(number).collect();
    let expected = nats.iter().sum::<f32>() / nats.len() as f32;
    assert!((found - expected).abs() < 1e-4, "{found} against {expected}");
}
