//! What the values of a configuration may be.

use crate::config::{Config, Optimizer};
use crate::{Error, Result};

impl Config {
    /// Checks every value that has a range, before anything is read, sampled or written.
    ///
    /// # Errors
    /// [`Error::Config`] with the first key out of range and what it may be.
    pub fn validate(&self) -> Result<()> {
        let Self { sampling, sft, prm, rl, world, .. } = self;
        in_range("sampling.temperature", sampling.temperature, 0.0, f32::MAX)?;
        in_range("sampling.top_p", sampling.top_p, 0.0, 1.0)?;
        positive("sampling.max_new_tokens", sampling.max_new_tokens)?;
        positive("sampling.rows", sampling.rows)?;
        positive("sft.batch", sft.batch)?;
        optimizer("sft.optimizer", &sft.optimizer)?;
        positive("prm.batch", prm.batch)?;
        in_range("prm.validation", prm.validation, 0.0, 1.0)?;
        in_range("prm.text_loss", prm.text_loss, 0.0, f32::MAX)?;
        in_range("prm.threshold", prm.threshold, -1.0, 1.0)?;
        optimizer("prm.head_optimizer", &prm.head_optimizer)?;
        optimizer("prm.full_optimizer", &prm.full_optimizer)?;
        positive("rl.prompts", rl.prompts)?;
        positive("rl.samples", rl.samples)?;
        positive("rl.steps_per_rollout", rl.steps_per_rollout)?;
        in_range("rl.verifiable_share", rl.verifiable_share, 0.0, 1.0)?;
        in_range("rl.kl", rl.kl, 0.0, f32::MAX)?;
        in_range("rl.clip_low", rl.clip_low, 0.0, 1.0)?;
        in_range("rl.clip_high", rl.clip_high, 0.0, f32::MAX)?;
        in_range("rl.credit.temperature", rl.credit.temperature, 0.0, f32::MAX)?;
        in_range("rl.credit.gamma", rl.credit.gamma, 0.0, 1.0)?;
        optimizer("rl.optimizer", &rl.optimizer)?;
        positive("world.layers", world.layers)?;
        positive("world.heads", world.heads)?;
        if world.hidden_size == 0 || !world.hidden_size.is_multiple_of(2 * world.heads) {
            let multiple = 2 * world.heads;
            return refuse(
                "world.hidden_size",
                format!("{} is not a multiple of {multiple}, twice the heads", world.hidden_size),
            );
        }
        for (key, share) in [("filler", world.filler), ("mistakes", world.mistakes), ("label_noise", world.label_noise)]
        {
            in_range(&format!("world.{key}"), share, 0.0, 1.0)?;
        }
        positive("world.prm_problems", world.prm_problems)?;
        positive("world.prm_samples", world.prm_samples)?;
        positive("world.test_problems", world.test_problems)
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
        assert!(refused(|config| config.rl.verifiable_share = 2.0).contains("rl.verifiable_share"));
        assert!(refused(|config| config.sft.batch = 0).contains("sft.batch"));
    }
}
