//! The one stream of events that every front end consumes.
//!
//! The core reads no clock: a front end stamps events with the time at which they arrive.
//! Returning [`ControlFlow::Break`] from the listener stops the run at the next safe point.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Supervised fine-tuning.
    Sft,
    /// Sampling the policy to label steps.
    Label,
    /// PRM training with the decoder frozen.
    PrmHead,
    /// PRM training of decoder and head, or of adapters in their place.
    PrmFull,
    /// Scoring steps.
    Score,
    /// Reinforcement learning, as a whole.
    Rl,
    /// Sampling responses, inside an update.
    Rollout,
    /// Step scores, answers and KL of the responses, inside an update.
    Reward,
    /// Gradients and optimizer steps, inside an update.
    Learn,
    /// Measuring accuracy.
    Evaluate,
    /// Free generation.
    Generate,
}

impl Phase {
    /// Whether it is a part of one RL update, too short for a progress bar of its own.
    pub fn is_part_of_update(self) -> bool {
        matches!(self, Self::Rollout | Self::Reward | Self::Learn)
    }

    /// Words for a progress bar.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sft => "supervised fine-tuning",
            Self::Label => "sampling for labels",
            Self::PrmHead => "PRM, head only",
            Self::PrmFull => "PRM, decoder and head",
            Self::Score => "scoring",
            Self::Rl => "reinforcement learning",
            Self::Rollout => "RL, sampling",
            Self::Reward => "RL, rewards",
            Self::Learn => "RL, learning",
            Self::Evaluate => "evaluating",
            Self::Generate => "generating",
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A stage begins; `total` counts the units of its progress.
    PhaseStarted {
        /// The stage.
        phase: Phase,
        /// Units until it is done; 0 if unknown.
        total: usize,
    },
    /// Progress inside a stage.
    Progress {
        /// The stage.
        phase: Phase,
        /// Units done since it began.
        done: usize,
        /// Tokens read or written since it began.
        tokens: usize,
    },
    /// A stage ends.
    PhaseFinished {
        /// The stage.
        phase: Phase,
        /// Tokens read or written in it.
        tokens: usize,
    },
    /// One optimizer step of supervised fine-tuning.
    SftStep(SftStep),
    /// One optimizer step of PRM training.
    PrmStep(PrmStep),
    /// How well a process reward model judges steps.
    PrmQuality(PrmQuality),
    /// One rollout and its policy update.
    Update(Box<Update>),
    /// Accuracy of a policy on held-out problems.
    Evaluation(Evaluation),
    /// A response with its step scores, to be read by a person.
    Sample(Sample),
    /// A guard against reward hacking fired.
    Guard(GuardFired),
    /// Something the user should know.
    Warning {
        /// What.
        message: String,
    },
}

/// One optimizer step of supervised fine-tuning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct SftStep {
    /// From 1.
    pub step: usize,
    /// Nats per target token.
    pub loss: f32,
    /// Learning rate of this step.
    pub lr: f64,
    /// Norm of the gradient before clipping; none where it overflowed in f16 and the step was dropped.
    pub grad_norm: Option<f32>,
}

/// One optimizer step of PRM training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct PrmStep {
    /// From 1 within its stage.
    pub step: usize,
    /// Which stage.
    pub phase: Phase,
    /// Cross-entropy per labelled step.
    pub loss: f32,
    /// Learning rate of this step.
    pub lr: f64,
    /// Norm of the gradient before clipping; none where it overflowed in f16 and the step was dropped.
    pub grad_norm: Option<f32>,
}

