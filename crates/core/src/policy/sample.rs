//! Choosing one token from a row of logits.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::config::Sampling;

/// A chosen token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Vocabulary id.
    pub token: u32,
    /// log π(token) of the unmodified distribution: temperature 1, no filter.
    pub log_prob: f32,
}

/// Draws a token from softmax(logits / temperature) after top-k and top-p filtering; temperature 0 is greedy.
///
/// A logit that is not a number is never chosen. Ties in greedy choice go to the lowest id.
pub fn choose(logits: &[f32], sampling: &Sampling, rng: &mut ChaCha8Rng) -> Choice {
    let token = if sampling.temperature <= 0.0 { greedy(logits) } else { draw(logits, sampling, rng) };
    let log_prob = logits.get(token).map_or(f32::NEG_INFINITY, |logit| logit - log_sum_exp(logits));
    Choice { token: token as u32, log_prob }
}

fn greedy(logits: &[f32]) -> usize {
    let better = |best: usize, (id, logit): (usize, &f32)| {
        if *logit > logits[best] || logits[best].is_nan() { id } else { best }
    };
    logits.iter().enumerate().fold(0, better)
}

/// log Σ exp(logit), shifted by the maximum.
fn log_sum_exp(logits: &[f32]) -> f32 {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f32 = logits.iter().filter(|logit| !logit.is_nan()).map(|logit| (logit - highest).exp()).sum();
    highest + total.ln()
}

fn draw(logits: &[f32], sampling: &Sampling, rng: &mut ChaCha8Rng) -> usize {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: f32| if logit.is_nan() { 0.0 } else { ((logit - highest) / sampling.temperature).exp() };
    let filtered = (sampling.top_k > 0 && sampling.top_k < logits.len()) || sampling.top_p < 1.0;
    let uniform: f32 = rng.random();
    if !filtered {
        return pick(logits.iter().map(|logit| weight(*logit)).enumerate(), uniform);
    }
    let mut ranked: Vec<(usize, f32)> = logits.iter().map(|logit| weight(*logit)).enumerate().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    if sampling.top_k > 0 {
        ranked.truncate(sampling.top_k);
    }
    let total: f32 = ranked.iter().map(|(_, weight)| weight).sum();
    let mut mass = 0.0;
    // The token that crosses top_p belongs to the nucleus.
    let kept = ranked.iter().take_while(|(_, weight)| {
        let before = mass;
        mass += weight / total;
        before < sampling.top_p
    });
    let kept = kept.count().max(1);
    pick(ranked[..kept].iter().copied(), uniform)
}

/// Inverse of the cumulative distribution at `uniform` in [0, 1).
fn pick(weights: impl Iterator<Item = (usize, f32)> + Clone, uniform: f32) -> usize {
    let total: f32 = weights.clone().map(|(_, weight)| weight).sum();
    let mut left = uniform * total;
    let mut chosen = 0;
    for (id, weight) in weights {
        if weight > 0.0 {
            chosen = id;
            if left < weight {
                break;
            }
            left -= weight;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;

    fn sampling(temperature: f32, top_k: usize, top_p: f32) -> Sampling {
        Sampling { temperature, top_k, top_p, ..Sampling::default() }
    }

    fn frequencies(logits: &[f32], sampling: &Sampling) -> Vec<f32> {
        let mut rng = stream(7, &[]);
        let mut counts = vec![0_u16; logits.len()];
        for _ in 0..20_000 {
            counts[choose(logits, sampling, &mut rng).token as usize] += 1;
        }
        counts.into_iter().map(|count| f32::from(count) / 20_000.0).collect()
    }

    #[test]
    fn draws_follow_the_softmax() {
        let found = frequencies(&[0.0, 1.0, 2.0], &sampling(1.0, 0, 1.0));
        for (found, expected) in found.iter().zip([0.0900, 0.2447, 0.6652]) {
            assert!((found - expected).abs() < 0.012, "{found} against {expected}");
        }
    }

    #[test]
    fn top_k_and_top_p_cut_the_tail() {
        assert_eq!(frequencies(&[0.0, 1.0, 2.0], &sampling(1.0, 1, 1.0)), [0.0, 0.0, 1.0]);
        assert_eq!(frequencies(&[0.0, 1.0, 2.0], &sampling(1.0, 0, 0.8))[0], 0.0);
        assert_eq!(frequencies(&[0.0, 1.0, 2.0], &sampling(1.0, 0, 0.0))[2], 1.0);
    }

    #[test]
    fn zero_temperature_is_greedy_and_log_prob_is_of_temperature_one() {
        let choice = choose(&[0.0, 3.0, 3.0], &sampling(0.0, 0, 1.0), &mut stream(1, &[]));
        assert_eq!(choice.token, 1);
        assert!((choice.log_prob - (3.0_f32 - (1.0 + 2.0 * 3.0_f32.exp()).ln())).abs() < 1e-6);
    }

    #[test]
    fn not_a_number_is_never_chosen() {
        for temperature in [0.0, 1.0] {
            let choice = choose(&[f32::NAN, 0.5, f32::NAN], &sampling(temperature, 0, 1.0), &mut stream(1, &[]));
            assert_eq!(choice.token, 1);
        }
    }
}
