//! The configuration of a decoder, as `config.json` of a Hugging Face folder holds it.

use serde_json::{Value, json};

use crate::{Error, Result};

/// Architectures [`ModelConfig::from_json`] accepts.
const SUPPORTED: &str = "Qwen2ForCausalLM, Qwen2ForTokenClassification, Qwen2ForProcessRewardModel, Qwen2ForPrmModel, \
     LlamaForCausalLM, LlamaForTokenClassification, MistralForCausalLM, MistralForTokenClassification";

/// Model family: decides names and which projections carry a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Bias on query, key and value.
    Qwen2,
    /// No bias unless `attention_bias` says so.
    Llama,
    /// As Llama, read up to the length of its sliding window.
    Mistral,
}

/// What a checkpoint puts on the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// Logits over the vocabulary.
    Language,
    /// Two labels by one linear map (`...ForTokenClassification`).
    Classifier,
    /// Two labels by two linear maps (`Qwen2ForProcessRewardModel`).
    TwoLayer,
    /// One value (`Qwen2ForPrmModel`).
    Value,
}

impl Head {
    /// What follows the family in the name of the class.
    fn class_suffix(self) -> &'static str {
        match self {
            Self::Language => "ForCausalLM",
            Self::Classifier => "ForTokenClassification",
            Self::TwoLayer => "ForProcessRewardModel",
            Self::Value => "ForPrmModel",
        }
    }
}

impl Family {
    /// The `model_type` of `config.json`.
    pub fn model_type(self) -> &'static str {
        match self {
            Self::Qwen2 => "qwen2",
            Self::Llama => "llama",
            Self::Mistral => "mistral",
        }
    }

    fn class_prefix(self) -> &'static str {
        match self {
            Self::Qwen2 => "Qwen2",
            Self::Llama => "Llama",
            Self::Mistral => "Mistral",
        }
    }
}

/// Frequency scaling of Llama 3 (`rope_type: "llama3"`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Llama3Scaling {
    /// By how much low frequencies are slowed down.
    pub factor: f64,
    /// Wavelengths longer than `original / low` are scaled fully.
    pub low_frequency_factor: f64,
    /// Wavelengths shorter than `original / high` are left alone.
    pub high_frequency_factor: f64,
    /// Context length before scaling, in tokens.
    pub original_context: f64,
}

/// Shape and constants of a decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// Qwen2 or Llama.
    pub family: Family,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the feed-forward block.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; divides the number of query heads.
    pub num_key_value_heads: usize,
    /// Width of one head; even.
    pub head_dim: usize,
    /// ε of every RMSNorm.
    pub rms_norm_eps: f64,
    /// Base θ of the rotary position encoding.
    pub rope_theta: f64,
    /// Frequency scaling, if any.
    pub rope_scaling: Option<Llama3Scaling>,
    /// Longest context in tokens.
    pub max_position_embeddings: usize,
    /// Whether the output projection is the embedding.
    pub tie_word_embeddings: bool,
    /// Bias on query, key and value projections.
    pub qkv_bias: bool,
    /// Bias on the attention output projection.
    pub output_bias: bool,
    /// Bias in the feed-forward block.
    pub mlp_bias: bool,
    /// Dropout before a classification head, used in training only.
    pub classifier_dropout: f64,
    /// Standard deviation of freshly drawn weights.
    pub initializer_range: f64,
    /// Ids that end a response.
    pub eos_token_ids: Vec<u32>,
    /// What the checkpoint puts on the decoder.
    pub head: Head,
    /// The score below which a step is wrong, as a reward model was found to need it on its validation set.
    pub threshold: Option<f32>,
}

impl ModelConfig {
    /// A small Qwen2-shaped model with tied embeddings, as the embedded world uses it.
    pub fn small(vocab_size: usize, hidden_size: usize, layers: usize, heads: usize) -> Self {
        Self {
            family: Family::Qwen2,
            vocab_size,
            hidden_size,
            // 8/3 of the width, rounded to a multiple of 16: the usual size of a gated block.
            intermediate_size: (hidden_size * 8 / 3).div_ceil(16) * 16,
            num_hidden_layers: layers,
            num_attention_heads: heads,
            num_key_value_heads: heads,
            head_dim: hidden_size / heads.max(1),
            rms_norm_eps: 1e-6,
            rope_theta: 10_000.0,
            rope_scaling: None,
            max_position_embeddings: 1024,
            tie_word_embeddings: true,
            qkv_bias: true,
            output_bias: false,
            mlp_bias: false,
            classifier_dropout: 0.0,
            // 0.02, the value of large models, would leave a narrow model's layers nearly silent at first.
            initializer_range: 1.0 / (hidden_size.max(1) as f64).sqrt(),
            eos_token_ids: vec![1],
            head: Head::Language,
            threshold: None,
        }
    }

