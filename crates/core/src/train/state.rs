//! Everything a run needs to go on where it stopped, as bytes and figures.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::critic::Critic;
use super::guard::GuardMemory;
use super::loss_scale::LossScale;
use super::optimizer::Trainer;
use super::rl::Rl;
use crate::model::{Learned, from_safetensors, to_safetensors};
use crate::{Dtype, Error, Result};

/// A run between two updates. All randomness is drawn from the seed and the update, so no generator is kept.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Where the run stands.
    pub progress: RlProgress,
    /// The policy, as safetensors, adapters folded in.
    pub policy: Vec<u8>,
    /// The adapters, as safetensors, where the policy learns through them.
    pub adapters: Option<Vec<u8>>,
    /// State of its optimizer.
    pub optimizer: Vec<u8>,
    /// The value function and the state of its optimizer, where there is one.
    pub critic: Option<(Vec<u8>, Vec<u8>)>,
}

/// The figures of a [`Snapshot`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RlProgress {
    /// Updates made.
    pub step: usize,
    /// Tokens sampled.
    pub tokens: usize,
    /// Prompts taken from the training set: the position in the data.
    pub drawn: usize,
    /// The update after which the policy was last evaluated.
    pub evaluated: usize,
    /// Present weight of the KL penalty.
    pub kl_coefficient: f32,
    /// Position of the policy's optimizer.
    pub optimizer: TrainerProgress,
    /// Position of the value function's optimizer.
    pub critic: Option<TrainerProgress>,
    /// What the guards remember.
    pub guards: GuardMemory,
}

/// The figures of an optimizer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TrainerProgress {
    /// Steps taken.
    pub step: usize,
    /// The factor of its losses where gradients are formed in f16.
    #[serde(default)]
    pub loss_scale: LossScale,
    /// The keys of its state: one per parameter that learns, in the order of the module.
    pub parameters: Vec<u64>,
}

impl Rl {
    /// The run as it stands between two updates.
    ///
    /// # Errors
    /// If the device cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let critic = self.critic.as_ref();
        Ok(Snapshot {
            progress: RlProgress {
                step: self.step,
                tokens: self.tokens,
                drawn: self.drawn,
                evaluated: self.evaluated,
                kl_coefficient: self.kl_coefficient,
                optimizer: self.trainer.progress(&self.policy.model),
                critic: critic.map(|critic| critic.trainer.progress(&critic.network.model)),
                guards: self.guards.clone(),
            },
            policy: self.policy.to_safetensors()?,
            adapters: self
                .has_adapters()
                .then(|| to_safetensors(&Learned::of(&self.policy.model), Dtype::F32))
                .transpose()?,
            optimizer: self.trainer.to_bytes()?,
            critic: critic.map(Critic::to_bytes).transpose()?,
        })
    }

    /// Goes on from a snapshot of a run with the same configuration, policy and data.
    ///
    /// # Errors
    /// Bytes that cannot be read or do not fit this run, which is then unusable.
    pub fn restore(&mut self, snapshot: Snapshot) -> Result<()> {
        let RlProgress { step, tokens, drawn, evaluated, kl_coefficient, optimizer, critic, guards } =
            snapshot.progress;
        match (self.has_adapters(), snapshot.adapters) {
            (false, None) => from_safetensors(&mut self.policy.model, vec![snapshot.policy])?,
            (true, Some(bytes)) => {
                let mut adapters = Learned::of(&self.policy.model);
                from_safetensors(&mut adapters, vec![bytes])?;
                self.policy.model = adapters.put_into(self.policy.model.clone());
            }
            _ => return Err(Error::Checkpoint("it and the configuration disagree on adapters".into())),
        }
        self.policy.model = self.trainer.restore(self.policy.model.clone(), snapshot.optimizer, &optimizer)?;
        match (&mut self.critic, snapshot.critic, critic) {
            (None, None, None) => {}
            (Some(critic), Some(bytes), Some(progress)) => critic.restore(bytes, &progress)?,
            _ => return Err(Error::Checkpoint("it and the configuration disagree on a value function".into())),
        }
        (self.step, self.tokens, self.drawn, self.evaluated) = (step, tokens, drawn, evaluated);
        (self.kl_coefficient, self.guards) = (kl_coefficient, guards);
        Ok(())
    }
}

impl Rl {
    fn has_adapters(&self) -> bool {
        self.config.lora.rank > 0
    }
}

impl Critic {
    fn to_bytes(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        Ok((to_safetensors(&self.network.model, Dtype::F32)?, self.trainer.to_bytes()?))
    }

    fn restore(&mut self, (weights, optimizer): (Vec<u8>, Vec<u8>), progress: &TrainerProgress) -> Result<()> {
        from_safetensors(&mut self.network.model, vec![weights])?;
        self.network.model = self.trainer.restore(self.network.model.clone(), optimizer, progress)?;
        Ok(())
    }
}

impl<M: Module> Trainer<M> {
    pub(crate) fn progress(&self, model: &M) -> TrainerProgress {
        let mut keys = Keys(Vec::new());
        model.visit(&mut keys);
        TrainerProgress { step: self.step, loss_scale: self.loss_scale, parameters: keys.0 }
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let bytes = self.adam.into_bytes().map_err(|error| Error::Checkpoint(error.to_string()))?;
        Ok(bytes.to_vec())
    }

    /// Takes over the state and gives the parameters of `model` the keys under which it is kept.
    pub(crate) fn restore(&mut self, model: M, bytes: Vec<u8>, progress: &TrainerProgress) -> Result<M> {
        if self.progress(&model).parameters.len() != progress.parameters.len() {
            return Err(Error::Checkpoint("its optimizer belongs to a model of another shape".into()));
        }
        let adam = self.adam.clone().from_bytes(burn::tensor::Bytes::from_bytes_vec(bytes));
        self.adam = adam.map_err(|error| Error::Checkpoint(format!("optimizer state: {error}")))?;
        (self.step, self.loss_scale) = (progress.step, progress.loss_scale);
        self.workers.forget();
        Ok(model.map(&mut Rekey(progress.parameters.iter())))
    }
}

/// The key of every parameter that learns.
struct Keys(Vec<u64>);

impl ModuleVisitor for Keys {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.0.push(param.id.val());
        }
    }
}

/// Gives every parameter that learns the next key.
struct Rekey<'a>(std::slice::Iter<'a, u64>);

impl ModuleMapper for Rekey<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !param.is_require_grad() {
            return param;
        }
        let (own, tensor, mapper) = param.consume();
        let key = self.0.next().map_or(own, |key| ParamId::from(*key));
        Param::from_mapped_value(key, tensor, mapper)
    }
}