/// How well a process reward model judges steps it was not trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct PrmQuality {
    /// On what.
    pub on: String,
    /// Updates made by the policy whose samples these are, or optimizer steps by the model in training.
    #[serde(default)]
    pub step: Option<usize>,
    /// Labelled steps.
    pub steps: usize,
    /// Share of them that are right.
    pub right_share: f32,
    /// Area under the ROC curve of the step score; `None` if all labels agree.
    pub auc: Option<f32>,
    /// Share of labelled steps on the right side of the threshold.
    pub accuracy: Option<f32>,
    /// Share of solutions with an error whose first wrong step is named exactly.
    pub accuracy_erroneous: Option<f32>,
    /// Share of solutions without an error found to have none.
    pub accuracy_correct: Option<f32>,
    /// Harmonic mean of the two, ProcessBench's F1, from 0 to 1.
    pub first_error_f1: Option<f32>,
    /// Share of solutions that the model approves of: no step below the threshold.
    #[serde(default)]
    pub approved: Option<f32>,
    /// Mean cross-entropy of the labelled steps.
    #[serde(default)]
    pub loss: Option<f32>,
    /// Whether the scores mean what they say.
    #[serde(default)]
    pub calibration: Option<Calibration>,
}

/// How well probabilities agree with what is right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Calibration {
    /// Expected calibration error, from 0 to 1.
    pub ece: f32,
    /// The reliability diagram.
    pub bins: Vec<ReliabilityBin>,
}

/// Steps of about the same probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct ReliabilityBin {
    /// Mean probability that they are right, as the model has it.
    pub probability: f32,
    /// Share of them that are.
    pub right_share: f32,
    /// How many there are.
    pub steps: usize,
}

/// Mean and extremes of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Spread {
    /// Mean.
    pub mean: f32,
    /// Smallest value.
    pub min: f32,
    /// Largest value.
    pub max: f32,
}

impl Spread {
    /// Of the given values; `None` if there are none.
    pub fn of(values: impl IntoIterator<Item = f32>) -> Option<Self> {
        let (mut sum, mut count) = (0.0_f64, 0);
        let mut spread = Self { mean: 0.0, min: f32::INFINITY, max: f32::NEG_INFINITY };
        for value in values {
            sum += f64::from(value);
            count += 1;
            spread.min = spread.min.min(value);
            spread.max = spread.max.max(value);
        }
        spread.mean = (sum / f64::from(count)) as f32;
        (count > 0).then_some(spread)
    }
}

/// Lengths of a set of responses.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Lengths {
    /// Tokens of a response.
    pub tokens: Spread,
    /// Share of responses cut off at the length limit.
    pub truncated: f32,
    /// Share of responses whose text repeats itself (repetition above 0.2).
    pub repetitive: f32,
}

