//! The operations that a layer repeats, one by one, so that a device's time can be told apart.

use std::sync::Arc;

use burn::tensor::{DType, Device, Distribution, Int, Tensor};

use super::config::ModelConfig;
use super::cost::Sequences;
use super::frame::{Frame, Rope};
use crate::Dtype;
use crate::ops::{attended, gated, log_prob_at, mapped_by, rms_norm, rotated};

/// Rank of the adapter among the operations.
const RANK: usize = 16;

/// Tokens whose logits are formed at a time.
const PICKS: usize = 1024;

/// An operation at the size of a batch, ready to be queued on its device.
pub struct Operation {
    /// What it is.
    pub name: &'static str,
    /// How often one pass through the network does it.
    pub times: usize,
    /// Multiplications and additions of its matrix products, forward.
    pub operations: f64,
    run: Box<dyn Fn() -> Tensor<1>>,
}

impl Operation {
    /// Queues it once.
    pub fn forward(&self) {
        drop((self.run)());
    }

    /// Queues it and what gives the gradients of its inputs; on a device that records gradients.
    pub fn forward_and_backward(&self) {
        // The gradient of every cell of the result is 1.
        drop((self.run)().backward());
    }
}

/// The operations of a network on `sequences`, with products in `dtype`.
pub fn operations(config: &ModelConfig, sequences: Sequences, dtype: Dtype, device: &Device) -> Vec<Operation> {
    let Sequences { rows, tokens } = sequences;
    let (layers, heads, dim) = (config.num_hidden_layers, config.num_attention_heads, config.head_dim);
    let key_heads = config.num_key_value_heads;
    let (hidden, inner) = (config.hidden_size, config.intermediate_size);
    let (query, key) = (heads * dim, key_heads * dim);
    let frame = Frame::causal(&Rope::new(config), tokens, device).cast(dtype.into());
    let draw = Draw { device: device.clone(), dtype: dtype.into() };
    let map = |name, times, rows: usize, input: usize, output: usize| {
        let (x, weight) = (draw.tensor([1, rows, input]), draw.tensor([input, output]));
        let operations = 2.0 * (rows * input * output) as f64;
        let run = move || mapped_by(x.clone(), weight.clone(), None).flatten(0, 2);
        Operation { name, times, operations, run: Box::new(run) }
    };
    let all = rows * tokens;
    vec![
        map("query and output", 2 * layers, all, hidden, query),
        map("key and value", 2 * layers, all, hidden, key),
        map("gate and up", 2 * layers, all, hidden, inner),
        map("down", layers, all, inner, hidden),
        map("adapter, narrow", 7 * layers, all, hidden, RANK),
        map("adapter, wide", 7 * layers, all, RANK, hidden),
        map("vocabulary", all.div_ceil(PICKS), PICKS, hidden, config.vocab_size),
        norm(&draw, [rows, tokens, hidden], 2 * layers + 1),
        rotary(&draw, [rows, tokens, query], layers, frame.clone()),
        attention(&draw, rows, tokens, [heads, key_heads, dim], layers, frame),
        gate(&draw, [rows, tokens, inner], layers),
        sum(&draw, [rows, tokens, hidden], 2 * layers),
        log_probs(&draw, config.vocab_size, all.div_ceil(PICKS)),
        embedding(&draw, config, rows, tokens),
    ]
}

struct Draw {
    device: Device,
    dtype: DType,
}

impl Draw {
    /// Numbers that have a gradient where the device records them.
    fn tensor<const D: usize>(&self, shape: [usize; D]) -> Tensor<D> {
        let tensor =
            Tensor::<D>::random(shape, Distribution::Normal(0.0, 0.02), &self.device).cast(self.dtype).detach();
        tensor.set_require_grad(self.device.is_autodiff())
    }
}

fn plain(name: &'static str, times: usize, run: impl Fn() -> Tensor<1> + 'static) -> Operation {
    Operation { name, times, operations: 0.0, run: Box::new(run) }
}

fn norm(draw: &Draw, shape: [usize; 3], times: usize) -> Operation {
    let x = draw.tensor(shape);
    let gamma = Tensor::ones([shape[2]], &draw.device);
    plain("norm", times, move || rms_norm(x.clone(), gamma.clone(), 1e-5).flatten(0, 2))
}

