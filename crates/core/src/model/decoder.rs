//! The decoder: embedding, layers, final norm.

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Initializer, Linear, RmsNorm, RmsNormConfig};
use burn::tensor::{DType, Device, Int, Tensor};

use super::attention::{Attention, LayerCache, linear};
use super::config::ModelConfig;
use super::frame::Frame;
use crate::ops::{gated, mapped, mapped_by, rms_norm};

/// Tokens in, hidden states out.
#[derive(Module, Debug)]
pub struct Decoder {
    pub(super) embed_tokens: Embedding,
    pub(super) layers: Vec<Layer>,
    pub(super) norm: RmsNorm,
}

/// One layer: x + attention(norm(x)), then x + mlp(norm(x)).
#[derive(Module, Debug)]
pub struct Layer {
    self_attn: Attention,
    mlp: Mlp,
    input_layernorm: RmsNorm,
    post_attention_layernorm: RmsNorm,
}

/// SwiGLU: down(silu(gate(x)) ⊙ up(x)).
#[derive(Module, Debug)]
pub struct Mlp {
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
}

/// Keys and values of every layer.
#[derive(Debug, Clone)]
pub struct Cache {
    layers: Vec<LayerCache>,
}

impl Cache {
    /// Keeps the given rows, in this order; a row may be named several times.
    pub fn select(self, rows: &Tensor<1, Int>) -> Self {
        Self { layers: self.layers.into_iter().map(|layer| layer.select(rows)).collect() }
    }

    /// Forgets the first `count` columns of every row.
    pub(crate) fn shifted(self, count: usize) -> Self {
        Self { layers: self.layers.into_iter().map(|layer| layer.shifted(count)).collect() }
    }

    /// These rows and then those of `other`, whose columns come to lie from `column` on.
    pub(crate) fn joined(self, other: Self, column: usize) -> Self {
        let layers = self.layers.into_iter().zip(other.layers);
        Self { layers: layers.map(|(layer, other)| layer.joined(other, column)).collect() }
    }
}

impl Decoder {
    /// Freshly drawn weights.
    pub fn new(config: &ModelConfig, device: &Device) -> Self {
        Self {
            embed_tokens: EmbeddingConfig::new(config.vocab_size, config.hidden_size)
                .with_initializer(Initializer::Normal { mean: 0.0, std: config.initializer_range })
                .init(device),
            layers: (0..config.num_hidden_layers).map(|_| Layer::new(config, device)).collect(),
            norm: norm(config, device),
        }
    }

    /// An empty cache for `rows` sequences of at most `capacity` tokens.
    pub fn cache(&self, config: &ModelConfig, rows: usize, capacity: usize) -> Cache {
        let layer = |_| LayerCache::new(config, rows, capacity, &self.device(), self.dtype());
        Cache { layers: (0..config.num_hidden_layers).map(layer).collect() }
    }

    /// The device the weights lie on.
    pub fn device(&self) -> Device {
        self.embed_tokens.weight.val().device()
    }

    /// The type of number that states have between the layers.
    pub(super) fn dtype(&self) -> DType {
        let of_layers = self.layers.first().map(|layer| layer.self_attn.dtype()).filter(DType::is_float);
        of_layers.unwrap_or_else(|| self.embed_tokens.weight.val().dtype())
    }

    /// What the first layer reads, `[rows, time, hidden]`.
    pub(super) fn embedded(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        self.embed_tokens.forward(tokens).cast(self.dtype())
    }

    /// The embedding as a tied head, `[hidden, vocabulary]`.
    pub(super) fn tied_head(&self) -> Tensor<2> {
        self.embed_tokens.weight.val().transpose()
    }

    /// `tokens [rows, time]` to normed hidden states `[rows, time, hidden]`, in f32.
    pub fn forward(&self, tokens: Tensor<2, Int>, frame: &Frame, mut cache: Option<&mut Cache>) -> Tensor<3> {
        let (mut x, frame) = (self.embedded(tokens), frame.cast(self.dtype()));
        for (index, layer) in self.layers.iter().enumerate() {
            let layer_cache = cache.as_mut().and_then(|cache| cache.layers.get_mut(index));
            x = layer.forward(x, &frame, layer_cache);
        }
        self.finished(x)
    }

    /// `hidden [.., hidden]` to logits `[.., vocabulary]` by `head`, multiplied as in the layers and given in f32.
    pub(crate) fn projected<const D: usize>(&self, hidden: Tensor<D>, head: Tensor<2>) -> Tensor<D> {
        mapped_by(hidden.cast(self.dtype()), head, None).cast(DType::F32)
    }

    /// What the last layer gives, normed and in f32.
    pub(super) fn finished(&self, x: Tensor<3>) -> Tensor<3> {
        normed(&self.norm, x.cast(DType::F32))
    }
}

impl Layer {
    fn new(config: &ModelConfig, device: &Device) -> Self {
        Self {
            self_attn: Attention::new(config, device),
            mlp: Mlp::new(config, device),
            input_layernorm: norm(config, device),
            post_attention_layernorm: norm(config, device),
        }
    }

    pub(super) fn forward(&self, x: Tensor<3>, frame: &Frame, cache: Option<&mut LayerCache>) -> Tensor<3> {
        let x = x.clone() + self.self_attn.forward(normed(&self.input_layernorm, x), frame, cache);
        x.clone() + self.mlp.forward(normed(&self.post_attention_layernorm, x))
    }
}

impl Mlp {
    fn new(config: &ModelConfig, device: &Device) -> Self {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let linear = |input, output| linear(config, input, output, config.mlp_bias, device);
        Self { gate_proj: linear(hidden, inner), up_proj: linear(hidden, inner), down_proj: linear(inner, hidden) }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        mapped(&self.down_proj, gated(mapped(&self.gate_proj, x.clone()), mapped(&self.up_proj, x)))
    }
}

fn norm(config: &ModelConfig, device: &Device) -> RmsNorm {
    RmsNormConfig::new(config.hidden_size).with_epsilon(config.rms_norm_eps).init(device)
}

fn normed(norm: &RmsNorm, x: Tensor<3>) -> Tensor<3> {
    rms_norm(x, norm.gamma.val(), norm.epsilon)
}
