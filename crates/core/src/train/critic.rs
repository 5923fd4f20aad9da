//! The value function of generalised advantages.

use burn::tensor::Tensor;

use super::collect::{groups, pack, per_token};
use super::learn::tokens_of;
use super::loss::{token_weights, value_loss};
use super::optimizer::{Execution, Trainer};
use super::rollout::Scored;
use crate::config::{self, LossMean};
use crate::model::{Configured, ModelConfig, ValueModel, drawn};
use crate::policy::{MicroBatch, Packed, Policy};
use crate::read::read;
use crate::{Error, Result, seed};

/// A decoder with a value head, and its optimizer.
pub(super) struct Critic {
    pub(super) network: Configured<ValueModel>,
    pub(super) trainer: Trainer<ValueModel>,
    clip: f32,
}

/// Which independent stream of randomness draws the head.
const HEAD: u64 = 0x76616c7565;

impl Critic {
    /// A fresh head on a copy of the policy's decoder.
    pub(super) fn new(policy: &Policy, config: &config::Critic, steps: usize, seed: u64) -> Self {
        let decoder = policy.model.decoder();
        let make = || ValueModel::from_decoder(&policy.config, decoder.clone());
        let model = drawn(&policy.model.device(), seed::mix_in(seed, HEAD), make);
        Self {
            network: Configured { config: policy.config.clone(), model },
            trainer: Trainer::new(&config.optimizer, steps),
            clip: config.clip,
        }
    }

    pub(super) fn with_execution(self, execution: &Execution) -> Self {
        Self { trainer: self.trainer.with_execution(execution), ..self }
    }

    /// The value before every token of each response.
    pub(super) async fn values(&self, scored: &[Scored], budget: usize) -> Result<Vec<Vec<f32>>> {
        let frozen = self.network.for_inference(self.trainer.dtype());
        per_token(&frozen.model.device(), scored, budget, |packed| values(&frozen.config, &frozen.model, packed)).await
    }

    /// One optimizer step towards the returns of the responses; gives the loss.
    pub(super) async fn learn(&mut self, share: &[&Scored], budget: usize, step: usize) -> Result<f32> {
        let budget = self.trainer.micro_batch_tokens(budget, tokens_of(share));
        let groups = groups(share.iter().copied(), budget);
        let tokens: usize = share.iter().map(|scored| scored.credit.returns.len()).sum();
        let weights = token_weights(LossMean::PerToken, &[tokens], tokens);
        let Self { network, trainer, clip } = self;
        let forward = |model: &ValueModel, group: &MicroBatch| {
            let device = model.device();
            let packed = pack(group, |row| share[row]);
            let per_token = |of: fn(&Scored) -> &[f32]| {
                let flat: Vec<f32> = group.rows().flat_map(|row| of(share[row])).copied().collect();
                packed.values(&flat, &device)
            };
            let weights = packed.values(&weights[..packed.picks()], &device);
            let (old, returns) = (per_token(|scored| &scored.values), per_token(|scored| &scored.credit.returns));
            let loss = value_loss(values(&network.config, model, &packed), old, returns, weights, *clip);
            (loss.clone(), loss.detach())
        };
        let loss = trainer.accumulate(&network.model, &groups, forward)?;
        let loss = read(loss.ok_or(Error::Empty("the rollout"))?).await?[0];
        if !loss.is_finite() {
            return Err(Error::NotFinite { what: "the value loss", step });
        }
        network.model = trainer.step(network.model.clone()).await?.0;
        Ok(loss)
    }
}

/// The value before each picked token, `[picks]`.
fn values(config: &ModelConfig, model: &ValueModel, packed: &Packed) -> Tensor<1> {
    let device = model.device();
    model.values(packed.pick(model.hidden(packed.tokens(&device), &packed.frame(config, &device))))
}
