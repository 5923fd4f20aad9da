//! What every layer of one forward pass shares: rotary angles and the attention mask.

use std::sync::Arc;

use burn::tensor::{DType, Device, Tensor};

use super::config::{Llama3Scaling, ModelConfig};
use crate::ops::{Angles, Branches, Mask, Turn, fused};

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
}

/// Llama 3: long wavelengths are slowed by `factor`, short ones kept, those between blended.
fn scaled(frequency: f64, scaling: Llama3Scaling) -> f64 {
    let wavelength = 2.0 * core::f64::consts::PI / frequency;
    let turns = scaling.original_context / wavelength;
    let span = scaling.high_frequency_factor - scaling.low_frequency_factor;
    let blend = ((turns - scaling.low_frequency_factor) / span).clamp(0.0, 1.0);
    frequency * (blend + (1.0 - blend) / scaling.factor)
}

/// Angles and mask of one forward pass.
#[derive(Debug, Clone)]
pub struct Frame {
    pub(super) angles: Arc<Angles>,
    pub(super) mask: Arc<Mask>,
    /// Both as tensors, for devices that compose attention of burn's operations.
    pub(super) tensors: Option<Tensors>,
}

/// The rotation by the angles, and the attention bias `[rows or 1, 1, time, keys]` in f32.
#[derive(Debug, Clone)]
pub(super) struct Tensors {
    pub(super) turn: Turn,
    pub(super) bias: Tensor<4>,
}

impl Frame {
    /// Whole sequences from position 0, right-padded: causal attention hides the padding from every real token.
    pub fn causal(rope: &Rope, time: usize, device: &Device) -> Self {
        Self::cached(rope, &[0], 0, time, time, device)
    }

    /// The same where rows branch, each in its own way; without branches, whole sequences.
    pub(crate) fn branched(rope: &Rope, branches: &[Branches], time: usize, device: &Device) -> Self {
        if branches.is_empty() {
            return Self::causal(rope, time, device);
        }
        let positions: Vec<Vec<usize>> =
            branches.iter().map(|branches| (0..time).map(|t| branches.position(t)).collect()).collect();
        let mask = Mask { padding: vec![0], column: 0, time, keys: time, branches: branches.to_vec() };
        Self::new(Angles::new(&rope.frequencies, &positions), mask, device)
    }

    /// `time` new tokens per row at cache columns `column..`, reading the first `view` columns.
    ///
    /// `padding[row]` columns at the left of each row hold nothing. `view >= column + time`.
    pub fn cached(rope: &Rope, padding: &[usize], column: usize, time: usize, view: usize, device: &Device) -> Self {
        let columns = column..column + time;
        let positions: Vec<Vec<usize>> =
            padding.iter().map(|pad| columns.clone().map(|c| c.saturating_sub(*pad)).collect()).collect();
        let mask = Mask { padding: padding.to_vec(), column, time, keys: view, branches: Vec::new() };
        Self::new(Angles::new(&rope.frequencies, &positions), mask, device)
    }

    /// For states of this type.
    pub(super) fn cast(&self, dtype: DType) -> Self {
        let cast = |tensors: &Tensors| Tensors { turn: tensors.turn.cast(dtype), bias: tensors.bias.clone() };
        Self { tensors: self.tensors.as_ref().map(cast), ..self.clone() }
    }

    fn new(angles: Angles, mask: Mask, device: &Device) -> Self {
        let tensors = || Tensors { turn: angles.tensors(device), bias: mask.bias(device) };
        let tensors = (!fused(device)).then(tensors);
        Self { angles: Arc::new(angles), mask: Arc::new(mask), tensors }
    }
}
