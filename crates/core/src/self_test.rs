//! Known answers: whether a device computes what burn's CPU backend computes.
//!
//! Drivers and shader compilers are wrong now and then without a word. Before a device is trusted with a run, it has to
//! agree on the operations that a run is made of, the last of them whole steps of training.

use std::ops::ControlFlow;

use burn::tensor::activation::softmax;
use burn::tensor::{DType, Device, Tensor, TensorData};
use rand::RngExt as _;

use crate::config::{Optimizer, Sft};
use crate::model::ModelConfig;
use crate::policy::{Packed, Policy};
use crate::read::read;
use crate::train::{Example, Execution, sft};
use crate::{Result, seed};

/// Largest error |x − y| / (1 + |y|) of a device that computes in f32, in whatever order it adds.
const TOLERANCE: f32 = 2e-3;

/// What became of one test.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The operation.
    pub name: &'static str,
    /// Whether the error is small enough.
    pub passed: bool,
    /// The largest error.
    pub error: f32,
}

/// Compares `device`, which need not record gradients, with the CPU.
///
/// # Errors
/// If a device cannot be read at all.
pub async fn self_test(device: &Device) -> Result<Vec<Check>> {
    let (device, cpu) = (device.clone().inner(), Device::flex());
    Ok(vec![
        check("matrix product", &read(product(&device)).await?, &read(product(&cpu)).await?),
        check("softmax", &read(softmaxes(&device)).await?, &read(softmaxes(&cpu)).await?),
        check("reduction", &read(sums(&device)).await?, &read(sums(&cpu)).await?),
        check("training step", &trained(&device).await?, &trained(&cpu).await?),
    ])
}

/// Whether `device` has numbers in half precision.
pub fn computes_in_half(device: &Device) -> bool {
    device.supports_dtype(DType::F16)
}

fn check(name: &'static str, found: &[f32], expected: &[f32]) -> Check {
    let worst = |worst: f32, (x, y): (&f32, &f32)| {
        let error = (x - y).abs() / (1.0 + y.abs());
        // Unlike `max`, this keeps a NaN.
        if error <= worst { worst } else { error }
    };
    let same_length = found.len() == expected.len();
    let error = if same_length { found.iter().zip(expected).fold(0.0, worst) } else { f32::INFINITY };
    Check { name, passed: error <= TOLERANCE, error }
}

/// Sides that are no multiple of a tile.
fn product(device: &Device) -> Tensor<2> {
    let (a, b) = (matrix(67, 130, 1, device), matrix(130, 45, 2, device));
    a.matmul(b)
}

fn softmaxes(device: &Device) -> Tensor<2> {
    softmax(matrix(33, 257, 3, device) * 20.0, 1)
}

fn sums(device: &Device) -> Tensor<2> {
    matrix(130, 67, 4, device).sum_dim(0)
}

/// Log-probabilities of two sentences after two steps of fine-tuning on them.
async fn trained(device: &Device) -> Result<Vec<f32>> {
    let shape = ModelConfig::small(40, 32, 2, 2);
    let weights = Policy::new(shape.clone(), 5, &Device::flex()).to_safetensors()?;
    let mut policy = Policy::from_files(shape, vec![weights], &device.clone().autodiff())?;
    let sentence = |from: u32| Example { prompt: (from..from + 5).collect(), target: (from..from + 9).rev().collect() };
    let sentences = [sentence(3), sentence(20)];
    let optimizer = Optimizer { lr: 1e-2, ..Optimizer::default() };
    let config = Sft { steps: 2, batch: 2, micro_batch_tokens: 64, optimizer, ..Sft::default() };
    sft(
        &mut policy,
        &config,
        &Execution::default(),
        &mut |_, _| sentences.to_vec(),
        &mut |_| ControlFlow::Continue(()),
    )
    .await?;
    let packed = Packed::continuations(&sentences.iter().map(|sentence| vec![sentence.row()]).collect::<Vec<_>>());
    read(policy.frozen().log_probs(&packed)).await
}

/// Values in −1..1, the same on every platform.
fn matrix(rows: usize, columns: usize, stream: u64, device: &Device) -> Tensor<2> {
    let mut rng = seed::stream(stream, &[]);
    let values: Vec<f32> = (0..rows * columns).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_agrees_with_itself() {
        let checks = pollster::block_on(self_test(&Device::flex())).unwrap();
        assert_eq!(checks.len(), 4);
        assert!(checks.iter().all(|check| check.passed && check.error == 0.0), "{checks:?}");
    }

    #[test]
    fn a_wrong_or_missing_value_fails() {
        assert!(!check("", &[0.0, f32::NAN], &[0.0, 0.0]).passed);
        assert!(!check("", &[0.0, 0.01], &[0.0, 0.0]).passed);
        assert!(!check("", &[0.0], &[0.0, 0.0]).passed);
        assert!(check("", &[100.1], &[100.0]).passed);
    }
}
