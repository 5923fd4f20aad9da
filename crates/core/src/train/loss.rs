//! The terms of the policy and value loss on tensors; the slow twin of the clipped one is `minform_credit::policy_loss`.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use minform_credit::KlEstimator;

use crate::config::LossMean;

/// What the clipped loss of one micro-batch yields. Sums, so that micro-batches add up.
#[derive(Debug, Clone)]
pub struct LossTerms {
    /// Σ w · −min(ρ A, clip(ρ, 1 − ε₋, 1 + ε₊) A), `[1]`, differentiable.
    pub loss: Tensor<1>,
    /// Number of clipped tokens, `[1]`.
    pub clipped: Tensor<1>,
    /// Σ ρ over real tokens, `[1]`.
    pub ratio: Tensor<1>,
    /// Σ (log π_old − log π) over real tokens, `[1]`.
    pub policy_kl: Tensor<1>,
}

/// PPO's clipped objective over packed tokens, all tensors `[tokens]`.
///
/// ρ = π/π_old = exp(log π − log π_old); the loss is Σₜ wₜ · −min(ρₜ Aₜ, clip(ρₜ, 1 − ε₋, 1 + ε₊) Aₜ).
/// `weights` carry the averaging, see [`token_weights`], and are 0 on padding.
pub fn clipped_policy_loss(
    log_probs: Tensor<1>,
    old_log_probs: Tensor<1>,
    advantages: Tensor<1>,
    weights: Tensor<1>,
    clip_low: f32,
    clip_high: f32,
) -> LossTerms {
    let real = real(&weights);
    // Padding has old log-probability 0: without the mask its ratio could overflow to infinity, and 0 · ∞ is NaN.
    let log_ratio = (log_probs - old_log_probs) * real.clone();
    let ratio = log_ratio.clone().exp();
    let plain = ratio.clone() * advantages.clone();
    let bounded = ratio.clone().clamp(1.0 - clip_low, 1.0 + clip_high) * advantages;
    let clipped = (plain.clone().greater(bounded.clone()).float() * real.clone()).sum();
    let loss = (plain.min_pair(bounded) * weights).sum().neg();
    LossTerms {
        loss,
        clipped: clipped.detach(),
        ratio: (ratio * real).sum().detach(),
        policy_kl: log_ratio.sum().neg().detach(),
    }
}

/// Σₜ wₜ · KL(π ‖ π_ref) by an estimator, `[1]`, differentiable through π; all tensors `[tokens]`.
///
/// With d = log π − log π_ref: k1 = d, k2 = d²/2, k3 = e^(−d) − 1 + d.
pub fn kl_loss(log_probs: Tensor<1>, reference: Tensor<1>, weights: Tensor<1>, estimator: KlEstimator) -> Tensor<1> {
    let d = (log_probs - reference) * real(&weights);
    let k3 = |d: Tensor<1>| d.clone().neg().exp() - 1.0 + d;
    let kl = match estimator {
        KlEstimator::K1 => d,
        KlEstimator::K2 => d.square() / 2.0,
        KlEstimator::K3 => k3(d),
        KlEstimator::K3Clamped => k3(d).clamp(-10.0, 10.0),
    };
    (kl * weights).sum()
}

/// Σₜ wₜ Hₜ with H = −Σ p log p of each row of `logits [tokens, vocabulary]`, `[1]`, differentiable.
pub fn entropy(logits: Tensor<2>, weights: Tensor<1>) -> Tensor<1> {
    let log_probs = log_softmax(logits, 1);
    let rows = (log_probs.clone().exp() * log_probs).sum_dim(1).neg();
    (rows.squeeze_dim(1) * weights).sum()
}

/// PPO's value loss, `[1]`, differentiable through `values`; all tensors `[tokens]`.
///
/// ½ Σₜ wₜ max((V − R)², (clip(V, V_old ± ε) − R)²); without a `clip` above 0 the first square alone.
pub fn value_loss(
    values: Tensor<1>,
    old_values: Tensor<1>,
    returns: Tensor<1>,
    weights: Tensor<1>,
    clip: f32,
) -> Tensor<1> {
    let plain = (values.clone() - returns.clone()).square();
    let squares = if clip > 0.0 {
        let held = old_values.clone() + (values - old_values).clamp(-clip, clip);
        plain.max_pair((held - returns).square())
    } else {
        plain
    };
    (squares * weights).sum() / 2.0
}

/// The weight of each token in a loss over responses of the given `lengths`, one after another.
///
/// 1/(B·Lᵢ) for a mean per response, 1/Σ Lᵢ per token, 1/(B·N) for a constant length N = `longest`.
pub fn token_weights(mean: LossMean, lengths: &[usize], longest: usize) -> Vec<f32> {
    let (responses, tokens) = (lengths.len(), lengths.iter().sum::<usize>());
    let weight = |length: usize| match mean {
        LossMean::PerResponse => 1.0 / (length * responses) as f32,
        LossMean::PerToken => 1.0 / tokens as f32,
        LossMean::ConstantLength => 1.0 / (longest * responses) as f32,
    };
    lengths.iter().flat_map(|length| core::iter::repeat_n(weight(*length), *length)).collect()
}

/// 1 on real tokens, 0 on padding.
fn real(weights: &Tensor<1>) -> Tensor<1> {
    weights.clone().greater_scalar(0.0).float()
}
