//! What every layer of one forward pass shares: rotary angles and the attention bias.

use burn::tensor::{Device, Tensor, TensorData};

use super::config::{Llama3Scaling, ModelConfig};

/// Added to the attention score of a key that must not be seen. Finite, so a row that sees nothing stays finite.
const HIDDEN: f32 = -1e9;

/// Inverse frequencies of the rotary position encoding.
///
/// fᵢ = θ^(−2i/d), i in 0..d/2, with the Llama 3 scaling applied where the model asks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    frequencies: Vec<f64>,
}

impl Rope {
    /// The frequencies of a model.
    pub fn new(config: &ModelConfig) -> Self {
        let width = config.head_dim as f64;
        let frequencies = (0..config.head_dim / 2)
            .map(|i| config.rope_theta.powf(-2.0 * i as f64 / width))
            .map(|frequency| config.rope_scaling.map_or(frequency, |scaling| scaled(frequency, scaling)))
            .collect();
        Self { frequencies }
    }

    /// Cosines and sines `[rows, 1, time, head_dim / 2]` at the given positions `[rows][time]`.
    fn angles(&self, positions: &[Vec<usize>], device: &Device) -> (Tensor<4>, Tensor<4>) {
        let angle = |position: usize, frequency: f64| position as f64 * frequency;
        let table = |function: fn(f64) -> f64| -> Vec<f32> {
            positions
                .iter()
                .flatten()
                .flat_map(|position| self.frequencies.iter().map(move |f| function(angle(*position, *f)) as f32))
                .collect()
        };
        let shape = [positions.len(), 1, positions.first().map_or(0, Vec::len), self.frequencies.len()];
        let upload = |values| Tensor::from_data(TensorData::new(values, shape), device);
        (upload(table(f64::cos)), upload(table(f64::sin)))
    }
}

/// Llama 3: long wavelengths are slowed by `factor`, short ones kept, those between blended.
fn scaled(frequency: f64, scaling: Llama3Scaling) -> f64 {
    let wavelength = 2.0 * core::f64::consts::PI / frequency;
    let turns = scaling.original_context / wavelength;
    let span = scaling.high_frequency_factor - scaling.low_frequency_factor;
    let blend = ((turns - scaling.low_frequency_factor) / span).clamp(0.0, 1.0);
    frequency * (blend + (1.0 - blend) / scaling.factor)
}

/// Angles and bias of one forward pass.
#[derive(Debug, Clone)]
pub struct Frame {
    pub(super) cos: Tensor<4>,
    pub(super) sin: Tensor<4>,
    /// `[rows or 1, 1, time, keys]`: 0 where a query may look, very negative where it may not.
    pub(super) bias: Tensor<4>,
    /// First column of the cache this pass writes; 0 without a cache.
    pub(super) column: usize,
}

impl Frame {
    /// Whole sequences from position 0, right-padded: causal attention hides the padding from every real token.
    pub fn causal(rope: &Rope, time: usize, device: &Device) -> Self {
        let (cos, sin) = rope.angles(&[(0..time).collect()], device);
        let bias = (0..time * time).map(|cell| if cell % time > cell / time { HIDDEN } else { 0.0 }).collect();
        Self { cos, sin, bias: Tensor::from_data(TensorData::new(bias, [1, 1, time, time]), device), column: 0 }
    }

    /// `time` new tokens per row at cache columns `column..`, reading the first `view` columns.
    ///
    /// `padding[row]` columns at the left of each row hold nothing. `view >= column + time`.
    pub fn cached(rope: &Rope, padding: &[usize], column: usize, time: usize, view: usize, device: &Device) -> Self {
        let columns = column..column + time;
        let positions: Vec<Vec<usize>> =
            padding.iter().map(|pad| columns.clone().map(|c| c.saturating_sub(*pad)).collect()).collect();
        let (cos, sin) = rope.angles(&positions, device);
        let visible = |pad: usize, query: usize, key: usize| key >= pad && key <= query;
        let bias: Vec<f32> = padding
            .iter()
            .flat_map(|pad| columns.clone().map(move |query| (*pad, query)))
            .flat_map(|(pad, query)| (0..view).map(move |key| if visible(pad, query, key) { 0.0 } else { HIDDEN }))
            .collect();
        let shape = [padding.len(), 1, time, view];
        Self { cos, sin, bias: Tensor::from_data(TensorData::new(bias, shape), device), column }
    }

    /// Rotates `x [rows, heads, time, head_dim]`: (a, b) → (a cos − b sin, b cos + a sin) over its two halves.
    pub(super) fn rotate(&self, x: Tensor<4>) -> Tensor<4> {
        let half = x.dims()[3] / 2;
        let a = x.clone().narrow(3, 0, half);
        let b = x.narrow(3, half, half);
        let first = a.clone() * self.cos.clone() - b.clone() * self.sin.clone();
        let second = b * self.cos.clone() + a * self.sin.clone();
        Tensor::cat(vec![first, second], 3)
    }
}
