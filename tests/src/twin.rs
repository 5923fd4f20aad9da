//! The tensor loss against its slow twin in plain loops.

use burn::tensor::{Device, Tensor, TensorData};
use minform_core::config;
use minform_core::train::{clipped_policy_loss, entropy, kl_loss, token_weights, value_loss};
use minform_credit::{KlEstimator, LossMean, policy_loss};
use rand::RngExt as _;

use crate::fixture::values;

/// The longest possible response.
const LONGEST: usize = 24;

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

fn check(mean: LossMean, config: config::LossMean) {
    let responses = responses();
    let [new, old, advantages] = [0, 1, 2].map(|index| column(&responses, index));
    let mask: Vec<Vec<bool>> = new.iter().map(|row| vec![true; row.len()]).collect();
    let slow = policy_loss(&new, &old, &advantages, &mask, 0.2, 0.3, mean).unwrap();
    let lengths: Vec<usize> = new.iter().map(Vec::len).collect();
    let weights = token_weights(config, &lengths, LONGEST);
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
fn every_mean_equals_the_plain_loops() {
    check(LossMean::PerResponse, config::LossMean::PerResponse);
    check(LossMean::PerToken, config::LossMean::PerToken);
    check(LossMean::ConstantLength(LONGEST), config::LossMean::ConstantLength);
}

/// Σ w k(log π − log π_ref) with k of `minform-credit`, for each estimator.
#[test]
fn the_kl_loss_equals_the_plain_estimators() {
    let (log_probs, reference, weights) = ([-1.0, -2.5, -0.1], [-1.5, -0.5, -0.1], [0.5, 0.25, 0.25]);
    for estimator in [KlEstimator::K1, KlEstimator::K2, KlEstimator::K3, KlEstimator::K3Clamped] {
        let slow: f32 = (0..3).map(|t| weights[t] * estimator.value(log_probs[t] - reference[t])).sum();
        let fast = kl_loss(tensor(&log_probs), tensor(&reference), tensor(&weights), estimator);
        assert!((values(fast)[0] - slow).abs() < 1e-5, "{estimator:?}");
    }
}

/// Uniform logits over n classes have entropy ln n, a certain one 0.
#[test]
fn entropy_by_hand() {
    let logits = Tensor::<2>::from_data([[0.0, 0.0, 0.0, 0.0], [1e30, 0.0, 0.0, 0.0]], &Device::flex());
    let found = |weights: &[f32]| values(entropy(logits.clone(), tensor(weights)))[0];
    assert!((found(&[1.0, 0.0]) - 4.0_f32.ln()).abs() < 1e-6);
    assert_eq!(found(&[0.0, 1.0]), 0.0);
}

/// Targets 1 and −1 at values 0.5 and 0: ½ (0.25 + 1); held at 0.2 from old values 0, the first is ½ · 0.64.
#[test]
fn the_value_loss_by_hand() {
    let loss = |clip| {
        let (new, old) = (tensor(&[0.5, 0.0]), tensor(&[0.0, 0.0]));
        values(value_loss(new, old, tensor(&[1.0, -1.0]), tensor(&[1.0, 1.0]), clip))[0]
    };
    assert!((loss(0.0) - 0.625).abs() < 1e-6);
    assert!((loss(0.2) - (0.32 + 0.5)).abs() < 1e-6);
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
