//! Which settings the arms of an experiment differ in.

use crate::config::{Config, Estimator, Form, Kl, KlEstimator, LossMean, Normalisation, ResponseAction, Schedule};
use crate::demo;

/// An experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Experiment {
    /// The paper's claim: forms of the return, and verifiable rewards.
    CreditForms,
    /// Ways to hack the reward, and their cures.
    Hacking,
}

/// One arm: a name and what it changes.
#[derive(Debug, Clone, Copy)]
pub struct Arm {
    /// Name of its folder.
    pub name: &'static str,
    /// What it is, in words.
    pub title: &'static str,
    change: fn(&mut Config),
}

impl Arm {
    /// The settings of this arm.
    pub fn apply(&self, config: &Config) -> Config {
        let mut config = config.clone();
        (self.change)(&mut config);
        config
    }
}

fn form(config: &mut Config, form: Form) {
    config.rl.credit.form = form;
}

fn soft_min(config: &mut Config, temperature: f32) {
    form(config, Form::SoftMin);
    config.rl.credit.temperature = temperature;
}

/// Adds verifiable rewards on a share of the problems.
fn verified(config: &mut Config, share: f32) {
    config.rl.reward.verifiable = 1.0;
    config.rl.reward.verifiable_share = share;
}

const CREDIT_FORMS: [Arm; 10] = [
    Arm { name: "sum", title: "sum, γ = 1", change: |c| form(c, Form::Sum) },
    Arm {
        name: "sum-0.9",
        title: "sum, γ = 0.9",
        change: |c| {
            form(c, Form::Sum);
            c.rl.credit.gamma = 0.9;
        },
    },
    Arm { name: "mean", title: "mean", change: |c| form(c, Form::Mean) },
    Arm { name: "min-0.01", title: "soft min, T = 0.01", change: |c| soft_min(c, 0.01) },
    Arm { name: "min-0.1", title: "soft min, T = 0.1", change: |c| soft_min(c, 0.1) },
    Arm { name: "min-1", title: "soft min, T = 1", change: |c| soft_min(c, 1.0) },
    Arm { name: "exact-min", title: "exact min", change: |c| form(c, Form::ExactMin) },
    Arm {
        name: "vr",
        title: "verifiable rewards only",
        change: |c| {
            c.rl.reward.process = 0.0;
            verified(c, 1.0);
        },
    },
    Arm {
        name: "min-vr-10",
        title: "soft min, T = 0.1, and 10 % verifiable",
        change: |c| {
            soft_min(c, 0.1);
            verified(c, 0.1);
        },
    },
    Arm {
        name: "min-vr-100",
        title: "soft min, T = 0.1, and 100 % verifiable",
        change: |c| {
            soft_min(c, 0.1);
            verified(c, 1.0);
        },
    },
];

/// Three ways to please a reward model without solving, each beside its cure.
///
/// *Thinking without solving* comes from the sum of step rewards; the minimum cures it. *Few steps* come from the
/// baseline per step, which charges every further step; a baseline that does not count steps cures it. *No step* comes
/// from a reward model that likes answers which say nothing; a guard on responses cures it, as verifiable rewards do.
const HACKING: [Arm; 6] = [
    Arm { name: "thinking", title: "sum of step rewards", change: |c| form(c, Form::Sum) },
    Arm { name: "thinking-cured", title: "soft minimum, T = 0.1", change: |c| soft_min(c, 0.1) },
    Arm { name: "few-steps", title: "baseline per step", change: few_steps },
    Arm { name: "few-steps-cured", title: "baseline of the paper", change: |c| soft_min(c, 0.1) },
    Arm { name: "no-step", title: "hot sampling, baseline of branch verl", change: no_step },
    Arm {
        name: "no-step-cured",
        title: "the same, answers of fewer than three steps penalised",
        change: |c| {
            no_step(c);
            c.rl.guards.few_steps = ResponseAction::Penalise;
            c.rl.guards.min_steps = 3;
        },
    },
];

/// Every further step is charged what a step of the others earned (Eq. 8).
fn few_steps(config: &mut Config) {
    soft_min(config, 0.1);
    config.rl.credit.estimator = Estimator::RlooStep;
}

/// A reward model that read nothing wrong has nothing to object to: it likes an answer without a step. Sampling hot
/// enough to meet one, and credit that reaches end tokens, do the rest.
fn no_step(config: &mut Config) {
    soft_min(config, 0.1);
    config.rl.credit.estimator = Estimator::RlooVerl;
    config.sampling.temperature = 1.5;
}

/// Arms that one picture shows together.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    /// What they differ in.
    pub title: &'static str,
    /// Their names.
    pub arms: &'static [&'static str],
}

const CREDIT_FORMS_COMPARED: [Comparison; 2] = [
    Comparison {
        title: "form of the return",
        arms: &["sum", "sum-0.9", "mean", "min-0.01", "min-0.1", "min-1", "exact-min"],
    },
    Comparison { title: "kind of reward", arms: &["sum", "min-0.1", "vr", "min-vr-10", "min-vr-100"] },
];

const HACKING_COMPARED: [Comparison; 3] = [
    Comparison { title: "thinking without solving", arms: &["thinking", "thinking-cured"] },
    Comparison { title: "few steps", arms: &["few-steps", "few-steps-cured"] },
    Comparison { title: "no step", arms: &["no-step", "no-step-cured"] },
];

impl Experiment {
    /// Its arms.
    pub fn arms(self) -> &'static [Arm] {
        match self {
            Self::CreditForms => &CREDIT_FORMS,
            Self::Hacking => &HACKING,
        }
    }

    /// Which of them are shown together.
    pub fn comparisons(self) -> &'static [Comparison] {
        match self {
            Self::CreditForms => &CREDIT_FORMS_COMPARED,
            Self::Hacking => &HACKING_COMPARED,
        }
    }

    /// The arm whose final accuracy the others are measured by.
    pub fn yardstick(self) -> Option<&'static str> {
        matches!(self, Self::CreditForms).then_some("vr")
    }

    /// The settings that all arms share: the demo's models and sizes, credit assignment as the paper has it (its
    /// baseline, no mask on the ends of steps, the preset `pure-paper`), a constant learning rate, and a reward model
    /// from twice as many samples, one in fifty of whose labels is wrong.
    pub fn settings(self) -> Config {
        let mut config = demo::settings(false);
        config.sft.steps = 500;
        config.world.mistakes = 0.1;
        config.world.prm_problems = 6000;
        config.world.label_noise = 0.02;
        config.rl.updates = 100;
        config.rl.evaluate_every = 10;
        config.rl.credit.estimator = Estimator::RlooPaper;
        config.rl.credit.mask_step_ends = false;
        config.rl.normalisation = Normalisation::Whiten;
        config.rl.kl = Kl { coefficient: 1e-3, estimator: KlEstimator::K3Clamped, ..Kl::default() };
        config.rl.loss.mean = LossMean::PerToken;
        config.rl.optimizer.lr = 2e-4;
        config.rl.optimizer.schedule = Schedule::Constant;
        if self == Self::Hacking {
            // How many steps a solution has is then the author's choice.
            config.world.joined = 0.3;
        }
        config
    }
}
