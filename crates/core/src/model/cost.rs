//! What a phase of work costs at the least, by counting: operations, and bytes through the memory of the device.
//!
//! Counted are the products of matrices. Norms, rotations and activations are left out, which are about a hundredth of
//! the operations.

use super::ModelConfig;
use crate::Dtype;

/// Of an f32.
const WHOLE: f64 = 4.0;

/// Of a number of this type.
fn bytes(dtype: Dtype) -> f64 {
    match dtype {
        Dtype::F32 => WHOLE,
        Dtype::Bf16 | Dtype::F16 => 2.0,
    }
}

/// Multiplications and additions, and bytes that have to be read or written.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Multiplications and additions, counted apart.
    pub operations: f64,
    /// Bytes read and written, each weight once for every pass that needs it.
    pub bytes: f64,
}

impl Cost {
    /// The shortest time on a device that computes `operations` and moves `bytes` in a second at best, in seconds.
    pub fn seconds(&self, operations: f64, bytes: f64) -> f64 {
        (self.operations / operations).max(self.bytes / bytes)
    }
}

/// Sequences alike: so many of so many tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequences {
    /// How many.
    pub rows: usize,
    /// Tokens of each.
    pub tokens: usize,
}

impl ModelConfig {
    /// Weights of the projections of all layers: L (2 h q + 2 h k + 3 h m) with q and k the widths of queries and keys.
    fn projections(&self) -> f64 {
        let [hidden, inner, layers, heads, keys, dim] = [
            self.hidden_size,
            self.intermediate_size,
            self.num_hidden_layers,
            self.num_attention_heads,
            self.num_key_value_heads,
            self.head_dim,
        ]
        .map(|size| size as f64);
        layers * hidden * (2.0 * heads * dim + 2.0 * keys * dim + 3.0 * inner)
    }

    /// Weights of the language head.
    fn language_head(&self) -> f64 {
        (self.hidden_size * self.vocab_size) as f64
    }

    /// Operations of attention for one query that sees `keys` keys: 4 L q of them each.
    fn attention(&self, keys: f64) -> f64 {
        4.0 * (self.num_hidden_layers * self.num_attention_heads * self.head_dim) as f64 * keys
    }

    /// Keys and values of one token in all layers.
    fn cached(&self) -> f64 {
        2.0 * (self.num_hidden_layers * self.num_key_value_heads * self.head_dim) as f64
    }

    /// Operations of reading sequences, with logits at `picks` tokens of each.
    fn reading(&self, Sequences { rows, tokens }: Sequences, picks: usize) -> f64 {
        let (rows, tokens) = (rows as f64, tokens as f64);
        let seen = tokens * (tokens + 1.0) / 2.0;
        rows * (2.0 * self.projections() * tokens + self.attention(seen) + 2.0 * self.language_head() * picks as f64)
    }

    /// One pass over sequences for scores of their steps.
    pub fn scoring_cost(&self, sequences: Sequences, dtype: Dtype) -> Cost {
        Cost { operations: self.reading(sequences, 0), bytes: bytes(dtype) * self.projections() }
    }

    /// A step of learning on sequences, all weights and a loss of every token: forward, twice that backward, AdamW.
    ///
    /// Weights are read forward and backward, gradients written, and AdamW reads weights, gradients and two moments and
    /// writes back all but the gradients: ten times the weights, the first two of them in `dtype`.
    pub fn update_cost(&self, sequences: Sequences, dtype: Dtype) -> Cost {
        let weights = self.projections() + self.language_head();
        Cost {
            operations: 3.0 * self.reading(sequences, sequences.tokens),
            bytes: (2.0 * bytes(dtype) + 8.0 * WHOLE) * weights,
        }
    }

    /// `new` tokens written after each of the `prompts`, with a cache of keys and values.
    ///
    /// Every written token takes a pass over the weights and over the keys and values so far.
    pub fn generation_cost(&self, prompts: Sequences, new: usize, dtype: Dtype) -> Cost {
        let (rows, steps) = (prompts.rows as f64, new.saturating_sub(1) as f64);
        let weights = self.projections() + self.language_head();
        // The token at step s sees the prompt, the tokens before it and itself.
        let seen = steps * prompts.tokens as f64 + steps * (steps + 1.0) / 2.0;
        let steps_operations = rows * (2.0 * weights * steps + self.attention(seen));
        let steps_bytes = weights * steps + rows * self.cached() * seen;
        Cost {
            operations: self.reading(prompts, 1) + steps_operations,
            bytes: bytes(dtype) * (weights + rows * self.cached() * prompts.tokens as f64 + steps_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// h = 4, one head of 4, one layer, m = 16 (8/3 of 4, rounded up), vocabulary 10: 4 (8 + 8 + 48) = 256 weights and
    /// 40 of the head.
    fn config() -> ModelConfig {
        let config = ModelConfig::small(10, 4, 1, 1);
        assert_eq!((config.intermediate_size, config.head_dim), (16, 4));
        config
    }

    #[test]
    fn counted_by_hand() {
        let two = Sequences { rows: 2, tokens: 3 };
        // 2 · (2 · 256 · 3 + 16 · 6).
        assert_eq!(config().scoring_cost(two, Dtype::F32), Cost { operations: 3264.0, bytes: 1024.0 });
        assert_eq!(config().scoring_cost(two, Dtype::F16).bytes, 512.0);
        // 3 · (3264 + 2 · 2 · 40 · 3), and ten times 296 weights.
        assert_eq!(config().update_cost(two, Dtype::F32), Cost { operations: 11232.0, bytes: 11840.0 });
        assert_eq!(config().update_cost(two, Dtype::Bf16).bytes, 296.0 * 36.0);
    }

    #[test]
    fn a_single_new_token_is_one_reading_of_the_prompt() {
        let prompts = Sequences { rows: 2, tokens: 3 };
        let one = config().generation_cost(prompts, 1, Dtype::F32);
        // The reading and 2 · 2 · 40 for the logits of the last tokens; 296 weights, and 2 · 8 · 3 keys and values.
        assert_eq!(one, Cost { operations: 3424.0, bytes: 4.0 * (296.0 + 48.0) });
        let two = config().generation_cost(prompts, 2, Dtype::F32);
        // 2 · (2 · 296 + 16 · 4) more; the weights again, and 2 · 8 · 4 keys and values.
        assert_eq!(two.operations - one.operations, 1312.0);
        assert_eq!(two.bytes - one.bytes, 4.0 * (296.0 + 64.0));
    }

    #[test]
    fn the_longer_of_both_times_is_the_floor() {
        let cost = Cost { operations: 100.0, bytes: 10.0 };
        assert_eq!((cost.seconds(10.0, 10.0), cost.seconds(1000.0, 10.0)), (10.0, 1.0));
    }
}
