//! Settings of reinforcement learning.

use minform_credit as credit;
use serde::{Deserialize, Serialize};

use super::Optimizer;

/// Reinforcement learning with process rewards, verifiable rewards, or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Rl {
    /// Rollout-and-update rounds.
    pub updates: usize,
    /// Prompts per update. PURE: 64.
    pub prompts: usize,
    /// Responses per prompt, K. PURE: 4 (main), 8 (verl, paper).
    pub samples: usize,
    /// Which prompts are learned from, and how often each is sampled.
    pub curriculum: Curriculum,
    /// Passes over the responses of a rollout. PURE: 1.
    pub epochs: usize,
    /// Optimizer steps per pass, each on its share of the responses. PURE: 2 (main), 1 (verl, paper).
    pub steps_per_rollout: usize,
    /// Most tokens in one forward pass; raise it where memory allows.
    pub micro_batch_tokens: usize,
    /// Run each layer again on the way back instead of keeping what it computed: less memory, a third more work.
    pub gradient_checkpointing: bool,
    /// Learn low-rank adapters instead of all weights.
    pub lora: Lora,
    /// Responses that are written elsewhere.
    pub rollouts: Rollouts,
    /// What is rewarded.
    pub reward: Reward,
    /// Credit assignment.
    pub credit: Credit,
    /// Normalisation of the advantages over a rollout.
    pub normalisation: Normalisation,
    /// Distance from the policy that training started with.
    pub kl: Kl,
    /// Policy loss.
    pub loss: Loss,
    /// Value function of the estimator `gae`.
    pub critic: Critic,
    /// What to do with a response that ran into the length limit.
    pub truncated: Truncated,
    /// What is done about signs of reward hacking.
    pub guards: Guards,
    /// What is kept so that a run can go on.
    pub checkpoints: Checkpoints,
    /// Optimizer of the policy.
    pub optimizer: Optimizer,
    /// Evaluate on held-out problems every so many updates; 0 only at the end.
    pub evaluate_every: usize,
}

impl Default for Rl {
    fn default() -> Self {
        Self {
            updates: 100,
            prompts: 64,
            samples: 4,
            curriculum: Curriculum::default(),
            epochs: 1,
            steps_per_rollout: 1,
            micro_batch_tokens: 512,
            gradient_checkpointing: false,
            lora: Lora::default(),
            rollouts: Rollouts::default(),
            reward: Reward::default(),
            credit: Credit::default(),
            normalisation: Normalisation::NonZero,
            kl: Kl::default(),
            loss: Loss::default(),
            critic: Critic::default(),
            truncated: Truncated::Keep,
            guards: Guards::default(),
            checkpoints: Checkpoints::default(),
            optimizer: Optimizer { lr: 5e-7, ..Optimizer::default() },
            evaluate_every: 10,
        }
    }
}

/// Low-rank adapters on the projections of the policy's layers; the saved policy has them folded in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Lora {
    /// Rank of the adapters; 0 learns all weights.
    pub rank: usize,
    /// α: the adapters count α / rank.
    pub alpha: f32,
}

impl Default for Lora {
    fn default() -> Self {
        Self { rank: 0, alpha: 32.0 }
    }
}

/// Which prompts are learned from, and how often each is sampled.
///
/// The pass rate of a prompt is the share of its responses that are right, or, where its answer may not be checked,
/// whose process outcome is positive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Curriculum {
    /// Prompts with a lower pass rate are too hard and left out.
    pub min_pass: f32,
    /// Prompts with a higher pass rate are too easy and left out.
    pub max_pass: f32,
    /// How often at most new prompts are sampled in place of those left out (DAPO's dynamic sampling).
    pub max_rounds: usize,
    /// How samples are shared out among the prompts of an update.
    pub allocation: Allocation,
    /// Samples of each prompt from which `variance` learns what it is like.
    pub pilot: usize,
    /// α of `variance`: how much it shuns prompts of low pass rate.
    pub alpha: f32,
    /// β of `variance`: how steeply.
    pub beta: f32,
}

