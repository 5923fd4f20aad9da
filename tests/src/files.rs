//! Models from bytes that may come from anywhere: read where they are good, refused with a message where not.

use burn::tensor::Device;
use minform_core::Error;
use minform_core::model::{Loaded, ModelConfig, ModelFiles};
use minform_core::policy::Policy;
use minform_core::prm::Prm;
use minform_text::tokenizer::Tokenizer;
use minform_text::world;
use serde_json::{Value, json};

type Files = Vec<(String, Vec<u8>)>;

fn shape() -> ModelConfig {
    let words = Tokenizer::from_json(world::tokenizer_json().as_bytes()).unwrap().vocabulary_size();
    ModelConfig::small(words, 16, 2, 2)
}

fn files(config: &Value, weights: Vec<u8>) -> Files {
    let files = [
        ("model/config.json", config.to_string().into_bytes()),
        ("model/tokenizer.json", world::tokenizer_json().into_bytes()),
        ("model/model.safetensors", weights),
        ("model/README.md", b"passed over".to_vec()),
    ];
    files.map(|(name, bytes)| (name.to_owned(), bytes)).into()
}

fn policy() -> Policy {
    Policy::new(shape(), 3, &Device::flex())
}

fn policy_files() -> Files {
    files(&shape().to_json(), policy().to_safetensors().unwrap())
}

fn load(files: Files) -> Result<Loaded, Error> {
    let files = ModelFiles::read(files)?;
    pollster::block_on(files.load(&Device::flex(), &mut |_| true))
}

/// The message for files that must be refused.
fn refusal(files: Files) -> String {
    load(files).map(|_| ()).expect_err("a refusal").to_string()
}

#[test]
fn a_folder_of_bytes_is_the_model_that_was_saved() {
    let Loaded::Policy(found) = load(policy_files()).unwrap() else { panic!("not a policy") };
    assert_eq!(found.to_safetensors().unwrap(), policy().to_safetensors().unwrap());
    let prm = Prm::from_policy(&policy(), 4);
    let loaded = load(files(&prm.config.to_json(), prm.to_safetensors().unwrap())).unwrap();
    assert!(matches!(loaded, Loaded::Prm(found) if found.to_safetensors().unwrap() == prm.to_safetensors().unwrap()));
}

#[test]
fn progress_ends_at_one_and_may_stop_the_loading() {
    let mut shares = Vec::new();
    let files = || ModelFiles::read(policy_files()).unwrap();
    pollster::block_on(files().load(&Device::flex(), &mut |share| {
        shares.push(share);
        true
    }))
    .unwrap();
    assert!(shares.last().is_some_and(|last| *last > 0.99 && *last <= 1.0), "{shares:?}");
    let stopped = pollster::block_on(files().load(&Device::flex(), &mut |_| false));
    assert!(matches!(stopped, Err(Error::Stopped)));
}

#[test]
fn missing_files_are_named() {
    let without = |name: &str| policy_files().into_iter().filter(|file| !file.0.ends_with(name)).collect::<Files>();
    assert!(refusal(without("config.json")).contains("config.json"));
    assert!(refusal(without("tokenizer.json")).contains("tokenizer.json"));
    assert!(refusal(without(".safetensors")).contains("hold 0 values"));
    assert!(refusal(Vec::new()).contains("config.json"));
}

#[test]
fn impossible_sizes_are_refused_before_memory_is_taken() {
    let mut names = vec!["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size"];
    names.push("head_dim");
    for name in names {
        for huge in [1_u64 << 24, 1 << 40, u64::MAX] {
            let mut config = shape().to_json();
            config[name] = huge.into();
            config["num_key_value_heads"] = config["num_attention_heads"].clone();
            let message = refusal(files(&config, policy().to_safetensors().unwrap()));
            assert!(message.contains("config"), "{name} = {huge}: {message}");
        }
    }
}

/// burn's layers take some of these for granted.
#[test]
fn numbers_that_no_layer_takes_are_refused() {
    for (key, wrong) in [
        ("rms_norm_eps", json!(0)),
        ("rms_norm_eps", json!(-1e-6)),
        ("rms_norm_eps", json!("1e-6")),
        ("rope_theta", json!(-10_000)),
        ("initializer_range", json!(-0.02)),
        ("classifier_dropout", json!(1.5)),
    ] {
        let mut config = shape().to_json();
        config[key] = wrong.clone();
        let message = refusal(files(&config, policy().to_safetensors().unwrap()));
        assert!(message.contains(key) && message.contains("found"), "{key} = {wrong}: {message}");
    }
}

#[test]
fn an_embedding_smaller_than_the_vocabulary_is_refused() {
    let mut config = shape().to_json();
    config["vocab_size"] = json!(10);
    assert!(refusal(files(&config, policy().to_safetensors().unwrap())).contains("the tokenizer has"));
}

#[test]
fn broken_headers_are_refused() {
    let weights = policy().to_safetensors().unwrap();
    let with = |weights: Vec<u8>| refusal(files(&shape().to_json(), weights));
    assert!(with(weights[..weights.len() / 2].to_vec()).contains("weight file"));
    assert!(with(Vec::new()).contains("weight file"));
    let mut endless = weights.clone();
    endless[..8].fill(0xff);
    assert!(with(endless).contains("weight file"));
    let gguf = [b"GGUF".to_vec(), 3_u32.to_le_bytes().to_vec(), vec![0xff; 40]].concat();
    assert!(refusal(vec![("model.gguf".into(), gguf)]).contains("GGUF"));
}

/// Whatever becomes of a file with one wrong byte, it is an answer and no panic.
#[test]
fn no_flipped_byte_of_a_header_is_fatal() {
    let weights = policy().to_safetensors().unwrap();
    let header = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize + 8;
    for at in (0..header).step_by(3) {
        let mut weights = weights.clone();
        weights[at] ^= 0x15;
        let _ = load(files(&shape().to_json(), weights));
    }
    let config = shape().to_json().to_string().into_bytes();
    for at in 0..config.len() {
        let mut files = policy_files();
        files[0].1 = config.clone();
        files[0].1[at] ^= 0x15;
        let _ = load(files);
    }
}
