//! Grouped-query attention with an optional key/value cache.

use burn::module::Module;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{DType, Device, Int, Tensor};

use super::config::ModelConfig;
use super::frame::Frame;
use crate::ops::{attended, heads, mapped, rotated};

/// softmax(q kᵀ / √d + bias) v with `heads / key_value_heads` query heads per key head.
#[derive(Module, Debug)]
pub struct Attention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    head_dim: usize,
}

/// Keys and values of one layer, `[rows, key_value_heads, capacity, head_dim]`.
#[derive(Debug, Clone)]
pub struct LayerCache {
    keys: Tensor<4>,
    values: Tensor<4>,
}

impl LayerCache {
    /// An empty cache; its memory does not grow later.
    pub fn new(config: &ModelConfig, rows: usize, capacity: usize, device: &Device, dtype: DType) -> Self {
        let shape = [rows, config.num_key_value_heads, capacity, config.head_dim];
        Self { keys: Tensor::zeros(shape, (device, dtype)), values: Tensor::zeros(shape, (device, dtype)) }
    }

    /// Keeps the given rows, in this order; a row may be named several times.
    pub fn select(self, rows: &Tensor<1, Int>) -> Self {
        Self { keys: self.keys.select(0, rows.clone()), values: self.values.select(0, rows.clone()) }
    }

    /// Forgets the first `count` columns of every row.
    pub(super) fn shifted(self, count: usize) -> Self {
        let shift = |cells: Tensor<4>| {
            let [rows, heads, capacity, width] = cells.dims();
            let empty = Tensor::zeros([rows, heads, count, width], (&cells.device(), cells.dtype()));
            Tensor::cat(vec![cells.narrow(2, count, capacity - count), empty], 2)
        };
        Self { keys: shift(self.keys), values: shift(self.values) }
    }

    /// These rows and then those of `other`, whose columns come to lie from `column` on and must fit.
    pub(super) fn joined(self, other: Self, column: usize) -> Self {
        let join = |own: Tensor<4>, other: Tensor<4>| {
            let ([_, heads, capacity, width], [rows, _, columns, _]) = (own.dims(), other.dims());
            let place = [0..rows, 0..heads, column..column + columns, 0..width];
            let placed = Tensor::zeros([rows, heads, capacity, width], (&own.device(), own.dtype()));
            Tensor::cat(vec![own, placed.slice_assign(place, other)], 0)
        };
        Self { keys: join(self.keys, other.keys), values: join(self.values, other.values) }
    }

    /// Writes new keys and values at `column` and returns the first `view` columns.
    fn extend(&mut self, keys: Tensor<4>, values: Tensor<4>, column: usize, view: usize) -> (Tensor<4>, Tensor<4>) {
        let [rows, heads, time, width] = keys.dims();
        let place = [0..rows, 0..heads, column..column + time, 0..width];
        self.keys.inplace(|cache| cache.slice_assign(place.clone(), keys));
        self.values.inplace(|cache| cache.slice_assign(place, values));
        (self.keys.clone().narrow(2, 0, view), self.values.clone().narrow(2, 0, view))
    }
}

impl Attention {
    pub(super) fn new(config: &ModelConfig, device: &Device) -> Self {
        let query = config.num_attention_heads * config.head_dim;
        let key_value = config.num_key_value_heads * config.head_dim;
        let linear = |input, output, bias| linear(config, input, output, bias, device);
        Self {
            q_proj: linear(config.hidden_size, query, config.qkv_bias),
            k_proj: linear(config.hidden_size, key_value, config.qkv_bias),
            v_proj: linear(config.hidden_size, key_value, config.qkv_bias),
            o_proj: linear(query, config.hidden_size, config.output_bias),
            head_dim: config.head_dim,
        }
    }

    /// The type of number of its weights.
    pub(super) fn dtype(&self) -> DType {
        self.q_proj.weight.base().dtype()
    }

    /// `x [rows, time, hidden]` to the same shape.
    pub(super) fn forward(&self, x: Tensor<3>, frame: &Frame, cache: Option<&mut LayerCache>) -> Tensor<3> {
        let tensors = frame.tensors.as_ref();
        let (turn, bias) = (tensors.map(|tensors| &tensors.turn), tensors.map(|tensors| &tensors.bias));
        let query = rotated(mapped(&self.q_proj, x.clone()), &frame.angles, turn);
        let mut keys = rotated(mapped(&self.k_proj, x.clone()), &frame.angles, turn);
        let mut values = heads(mapped(&self.v_proj, x), self.head_dim);
        if let Some(cache) = cache {
            (keys, values) = cache.extend(keys, values, frame.mask.column, frame.mask.keys);
        }
        mapped(&self.o_proj, attended(query, keys, values, &frame.mask, bias))
    }
}

pub(super) fn linear(config: &ModelConfig, input: usize, output: usize, bias: bool, device: &Device) -> Linear {
    let mut linear = LinearConfig::new(input, output)
        .with_bias(bias)
        .with_initializer(Initializer::Normal { mean: 0.0, std: config.initializer_range })
        .init(device);
    if bias {
        linear.bias = Some(Initializer::Zeros.init([output], device));
    }
    linear
}
