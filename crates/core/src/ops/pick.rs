//! Log-probability of one class per row.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::backend::flex::FlexTensor;
use burn::tensor::{Int, Tensor, TensorData};

use super::fold::{beside, folded, largest, total};
use super::kernel::{Fused as _, Gradients, Kernel, fused, sizes, tensor, values};
use super::lanes::{exp, log_sum_exp, vectorised};

/// log softmax(logits)_target of each row, `[rows]`; `logits [rows, classes]`, `0 ≤ target < classes`.
pub(crate) fn log_prob_at(logits: Tensor<2>, targets: &[i32]) -> Tensor<1> {
    if fused(&logits.device()) {
        return Tensor::from_dispatch(Dispatch::log_prob_at(logits.into_dispatch(), targets.into()));
    }
    composed(logits, targets)
}

fn composed(logits: Tensor<2>, targets: &[i32]) -> Tensor<1> {
    let (rows, shape) = (targets.len(), logits.dims());
    let targets: Tensor<2, Int> = Tensor::from_data(TensorData::new(targets.to_vec(), [rows, 1]), &logits.device());
    let cells = folded(logits);
    let below = cells.clone() - beside(largest(cells.clone()), cells.dims());
    let normaliser = total(below.clone().exp()).log().reshape([rows]);
    below.reshape(shape).gather(1, targets).reshape([rows]) - normaliser
}

#[derive(Debug, Clone)]
pub(super) struct LogProbAt {
    pub(super) targets: Arc<[i32]>,
}

impl Kernel<1> for LogProbAt {
    /// log Σ exp(logits) of each row.
    type Saved = Vec<f32>;

    fn forward(&self, [logits]: &[FlexTensor; 1]) -> (FlexTensor, Vec<f32>) {
        let [rows, classes] = sizes(logits);
        let logits = logits.to_contiguous();
        let mut totals = Vec::with_capacity(rows);
        vectorised(|| totals.extend(values(&logits).chunks_exact(classes).map(log_sum_exp)));
        let chosen = values(&logits).chunks_exact(classes).zip(&*self.targets).map(|(row, at)| row[*at as usize]);
        let log_probs = chosen.zip(&totals).map(|(logit, total)| logit - total).collect();
        (tensor(log_probs, [rows]), totals)
    }

    /// d logits = g (1[target] − softmax(logits)).
    fn backward(&self, [logits]: &[FlexTensor; 1], totals: Vec<f32>, grad: &FlexTensor, _: [bool; 1]) -> Gradients<1> {
        let [rows, classes] = sizes(logits);
        let logits = logits.to_contiguous();
        let mut dlogits = Vec::with_capacity(rows * classes);
        vectorised(|| {
            for ((row, total), g) in values(&logits).chunks_exact(classes).zip(&totals).zip(values(grad)) {
                dlogits.extend(row.iter().map(|logit| -g * exp(logit - total)));
            }
        });
        for ((row, target), g) in dlogits.chunks_exact_mut(classes).zip(&*self.targets).zip(values(grad)) {
            row[*target as usize] += g;
        }
        [Some(tensor(dlogits, [rows, classes]))]
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::super::twin::{assert_twins, random};
    use super::*;
    use crate::numbers::numbers;

    #[test]
    fn one_pass_equals_the_composition() {
        for classes in [2, 37, 20_000] {
            let targets: Vec<i32> = (0..5).map(|row| (row * 7) % classes as i32).collect();
            assert_twins(
                &[random(&[5 * classes], 1)],
                |[logits]| log_prob_at(logits.reshape([5, classes]), &targets),
                |[logits]| composed(logits.reshape([5, classes]), &targets),
            );
        }
    }

    #[test]
    fn huge_logits_stay_finite() {
        let logits = Tensor::<2>::from_data([[1e30, -1e30, 0.0]], &Device::flex());
        assert_eq!(numbers(log_prob_at(logits, &[0])), [0.0]);
    }
}
