//! The tensor loss against its slow twin in plain loops.

use burn::tensor::{Device, Tensor, TensorData};
use minform_core::train::clipped_policy_loss;
use minform_credit::{LossMean, policy_loss};
use rand::RngExt as _;

use crate::fixture::values;

fn tensor(values: &[f32]) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &Device::flex())
}

/// Responses of 1, 7 and 20 tokens with ratios on both sides of the clip.
fn responses() -> Vec<Vec<[f32; 3]>> {
    let mut rng = minform_core::seed::stream(5, &[]);
    let mut token = || [-3.0 * rng.random::<f32>(), -3.0 * rng.random::<f32>(), 4.0 * rng.random::<f32>() - 2.0];
    [1, 7, 20].map(|length| (0..length).map(|_| token()).collect()).to_vec()
}

fn column(responses: &[Vec<[f32; 3]>], index: usize) -> Vec<Vec<f32>> {
    responses.iter().map(|row| row.iter().map(|token| token[index]).collect()).collect()
}

fn check(mean: LossMean, weight: impl Fn(usize) -> f32) {
    let responses = responses();
    let [new, old, advantages] = [0, 1, 2].map(|index| column(&responses, index));
    let mask: Vec<Vec<bool>> = new.iter().map(|row| vec![true; row.len()]).collect();
    let slow = policy_loss(&new, &old, &advantages, &mask, 0.2, 0.3, mean).unwrap();
    let weights: Vec<f32> = new.iter().flat_map(|row| vec![weight(row.len()); row.len()]).collect();
    let [new, old, advantages] = [new, old, advantages].map(|rows| tensor(&rows.concat()));
    let fast = clipped_policy_loss(new, old, advantages, tensor(&weights), 0.2, 0.3);
    assert!((values(fast.loss)[0] - slow.loss).abs() < 1e-5);
    if mean == LossMean::PerToken {
        let tokens = weights.len() as f32;
        assert!((values(fast.clipped)[0] / tokens - slow.clip_fraction).abs() < 1e-6);
    }
    assert!(slow.clip_fraction > 0.1, "the case reaches the clip");
}

#[test]
fn mean_per_response_equals_the_plain_loops() {
    check(LossMean::PerResponse, |length| 1.0 / (3 * length) as f32);
}

#[test]
fn mean_per_token_equals_the_plain_loops() {
    check(LossMean::PerToken, |_| 1.0 / 28.0);
}

#[test]
fn padding_with_absurd_log_probs_changes_nothing() {
    let real = clipped_policy_loss(tensor(&[-1.0]), tensor(&[-1.2]), tensor(&[0.7]), tensor(&[1.0]), 0.2, 0.2);
    let padded = clipped_policy_loss(
        tensor(&[-1.0, 500.0]),
        tensor(&[-1.2, 0.0]),
        tensor(&[0.7, 0.0]),
        tensor(&[1.0, 0.0]),
        0.2,
        0.2,
    );
    assert_eq!(values(real.loss), values(padded.loss));
    assert_eq!(values(real.ratio), values(padded.ratio));
}
