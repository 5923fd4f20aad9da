//! The settings of published methods, as files of the repository.

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use toml::{Table, Value};

use crate::settings::Layer;

/// A published method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    /// PURE as its paper describes it.
    PurePaper,
    /// PURE, branch main: the code behind its 7B results.
    PureMain,
    /// PURE, branch verl.
    PureVerl,
    /// Process rewards alone.
    PurePrm,
    /// Verifiable rewards alone.
    PureVr,
    /// Process rewards and a tenth of the answers.
    PurePrmVr,
    /// PPO with a value function.
    Reft,
    /// Group-relative outcome rewards.
    Grpo,
    /// GRPO without its length biases.
    DrGrpo,
    /// Whitened returns without a baseline.
    ReinforcePp,
    /// The greedy response as baseline.
    Remax,
}

impl Preset {
    fn text(self) -> &'static str {
        match self {
            Self::PurePaper => include_str!("../presets/pure-paper.toml"),
            Self::PureMain => include_str!("../presets/pure-main.toml"),
            Self::PureVerl => include_str!("../presets/pure-verl.toml"),
            Self::PurePrm => include_str!("../presets/pure-prm.toml"),
            Self::PureVr => include_str!("../presets/pure-vr.toml"),
            Self::PurePrmVr => include_str!("../presets/pure-prm-vr.toml"),
            Self::Reft => include_str!("../presets/reft.toml"),
            Self::Grpo => include_str!("../presets/grpo.toml"),
            Self::DrGrpo => include_str!("../presets/dr-grpo.toml"),
            Self::ReinforcePp => include_str!("../presets/reinforce-pp.toml"),
            Self::Remax => include_str!("../presets/remax.toml"),
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The layers of this preset, what it extends first.
    pub(crate) fn layers(self) -> Result<Vec<Layer>> {
        let origin = format!("preset {}", self.name());
        let mut table: Table = toml::from_str(self.text()).with_context(|| origin.clone())?;
        let mut layers = match table.remove("extends") {
            Some(Value::String(name)) => {
                Self::from_str(&name, false).map_err(anyhow::Error::msg).and_then(Self::layers)?
            }
            _ => Vec::new(),
        };
        layers.push(Layer { origin, table });
        Ok(layers)
    }
}

#[cfg(test)]
mod tests {
    use minform_core::config::{Config, Estimator, KlPlace, LossMean};
    use minform_core::experiment::Experiment;

    use super::*;
    use crate::settings::resolve;

    fn config(preset: Preset) -> Config {
        resolve(&Config::default(), preset.layers().unwrap(), None).unwrap().config
    }

    #[test]
    fn every_preset_is_in_range() {
        for preset in Preset::value_variants() {
            assert!(resolve(&Config::default(), preset.layers().unwrap(), None).is_ok(), "{preset:?}");
        }
    }

    /// The experiment's credit is the paper's, so that its results say something about the paper.
    #[test]
    fn experiments_have_the_credit_of_the_paper() {
        let (paper, own) = (config(Preset::PurePaper).rl, Experiment::CreditForms.settings().rl);
        assert_eq!(own.credit, paper.credit);
        assert_eq!((own.normalisation, own.loss.mean, own.kl), (paper.normalisation, paper.loss.mean, paper.kl));
    }

    /// The table of differences between paper, main and verl.
    #[test]
    fn the_three_pures_differ_where_they_should() {
        let [paper, main, verl] = [Preset::PurePaper, Preset::PureMain, Preset::PureVerl].map(|p| config(p).rl);
        let estimators = [&paper, &main, &verl].map(|rl| rl.credit.estimator);
        assert_eq!(estimators, [Estimator::RlooPaper, Estimator::RlooToken, Estimator::RlooVerl]);
        assert_eq!([&paper, &main, &verl].map(|rl| rl.credit.mask_step_ends), [false, true, false]);
        assert_eq!([&paper, &main, &verl].map(|rl| rl.kl.coefficient), [1e-3; 3]);
        let places = [&paper, &main, &verl].map(|rl| rl.kl.place);
        assert_eq!(places, [KlPlace::AfterBaseline, KlPlace::AfterBaseline, KlPlace::BeforeBaseline]);
        let means = [&paper, &main, &verl].map(|rl| rl.loss.mean);
        assert_eq!(means, [LossMean::PerToken, LossMean::PerResponse, LossMean::PerToken]);
    }
}
