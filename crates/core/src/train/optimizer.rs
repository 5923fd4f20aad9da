//! AdamW on accumulated gradients with a bound on the norm of the whole gradient.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{DType, Device, Tensor};

use super::loss_scale::LossScale;
use super::workers::Workers;
use crate::config::{Optimizer, Schedule};
use crate::model::working;
use crate::read::scalar;
use crate::sum::summed;
use crate::{Dtype, Error, Result};

/// How gradients are computed.
#[derive(Debug, Clone, Default)]
pub struct Execution {
    /// Devices that compute some of them, beside the model's own.
    pub workers: Vec<Device>,
    /// The type of number of the products.
    pub dtype: Dtype,
}

/// An optimizer with its schedule and the gradients gathered since its last step.
pub struct Trainer<M: Module> {
    config: Optimizer,
    pub(super) adam: ModuleOptimizer,
    gradients: GradientsAccumulator<M>,
    pub(super) workers: Workers<M>,
    dtype: Dtype,
    pub(super) loss_scale: LossScale,
    pub(super) step: usize,
    total_steps: usize,
}

impl<M: Module> Trainer<M> {
    /// `total_steps` is where a falling schedule reaches zero.
    pub fn new(config: &Optimizer, total_steps: usize) -> Self {
        let adam = AdamWConfig::new()
            .with_beta_1(config.beta_1)
            .with_beta_2(config.beta_2)
            .with_epsilon(1e-8)
            .with_weight_decay(config.weight_decay)
            .init();
        Self {
            config: config.clone(),
            adam,
            gradients: GradientsAccumulator::new(),
            workers: Workers::default(),
            dtype: Dtype::F32,
            loss_scale: LossScale::default(),
            step: 0,
            total_steps,
        }
    }

    /// Has gradients computed as `execution` says.
    pub fn with_execution(self, execution: &Execution) -> Self {
        Self { workers: Workers::on(&execution.workers), dtype: execution.dtype, ..self }
    }

    /// The tokens of a micro-batch, at most `limit`, so that `tokens` are enough for every device.
    pub(crate) fn micro_batch_tokens(&self, limit: usize, tokens: usize) -> usize {
        match self.workers.count() {
            0 => limit,
            workers => limit.min(tokens.div_ceil(workers + 1)),
        }
    }

    /// Gathers d(Σ loss)/d(weights) over micro-batches and returns the sum of what `forward` reports of each.
    ///
    /// `forward` gives the loss `[1]` of its micro-batch, to be differentiated, and figures `[n]` to be summed.
    /// Each micro-batch works on a fork of `model` with a graph of its own, so that they can run side by side, on the
    /// model's device and on its workers, with its matrices in the type of number of the execution.
    ///
    /// # Errors
    /// [`Error::Worker`] where another device than the model's fails.
    pub fn accumulate<B: Sync>(
        &mut self,
        model: &M,
        batches: &[B],
        forward: impl Fn(&M, &B) -> (Tensor<1>, Tensor<1>) + Send + Sync,
    ) -> Result<Option<Tensor<1>>>
    where
        M: Sync,
    {
        self.accumulate_parts(model, batches, |replica, batch, loss_scale| {
            let (loss, figures) = forward(replica, batch);
            (vec![GradientsParams::from_grads((loss * loss_scale).backward(), replica)], figures)
        })
    }

    /// As [`accumulate`](Self::accumulate), for work that differentiates by itself and gives gradients in parts, of its
    /// loss times the given factor.
    pub(crate) fn accumulate_parts<B: Sync>(
        &mut self,
        model: &M,
        batches: &[B],
        gradients: impl Fn(&M, &B, f32) -> (Vec<GradientsParams>, Tensor<1>) + Send + Sync,
    ) -> Result<Option<Tensor<1>>>
    where
        M: Sync,
    {
        let (loss_scale, dtype) = (self.loss_scale(), self.dtype);
        let gradients = |replica: &M, batch: &B| {
            let (mut parts, figures) = gradients(replica, batch, loss_scale);
            if dtype != Dtype::F32 {
                parts
                    .iter_mut()
                    .for_each(|part| replica.visit(&mut Scale { gradients: part, factor: 1.0 / loss_scale }));
            }
            (parts, figures)
        };
        let mut sum = None;
        for (gradients, figures) in self.workers.gather(&working(model, dtype), batches, gradients)? {
            self.gradients.accumulate(model, gradients);
            sum = summed(sum, figures);
        }
        Ok(sum)
    }

    /// The type of number of the products.
    pub(crate) fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// What losses are multiplied by before they are differentiated.
    fn loss_scale(&self) -> f32 {
        if self.dtype == Dtype::F16 { self.loss_scale.factor() } else { 1.0 }
    }

    /// Learning rate of the next step.
    pub fn lr(&self) -> f64 {
        learning_rate(&self.config, self.step, self.total_steps)
    }

    /// Drops the gathered gradients; the step counts as taken.
    pub fn skip(&mut self) {
        self.step += 1;
        self.gradients.grads();
    }

    /// Takes one step with the gathered gradients and returns the norm of the gradient before clipping.
    ///
    /// A gradient in f16 that overflows is dropped: there is no norm, and the next one has a smaller factor.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if the gradient holds a NaN or an infinity; `model` is then unchanged but consumed.
    pub async fn step(&mut self, model: M) -> Result<(M, Option<f32>)> {
        let lr = self.lr();
        self.step += 1;
        let mut gradients = self.gradients.grads();
        let mut squares = Squares { gradients: &gradients, total: None };
        model.visit(&mut squares);
        let Some(total) = squares.total else { return Ok((model, Some(0.0))) };
        let norm = scalar(total.sqrt()).await?;
        let next_scale = if self.dtype == Dtype::F16 { self.loss_scale.after(norm.is_finite()) } else { None };
        self.loss_scale = next_scale.unwrap_or(self.loss_scale);
        if !norm.is_finite() {
            let unknown = Error::NotFinite { what: "the gradient", step: self.step };
            return next_scale.map(|_| (model, None)).ok_or(unknown);
        }
        if self.config.max_grad_norm > 0.0 && norm > self.config.max_grad_norm {
            model.visit(&mut Scale { gradients: &mut gradients, factor: self.config.max_grad_norm / norm });
        }
        Ok((self.adam.step(lr, model, gradients), Some(norm)))
    }
}

