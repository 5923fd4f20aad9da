//! Sums over an axis, for devices that give each result to one thread.
//!
//! A sum over the last axis of `[rows, width]` then keeps `rows` threads busy, which is few, and neighbours read far
//! apart. The same cells as `[rows, s, w]` are summed over s by `rows · w` threads side by side, and over w, which is
//! short, afterwards. What is broadcast goes the same way back, since the gradient of a broadcast is a sum.

use burn::tensor::Tensor;

/// Cells below which one kernel more costs more than it saves.
const FEW: usize = 1 << 16;

/// `x` as `[rows, s, w]` with s · w its last axis, or with s = 1 where it is small.
pub(super) fn folded<const D: usize>(x: Tensor<D>) -> Tensor<3> {
    let shape = x.dims();
    let (cells, width) = (shape.iter().product::<usize>(), shape[D - 1]);
    match cells < FEW {
        true => x.reshape([cells / width.max(1), 1, width]),
        false => split(x),
    }
}

/// `x` as `[rows, s, w]` with s · w its last axis: s is its smallest divisor that is at least its root.
pub(crate) fn split<const D: usize>(x: Tensor<D>) -> Tensor<3> {
    let shape = x.dims();
    let (cells, width) = (shape.iter().product::<usize>(), shape[D - 1]);
    let part = part(width);
    x.reshape([cells / width.max(1), part, width / part])
}

/// Σ over s and w of each row, `[rows, 1, 1]`.
pub(crate) fn total(x: Tensor<3>) -> Tensor<3> {
    reduced(x, Tensor::sum_dim)
}

/// The mean over s and w of each row, `[rows, 1, 1]`.
pub(super) fn mean(x: Tensor<3>) -> Tensor<3> {
    reduced(x, Tensor::mean_dim)
}

/// The largest of each row, `[rows, 1, 1]`, without a gradient.
pub(crate) fn largest(x: Tensor<3>) -> Tensor<3> {
    reduced(x.detach(), Tensor::max_dim)
}

fn reduced(x: Tensor<3>, reduce: impl Fn(Tensor<3>, usize) -> Tensor<3>) -> Tensor<3> {
    let [_, part, _] = x.dims();
    reduce(if part == 1 { x } else { reduce(x, 1) }, 2)
}

/// One value of each row, `[rows, 1, 1]`, to be combined with cells `[rows, s, w]`.
pub(crate) fn beside(value: Tensor<3>, [rows, part, width]: [usize; 3]) -> Tensor<3> {
    if part == 1 { value } else { value.expand([rows, 1, width]) }
}

/// softmax over s and w.
pub(super) fn softmax(x: Tensor<3>) -> Tensor<3> {
    let shape = x.dims();
    let powers = (x.clone() - beside(largest(x), shape)).exp();
    powers.clone() / beside(total(powers), shape)
}

/// `vector [width]`, to be combined with the cells of [`stacked`] of `rows` rows.
pub(super) fn spread(vector: Tensor<1>, rows: usize) -> Tensor<3> {
    let [width] = vector.dims();
    vector.reshape([1, 1, width]).expand([1, stack(rows, width), width])
}

/// `x [.., width]` as `[rows / stack, stack, width]`.
pub(super) fn stacked<const D: usize>(x: Tensor<D>) -> Tensor<3> {
    let shape = x.dims();
    let width = shape[D - 1];
    let rows = shape.iter().product::<usize>() / width.max(1);
    let stack = stack(rows, width);
    x.reshape([rows / stack, stack, width])
}

/// How many rows stand beside each other when a gradient is summed over all of them: a power of two that divides them.
fn stack(rows: usize, width: usize) -> usize {
    let most = if rows * width < FEW { 1 } else { 64 };
    (1 << rows.trailing_zeros().min(usize::BITS - 1)).min(most)
}

/// The smallest divisor of `width` that is at least its root.
fn part(width: usize) -> usize {
    let mut part = width.isqrt();
    if part * part < width {
        part += 1;
    }
    (part..=width).find(|part| width.is_multiple_of(*part)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, activation};

    use super::super::twin::{assert_twins, random};
    use super::*;

    #[test]
    fn parts_are_the_divisors_next_to_the_root() {
        assert_eq!([1, 2, 7, 64, 576, 49_152, 151_936].map(part), [1, 2, 7, 8, 24, 256, 1187]);
    }

    #[test]
    fn stacks_divide_the_rows() {
        assert_eq!([1, 6, 96, 8192, 0].map(|rows| stack(rows, FEW)), [1, 2, 32, 64, 1]);
        assert_eq!(stack(64, 4), 1);
    }

    /// Large enough to be folded, and small.
    #[test]
    fn softmax_is_that_of_burn() {
        for (rows, width) in [(FEW / 64, 96), (3, 10)] {
            assert_twins(
                &[random(&[rows * width], 1)],
                |[x]| softmax(folded(x.reshape([rows, width]) * 5.0)).flatten(0, 2),
                |[x]| activation::softmax(x.reshape([rows, width]) * 5.0, 1).flatten(0, 1),
            );
        }
    }

    #[test]
    fn a_spread_vector_meets_every_row() {
        for (rows, width) in [(FEW / 64, 96), (3, 10)] {
            assert_twins(
                &[random(&[rows * width], 1), random(&[width], 2)],
                |[x, v]| (stacked(x.reshape([rows, width])) * spread(v, rows)).flatten(0, 2),
                |[x, v]| (x.reshape([rows, width]) * v.unsqueeze()).flatten(0, 1),
            );
        }
    }

    #[test]
    fn huge_values_stay_finite() {
        let x = Tensor::<2>::from_data([[1e30_f32, -1e30, 0.0]], &Device::flex());
        assert_eq!(crate::numbers::numbers(softmax(folded(x))), [1.0, 0.0, 0.0]);
    }
}
