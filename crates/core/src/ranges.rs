//! What the values of a configuration may be.

use crate::config::{Allocation, Config, Curriculum, Optimizer, Prm, Reward, Rl, Sampling, World};
use crate::{Error, Result};

impl Config {
    /// Checks every value that has a range, before anything is read, sampled or written.
    ///
    /// # Errors
    /// [`Error::Config`] with the first key out of range and what it may be.
    pub fn validate(&self) -> Result<()> {
        self.sampling.validate()?;
        positive("sft.batch", self.sft.batch)?;
        positive("sft.micro_batch_tokens", self.sft.micro_batch_tokens)?;
        optimizer("sft.optimizer", &self.sft.optimizer)?;
        self.prm.validate()?;
        self.rl.validate()?;
        self.world.validate()
    }
}

impl Sampling {
    fn validate(&self) -> Result<()> {
        in_range("sampling.temperature", self.temperature, 0.0, f32::MAX)?;
        in_range("sampling.top_p", self.top_p, 0.0, 1.0)?;
        positive("sampling.max_new_tokens", self.max_new_tokens)?;
        positive("sampling.rows", self.rows)
    }
}

impl Prm {
    fn validate(&self) -> Result<()> {
        positive("prm.batch", self.batch)?;
        positive("prm.micro_batch_tokens", self.micro_batch_tokens)?;
        in_range("prm.validation", self.validation, 0.0, 1.0)?;
        in_range("prm.text_loss", self.text_loss, 0.0, f32::MAX)?;
        in_range("prm.threshold", self.threshold.unwrap_or(0.0), f32::MIN, f32::MAX)?;
        in_range("prm.lora.alpha", self.lora.alpha, 0.0, f32::MAX)?;
        optimizer("prm.head_optimizer", &self.head_optimizer)?;
        optimizer("prm.full_optimizer", &self.full_optimizer)
    }
}

impl Rl {
    pub(crate) fn validate(&self) -> Result<()> {
        positive("rl.prompts", self.prompts)?;
        positive("rl.samples", self.samples)?;
        positive("rl.micro_batch_tokens", self.micro_batch_tokens)?;
        self.curriculum.validate(self.samples)?;
        in_range("rl.rollouts.importance_cap", self.rollouts.importance_cap, 0.0, f32::MAX)?;
        in_range("rl.lora.alpha", self.lora.alpha, 0.0, f32::MAX)?;
        positive("rl.epochs", self.epochs)?;
        positive("rl.steps_per_rollout", self.steps_per_rollout)?;
        self.reward.validate()?;
        in_range("rl.credit.temperature", self.credit.temperature, 0.0, f32::MAX)?;
        in_range("rl.credit.gamma", self.credit.gamma, 0.0, 1.0)?;
        in_range("rl.credit.lambda", self.credit.lambda, 0.0, 1.0)?;
        in_range("rl.credit.discount", self.credit.discount, 0.0, 1.0)?;
        positive("rl.credit.action_tokens", self.credit.action_tokens)?;
        in_range("rl.kl.coefficient", self.kl.coefficient, 0.0, f32::MAX)?;
        in_range("rl.kl.target", self.kl.target, 0.0, f32::MAX)?;
        in_range("rl.kl.horizon", self.kl.horizon, 1.0, f32::MAX)?;
        in_range("rl.loss.clip_low", self.loss.clip_low, 0.0, 1.0)?;
        in_range("rl.loss.clip_high", self.loss.clip_high, 0.0, f32::MAX)?;
        in_range("rl.loss.entropy", self.loss.entropy, 0.0, f32::MAX)?;
        in_range("rl.loss.ratio_limit", self.loss.ratio_limit, 0.0, f32::MAX)?;
        in_range("rl.critic.clip", self.critic.clip, 0.0, f32::MAX)?;
        optimizer("rl.critic.optimizer", &self.critic.optimizer)?;
        in_range("rl.guards.max_repetition", self.guards.max_repetition, 0.0, 1.0)?;
        in_range("rl.guards.penalty", self.guards.penalty, 0.0, f32::MAX)?;
        in_range("rl.guards.report_share", self.guards.report_share, 0.0, 1.0)?;
        in_range("rl.guards.drift_factor", self.guards.drift_factor, 1.0, f32::MAX)?;
        in_range("rl.guards.divergence_drop", self.guards.divergence_drop, 0.0, 1.0)?;
        in_range("rl.guards.max_kl", self.guards.max_kl, 0.0, f32::MAX)?;
        positive("rl.guards.window", self.guards.window)?;
        positive("rl.checkpoints.keep", self.checkpoints.keep)?;
        optimizer("rl.optimizer", &self.optimizer)
    }
}