    /// Reads `config.json`.
    ///
    /// # Errors
    /// Another architecture, a missing key, or a value that cannot be (heads that do not divide, odd head width).
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        let json: Value = serde_json::from_slice(bytes)
            .map_err(|error| Error::Config { key: "config.json".into(), problem: format!("not JSON: {error}") })?;
        let (family, head) = architecture(&json)?;
        let hidden_size = required(&json, "hidden_size")?;
        let num_attention_heads = required(&json, "num_attention_heads")?;
        let attention_bias = json["attention_bias"].as_bool().unwrap_or(false);
        let config = Self {
            family,
            vocab_size: required(&json, "vocab_size")?,
            hidden_size,
            intermediate_size: required(&json, "intermediate_size")?,
            num_hidden_layers: required(&json, "num_hidden_layers")?,
            num_attention_heads,
            num_key_value_heads: optional(&json, "num_key_value_heads").unwrap_or(num_attention_heads),
            head_dim: optional(&json, "head_dim").unwrap_or(hidden_size / num_attention_heads.max(1)),
            rms_norm_eps: number(&json["rms_norm_eps"], "rms_norm_eps", 1e-6, POSITIVE)?,
            rope_theta: number(rope_value(&json, "rope_theta"), "rope_theta", 10_000.0, POSITIVE)?,
            rope_scaling: rope_scaling(&json)?,
            max_position_embeddings: context(&json, family)?,
            tie_word_embeddings: json["tie_word_embeddings"].as_bool().unwrap_or(false),
            qkv_bias: family == Family::Qwen2 || attention_bias,
            output_bias: family == Family::Llama && attention_bias,
            mlp_bias: json["mlp_bias"].as_bool().unwrap_or(false),
            classifier_dropout: number(&json["classifier_dropout"], "classifier_dropout", 0.1, SHARE)?,
            initializer_range: number(&json["initializer_range"], "initializer_range", 0.02, POSITIVE)?,
            eos_token_ids: token_ids(&json["eos_token_id"]),
            head,
            threshold: json["minform"]["threshold"].as_f64().map(|threshold| threshold as f32),
        };
        config.validate(&json)?;
        Ok(config)
    }

    /// Adds the end-of-sequence ids of `generation_config.json`, which chat models keep there.
    pub fn with_generation_config(mut self, bytes: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(bytes).unwrap_or_default();
        for id in token_ids(&json["eos_token_id"]) {
            if !self.eos_token_ids.contains(&id) {
                self.eos_token_ids.push(id);
            }
        }
        self
    }

    /// Writes `config.json` with the keys `transformers` reads.
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "architectures": [format!("{}{}", self.family.class_prefix(), self.head.class_suffix())],
            "model_type": self.family.model_type(),
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads,
            "num_key_value_heads": self.num_key_value_heads,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "rms_norm_eps": self.rms_norm_eps,
            "rope_theta": self.rope_theta,
            "max_position_embeddings": self.max_position_embeddings,
            "tie_word_embeddings": self.tie_word_embeddings,
            "initializer_range": self.initializer_range,
            "torch_dtype": "float32",
            "use_cache": true,
        });
        if self.family == Family::Mistral {
            json["sliding_window"] = Value::Null;
        }
        if self.family == Family::Llama {
            json["attention_bias"] = self.qkv_bias.into();
            json["mlp_bias"] = self.mlp_bias.into();
        }
        if let Some(scaling) = self.rope_scaling {
            json["rope_scaling"] = json!({
                "rope_type": "llama3",
                "factor": scaling.factor,
                "low_freq_factor": scaling.low_frequency_factor,
                "high_freq_factor": scaling.high_frequency_factor,
                "original_max_position_embeddings": scaling.original_context,
            });
        }
        if let [id] = self.eos_token_ids[..] {
            json["eos_token_id"] = id.into();
        } else if !self.eos_token_ids.is_empty() {
            json["eos_token_id"] = self.eos_token_ids.clone().into();
        }
        if self.head == Head::Classifier {
            json["classifier_dropout"] = self.classifier_dropout.into();
            json["id2label"] = json!({"0": "bad", "1": "good"});
            json["label2id"] = json!({"bad": 0, "good": 1});
        }
        if let Some(threshold) = self.threshold {
            json["minform"] = json!({ "threshold": threshold });
        }
        json
    }

    /// Parameters of the decoder without its head, counted once when the embedding is tied.
    ///
    /// Sizes that no memory holds give the largest number there is, since a configuration may come from anywhere.
    pub fn decoder_parameters(&self) -> usize {
        let product = |a: usize, b: usize| a.saturating_mul(b);
        let query = product(self.num_attention_heads, self.head_dim);
        let key_value = product(self.num_key_value_heads, self.head_dim);
        let projections = product(2, query.saturating_add(key_value));
        let attention = product(self.hidden_size, projections).saturating_add(if self.qkv_bias {
            query.saturating_add(product(2, key_value))
        } else {
            0
        });
        let mlp = product(3, product(self.hidden_size, self.intermediate_size));
        let layer = attention.saturating_add(mlp).saturating_add(product(2, self.hidden_size));
        product(self.vocab_size, self.hidden_size)
            .saturating_add(product(self.num_hidden_layers, layer))
            .saturating_add(self.hidden_size)
    }

    fn validate(&self, json: &Value) -> Result<()> {
        let problem = |key: &str, problem: String| Err(Error::Config { key: key.into(), problem });
        if json["use_sliding_window"].as_bool() == Some(true) {
            return problem("use_sliding_window", "sliding-window attention is not supported; set it to false".into());
        }
        if self.num_key_value_heads == 0 || !self.num_attention_heads.is_multiple_of(self.num_key_value_heads) {
            return problem(
                "num_key_value_heads",
                format!("{} must divide num_attention_heads = {}", self.num_key_value_heads, self.num_attention_heads),
            );
        }
        if self.head_dim == 0 || !self.head_dim.is_multiple_of(2) {
            return problem("head_dim", format!("{} must be even and positive", self.head_dim));
        }
        if let Some(act) = json["hidden_act"].as_str().filter(|act| *act != "silu") {
            return problem("hidden_act", format!("{act:?} is not supported; expected \"silu\""));
        }
        Ok(())
    }
}

