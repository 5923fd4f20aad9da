//! Weights of few bits, for inference.

use burn::module::{ModuleMapper, Param};
use burn::tensor::Tensor;
use burn::tensor::quantization::QuantValue;
use serde::{Deserialize, Serialize};

use super::network::{Configured, Network};
use crate::ops::{BLOCK, scheme};

/// How many bits a weight is kept in. Blocks of 32 inputs of an output share a scale s: w ≈ s q with
/// s = max |w| / q_max.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantization {
    /// Eight: −127 ≤ q ≤ 127.
    Q8,
    /// Four: −7 ≤ q ≤ 7. On the processor each takes a byte all the same.
    Q4,
}

impl<M: Network> Configured<M> {
    /// The same network for inference, its weights as they are or in few bits.
    pub fn for_inference(&self, quantization: Option<Quantization>) -> Self {
        quantization.map_or_else(|| self.frozen(), |quantization| self.quantized(quantization))
    }

    /// The same network for inference, the linear maps of its layers in few bits. Embeddings, norms and heads stay as
    /// they are, and so do maps whose inputs are no multiple of 32.
    pub fn quantized(&self, quantization: Quantization) -> Self {
        let value = match quantization {
            Quantization::Q8 => QuantValue::Q8S,
            Quantization::Q4 => QuantValue::Q4S,
        };
        let Self { config, model } = self.frozen();
        Self { config, model: model.map(&mut Quantizer { path: Vec::new(), value }) }
    }
}

struct Quantizer {
    path: Vec<String>,
    value: QuantValue,
}

impl ModuleMapper for Quantizer {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let in_layer = self.path.iter().any(|name| name == "layers");
        match D == 2 && in_layer && param.dims()[0].is_multiple_of(BLOCK) {
            true => param.map(|weight| weight.quantize_dynamic(&scheme(self.value))),
            false => param,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device};

    use burn::module::{Module as _, ModuleVisitor};

    use super::*;
    use crate::model::ModelConfig;
    use crate::policy::{Packed, Policy, Row};
    use crate::read::read;

    #[derive(Default)]
    struct Kinds {
        few_bits: usize,
        whole: usize,
    }

    impl ModuleVisitor for Kinds {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            match param.val().dtype() {
                DType::QFloat(_) => self.few_bits += 1,
                _ => self.whole += 1,
            }
        }
    }

    /// The closer, the more bits; and something is lost, so that the weights were in fact replaced.
    #[test]
    fn log_probs_are_close_to_those_of_the_whole_weights() {
        let policy = Policy::new(ModelConfig::small(64, 64, 2, 2), 5, &Device::flex());
        let packed = Packed::continuations(&[vec![Row { shared: &[1, 2], own: &[7, 40, 11, 5, 9, 60, 33, 2, 8, 21] }]]);
        let log_probs = |policy: &Policy| pollster::block_on(read(policy.log_probs(&packed))).unwrap();
        let exact = log_probs(&policy);
        let error = |quantization| {
            let found = log_probs(&policy.quantized(quantization));
            exact.iter().zip(found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        let (eight, four) = (error(Quantization::Q8), error(Quantization::Q4));
        // Four bits are 127 / 7 times as coarse as eight.
        assert!(eight > 0.0 && eight < 0.1 && four > 5.0 * eight && four < 2.0, "{eight} and {four}");
        let model = policy.quantized(Quantization::Q8).model;
        let mut kinds = Kinds::default();
        model.visit(&mut kinds);
        // Six maps in each of two layers. What stays: embedding, norms, biases, and the maps down from 176 inputs.
        assert_eq!((kinds.few_bits, kinds.whole), (2 * 6, 1 + (2 * 2 + 1) + 2 * 3 + 2));
    }
}
