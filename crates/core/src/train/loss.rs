//! The clipped policy loss on tensors; its slow twin in plain loops is `minform_credit::policy_loss`.

use burn::tensor::Tensor;

/// What the loss of one micro-batch yields. Sums, so that micro-batches add up.
#[derive(Debug, Clone)]
pub struct LossTerms {
    /// Σ w · −min(ρ A, clip(ρ, 1 − ε₋, 1 + ε₊) A), `[1]`, differentiable.
    pub loss: Tensor<1>,
    /// Number of clipped tokens, `[1]`.
    pub clipped: Tensor<1>,
    /// Σ ρ over real tokens, `[1]`.
    pub ratio: Tensor<1>,
}

/// PPO's clipped objective over packed tokens, all tensors `[tokens]`.
///
/// ρ = π/π_old = exp(log π − log π_old); the loss is Σₜ wₜ · −min(ρₜ Aₜ, clip(ρₜ, 1 − ε₋, 1 + ε₊) Aₜ).
/// `weights` carry the averaging and are 0 on padding: 1/(B·Lᵢ) for a mean per response, 1/Σ Lᵢ per token.
pub fn clipped_policy_loss(
    log_probs: Tensor<1>,
    old_log_probs: Tensor<1>,
    advantages: Tensor<1>,
    weights: Tensor<1>,
    clip_low: f32,
    clip_high: f32,
) -> LossTerms {
    let real = weights.clone().greater_scalar(0.0).float();
    // Padding has old log-probability 0: without the mask its ratio could overflow to infinity, and 0 · ∞ is NaN.
    let ratio = ((log_probs - old_log_probs) * real.clone()).exp();
    let plain = ratio.clone() * advantages.clone();
    let bounded = ratio.clone().clamp(1.0 - clip_low, 1.0 + clip_high) * advantages;
    let clipped = (plain.clone().greater(bounded.clone()).float() * real.clone()).sum();
    let loss = (plain.min_pair(bounded) * weights).sum().neg();
    LossTerms { loss, clipped: clipped.detach(), ratio: (ratio * real).sum().detach() }
}
