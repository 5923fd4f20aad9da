//! Tokens drawn where the logits are, so that nothing but ids and log-probabilities comes back from a device.

use burn::tensor::{DType, Int, Tensor, TensorData};

use super::sample::Choice;
use crate::config::Sampling;
use crate::ops::{beside, largest, split, total};
use crate::read::read;
use crate::{Error, Result};

/// Just below 1: keeps what rounding adds from reaching past the last token.
const BELOW_ONE: f32 = 1.0 - 1e-6;

/// Whether [`drawn`] can do what is asked for.
pub(super) fn draws(sampling: &Sampling, vocabulary: usize) -> bool {
    (sampling.top_k == 0 || sampling.top_k >= vocabulary) && sampling.top_p >= 1.0
}

/// A token of softmax(logits / temperature) for each row of `logits [rows, vocabulary]`, where its cumulative distribution
/// passes `uniforms[row]` in 0..1; the most likely one at temperature 0.
///
/// Tokens count in the order of their ids, as in [`choose`](super::choose), so that the same uniform gives the same token
/// but for rounding. They are looked up as `[s, w]` cells, see [`split`]: first the line, then the place in it. A logit
/// that is not a number is never chosen, and ties at temperature 0 go to the lowest id.
///
/// # Errors
/// A device failure.
pub(super) async fn drawn(logits: Tensor<2>, temperature: f32, uniforms: &[f32]) -> Result<Vec<Choice>> {
    let not_numbers = logits.clone().is_nan();
    let cells = split(filled_up(logits.mask_fill(not_numbers, f32::NEG_INFINITY)));
    let [rows, lines, width] = cells.dims();
    let below = cells.clone() - beside(largest(cells), [rows, lines, width]);
    let normaliser = total(below.clone().exp()).log().reshape([rows, 1]);
    let line_of = |cells: Tensor<3>, at: &Tensor<2, Int>| {
        cells.gather(1, at.clone().unsqueeze_dim::<3>(2).expand([rows, 1, width])).reshape([rows, width])
    };
    let (line, place) = if temperature <= 0.0 {
        let line = below.clone().max_dim(2).reshape([rows, lines]).argmax(1);
        let place = line_of(below.clone(), &line).argmax(1);
        (line, place)
    } else {
        let weights = (below.clone() / temperature).exp();
        let of_lines = weights.clone().sum_dim(2).reshape([rows, lines]);
        let sums = of_lines.clone().cumsum(1);
        let uniforms = Tensor::<2>::from_data(TensorData::new(uniforms.to_vec(), [rows, 1]), &weights.device());
        let left = uniforms * sums.clone().narrow(1, lines - 1, 1) * BELOW_ONE;
        let line = passed(sums.clone(), left.clone());
        let before = (sums - of_lines).gather(1, line.clone());
        let sums = line_of(weights, &line).cumsum(1);
        let most = sums.clone().narrow(1, width - 1, 1) * BELOW_ONE;
        let place = passed(sums, (left - before).clamp_min(0.0).min_pair(most));
        (line, place)
    };
    let log_probs = line_of(below, &line).gather(1, place.clone()) - normaliser;
    let ids = line * width as i32 + place;
    // Ids are whole numbers below 2²⁴, which f32 has all of.
    let both = read(Tensor::cat(vec![ids.float(), log_probs], 1)).await?;
    let choice = |pair: &[f32]| match pair {
        [id, log_prob] => Ok(Choice { token: *id as u32, log_prob: *log_prob }),
        _ => Err(Error::Empty("a drawn token")),
    };
    both.chunks(2).map(choice).collect()
}

/// With columns that are never chosen at the end, so that a vocabulary of any size has lines and places about as many.
fn filled_up(logits: Tensor<2>) -> Tensor<2> {
    let [rows, vocabulary] = logits.dims();
    if vocabulary.is_multiple_of(128) {
        return logits;
    }
    let missing = vocabulary.next_multiple_of(256) - vocabulary;
    let never = Tensor::full([rows, missing], f32::NEG_INFINITY, (&logits.device(), DType::F32));
    Tensor::cat(vec![logits, never], 1)
}

