//! A decoder with a language-model head, a two-label token-classification head, or a value head.

use burn::module::Module;
use burn::nn::{Linear, Relu};
use burn::tensor::{Device, Int, Tensor};

use super::attention::linear;
use super::config::ModelConfig;
use super::decoder::{Cache, Decoder};
use super::frame::Frame;
use super::network::Network;
use crate::ops::mapped;

/// A policy: hidden states to logits over the vocabulary.
#[derive(Module, Debug)]
pub struct CausalLm {
    pub(super) model: Decoder,
    lm_head: Option<Linear>,
}

impl Network for CausalLm {
    fn new(config: &ModelConfig, device: &Device) -> Self {
        let head = || linear(config, config.hidden_size, config.vocab_size, false, device);
        Self { model: Decoder::new(config, device), lm_head: (!config.tie_word_embeddings).then(head) }
    }
}

impl CausalLm {
    /// `tokens [rows, time]` to hidden states `[rows, time, hidden]`.
    pub fn hidden(&self, tokens: Tensor<2, Int>, frame: &Frame, cache: Option<&mut Cache>) -> Tensor<3> {
        self.model.forward(tokens, frame, cache)
    }

    /// Hidden states `[.., hidden]` to logits `[.., vocabulary]`.
    pub fn logits<const D: usize>(&self, hidden: Tensor<D>) -> Tensor<D> {
        self.model.projected(hidden, self.head())
    }

    /// What turns hidden states into logits, `[hidden, vocabulary]`.
    pub(crate) fn head(&self) -> Tensor<2> {
        match &self.lm_head {
            Some(head) => head.weight.val(),
            None => self.model.tied_head(),
        }
    }

    /// The decoder, for a process reward model that starts from this policy.
    pub fn decoder(&self) -> &Decoder {
        &self.model
    }

    /// The device the weights lie on.
    pub fn device(&self) -> Device {
        self.model.device()
    }
}

/// A process reward model: hidden states to two logits, label 1 = good step, 0 = bad step.
#[derive(Module, Debug)]
pub struct TokenClassifier {
    model: Decoder,
    score: Linear,
}

impl Network for TokenClassifier {
    fn new(config: &ModelConfig, device: &Device) -> Self {
        Self::from_decoder(config, Decoder::new(config, device))
    }
}

impl TokenClassifier {
    /// A fresh head on the decoder of a trained policy.
    pub fn from_decoder(config: &ModelConfig, model: Decoder) -> Self {
        let device = model.device();
        Self { score: linear(config, config.hidden_size, 2, true, &device), model }
    }

    /// The decoder.
    pub fn decoder(&self) -> &Decoder {
        &self.model
    }

    /// `tokens [rows, time]` to logits `[rows, time, 2]`.
    pub fn forward(&self, tokens: Tensor<2, Int>, frame: &Frame) -> Tensor<3> {
        self.judge(self.hidden(tokens, frame, None))
    }

    /// `tokens [rows, time]` to hidden states `[rows, time, hidden]`.
    pub fn hidden(&self, tokens: Tensor<2, Int>, frame: &Frame, cache: Option<&mut Cache>) -> Tensor<3> {
        self.model.forward(tokens, frame, cache)
    }

    /// Hidden states `[.., hidden]` to logits `[.., 2]`.
    pub fn judge<const D: usize>(&self, hidden: Tensor<D>) -> Tensor<D> {
        mapped(&self.score, hidden)
    }

    /// Hidden states `[.., hidden]` to logits over the vocabulary, through the embedding as a tied head.
    pub fn text_logits<const D: usize>(&self, hidden: Tensor<D>) -> Tensor<D> {
        self.model.projected(hidden, self.model.tied_head())
    }

    /// Same weights with the decoder frozen: only the head learns.
    pub fn freeze_decoder(mut self) -> Self {
        self.model = self.model.freeze();
        self
    }

    /// Same weights with every parameter learning.
    pub fn unfreeze_decoder(mut self) -> Self {
        self.model = self.model.unfreeze();
        self
    }

