//! How many samples each question gets out of a common budget.

use alloc::vec;
use alloc::vec::Vec;

use crate::number::{finite, narrow};

/// Weight of a question in the budget (GVM-RAFT, Yao et al. 2025):
///
/// w = G / √(p + α / p^{β−1}), and 0 at p = 0
///
/// `pass` p is its pass rate, `gradient` G the root of the mean squared norm of
/// the gradients of its responses. Samples in proportion to w minimise the
/// variance of the gradient; `alpha` α > 0 and `beta` β > 1 take samples away
/// from questions that are out of reach. NaN counts as 0.
pub fn variance_weight(pass: f32, gradient: f32, alpha: f32, beta: f32) -> f32 {
    let (pass, gradient) = (finite(pass, 0.0).clamp(0.0, 1.0), finite(gradient, 0.0).max(0.0));
    if pass == 0.0 {
        return 0.0;
    }
    let guard = finite(alpha, 0.0).max(0.0) / libm::pow(pass, finite(beta, 1.0) - 1.0);
    narrow(gradient / libm::sqrt(pass + guard))
}

/// Shares out `budget` whole samples in proportion to `weights` by largest remainders; ties go to the first.
///
/// Weights that are NaN or below 0 count as 0; where all are 0, everyone gets alike. The shares add up to `budget`,
/// unless there is nobody to give to.
///
/// ```
/// assert_eq!(minform_credit::allocate(10, &[1.0, 2.0, 1.0]), [3, 5, 2]);
/// ```
pub fn allocate(budget: usize, weights: &[f32]) -> Vec<usize> {
    let mut weights: Vec<f64> = weights.iter().map(|&weight| finite(weight, 0.0).max(0.0)).collect();
    if weights.iter().sum::<f64>() == 0.0 {
        weights = vec![1.0; weights.len()];
    }
    let total: f64 = weights.iter().sum();
    let exact: Vec<f64> = weights.iter().map(|weight| budget as f64 * weight / total).collect();
    let mut shares: Vec<usize> = exact.iter().map(|share| libm::floor(*share) as usize).collect();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    let remainder = |at: usize| exact[at] - libm::floor(exact[at]);
    order.sort_by(|&a, &b| remainder(b).total_cmp(&remainder(a)));
    let left = budget.saturating_sub(shares.iter().sum());
    for &at in order.iter().cycle().take(if order.is_empty() { 0 } else { left }) {
        shares[at] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::{allocate, variance_weight};

    #[test]
    fn weights_by_hand() {
        // p = 1: 2 / √(1 + 3); p = ½, β = 2: 2 / √(½ + 2 · 3)
        assert_eq!(variance_weight(1.0, 2.0, 3.0, 2.0), 1.0);
        assert!((variance_weight(0.5, 2.0, 3.0, 2.0) - 2.0 / 6.5_f32.sqrt()).abs() < 1e-6);
        assert_eq!(variance_weight(0.0, 2.0, 3.0, 2.0), 0.0);
        assert_eq!(variance_weight(f32::NAN, f32::NAN, 0.0, 1.0), 0.0);
        assert!(variance_weight(1e-30, 1e30, f32::NAN, f32::INFINITY).is_finite());
    }

    #[test]
    fn shares_add_up_to_the_budget() {
        assert_eq!(allocate(7, &[1.0, 1.0, 1.0]), [3, 2, 2]);
        assert_eq!(allocate(4, &[0.0, 0.0]), [2, 2]);
        assert_eq!(allocate(3, &[f32::NAN, 1.0, -1.0]), [0, 3, 0]);
        assert_eq!(allocate(0, &[1.0]), [0]);
        assert!(allocate(5, &[]).is_empty());
        assert_eq!(allocate(1000, &[1e30, 1e-30, 3.0]).iter().sum::<usize>(), 1000);
    }
}