/// The first place of each row whose running sum is above `left [rows, 1]`.
fn passed(sums: Tensor<2>, left: Tensor<2>) -> Tensor<2, Int> {
    let shape = sums.dims();
    sums.lower_equal(left.expand(shape)).int().sum_dim(1).clamp_max(shape[1] as i32 - 1)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use rand::RngExt as _;

    use super::*;
    use crate::policy::choose;
    use crate::seed::stream;

    fn draw(logits: &[f32], temperature: f32, uniforms: &[f32]) -> Vec<Choice> {
        let row = Tensor::<1>::from_data(logits, &Device::flex()).unsqueeze::<2>();
        pollster::block_on(drawn(row.repeat_dim(0, uniforms.len()), temperature, uniforms)).unwrap()
    }

    /// The share of each token among evenly spread uniforms is its probability.
    #[test]
    fn draws_follow_the_softmax() {
        let logits: Vec<f32> = (0..12).map(|token| (token as f32 * 1.3).sin()).collect();
        let uniforms: Vec<f32> = (0..6000).map(|at| at as f32 / 6000.0).collect();
        for temperature in [0.5, 1.0, 2.0] {
            let mut shares = [0.0_f32; 12];
            for choice in draw(&logits, temperature, &uniforms) {
                shares[choice.token as usize] += 1.0 / 6000.0;
            }
            let powers: Vec<f32> = logits.iter().map(|logit| (logit / temperature).exp()).collect();
            let sum: f32 = powers.iter().sum();
            for (share, power) in shares.iter().zip(&powers) {
                assert!((share - power / sum).abs() < 1e-3, "{shares:?}");
            }
        }
    }

    /// Drawn here and by [`choose`] from the same generators.
    #[test]
    fn the_same_uniform_gives_the_same_token() {
        let logits: Vec<f32> = (0..5000).map(|token| (token as f32 * 0.37).sin() * 2.0).collect();
        let uniforms: Vec<f32> = (0..50).map(|row| stream(3, &[row]).random()).collect();
        let same = (0..50).zip(draw(&logits, 1.0, &uniforms)).filter(|(row, found)| {
            let expected = choose(&logits, &Sampling::default(), &mut stream(3, &[*row]));
            (found.log_prob - expected.log_prob).abs() < 1e-4 && found.token == expected.token
        });
        assert!(same.count() >= 48);
    }

    #[test]
    fn log_probs_and_greedy_tokens_are_those_of_one_row() {
        let logits: Vec<f32> = (0..30).map(|token| (token as f32 * 0.7).sin() * 3.0).collect();
        let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
        let expected = choose(&logits, &greedy, &mut stream(1, &[]));
        let found = draw(&logits, 0.0, &[0.3]);
        assert_eq!(found[0].token, expected.token);
        let log_sum = logits.iter().map(|logit| logit.exp()).sum::<f32>().ln();
        for choice in [found, draw(&logits, 0.7, &[0.1, 0.5, 0.9])].concat() {
            assert!((choice.log_prob - (logits[choice.token as usize] - log_sum)).abs() < 1e-5, "{choice:?}");
        }
    }

    #[test]
    fn what_has_no_probability_is_never_chosen() {
        let hidden = [f32::NAN, f32::NEG_INFINITY, -1e30];
        for place in 0..12 {
            let mut logits: Vec<f32> = (0..12).map(|token| hidden[token % 3]).collect();
            logits[place] = 0.5;
            for temperature in [0.0, 1.0] {
                for choice in draw(&logits, temperature, &[0.0, 0.5, f32::from_bits(0x3f7f_ffff)]) {
                    assert_eq!((choice.token as usize, choice.log_prob), (place, 0.0));
                }
            }
        }
    }

    #[test]
    fn a_vocabulary_of_one_or_of_a_prime() {
        assert_eq!(draw(&[3.0], 1.0, &[0.9])[0], Choice { token: 0, log_prob: 0.0 });
        let last = draw(&[0.0; 7], 1.0, &[f32::from_bits(0x3f7f_ffff)]);
        assert_eq!(last[0].token, 6);
    }
}
