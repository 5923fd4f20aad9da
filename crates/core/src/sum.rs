//! Sums of what comes one after another.

use burn::tensor::Tensor;

/// The sum so far, if there is one, and the next term.
pub(crate) fn summed(sum: Option<Tensor<1>>, next: Tensor<1>) -> Option<Tensor<1>> {
    Some(match sum {
        Some(sum) => sum + next,
        None => next,
    })
}