impl Default for Curriculum {
    fn default() -> Self {
        Self {
            min_pass: 0.0,
            max_pass: 1.0,
            max_rounds: 1,
            allocation: Allocation::Uniform,
            pilot: 2,
            alpha: 1e-3,
            beta: 2.0,
        }
    }
}

/// How samples are shared out among the prompts of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Allocation {
    /// `rl.samples` each.
    Uniform,
    /// The same number in all, more where the gradient varies more (GVM-RAFT).
    Variance,
}

/// Responses that an inference server writes, given by `--rollouts`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Rollouts {
    /// C: a token counts min(π / μ, C) in the policy loss, with μ the probability it was drawn with; 0 counts all alike.
    /// Also in half precision without a server.
    pub importance_cap: f32,
    /// How many updates the server's weights may be old.
    pub max_age: usize,
}

impl Default for Rollouts {
    fn default() -> Self {
        Self { importance_cap: 2.0, max_age: 0 }
    }
}

/// What is rewarded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Reward {
    /// Weight of the process reward; 0 leaves the process reward model out. `minform train` without `--prm` and `--preset`
    /// takes 0.
    pub process: f32,
    /// Weight of the verifiable reward; 0 leaves it out, and the policy then never meets a reference answer. `minform train`
    /// without `--prm` and `--preset` takes 1.
    pub verifiable: f32,
    /// Share of the training problems whose answer may be checked, from 0 to 1. PURE-PRM+VR: 0.1.
    pub verifiable_share: f32,
    /// What the scores of several process reward models become. With one model `mean` and `min` leave them alone.
    pub combine: Combine,
    /// Score r₀ that counts as good enough for `combine = "and"`.
    pub reference: f32,
    /// Bounds on what further steps can earn; made for the sum form.
    pub shaping: Shaping,
    /// Score η from which on `shaping = "clip"` pays nothing more.
    pub clip_at: f32,
    /// Weight of the penalty on responses near the length limit, an outcome reward from 0 to −1; 0 leaves it out. DAPO: 1.
    pub overlong: f32,
    /// Tokens before the length limit in which that penalty grows; 0: only the limit itself costs.
    pub overlong_buffer: usize,
}

impl Default for Reward {
    fn default() -> Self {
        Self {
            process: 1.0,
            verifiable: 0.0,
            verifiable_share: 1.0,
            combine: Combine::Mean,
            reference: 0.0,
            shaping: Shaping::None,
            clip_at: 0.0,
            overlong: 0.0,
            overlong_buffer: 0,
        }
    }
}

impl Reward {
    /// Share of the problems whose answer the policy may be checked on: 0 without a verifiable reward.
    pub fn checked_share(&self) -> f32 {
        if self.verifiable == 0.0 { 0.0 } else { self.verifiable_share }
    }

    pub(crate) fn combination(&self) -> credit::Combination {
        match self.combine {
            Combine::Mean => credit::Combination::Mean,
            Combine::Min => credit::Combination::Min,
            Combine::And => credit::Combination::And { reference: self.reference },
        }
    }

    pub(crate) fn shaping(&self) -> credit::Shaping {
        let clips = matches!(self.shaping, Shaping::Clip | Shaping::ClipDelta);
        credit::Shaping {
            clip: clips.then_some(self.clip_at),
            delta: matches!(self.shaping, Shaping::Delta | Shaping::ClipDelta),
        }
    }
}

/// What the scores of several process reward models become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Combine {
    /// Their mean.
    Mean,
    /// The lowest.
    Min,
    /// Σ log σ(z − z₀): the log-probability that all would call the step good; with one model its log-sigmoid.
    And,
}

/// Bounds on what further steps can earn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Shaping {
    /// None.
    None,
    /// min(r, η) − η.
    Clip,
    /// Each reward less the next one.
    Delta,
    /// Clip, then delta.
    ClipDelta,
}

