//! A run of the playground, natively. `web/tests/wasm/session.test.mjs` holds the WebAssembly build to the same figures.
//!
//! `MINFORM_RECORD=1 cargo test --release -p minform-tests playground` writes them anew.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use minform_core::config::Config;
use minform_core::demo::Demo;
use minform_core::event::{Event, Update};
use minform_core::experiment::Experiment;
use minform_core::model::{Loaded, ModelFiles};
use serde_json::{Value, json};

use crate::fixture::json;

fn web(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../web").join(path)
}

fn load(name: &str, device: &Device) -> Loaded {
    let file = |file: &str| (file.to_owned(), std::fs::read(web("models/nano").join(name).join(file)).unwrap());
    let files = ["config.json", "tokenizer.json", "model.safetensors"].map(file).into();
    let files = ModelFiles::read(files).unwrap();
    pollster::block_on(files.load(device, &mut |_| true)).unwrap()
}

/// The configuration that the page makes of its settings.
fn config(settings: &Value) -> Config {
    let mut config = Experiment::CreditForms.settings();
    let count = |key: &str| settings[key].as_u64().unwrap() as usize;
    config.seed = settings["seed"].as_u64().unwrap();
    config.world.max_level = 2;
    config.world.test_problems = 100;
    config.rl.updates = count("updates");
    config.rl.prompts = count("prompts");
    config.rl.samples = count("samples");
    config.rl.evaluate_every = count("evaluateEvery");
    config.rl.optimizer.lr = settings["learningRate"].as_f64().unwrap();
    config.rl.kl.coefficient = settings["kl"].as_f64().unwrap() as f32;
    config
}

fn figures(update: &Update) -> Value {
    json!({
        "step": update.step,
        "tokens": update.tokens,
        "outcome": update.process_outcome.map(|outcome| outcome.mean),
        "kl": update.kl,
        "entropy": update.entropy,
        "gradient": update.grad_norm,
    })
}

fn run(settings: &Value) -> Vec<Value> {
    let device = Device::flex().autodiff();
    let (Loaded::Policy(policy), Loaded::Prm(prm)) = (load("policy", &device), load("prm", &device)) else {
        panic!("not a policy and a process reward model")
    };
    let demo = Demo::with_models(&config(settings), policy, Some(prm)).unwrap();
    let mut session = demo.session().unwrap();
    let mut updates = Vec::new();
    let mut hear = |event: Event| {
        if let Event::Update(update) = event {
            updates.push(figures(&update));
        }
        ControlFlow::Continue(())
    };
    pollster::block_on(session.run(&mut hear)).unwrap();
    updates
}

#[test]
fn the_run_of_the_playground_has_the_recorded_figures() {
    let path = web("tests/wasm/session.json");
    let mut recorded = json(&path);
    let found = run(&recorded["settings"]);
    if std::env::var_os("MINFORM_RECORD").is_some() {
        recorded["updates"] = found.into();
        std::fs::write(&path, serde_json::to_string_pretty(&recorded).unwrap() + "\n").unwrap();
        return;
    }
    let expected = recorded["updates"].as_array().unwrap();
    let tolerance = recorded["tolerance"].as_f64().unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        for (key, expected) in expected.as_object().unwrap() {
            let (found, expected) = (found[key].as_f64().unwrap(), expected.as_f64().unwrap());
            let close = (found - expected).abs() <= tolerance * expected.abs().max(1.0);
            assert!(close, "{key}: {found}, not {expected}");
        }
    }
}
