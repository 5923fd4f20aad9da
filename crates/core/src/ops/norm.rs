//! Root-mean-square normalisation.

use burn::backend::Dispatch;
use burn::backend::flex::FlexTensor;
use burn::tensor::{DType, Tensor};

use super::fold::{beside, folded, mean, spread, stacked};
use super::kernel::{Fused as _, Gradients, Kernel, fused, like, values};
use super::lanes::{dot, dot3, vectorised};

/// yᵢ = γᵢ xᵢ / √(mean(x²) + ε) over the last axis, formed in f32; `gamma [width]`.
pub(crate) fn rms_norm<const D: usize>(x: Tensor<D>, gamma: Tensor<1>, epsilon: f64) -> Tensor<D> {
    let dtype = x.dtype();
    let x = x.cast(DType::F32);
    let y = match fused(&x.device()) {
        true => Tensor::from_dispatch(Dispatch::rms_norm(x.into_dispatch(), gamma.into_dispatch(), epsilon as f32)),
        false => composed(x, gamma, epsilon),
    };
    y.cast(dtype)
}

pub(super) fn composed<const D: usize>(x: Tensor<D>, gamma: Tensor<1>, epsilon: f64) -> Tensor<D> {
    let shape = x.dims();
    let cells = folded(x);
    let parts = cells.dims();
    let size = (mean(cells.clone().square()) + epsilon).sqrt();
    let normed = stacked((cells / beside(size, parts)).reshape(shape));
    (normed * spread(gamma, parts[0])).reshape(shape)
}

#[derive(Debug, Clone)]
pub(super) struct RmsNorm {
    pub(super) epsilon: f32,
}

impl RmsNorm {
    /// 1 / √(mean(x²) + ε).
    #[inline(always)]
    fn inverse(&self, x: &[f32]) -> f32 {
        1.0 / (dot(x, x) / x.len() as f32 + self.epsilon).sqrt()
    }
}

impl Kernel<2> for RmsNorm {
    type Saved = ();

    fn forward(&self, [x, gamma]: &[FlexTensor; 2]) -> (FlexTensor, ()) {
        let (x, gamma) = (x.to_contiguous(), gamma.to_contiguous());
        let mut y = Vec::with_capacity(values(&x).len());
        vectorised(|| {
            let gamma = values(&gamma);
            for x in values(&x).chunks_exact(gamma.len()) {
                let inverse = self.inverse(x);
                y.extend(x.iter().zip(gamma).map(|(x, gamma)| x * inverse * gamma));
            }
        });
        (like(y, &x), ())
    }

    /// With s = 1/√(mean(x²) + ε): dx = s (g ⊙ γ) − x s³ mean(g ⊙ γ ⊙ x), dγ = Σ g ⊙ x s.
    fn backward(&self, [x, gamma]: &[FlexTensor; 2], (): (), grad: &FlexTensor, _: [bool; 2]) -> Gradients<2> {
        let (x, gamma) = (x.to_contiguous(), gamma.to_contiguous());
        let width = values(&gamma).len();
        let mut dx = Vec::with_capacity(values(&x).len());
        let mut dgamma = vec![0.0; width];
        vectorised(|| {
            let gamma = values(&gamma);
            for (x, grad) in values(&x).chunks_exact(width).zip(values(grad).chunks_exact(width)) {
                let inverse = self.inverse(x);
                let along = dot3(grad, gamma, x) * inverse.powi(3) / width as f32;
                dx.extend(x.iter().zip(grad).zip(gamma).map(|((x, g), gamma)| g * gamma * inverse - x * along));
                for ((dgamma, x), g) in dgamma.iter_mut().zip(x).zip(grad) {
                    *dgamma += g * x * inverse;
                }
            }
        });
        [Some(like(dx, &x)), Some(like(dgamma, &gamma))]
    }
}

#[cfg(test)]
mod tests {
    use super::super::twin::{assert_twins, random};
    use super::*;

    #[test]
    fn one_pass_equals_the_composition() {
        for (rows, width) in [(5, 3), (5, 16), (5, 40), (1 << 10, 96)] {
            let inputs = [random(&[rows, width], 1), random(&[width], 2)];
            assert_twins(
                &inputs,
                |[x, gamma]| rms_norm(x.reshape([rows, width]), gamma, 1e-5).flatten(0, 1),
                |[x, gamma]| composed(x.reshape([rows, width]), gamma, 1e-5).flatten(0, 1),
            );
        }
    }
}