/// How step rewards become token advantages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Credit {
    /// Form of the return.
    pub form: Form,
    /// Temperature T of the soft minimum. PURE: 0.1.
    pub temperature: f32,
    /// Discount γ of the sum form, per step.
    pub gamma: f32,
    /// How returns become advantages.
    pub estimator: Estimator,
    /// Divide by the standard deviation in `grpo` and `grpo-process`; Dr. GRPO does not.
    pub scale_by_std: bool,
    /// λ of `gae`. PURE: 1.
    pub lambda: f32,
    /// Discount of the return from one action to the next. PURE: 1.
    pub discount: f32,
    /// What one action is.
    pub actions: Actions,
    /// Tokens of an action where `actions` is `n-gram` or `fixed`.
    pub action_tokens: usize,
    /// Zero the advantage of separators and end tokens (main).
    pub mask_step_ends: bool,
}

impl Default for Credit {
    fn default() -> Self {
        Self {
            form: Form::SoftMin,
            temperature: 0.1,
            gamma: 1.0,
            estimator: Estimator::RlooToken,
            scale_by_std: true,
            lambda: 1.0,
            discount: 1.0,
            actions: Actions::Token,
            action_tokens: 4,
            mask_step_ends: true,
        }
    }
}

impl Credit {
    /// The form with its constant.
    pub fn form(&self) -> credit::CreditForm {
        match self.form {
            Form::SoftMin => credit::CreditForm::SoftMin { temperature: self.temperature },
            Form::ExactMin => credit::CreditForm::ExactMin,
            Form::Sum => credit::CreditForm::Sum { gamma: self.gamma },
            Form::Mean => credit::CreditForm::Mean,
        }
    }

    /// The estimator with its constants; `longest` is the longest possible response in tokens.
    pub(crate) fn estimator(&self, longest: usize) -> credit::Estimator {
        match self.estimator {
            Estimator::Reinforce => credit::Baseline::None.into(),
            Estimator::RlooToken => credit::Baseline::LeaveOneOutToken.into(),
            Estimator::RlooStep => credit::Baseline::LeaveOneOutStep.into(),
            Estimator::RlooPaper => credit::Baseline::PaperToken { max_length: longest }.into(),
            Estimator::RlooVerl => credit::Baseline::VerlToken { max_length: longest }.into(),
            Estimator::Remax => credit::Baseline::Greedy.into(),
            Estimator::Grpo => credit::Estimator::Grpo { scale_by_std: self.scale_by_std },
            Estimator::GrpoProcess => credit::Estimator::GrpoProcess { scale_by_std: self.scale_by_std },
            Estimator::Gae => credit::Estimator::Gae { lambda: self.lambda },
        }
    }

    pub(crate) fn actions(&self) -> credit::Actions {
        match self.actions {
            Actions::Token => credit::Actions::Token,
            Actions::Step => credit::Actions::Step,
            Actions::NGram => credit::Actions::NGram { length: self.action_tokens },
            Actions::Fixed => credit::Actions::Fixed { length: self.action_tokens },
        }
    }
}

/// Form of the return over step rewards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// softmax(−r/T)-weighted rewards, PURE's transform.
    SoftMin,
    /// Eq. 3 over steps.
    ExactMin,
    /// γ-discounted sum.
    Sum,
    /// Rewards divided by the number of steps.
    Mean,
}

/// How returns become advantages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Estimator {
    /// The return itself; with `normalisation = "whiten"` this is REINFORCE++.
    Reinforce,
    /// Leave one out: others' reward per token times the tokens of a step (main).
    RlooToken,
    /// Leave one out: others' mean step reward (main's rejected alternative; favours few steps).
    RlooStep,
    /// Leave one out, the paper's Eq. 7: others' mean token return over the longest response.
    RlooPaper,
    /// Leave one out, verl: the same with verifiable reward and KL inside.
    RlooVerl,
    /// Less the reward of the greedy response.
    Remax,
    /// The whole reward against the group.
    Grpo,
    /// Each step against all steps of the group.
    GrpoProcess,
    /// Generalised advantages with a value function (PPO).
    Gae,
}