fn architecture(json: &Value) -> Result<(Family, Head)> {
    let named = json["architectures"][0].as_str().unwrap_or_default();
    let families = [Family::Qwen2, Family::Llama, Family::Mistral].into_iter();
    let known = families.flat_map(|family| HEADS.map(|head| (family, head)));
    let is_named = |(family, head): &(Family, Head)| {
        named.strip_prefix(family.class_prefix()) == Some(head.class_suffix())
            // The two heads of reward models exist on Qwen2 alone.
            && (*family == Family::Qwen2 || !matches!(head, Head::TwoLayer | Head::Value))
    };
    let unknown = || Error::Architecture { found: named.into(), supported: SUPPORTED };
    known.into_iter().find(is_named).ok_or_else(unknown)
}

const HEADS: [Head; 4] = [Head::Language, Head::Classifier, Head::TwoLayer, Head::Value];

/// Longest context; of Mistral models at most their sliding window, within which attention is that of any other.
fn context(json: &Value, family: Family) -> Result<usize> {
    let context = required(json, "max_position_embeddings")?;
    let window = optional(json, "sliding_window").filter(|_| family == Family::Mistral);
    Ok(window.map_or(context, |window| context.min(window)))
}

fn required(json: &Value, key: &str) -> Result<usize> {
    optional(json, key).filter(|value| *value > 0).ok_or_else(|| Error::Config {
        key: key.into(),
        problem: format!("expected a positive whole number, found {}", json[key]),
    })
}

/// The numbers that a key may have, and what to call them.
type Allowed = (fn(f64) -> bool, &'static str);

const POSITIVE: Allowed = (|value| value > 0.0 && value.is_finite(), "a positive number");
const SHARE: Allowed = (|value| (0.0..=1.0).contains(&value), "a number from 0 to 1");

/// A number that may be missing.
fn number(value: &Value, key: &str, default: f64, (allows, wanted): Allowed) -> Result<f64> {
    match value {
        Value::Null => Ok(default),
        value => value
            .as_f64()
            .filter(|value| allows(*value))
            .ok_or_else(|| Error::Config { key: key.into(), problem: format!("expected {wanted}, found {value}") }),
    }
}

fn optional(json: &Value, key: &str) -> Option<usize> {
    json[key].as_u64().and_then(|value| usize::try_from(value).ok())
}

/// A rope value from the newer `rope_parameters` object or from the top level of older files.
fn rope_value<'a>(json: &'a Value, key: &str) -> &'a Value {
    json["rope_parameters"].get(key).filter(|value| !value.is_null()).unwrap_or(&json[key])
}

fn rope_scaling(json: &Value) -> Result<Option<Llama3Scaling>> {
    let scaling = if json["rope_scaling"].is_object() { &json["rope_scaling"] } else { &json["rope_parameters"] };
    let kind = scaling.get("rope_type").or_else(|| scaling.get("type")).and_then(Value::as_str);
    match kind {
        None | Some("default") => Ok(None),
        Some("llama3") => {
            let value = |key: &str| {
                scaling[key].as_f64().filter(|value| (POSITIVE.0)(*value)).ok_or_else(|| Error::Config {
                    key: format!("rope_scaling.{key}"),
                    problem: format!("expected {}, found {}", POSITIVE.1, scaling[key]),
                })
            };
            Ok(Some(Llama3Scaling {
                factor: value("factor")?,
                low_frequency_factor: value("low_freq_factor")?,
                high_frequency_factor: value("high_freq_factor")?,
                original_context: value("original_max_position_embeddings")?,
            }))
        }
        Some(other) => Err(Error::Config {
            key: "rope_scaling.rope_type".into(),
            problem: format!("{other:?} is not supported; supported: default, llama3"),
        }),
    }
}

fn token_ids(value: &Value) -> Vec<u32> {
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    match value {
        Value::Array(list) => list.iter().filter_map(id).collect(),
        other => id(other).into_iter().collect(),
    }
}
