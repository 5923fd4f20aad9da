//! Which tensors a model has, under which names and in which shapes.

use super::hyper::{Family, Hyper};
use super::{Gguf, GgufError, Tensor};

/// A tensor of the file with its place in the Hugging Face model.
#[derive(Debug, Clone)]
pub(super) struct Placed<'a> {
    pub(super) name: String,
    pub(super) tensor: Tensor<'a>,
    /// The number of heads whose rows are stored in interleaved order, if they are.
    pub(super) interleaved_heads: Option<usize>,
}

/// A linear map or norm of one layer.
struct Part {
    stored: &'static str,
    name: &'static str,
    weight: fn(&Hyper) -> Vec<usize>,
    group: Group,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Query,
    Key,
    Value,
    Output,
    FeedForward,
    Norm,
}

#[rustfmt::skip]
const PARTS: [Part; 9] = [
    Part { stored: "attn_norm", name: "input_layernorm", weight: |h| vec![h.hidden_size], group: Group::Norm },
    Part { stored: "attn_q", name: "self_attn.q_proj", weight: |h| vec![queries(h), h.hidden_size], group: Group::Query },
    Part { stored: "attn_k", name: "self_attn.k_proj", weight: |h| vec![keys(h), h.hidden_size], group: Group::Key },
    Part { stored: "attn_v", name: "self_attn.v_proj", weight: |h| vec![keys(h), h.hidden_size], group: Group::Value },
    Part { stored: "attn_output", name: "self_attn.o_proj", weight: |h| vec![h.hidden_size, queries(h)], group: Group::Output },
    Part { stored: "ffn_norm", name: "post_attention_layernorm", weight: |h| vec![h.hidden_size], group: Group::Norm },
    Part { stored: "ffn_gate", name: "mlp.gate_proj", weight: |h| vec![h.intermediate_size, h.hidden_size], group: Group::FeedForward },
    Part { stored: "ffn_up", name: "mlp.up_proj", weight: |h| vec![h.intermediate_size, h.hidden_size], group: Group::FeedForward },
    Part { stored: "ffn_down", name: "mlp.down_proj", weight: |h| vec![h.hidden_size, h.intermediate_size], group: Group::FeedForward },
];

// A product too large for the machine saturates, and then equals no shape in the file.

fn queries(hyper: &Hyper) -> usize {
    hyper.heads.saturating_mul(hyper.head_dim)
}

fn keys(hyper: &Hyper) -> usize {
    hyper.kv_heads.saturating_mul(hyper.head_dim)
}

/// Which of the linear maps carry a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Biases {
    pub(super) attention: bool,
    pub(super) feed_forward: bool,
}

impl Biases {
    pub(super) fn of(gguf: &Gguf<'_>) -> Self {
        let has = |name: &str| gguf.tensor(name).is_some();
        Self { attention: has("blk.0.attn_q.bias"), feed_forward: has("blk.0.ffn_gate.bias") }
    }

    fn has(self, family: Family, group: Group) -> bool {
        match (family, group) {
            (_, Group::Norm) => false,
            (Family::Llama, Group::FeedForward) => self.feed_forward,
            (Family::Llama, _) => self.attention,
            (Family::Qwen2, Group::Query | Group::Key | Group::Value) => true,
            (Family::Qwen2, _) => false,
        }
    }
}

/// Whether the output layer is the embedding: the file then has no tensor for it.
pub(super) fn is_tied(gguf: &Gguf<'_>) -> bool {
    gguf.tensor("output.weight").is_none()
}

/// All tensors of the model in the order of its layers.
///
/// Fails if one is missing, has another shape than the metadata says, or is none that the family has.
pub(super) fn place<'a>(gguf: &Gguf<'a>, hyper: &Hyper) -> Result<Vec<Placed<'a>>, GgufError> {
    let mut placed = vec![find(gguf, "token_embd.weight", "model.embed_tokens.weight", &vocabulary_shape(hyper))?];
    for layer in 0..hyper.layers {
        for part in &PARTS {
            place_part(gguf, hyper, layer, part, &mut placed)?;
        }
    }
    placed.push(find(gguf, "output_norm.weight", "model.norm.weight", &[hyper.hidden_size])?);
    if !is_tied(gguf) {
        placed.push(find(gguf, "output.weight", "lm_head.weight", &vocabulary_shape(hyper))?);
    }
    refuse_strangers(gguf, &placed)?;
    Ok(placed)
}

fn vocabulary_shape(hyper: &Hyper) -> [usize; 2] {
    [hyper.vocab_size, hyper.hidden_size]
}

fn place_part<'a>(
    gguf: &Gguf<'a>,
    hyper: &Hyper,
    layer: usize,
    part: &Part,
    placed: &mut Vec<Placed<'a>>,
) -> Result<(), GgufError> {
    let shape = (part.weight)(hyper);
    let interleaved_heads = match (hyper.family, part.group) {
        (Family::Llama, Group::Query) => Some(hyper.heads),
        (Family::Llama, Group::Key) => Some(hyper.kv_heads),
        _ => None,
    };
    let mut add = |kind: &str, shape: &[usize]| {
        let stored = format!("blk.{layer}.{}.{kind}", part.stored);
        let name = format!("model.layers.{layer}.{}.{kind}", part.name);
        placed.push(Placed { interleaved_heads, ..find(gguf, &stored, &name, shape)? });
        Ok(())
    };
    add("weight", &shape)?;
    if Biases::of(gguf).has(hyper.family, part.group) {
        add("bias", &shape[..1])?;
    }
    Ok(())
}

fn find<'a>(gguf: &Gguf<'a>, stored: &str, name: &str, shape: &[usize]) -> Result<Placed<'a>, GgufError> {
    let tensor = gguf.tensor(stored).ok_or_else(|| GgufError::MissingTensor(stored.to_owned()))?;
    if tensor.shape != shape {
        let problem = format!("has shape {:?}, but the metadata asks for {shape:?}; get the file again", tensor.shape);
        return Err(GgufError::Tensor { tensor: stored.to_owned(), problem });
    }
    Ok(Placed { name: name.to_owned(), tensor: tensor.clone(), interleaved_heads: None })
}

/// Refuses a file with tensors that no place was found for: leaving them out would change the model.
fn refuse_strangers(gguf: &Gguf<'_>, placed: &[Placed<'_>]) -> Result<(), GgufError> {
    let known: std::collections::BTreeSet<&str> = placed.iter().map(|placed| placed.tensor.name).collect();
    let stranger = gguf.tensors().iter().map(|tensor| tensor.name).find(|name| !known.contains(name) && !is_rope(name));
    stranger.map_or(Ok(()), |name| {
        let problem = "has no place in a Llama or Qwen2 model; use a model of plain Llama or Qwen2 form".to_owned();
        Err(GgufError::Tensor { tensor: name.to_owned(), problem })
    })
}

/// Tables of rotation frequencies, which follow from the configuration (see the module `rope`).
fn is_rope(name: &str) -> bool {
    name == super::rope::FACTORS || name.ends_with(".attn_rot_embd.weight")
}