fn rotary(draw: &Draw, shape: [usize; 3], times: usize, frame: Frame) -> Operation {
    let x = draw.tensor(shape);
    plain("rotary, query", times, move || {
        rotated(x.clone(), &frame.angles, frame.tensors.as_ref().map(|tensors| &tensors.turn)).flatten(0, 3)
    })
}

fn attention(
    draw: &Draw,
    rows: usize,
    tokens: usize,
    [heads, key_heads, dim]: [usize; 3],
    times: usize,
    frame: Frame,
) -> Operation {
    let q = draw.tensor([rows, heads, tokens, dim]);
    let [k, v] = [(); 2].map(|()| draw.tensor([rows, key_heads, tokens, dim]));
    let mask = Arc::clone(&frame.mask);
    // Both products form the whole square.
    let operations = 2.0 * 2.0 * (rows * heads * tokens * tokens * dim) as f64;
    let run = move || {
        let bias = frame.tensors.as_ref().map(|tensors| &tensors.bias);
        attended(q.clone(), k.clone(), v.clone(), &mask, bias).flatten(0, 2)
    };
    Operation { name: "attention", times, operations, run: Box::new(run) }
}

fn gate(draw: &Draw, shape: [usize; 3], times: usize) -> Operation {
    let [gate, up] = [(); 2].map(|()| draw.tensor(shape));
    plain("gate", times, move || gated(gate.clone(), up.clone()).flatten(0, 2))
}

fn sum(draw: &Draw, shape: [usize; 3], times: usize) -> Operation {
    let [x, y] = [(); 2].map(|()| draw.tensor(shape));
    plain("residual sum", times, move || (x.clone() + y.clone()).flatten(0, 2))
}

fn log_probs(draw: &Draw, vocabulary: usize, times: usize) -> Operation {
    let logits = Draw { device: draw.device.clone(), dtype: DType::F32 }.tensor([PICKS, vocabulary]);
    let targets: Vec<i32> = (0..PICKS).map(|pick| (pick * 7 % vocabulary) as i32).collect();
    plain("log-probability", times, move || log_prob_at(logits.clone(), &targets))
}

fn embedding(draw: &Draw, config: &ModelConfig, rows: usize, tokens: usize) -> Operation {
    let weight =
        Draw { device: draw.device.clone(), dtype: DType::F32 }.tensor([config.vocab_size, config.hidden_size]);
    let ids: Vec<i32> = (0..rows * tokens).map(|at| (at * 31 % config.vocab_size) as i32).collect();
    let ids = Tensor::<1, Int>::from_data(ids.as_slice(), &draw.device);
    plain("embedding", 1, move || weight.clone().select(0, ids.clone()).flatten(0, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_runs_forward_and_backward() {
        let config = ModelConfig::small(64, 32, 2, 2);
        for dtype in [Dtype::F32, Dtype::F16] {
            for device in [Device::flex(), Device::flex().autodiff()] {
                let sequences = Sequences { rows: 2, tokens: 5 };
                for operation in operations(&config, sequences, dtype, &device) {
                    operation.forward();
                    if device.is_autodiff() {
                        operation.forward_and_backward();
                    }
                }
            }
        }
    }

    /// Without adapters and vocabulary: what the layers do by hand.
    #[test]
    fn the_products_add_up_to_those_of_a_pass() {
        let config = ModelConfig::small(64, 32, 2, 2);
        let sequences = Sequences { rows: 3, tokens: 7 };
        let counted = operations(&config, sequences, Dtype::F32, &Device::flex());
        let maps = ["query and output", "key and value", "gate and up", "down"];
        let sum: f64 = counted
            .iter()
            .filter(|operation| maps.contains(&operation.name))
            .map(|operation| operation.operations * operation.times as f64)
            .sum();
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let key = config.num_key_value_heads * config.head_dim;
        let layer = 2 * hidden * hidden + 2 * hidden * key + 3 * hidden * inner;
        assert_eq!(sum, (2 * 2 * layer * 3 * 7) as f64);
    }
}