/// One rollout and its policy update. A figure over nothing is `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Update {
    /// From 1.
    pub step: usize,
    /// Policy loss, the mean over the optimizer steps of this update.
    pub loss: f32,
    /// Learning rate of the first optimizer step.
    pub lr: f64,
    /// Norm of the last gradient before clipping.
    pub grad_norm: f32,
    /// Share of tokens whose ratio was clipped.
    pub clip_fraction: f32,
    /// Mean ratio π/π_old.
    pub ratio: f32,
    /// Mean of log π_old − log π over the tokens learned from: how far this update has moved the policy.
    pub policy_kl: f32,
    /// Optimizer steps not taken because their mean ratio exceeded `rl.loss.ratio_limit`, or because their gradient
    /// overflowed in f16.
    pub skipped_steps: usize,
    /// Mean outcome of the process reward over responses, Σ transformed step rewards.
    pub process_outcome: Option<Spread>,
    /// Score of the steps by the process reward models, combined.
    pub step_reward: Option<Spread>,
    /// Share of answers found right among those that may be checked.
    pub verified: Option<f32>,
    /// Share of questions with a right answer among their responses, of those that may be checked.
    pub pass_at_k: Option<f32>,
    /// Share of responses whose answer may be checked.
    pub checked: f32,
    /// Share of checkable responses whose process outcome is positive exactly when the answer is right.
    pub agreement: Option<f32>,
    /// Share of the sampled prompts that were left out as too easy or too hard.
    #[serde(default)]
    pub left_out: f32,
    /// Whole reward of a response after the baseline of its steps, KL penalty included.
    pub reward: Option<Spread>,
    /// Return of a token.
    pub returns: Option<Spread>,
    /// Advantage of a token, normalised.
    pub advantage: Option<Spread>,
    /// Value of a token before this update.
    pub value: Option<Spread>,
    /// Loss of the value function.
    pub value_loss: Option<f32>,
    /// 1 − Var(return − value) / Var(return): 1 for a perfect value function, 0 for a constant.
    pub explained_variance: Option<f32>,
    /// Mean per-token KL estimate against the reference policy.
    pub kl: Option<f32>,
    /// Weight β of the KL penalty in this update.
    pub kl_coefficient: f32,
    /// Mean over tokens of −log π of the sampled token: an estimate of the entropy.
    pub entropy: Option<f32>,
    /// KL divergence of the policy from the place that wrote the responses, estimated on them (k3); with `--rollouts` and in
    /// half precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampler_kl: Option<f32>,
    /// Truncated importance weights of the tokens; with `--rollouts` and in half precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<Spread>,
    /// How many updates the weights are old that wrote the responses; with `--rollouts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout_age: Option<usize>,
    /// Response length in tokens.
    pub length: Spread,
    /// Share of responses cut off at the length limit.
    pub truncated: f32,
    /// Lengths of the responses with a right answer.
    pub right: Option<Lengths>,
    /// Lengths of the responses with a wrong answer.
    pub wrong: Option<Lengths>,
    /// Prompt length in tokens.
    pub prompt_length: Spread,
    /// Number of steps.
    pub steps: Spread,
    /// Repetition score of the response texts.
    pub repetition: Spread,
    /// Phrases of self-correction in a response.
    pub reflection: Spread,
    /// Responses.
    pub responses: usize,
    /// Tokens written.
    pub tokens: usize,
}

/// Accuracy of a policy on held-out problems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Evaluation {
    /// Which policy: `base`, `update` or `final`.
    pub name: String,
    /// Updates made so far.
    pub step: usize,
    /// Share of right answers, greedy decoding.
    pub greedy: f32,
    /// Share of right answers when sampled as in training.
    pub sampled: f32,
    /// Problems asked.
    pub problems: usize,
    /// Mean response length of the sampled answers, in tokens.
    pub length: f32,
    /// Mean number of steps of the sampled answers.
    pub steps: f32,
    /// Share of the sampled answers cut off at the length limit: neither right nor wrong to the end.
    #[serde(default)]
    pub truncated: f32,
}

/// A response with its step scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct Sample {
    /// Updates made so far.
    pub step: usize,
    /// The prompt.
    pub prompt: String,
    /// The steps, as text.
    pub steps: Vec<String>,
    /// Score of each step; empty without a process reward model.
    pub scores: Vec<f32>,
    /// Return of each step.
    pub returns: Vec<f32>,
    /// Whether the answer is right, where it may be checked.
    pub verified: Option<bool>,
}

/// A guard against reward hacking fired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct GuardFired {
    /// The update, from 1.
    pub step: usize,
    /// Which guard: its key in `rl.guards`.
    pub guard: String,
    /// What was done: `report`, `mask`, `penalise` or `stop`.
    pub action: String,
    /// What was seen, in words with figures.
    pub seen: String,
    /// Responses concerned, where the guard looks at responses.
    pub responses: usize,
    /// One of them.
    pub sample: Option<String>,
}

/// Receives events; [`ControlFlow::Break`] asks the run to stop.
pub type Listener<'a> = dyn FnMut(Event) -> ControlFlow<()> + 'a;

/// Hands one event over and turns a request to stop into [`Error::Stopped`].
pub(crate) fn emit(listener: &mut Listener<'_>, event: Event) -> Result<()> {
    match listener(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped),
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn nothing_has_no_spread() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([1.0, -2.0, 4.0]), Some(Spread { mean: 1.0, min: -2.0, max: 4.0 }));
    }
}
