//! AdamW on accumulated gradients with a bound on the norm of the whole gradient.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::{AdamWConfig, GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};

use super::workers::Workers;
use crate::config::{Optimizer, Schedule};
use crate::read::scalar;
use crate::{Error, Result};

/// An optimizer with its schedule and the gradients gathered since its last step.
pub struct Trainer<M: Module> {
    config: Optimizer,
    pub(super) adam: ModuleOptimizer,
    gradients: GradientsAccumulator<M>,
    pub(super) workers: Workers<M>,
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
        let (gradients, workers) = (GradientsAccumulator::new(), Workers::default());
        Self { config: config.clone(), adam, gradients, workers, step: 0, total_steps }
    }

    /// Has micro-batches differentiated on `devices` too, beside the model's own.
    pub fn with_workers(self, devices: &[Device]) -> Self {
        Self { workers: Workers::on(devices), ..self }
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
    /// model's device and on those of [`with_workers`](Self::with_workers).
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
        self.accumulate_parts(model, batches, |replica, batch| {
            let (loss, figures) = forward(replica, batch);
            (vec![GradientsParams::from_grads(loss.backward(), replica)], figures)
        })
    }

    /// As [`accumulate`](Self::accumulate), for work that differentiates by itself and gives gradients in parts.
    pub(crate) fn accumulate_parts<B: Sync>(
        &mut self,
        model: &M,
        batches: &[B],
        gradients: impl Fn(&M, &B) -> (Vec<GradientsParams>, Tensor<1>) + Send + Sync,
    ) -> Result<Option<Tensor<1>>>
    where
        M: Sync,
    {
        let mut sum: Option<Tensor<1>> = None;
        for (gradients, figures) in self.workers.gather(model, batches, gradients)? {
            self.gradients.accumulate(model, gradients);
            sum = Some(match sum {
                Some(sum) => sum + figures,
                None => figures,
            });
        }
        Ok(sum)
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
    /// # Errors
    /// [`Error::NotFinite`] if the gradient holds a NaN or an infinity; `model` is then unchanged but consumed.
    pub async fn step(&mut self, model: M) -> Result<(M, f32)> {
        let lr = self.lr();
        self.step += 1;
        let mut gradients = self.gradients.grads();
        let mut squares = Squares { gradients: &gradients, total: None };
        model.visit(&mut squares);
        let Some(total) = squares.total else { return Ok((model, 0.0)) };
        let norm = scalar(total.sqrt()).await?;
        if !norm.is_finite() {
            return Err(Error::NotFinite { what: "the gradient", step: self.step });
        }
        if self.config.max_grad_norm > 0.0 && norm > self.config.max_grad_norm {
            model.visit(&mut Scale { gradients: &mut gradients, factor: self.config.max_grad_norm / norm });
        }
        Ok((self.adam.step(lr, model, gradients), norm))
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
            let square = gradient.square().sum();
            self.total = Some(match self.total.take() {
                Some(total) => total + square,
                None => square,
            });
        }
    }
}

/// Multiplies every gradient by one factor.
struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    factor: f32,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let id: ParamId = param.id;
        if let Some(gradient) = self.gradients.remove::<D>(id) {
            self.gradients.register(id, gradient.mul_scalar(self.factor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_rate_rises_then_falls_to_zero() {
        let config = Optimizer { lr: 1.0, warmup_steps: 2, schedule: Schedule::Linear, ..Optimizer::default() };
        let course: Vec<f64> = (0..5).map(|step| learning_rate(&config, step, 4)).collect();
        assert_eq!(course, [0.5, 1.0, 1.0, 0.5, 0.0]);
        let cosine = Optimizer { schedule: Schedule::Cosine, ..config };
        assert!((learning_rate(&cosine, 3, 4) - 0.5).abs() < 1e-12);
    }
}