    /// Same weights with the head learning beside what learns already.
    pub(super) fn learning_head(mut self) -> Self {
        self.score = self.score.unfreeze();
        self
    }

    /// The device the weights lie on.
    pub fn device(&self) -> Device {
        self.model.device()
    }
}

/// A reward model of Qwen2.5-Math: hidden states to two logits through a layer in between.
#[derive(Module, Debug)]
pub struct TwoLayerClassifier {
    model: Decoder,
    score: (Linear, Relu, Linear),
}

impl Network for TwoLayerClassifier {
    fn new(config: &ModelConfig, device: &Device) -> Self {
        let (width, model) = (config.hidden_size, Decoder::new(config, device));
        let layer = |outputs| linear(config, width, outputs, true, device);
        Self { score: (layer(width), Relu::new(), layer(2)), model }
    }
}

impl TwoLayerClassifier {
    /// `tokens [rows, time]` to hidden states `[rows, time, hidden]`.
    pub fn hidden(&self, tokens: Tensor<2, Int>, frame: &Frame) -> Tensor<3> {
        self.model.forward(tokens, frame, None)
    }

    /// Hidden states `[picks, hidden]` to logits `[picks, 2]`.
    pub fn judge(&self, hidden: Tensor<2>) -> Tensor<2> {
        let (first, relu, last) = &self.score;
        mapped(last, relu.forward(mapped(first, hidden)))
    }

    /// The device the weights lie on.
    pub fn device(&self) -> Device {
        self.model.device()
    }
}

/// A reward model of Skywork-o1: hidden states to one value.
#[derive(Module, Debug)]
pub struct ValueHeadModel {
    model: Decoder,
    v_head: ValueHead,
}

#[derive(Module, Debug)]
struct ValueHead {
    summary: Linear,
}

impl Network for ValueHeadModel {
    fn new(config: &ModelConfig, device: &Device) -> Self {
        let summary = linear(config, config.hidden_size, 1, true, device);
        Self { v_head: ValueHead { summary }, model: Decoder::new(config, device) }
    }
}

impl ValueHeadModel {
    /// `tokens [rows, time]` to hidden states `[rows, time, hidden]`.
    pub fn hidden(&self, tokens: Tensor<2, Int>, frame: &Frame) -> Tensor<3> {
        self.model.forward(tokens, frame, None)
    }

    /// Hidden states `[picks, hidden]` to values `[picks, 1]`.
    pub fn judge(&self, hidden: Tensor<2>) -> Tensor<2> {
        mapped(&self.v_head.summary, hidden)
    }

    /// The device the weights lie on.
    pub fn device(&self) -> Device {
        self.model.device()
    }
}

/// A value function: hidden states to the expected return from the next token on.
#[derive(Module, Debug)]
pub struct ValueModel {
    model: Decoder,
    value: Linear,
}

impl Network for ValueModel {
    fn new(config: &ModelConfig, device: &Device) -> Self {
        Self::from_decoder(config, Decoder::new(config, device))
    }
}

impl ValueModel {
    /// A fresh head on the decoder of a policy.
    pub fn from_decoder(config: &ModelConfig, model: Decoder) -> Self {
        let device = model.device();
        Self { value: linear(config, config.hidden_size, 1, true, &device), model }
    }

    /// `tokens [rows, time]` to hidden states `[rows, time, hidden]`.
    pub fn hidden(&self, tokens: Tensor<2, Int>, frame: &Frame) -> Tensor<3> {
        self.model.forward(tokens, frame, None)
    }

    /// Hidden states `[picks, hidden]` to values `[picks]`.
    pub fn values(&self, hidden: Tensor<2>) -> Tensor<1> {
        let [picks, _] = hidden.dims();
        mapped(&self.value, hidden).reshape([picks])
    }

    /// The device the weights lie on.
    pub fn device(&self) -> Device {
        self.model.device()
    }
}