impl Curriculum {
    fn validate(&self, samples: usize) -> Result<()> {
        in_range("rl.curriculum.min_pass", self.min_pass, 0.0, 1.0)?;
        in_range("rl.curriculum.max_pass", self.max_pass, self.min_pass, 1.0)?;
        positive("rl.curriculum.max_rounds", self.max_rounds)?;
        in_range("rl.curriculum.alpha", self.alpha, 0.0, f32::MAX)?;
        in_range("rl.curriculum.beta", self.beta, 1.0, f32::MAX)?;
        if self.allocation == Allocation::Variance && !(1..=samples).contains(&self.pilot) {
            return refuse("rl.curriculum.pilot", format!("{} is out of range; expected 1 to rl.samples", self.pilot));
        }
        Ok(())
    }
}

impl Reward {
    fn validate(&self) -> Result<()> {
        in_range("rl.reward.process", self.process, 0.0, f32::MAX)?;
        in_range("rl.reward.verifiable", self.verifiable, 0.0, f32::MAX)?;
        in_range("rl.reward.verifiable_share", self.verifiable_share, 0.0, 1.0)?;
        in_range("rl.reward.reference", self.reference, -1.0, 1.0)?;
        in_range("rl.reward.clip_at", self.clip_at, -1.0, 1.0)?;
        in_range("rl.reward.overlong", self.overlong, 0.0, f32::MAX)
    }
}

impl World {
    pub(crate) fn validate(&self) -> Result<()> {
        positive("world.layers", self.layers)?;
        positive("world.heads", self.heads)?;
        let multiple = 2 * self.heads;
        if self.hidden_size == 0 || !self.hidden_size.is_multiple_of(multiple) {
            let problem = format!("{} is not a multiple of {multiple}, twice the heads", self.hidden_size);
            return refuse("world.hidden_size", problem);
        }
        in_range("world.filler", self.filler, 0.0, 1.0)?;
        in_range("world.mistakes", self.mistakes, 0.0, 1.0)?;
        in_range("world.joined", self.joined, 0.0, 1.0)?;
        in_range("world.label_noise", self.label_noise, 0.0, 1.0)?;
        positive("world.prm_problems", self.prm_problems)?;
        positive("world.prm_samples", self.prm_samples)?;
        positive("world.test_problems", self.test_problems)
    }
}

fn optimizer(section: &str, optimizer: &Optimizer) -> Result<()> {
    in_range(&format!("{section}.lr"), optimizer.lr as f32, 0.0, f32::MAX)?;
    in_range(&format!("{section}.beta_1"), optimizer.beta_1, 0.0, 1.0)?;
    in_range(&format!("{section}.beta_2"), optimizer.beta_2, 0.0, 1.0)
}

fn in_range(key: &str, value: f32, low: f32, high: f32) -> Result<()> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let expected = if high == f32::MAX { format!("{low} or more") } else { format!("a number from {low} to {high}") };
    refuse(key, format!("{value} is out of range; expected {expected}"))
}

fn positive(key: &str, value: usize) -> Result<()> {
    if value > 0 { Ok(()) } else { refuse(key, "0 is out of range; expected 1 or more".into()) }
}

fn refuse(key: &str, problem: String) -> Result<()> {
    Err(Error::Config { key: key.into(), problem })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::settings;

    #[test]
    fn what_ships_is_in_range() {
        for config in [Config::default(), settings(false), settings(true)] {
            assert_eq!(config.validate().map_err(|error| error.to_string()), Ok(()));
        }
    }

    #[test]
    fn values_out_of_range_are_named() {
        let refused = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.validate().map_err(|error| error.to_string()).expect_err("out of range")
        };
        assert!(refused(|config| config.world.heads = 0).contains("world.heads"));
        assert!(refused(|config| config.world.hidden_size = 33).contains("world.hidden_size"));
        assert!(refused(|config| config.sampling.temperature = -1.0).contains("0 or more"));
        assert!(refused(|config| config.sampling.top_p = f32::NAN).contains("from 0 to 1"));
        assert!(refused(|config| config.rl.reward.verifiable_share = 2.0).contains("rl.reward.verifiable_share"));
        assert!(refused(|config| config.sft.batch = 0).contains("sft.batch"));
        assert!(refused(|config| config.rl.micro_batch_tokens = 0).contains("rl.micro_batch_tokens"));
    }
}
