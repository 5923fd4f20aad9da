//! `config.json` and `generation_config.json`.

use serde_json::{Value as Json, json};

use super::hyper::{Family, Hyper};
use super::names::{Biases, is_tied};
use super::vocabulary::SpecialIds;
use super::{Gguf, GgufError, rope};

/// The configuration as transformers writes it for the model's class.
pub(super) fn config(gguf: &Gguf<'_>, hyper: &Hyper, special: &SpecialIds) -> Result<Json, GgufError> {
    let class = match hyper.family {
        Family::Llama => "LlamaForCausalLM",
        Family::Qwen2 => "Qwen2ForCausalLM",
    };
    let mut config = json!({
        "architectures": [class],
        "attention_dropout": 0.0,
        "bos_token_id": special.bos,
        "eos_token_id": special.ends(),
        "head_dim": hyper.head_dim,
        "hidden_act": "silu",
        "hidden_size": hyper.hidden_size,
        "initializer_range": 0.02,
        "intermediate_size": hyper.intermediate_size,
        "max_position_embeddings": hyper.context,
        "model_type": hyper.family.prefix(),
        "num_attention_heads": hyper.heads,
        "num_hidden_layers": hyper.layers,
        "num_key_value_heads": hyper.kv_heads,
        "pad_token_id": special.pad,
        "rms_norm_eps": hyper.epsilon,
        "rope_scaling": rope::scaling(gguf, hyper)?,
        "rope_theta": hyper.rope_theta,
        "tie_word_embeddings": is_tied(gguf),
        // The tensors are handed out decoded.
        "torch_dtype": "float32",
        "use_cache": true,
        "vocab_size": hyper.vocab_size,
    });
    add_family_keys(&mut config, gguf, hyper.family);
    Ok(config)
}

fn add_family_keys(config: &mut Json, gguf: &Gguf<'_>, family: Family) {
    let biases = Biases::of(gguf);
    let keys = match family {
        Family::Llama => {
            json!({ "attention_bias": biases.attention, "mlp_bias": biases.feed_forward })
        }
        Family::Qwen2 => json!({ "use_sliding_window": false }),
    };
    if let (Some(config), Json::Object(keys)) = (config.as_object_mut(), keys) {
        config.extend(keys);
    }
}

/// The ids at which generation starts and stops.
pub(super) fn generation_config(special: &SpecialIds) -> Json {
    let mut config = json!({
        "_from_model_config": true,
        "bos_token_id": special.bos,
        "eos_token_id": special.ends(),
        "pad_token_id": special.pad,
    });
    if let Some(config) = config.as_object_mut() {
        config.retain(|_, value| !value.is_null());
    }
    config
}
