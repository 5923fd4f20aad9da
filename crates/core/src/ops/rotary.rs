//! Rotary position encoding, which also moves the heads before the time axis.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::kernel::{Fused as _, Gradients, Kernel, fused, sizes, tensor, values};
use super::lanes::vectorised;

/// Cosines and sines `[rows or 1, time, head_dim / 2]` of the angles of one forward pass.
#[derive(Debug, Clone)]
pub(crate) struct Angles {
    cos: Vec<f32>,
    sin: Vec<f32>,
    rows: usize,
    time: usize,
}

impl Angles {
    /// position · frequency at the given positions `[rows][time]`; one row stands for all.
    pub(crate) fn new(frequencies: &[f64], positions: &[Vec<usize>]) -> Self {
        let angles = || positions.iter().flatten().flat_map(|at| frequencies.iter().map(|f| *at as f64 * f));
        Self {
            cos: angles().map(|angle| angle.cos() as f32).collect(),
            sin: angles().map(|angle| angle.sin() as f32).collect(),
            rows: positions.len(),
            time: positions.first().map_or(0, Vec::len),
        }
    }

    /// The same as tensors.
    pub(crate) fn tensors(&self, device: &Device) -> Turn {
        let (half, width) = (self.half(), 2 * self.half());
        let doubled = |values: &[f32]| {
            let values: Vec<f32> = values.chunks(half.max(1)).flat_map(|angle| [angle, angle].concat()).collect();
            Tensor::from_data(TensorData::new(values, [self.rows, 1, self.time, width]), device)
        };
        let mut quarter = vec![0.0_f32; width * width];
        for i in 0..half {
            quarter[(half + i) * width + i] = -1.0;
            quarter[i * width + half + i] = 1.0;
        }
        let quarter = Tensor::from_data(TensorData::new(quarter, [1, 1, width, width]), device);
        Turn { cos: doubled(&self.cos), sin: doubled(&self.sin), quarter }
    }

    fn half(&self) -> usize {
        self.cos.len() / (self.rows * self.time).max(1)
    }

    /// Cosines and sines of one position of one row.
    #[inline(always)]
    fn at(&self, row: usize, t: usize) -> (&[f32], &[f32]) {
        let half = self.half();
        let start = ((row % self.rows) * self.time + t) * half;
        (&self.cos[start..start + half], &self.sin[start..start + half])
    }
}

/// A rotation as few operations: x ↦ x cos + (x Q) sin, where (a, b) Q = (−b, a).
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    /// `[rows or 1, 1, time, head_dim]`, every angle for both halves.
    cos: Tensor<4>,
    sin: Tensor<4>,
    /// Q, `[1, 1, head_dim, head_dim]`.
    quarter: Tensor<4>,
}

impl Turn {
    /// For states of this type.
    pub(crate) fn cast(&self, dtype: DType) -> Self {
        let cast = |tensor: &Tensor<4>| tensor.clone().cast(dtype);
        Self { cos: cast(&self.cos), sin: cast(&self.sin), quarter: cast(&self.quarter) }
    }
}

/// `x [rows, time, heads · head_dim]` to `[rows, heads, time, head_dim]`, each head rotated over its two halves:
/// (a, b) → (a cos − b sin, b cos + a sin). `turn` is that of `angles`, of the type of x, where the device
/// needs it.
pub(crate) fn rotated(x: Tensor<3>, angles: &Arc<Angles>, turn: Option<&Turn>) -> Tensor<4> {
    match turn {
        Some(turn) => composed(x, turn.clone()),
        None => {
            debug_assert!(fused(&x.device()));
            let dtype = x.dtype();
            let x = x.cast(DType::F32).into_dispatch();
            Tensor::<4>::from_dispatch(Dispatch::rotate(x, angles.clone())).cast(dtype)
        }
    }
}

pub(super) fn composed(x: Tensor<3>, Turn { cos, sin, quarter }: Turn) -> Tensor<4> {
    let x = heads(x, cos.dims()[3]);
    x.clone() * cos + x.matmul(quarter) * sin
}

/// `[rows, time, heads · head_dim]` to `[rows, heads, time, head_dim]`.
pub(crate) fn heads(x: Tensor<3>, head_dim: usize) -> Tensor<4> {
    let [rows, time, width] = x.dims();
    x.reshape([rows, time, width / head_dim, head_dim]).swap_dims(1, 2)
}

#[derive(Debug, Clone)]
pub(super) struct Rotate {
    pub(super) angles: Arc<Angles>,
}

impl Kernel<1> for Rotate {
    type Saved = ();

    fn forward(&self, [x]: &[FlexTensor; 1]) -> (FlexTensor, ()) {
        let [rows, time, width] = sizes(x);
        let x = x.to_contiguous();
        let half = self.angles.half();
        let (dim, heads) = (2 * half, width / (2 * half));
        let mut y = Vec::with_capacity(values(&x).len());
        vectorised(|| {
            let x = values(&x);
            for (row, head, t) in cells(rows, heads, time) {
                let start = (row * time + t) * width + head * dim;
                turn(&x[start..start + dim], self.angles.at(row, t), 1.0, &mut y);
            }
        });
        (tensor(y, [rows, heads, time, dim]), ())
    }

    /// The inverse rotation.
    fn backward(&self, [x]: &[FlexTensor; 1], (): (), grad: &FlexTensor, _: [bool; 1]) -> Gradients<1> {
        let [rows, time, width] = sizes(x);
        let [_, heads, _, dim] = sizes(grad);
        let mut dx = Vec::with_capacity(values(grad).len());
        vectorised(|| {
            let grad = values(grad);
            for (row, t, head) in cells(rows, time, heads) {
                let start = ((row * heads + head) * time + t) * dim;
                turn(&grad[start..start + dim], self.angles.at(row, t), -1.0, &mut dx);
            }
        });
        [Some(tensor(dx, [rows, time, width]))]
    }
}

/// Appends one head, turned in the given sense.
#[inline(always)]
fn turn(x: &[f32], (cos, sin): (&[f32], &[f32]), sense: f32, y: &mut Vec<f32>) {
    let (a, b) = x.split_at(cos.len());
    let pairs = || a.iter().zip(b).zip(cos.iter().zip(sin));
    y.extend(pairs().map(|((a, b), (cos, sin))| a * cos - sense * b * sin));
    y.extend(pairs().map(|((a, b), (cos, sin))| b * cos + sense * a * sin));
}

/// All index triples in row-major order.
#[inline(always)]
fn cells(first: usize, second: usize, third: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..first).flat_map(move |a| (0..second).flat_map(move |b| (0..third).map(move |c| (a, b, c))))
}

#[cfg(test)]
mod tests {
    use super::super::twin::{assert_twins, random};
    use super::*;

    #[test]
    fn one_pass_equals_the_composition() {
        let device = Device::flex().autodiff();
        for positions in [vec![vec![0, 1, 2]], vec![vec![0, 0, 1], vec![3, 4, 5]]] {
            let angles = Arc::new(Angles::new(&[1.0, 0.1, 0.01], &positions));
            let turn = angles.tensors(&device);
            assert_twins(
                &[random(&[2 * 3 * 4 * 6], 1)],
                |[x]| rotated(x.reshape([2, 3, 24]), &angles, None).flatten(0, 3),
                |[x]| rotated(x.reshape([2, 3, 24]), &angles, Some(&turn)).flatten(0, 3),
            );
        }
    }
}