impl Estimator {
    /// Whether a response is compared with the others of its group.
    pub fn compares(self) -> bool {
        !matches!(self, Self::Reinforce | Self::Remax | Self::Gae)
    }
}

/// What one action is when returns are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Actions {
    /// Each token.
    Token,
    /// Each step.
    Step,
    /// So many tokens, begun anew at each step.
    NGram,
    /// So many tokens, whatever the steps.
    Fixed,
}

/// Distance from the policy that training started with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Kl {
    /// Weight β at the start; 0 leaves the reference policy out. PURE: 1e-3.
    pub coefficient: f32,
    /// Estimator. PURE: k1 (main), k3-clamped (verl).
    pub estimator: KlEstimator,
    /// Where it enters.
    pub place: KlPlace,
    /// Divergence per token that β is steered to; 0 keeps β.
    pub target: f32,
    /// Responses over which β follows.
    pub horizon: f32,
}

impl Default for Kl {
    fn default() -> Self {
        Self {
            coefficient: 1e-3,
            estimator: KlEstimator::K1,
            place: KlPlace::AfterBaseline,
            target: 0.0,
            horizon: 10_000.0,
        }
    }
}

/// Where the KL penalty enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KlPlace {
    /// Into the token rewards, not averaged by the baseline (main).
    AfterBaseline,
    /// Into the token rewards, averaged by the baseline (verl).
    BeforeBaseline,
    /// Into the loss (GRPO).
    Loss,
}

/// Per-token estimator of KL(π ‖ π_ref).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KlEstimator {
    /// log-ratio.
    K1,
    /// Half its square.
    K2,
    /// e^(−d) − 1 + d.
    K3,
    /// k3 clamped to [−10, 10].
    K3Clamped,
}

impl From<KlEstimator> for credit::KlEstimator {
    fn from(estimator: KlEstimator) -> Self {
        match estimator {
            KlEstimator::K1 => Self::K1,
            KlEstimator::K2 => Self::K2,
            KlEstimator::K3 => Self::K3,
            KlEstimator::K3Clamped => Self::K3Clamped,
        }
    }
}

/// Policy loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Loss {
    /// Lower clip of the ratio, ε: 1 − ε.
    pub clip_low: f32,
    /// Upper clip of the ratio, ε: 1 + ε. DAPO: 0.28.
    pub clip_high: f32,
    /// How the token losses are averaged.
    pub mean: LossMean,
    /// Weight of the entropy bonus. PURE: 0.
    pub entropy: f32,
    /// A step whose mean ratio π/π_old exceeds this is not taken; 0 takes every step. PURE: 10 (main).
    pub ratio_limit: f32,
}

impl Default for Loss {
    fn default() -> Self {
        Self { clip_low: 0.2, clip_high: 0.2, mean: LossMean::PerResponse, entropy: 0.0, ratio_limit: 10.0 }
    }
}

/// How token losses are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LossMean {
    /// Over the tokens of a response, then over responses (main).
    PerResponse,
    /// Over all tokens (verl).
    PerToken,
    /// Sum over tokens divided by the longest possible response, then over responses (Dr. GRPO).
    ConstantLength,
}

/// Value function of the estimator `gae`: a decoder of its own that starts from the policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Critic {
    /// How far a value may move from the one in the rollout before its loss stops paying; 0 sets no bound. PPO: 0.2.
    pub clip: f32,
    /// Updates at the start in which only the value function learns.
    pub warmup_updates: usize,
    /// Optimizer.
    pub optimizer: Optimizer,
}

impl Default for Critic {
    fn default() -> Self {
        Self { clip: 0.2, warmup_updates: 0, optimizer: Optimizer { lr: 1e-5, ..Optimizer::default() } }
    }
}

