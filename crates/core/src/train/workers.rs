//! Data parallelism: micro-batches dealt to several devices, each with a copy of the model.
//!
//! The loss of a batch is a sum over its micro-batches, so its gradient is the sum of theirs, wherever they were
//! computed: g = Σ_d Σ_{b on d} ∇ loss_b. It is formed on the model's own device, which alone takes optimizer steps.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Tensor};

use crate::sum::summed;
use crate::{Error, Result, parallel};

/// The devices beside the model's own.
pub(super) struct Workers<M> {
    devices: Vec<Device>,
    /// The model as each device has it; none before the first use.
    replicas: Vec<M>,
}

impl<M> Default for Workers<M> {
    fn default() -> Self {
        Self { devices: Vec::new(), replicas: Vec::new() }
    }
}

/// Gradients and figures, summed over micro-batches.
type Gathered = (GradientsParams, Tensor<1>);

impl<M: Module> Workers<M> {
    pub(super) fn on(devices: &[Device]) -> Self {
        Self { devices: devices.to_vec(), replicas: Vec::new() }
    }

    pub(super) fn count(&self) -> usize {
        self.devices.len()
    }

    /// Has every device take the whole model anew.
    pub(super) fn forget(&mut self) {
        self.replicas.clear();
    }

    /// `gradients` of every micro-batch, summed by device; on the model's own if there is no other.
    pub(super) fn gather<B: Sync>(
        &mut self,
        model: &M,
        batches: &[B],
        gradients: impl Fn(&M, &B) -> (Vec<GradientsParams>, Tensor<1>) + Send + Sync,
    ) -> Result<Vec<Gathered>>
    where
        M: Sync,
    {
        let Some(home) = model.devices().into_iter().next() else { return Ok(Vec::new()) };
        let places: Vec<&M> = [model].into_iter().chain(self.refreshed(model)).collect();
        let dealt: Vec<(&M, Vec<&B>)> =
            places.iter().enumerate().map(|(place, model)| (*model, dealt(batches, place, places.len()))).collect();
        let gathered = parallel::side_by_side(&dealt, |(replica, batches)| {
            let (parts, figures) = gathered(*replica, batches, &gradients)?;
            // Waits for the device, so that what fails on it fails here.
            Some((parts.to_device(&home.clone().inner(), model), figures.to_device(&home)))
        });
        let failed =
            |(place, why): (usize, String)| Error::Worker { device: format!("{:?}", self.devices[place - 1]), why };
        Ok(gathered.map_err(failed)?.into_iter().flatten().collect())
    }

    /// The copies of the model with its present weights. Only those that learn are sent again.
    fn refreshed(&mut self, model: &M) -> &[M] {
        if self.replicas.is_empty() {
            self.replicas = self.devices.iter().map(|device| model.clone().fork(device)).collect();
            return &self.replicas;
        }
        for (replica, device) in self.replicas.iter_mut().zip(&self.devices) {
            let mut sent = Sent { weights: GradientsParams::new(), device: device.clone().inner() };
            model.visit(&mut sent);
            *replica = replica.clone().map(&mut sent);
        }
        &self.replicas
    }
}

/// Every `count`-th micro-batch from `place` on.
fn dealt<B>(batches: &[B], place: usize, count: usize) -> Vec<&B> {
    batches.iter().skip(place).step_by(count).collect()
}

/// What the micro-batches of one device come to, on that device.
fn gathered<M: Module + Sync, B: Sync>(
    model: &M,
    batches: &[&B],
    gradients: impl Fn(&M, &B) -> (Vec<GradientsParams>, Tensor<1>) + Send + Sync,
) -> Option<Gathered> {
    let device = model.devices().into_iter().next()?;
    let differentiate = |batch: &&B| gradients(&model.clone().fork(&device), batch);
    let (mut sum, mut total) = (GradientsAccumulator::new(), None);
    // Gradients are as large as the model, so no more of them are kept than threads work at once.
    for round in batches.chunks(parallel::workers(&device)) {
        for (parts, figures) in parallel::map(&device, round, differentiate) {
            for part in parts {
                sum.accumulate(model, part);
            }
            total = summed(total, figures);
        }
    }
    Some((sum.grads(), total?))
}

/// The weights that learn, on another device.
struct Sent {
    weights: GradientsParams,
    device: Device,
}

impl ModuleVisitor for Sent {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.weights.register(param.id, param.val().inner().to_device(&self.device));
        }
    }
}

impl ModuleMapper for Sent {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.weights.remove::<D>(param.id) {
            Some(weights) => param.map(|_| Tensor::from_inner(weights).require_grad()),
            None => param,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CausalLm, ModelConfig};
    use crate::numbers::{gradient_numbers, numbers};
    use crate::policy::{Packed, Policy, Row, log_probs};

    fn policy() -> Policy {
        Policy::new(ModelConfig::small(64, 32, 2, 2), 5, &Device::flex().autodiff())
    }

    fn batches() -> Vec<Packed> {
        let row = |start: u32| Row { shared: &[1, 2, 3], own: &OWN[start as usize..][..6] };
        (0..5).map(|start| Packed::continuations(&[vec![row(start), row(start + 3)]])).collect()
    }

    const OWN: [u32; 16] = [7, 40, 11, 5, 9, 60, 33, 2, 8, 21, 22, 23, 50, 51, 1, 0];

    /// The gradient of −Σ log π over the batches, as numbers, and the figure that comes with it.
    fn gradient(workers: &mut Workers<CausalLm>, policy: &Policy) -> Result<(Vec<f32>, f32)> {
        let forward = |model: &CausalLm, packed: &Packed| {
            let loss = log_probs(&policy.config, model, packed).sum().neg();
            (vec![GradientsParams::from_grads(loss.backward(), model)], loss.detach())
        };
        let (mut sum, mut figure) = (GradientsAccumulator::new(), 0.0);
        for (gradients, figures) in workers.gather(&policy.model, &batches(), forward)? {
            sum.accumulate(&policy.model, gradients);
            figure += numbers(figures)[0];
        }
        Ok((gradient_numbers(&policy.model, &sum.grads()), figure))
    }

    struct Shift;

    impl ModuleMapper for Shift {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|weights| Tensor::from_inner(weights.inner() * 1.1).require_grad())
        }
    }

    /// The second round has other weights, which the workers must have been given.
    #[test]
    fn the_gradient_is_that_of_one_device() {
        let device = Device::flex().autodiff();
        let (mut alone, mut three) = (Workers::default(), Workers::on(&[device.clone(), device]));
        let mut policy = policy();
        for _ in 0..2 {
            let (expected, one) = gradient(&mut alone, &policy).unwrap();
            let (found, other) = gradient(&mut three, &policy).unwrap();
            let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            let error = expected.iter().zip(&found).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
            assert!(largest > 0.1 && error <= 1e-5 * largest, "{error} of {largest}");
            assert!((one - other).abs() <= 1e-5 * one, "{one} and {other}");
            policy.model = policy.model.map(&mut Shift);
        }
    }

    #[test]
    fn more_devices_than_batches_and_none_at_all() {
        let device = Device::flex().autodiff();
        let mut many = Workers::on(&vec![device; 9]);
        let policy = policy();
        let (found, _) = gradient(&mut many, &policy).unwrap();
        assert_eq!(found.len(), gradient(&mut Workers::default(), &policy).unwrap().0.len());
        let nothing = many.gather(&policy.model, &[] as &[Packed], |_, _| unreachable!()).unwrap();
        assert!(nothing.is_empty());
    }
}