/// Linear rise over the warm-up, then the schedule down to zero at `total`.
fn learning_rate(config: &Optimizer, step: usize, total: usize) -> f64 {
    if step < config.warmup_steps {
        return config.lr * (step + 1) as f64 / config.warmup_steps as f64;
    }
    let span = total.saturating_sub(config.warmup_steps).max(1) as f64;
    let done = ((step - config.warmup_steps) as f64 / span).min(1.0);
    match config.schedule {
        Schedule::Constant => config.lr,
        Schedule::Linear => config.lr * (1.0 - done),
        Schedule::Cosine => config.lr * 0.5 * (1.0 + (core::f64::consts::PI * done).cos()),
    }
}

/// Σ g² over all parameters.
struct Squares<'a> {
    gradients: &'a GradientsParams,
    total: Option<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.total = summed(self.total.take(), gradient.square().sum());
        }
    }
}

/// Multiplies every gradient by one factor, in f32.
struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    factor: f32,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let id: ParamId = param.id;
        if let Some(gradient) = self.gradients.remove::<D>(id) {
            self.gradients.register(id, gradient.cast(DType::F32).mul_scalar(self.factor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CausalLm, ModelConfig};
    use crate::numbers::gradient_numbers;
    use crate::policy::{Packed, Policy, Row, log_probs};

    #[test]
    fn learning_rate_rises_then_falls_to_zero() {
        let config = Optimizer { lr: 1.0, warmup_steps: 2, schedule: Schedule::Linear, ..Optimizer::default() };
        let course: Vec<f64> = (0..5).map(|step| learning_rate(&config, step, 4)).collect();
        assert_eq!(course, [0.5, 1.0, 1.0, 0.5, 0.0]);
        let cosine = Optimizer { schedule: Schedule::Cosine, ..config };
        assert!((learning_rate(&cosine, 3, 4) - 0.5).abs() < 1e-12);
    }

    fn policy() -> Policy {
        Policy::new(ModelConfig::small(64, 32, 2, 2), 5, &Device::flex().autodiff())
    }

    /// The gradient of −Σ log π / 1000 over some continuations, in the order of the model.
    fn gradient(policy: &Policy, dtype: Dtype) -> Vec<f32> {
        let packed = [7, 40, 11, 5]
            .map(|first| Packed::continuations(&[vec![Row { shared: &[1, 2, 3], own: &[first, 9, 60, 33, 2] }]]));
        let execution = Execution { workers: Vec::new(), dtype };
        let mut trainer: Trainer<CausalLm> = Trainer::new(&Optimizer::default(), 1).with_execution(&execution);
        let forward = |model: &CausalLm, packed: &Packed| {
            let loss = log_probs(&policy.config, model, packed).sum() * -1e-3;
            (loss.clone(), loss.detach())
        };
        trainer.accumulate(&policy.model, &packed, forward).unwrap();
        gradient_numbers(&policy.model, &trainer.gradients.grads())
    }

    /// Gradients in f32, divided by the loss scale again.
    #[test]
    fn gradients_of_half_precision_are_close_to_those_of_f32() {
        let policy = policy();
        let exact = gradient(&policy, Dtype::F32);
        let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>().sqrt();
        let error = |dtype: Dtype| {
            let found = gradient(&policy, dtype);
            assert_eq!(found.len(), exact.len());
            norm(&mut exact.iter().zip(&found).map(|(a, b)| a - b)) / norm(&mut exact.iter().copied())
        };
        let (half, brain) = (error(Dtype::F16), error(Dtype::Bf16));
        assert!(half > 0.0 && half < 2e-3 && brain > 3.0 * half && brain < 2e-2, "{half} and {brain}");
    }

    /// An f16 gradient that overflows costs a step and halves the factor of the loss; one in f32 is an error.
    #[test]
    fn an_overflow_drops_the_step_and_lowers_the_scale() {
        let step = |dtype: Dtype, size: f32| {
            let policy = policy();
            let execution = Execution { workers: Vec::new(), dtype };
            let mut trainer: Trainer<CausalLm> = Trainer::new(&Optimizer::default(), 9).with_execution(&execution);
            let packed = Packed::continuations(&[vec![Row { shared: &[1], own: &[7, 9] }]]);
            let forward = |model: &CausalLm, packed: &Packed| {
                let loss = log_probs(&policy.config, model, packed).sum() * size;
                (loss.clone(), loss.detach())
            };
            trainer.accumulate(&policy.model, &[packed], forward).unwrap();
            let before = trainer.loss_scale();
            let norm = pollster::block_on(trainer.step(policy.model.clone())).map(|(_, norm)| norm);
            (norm, trainer.loss_scale() / before)
        };
        assert!(matches!(step(Dtype::F16, 1e4), (Ok(None), 0.5)));
        assert!(matches!(step(Dtype::F16, 1e-3), (Ok(Some(norm)), 1.0) if norm > 1e-4));
        assert!(matches!(step(Dtype::Bf16, 1e4), (Ok(Some(norm)), 1.0) if norm > 1e3));
        assert!(matches!(step(Dtype::F32, f32::INFINITY), (Err(Error::NotFinite { .. }), 1.0)));
    }
}