/// Normalisation of advantages over all tokens of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// None.
    None,
    /// Mean and variance over tokens whose advantage is not zero (main).
    NonZero,
    /// Mean and unbiased variance over all tokens (verl).
    Whiten,
}

impl From<Normalisation> for credit::Normalisation {
    fn from(form: Normalisation) -> Self {
        match form {
            Normalisation::None => Self::None,
            Normalisation::NonZero => Self::NonZero,
            Normalisation::Whiten => Self::Whiten,
        }
    }
}

/// What to do with a response that ran into the length limit. `rl.reward.overlong` penalises it besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Truncated {
    /// Learn from it as it is (verl).
    Keep,
    /// Overwrite its last token by the end token (main).
    Close,
    /// Leave it out of the loss.
    Mask,
}

/// What is done about signs of reward hacking. Some look at each response, some at the course of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Guards {
    /// Responses without a letter or a digit.
    pub empty: ResponseAction,
    /// Responses with fewer than `min_steps` steps that are not empty.
    pub few_steps: ResponseAction,
    /// Fewest steps of a solution.
    pub min_steps: usize,
    /// Responses with a step of more than `max_step_tokens` tokens.
    pub huge_step: ResponseAction,
    /// Most tokens of a step.
    pub max_step_tokens: usize,
    /// Responses whose repetition score exceeds `max_repetition`.
    pub repetition: ResponseAction,
    /// Largest repetition score. PURE: 0.2.
    pub max_repetition: f32,
    /// What `"penalise"` subtracts from the reward of a response.
    pub penalty: f32,
    /// Share of a rollout from which on `"report"` speaks.
    pub report_share: f32,
    /// Steps or tokens of a response, averaged over a window, that leave those of the first window behind.
    pub drift: RunAction,
    /// By which factor, up or down.
    pub drift_factor: f32,
    /// Process outcome rising while accuracy, held out or of checked answers, falls.
    pub divergence: RunAction,
    /// How far accuracy may fall, as a share.
    pub divergence_drop: f32,
    /// A KL divergence from the reference above `max_kl`, or ten times that of the window before.
    pub kl: RunAction,
    /// Largest KL divergence per token.
    pub max_kl: f32,
    /// Optimizer steps given up because of `rl.loss.ratio_limit`.
    pub ratio: RunAction,
    /// A loss or gradient that is not a number: `"report"` gives the optimizer step up and goes on.
    pub not_finite: RunAction,
    /// Updates of a window.
    pub window: usize,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            empty: ResponseAction::Report,
            few_steps: ResponseAction::Report,
            min_steps: 2,
            huge_step: ResponseAction::Report,
            max_step_tokens: 256,
            repetition: ResponseAction::Report,
            max_repetition: 0.2,
            penalty: 1.0,
            report_share: 0.1,
            drift: RunAction::Report,
            drift_factor: 3.0,
            divergence: RunAction::Report,
            divergence_drop: 0.1,
            kl: RunAction::Report,
            max_kl: 1.0,
            ratio: RunAction::Report,
            not_finite: RunAction::Stop,
            window: 10,
        }
    }
}

/// What a guard does about a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ResponseAction {
    /// Nothing.
    Off,
    /// Tell, once enough responses are like that.
    Report,
    /// Leave the response out of the loss.
    Mask,
    /// Subtract a penalty from its reward.
    Penalise,
}

/// What a guard does about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RunAction {
    /// Nothing.
    Off,
    /// Tell.
    Report,
    /// End the run; the best checkpoint is what remains.
    Stop,
}

/// What is kept so that a run can go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoints {
    /// A checkpoint every so many updates, and one at the end or when Ctrl-C stops the run; 0 makes only that one.
    pub every: usize,
    /// How many of the newest are kept, besides that of the best held-out accuracy.
    pub keep: usize,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self { every: 10, keep: 2 }
    }
}
