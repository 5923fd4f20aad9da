//! The one configuration structure of every command and front end.

use minform_credit as credit;
use serde::{Deserialize, Serialize};

/// Everything a run can be told. Each section is used by the commands that need it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seed of all randomness.
    pub seed: u64,
    /// How responses are drawn during RL and by `generate`.
    pub sampling: Sampling,
    /// Supervised fine-tuning.
    pub sft: Sft,
    /// Training of the process reward model.
    pub prm: Prm,
    /// Reinforcement learning.
    pub rl: Rl,
    /// The embedded arithmetic world of `demo`.
    pub world: World,
}

/// How responses are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// Softmax temperature; 0 is greedy. PURE's scripts: 0.5 (main), 1.0 (verl, paper).
    pub temperature: f32,
    /// Keep the k most likely tokens; 0 keeps all.
    pub top_k: usize,
    /// Keep the smallest set of tokens with this probability mass.
    pub top_p: f32,
    /// Longest response in tokens.
    pub max_new_tokens: usize,
    /// Sequences written at the same time.
    pub rows: usize,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: 128, rows: 64 }
    }
}

/// AdamW with a warm-up and a bound on the gradient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimizer {
    /// Learning rate after warm-up.
    pub lr: f64,
    /// Decay of the first moment.
    pub beta_1: f32,
    /// Decay of the second moment. PURE's scripts: 0.95 (main).
    pub beta_2: f32,
    /// Decoupled weight decay.
    pub weight_decay: f32,
    /// Largest norm of the whole gradient; 0 leaves it alone.
    pub max_grad_norm: f32,
    /// Steps over which the learning rate rises linearly from 0.
    pub warmup_steps: usize,
    /// What the learning rate does afterwards.
    pub schedule: Schedule,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self {
            lr: 1e-6,
            beta_1: 0.9,
            beta_2: 0.95,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
            warmup_steps: 0,
            schedule: Schedule::Constant,
        }
    }
}

/// Course of the learning rate after warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Stays.
    Constant,
    /// Falls linearly to zero at the last step.
    Linear,
    /// Falls along half a cosine to zero at the last step.
    Cosine,
}

/// Supervised fine-tuning on prompts and reference solutions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sft {
    /// Optimizer steps.
    pub steps: usize,
    /// Examples per step.
    pub batch: usize,
    /// Most tokens in one forward pass; a step is split to respect it.
    pub micro_batch_tokens: usize,
    /// Longest example in tokens; longer ones are left out and counted.
    pub max_tokens: usize,
    /// Optimizer.
    pub optimizer: Optimizer,
}

impl Default for Sft {
    fn default() -> Self {
        Self {
            steps: 100,
            batch: 16,
            micro_batch_tokens: 512,
            max_tokens: 1024,
            optimizer: Optimizer { lr: 1e-5, schedule: Schedule::Linear, ..Optimizer::default() },
        }
    }
}

/// Training of the process reward model, in PURE's two stages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prm {
    /// Epochs with the decoder frozen. PURE: 3.
    pub head_epochs: usize,
    /// Epochs with every weight learning. PURE: 1.
    pub full_epochs: usize,
    /// Solutions per optimizer step. PURE: 128.
    pub batch: usize,
    /// Most tokens in one forward pass.
    pub micro_batch_tokens: usize,
    /// Longest problem and solution in tokens; longer ones are left out and counted.
    pub max_tokens: usize,
    /// Share of problems held out to measure the model on.
    pub validation: f32,
    /// Weight of a language-model loss on the tokens of good steps beside the step loss, which keeps what the
    /// decoder knows while the head learns (generative regularisation). PURE: none.
    pub text_loss: f32,
    /// A step below this score is wrong; scores lie in (−1, 1).
    pub threshold: f32,
    /// Optimizer of the head stage. PURE: lr 1e-4.
    pub head_optimizer: Optimizer,
    /// Optimizer of the full stage. PURE: lr 1e-6.
    pub full_optimizer: Optimizer,
}

impl Default for Prm {
    fn default() -> Self {
        Self {
            head_epochs: 3,
            full_epochs: 1,
            batch: 128,
            micro_batch_tokens: 512,
            max_tokens: 1024,
            validation: 0.1,
            text_loss: 0.0,
            threshold: 0.0,
            head_optimizer: Optimizer { lr: 1e-4, weight_decay: 0.1, ..Optimizer::default() },
            full_optimizer: Optimizer { lr: 1e-6, weight_decay: 0.1, ..Optimizer::default() },
        }
    }
}

/// Reinforcement learning with process rewards, verifiable rewards, or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rl {
    /// Rollout-and-update rounds.
    pub updates: usize,
    /// Prompts per update. PURE: 64.
    pub prompts: usize,
    /// Responses per prompt, K. PURE: 4 (main), 8 (verl, paper).
    pub samples: usize,
    /// Optimizer steps per rollout, each on its share of the responses.
    pub steps_per_rollout: usize,
    /// Most tokens in one forward pass.
    pub micro_batch_tokens: usize,
    /// Credit assignment.
    pub credit: Credit,
    /// Use the process reward model.
    pub process_reward: bool,
    /// Weight of the verifiable reward; 0 leaves it out. The policy then never meets a reference answer.
    pub verifiable_reward: f32,
    /// Share of the training problems whose answer may be checked, from 0 to 1. PURE-PRM+VR: 0.1.
    pub verifiable_share: f32,
    /// Weight β of the KL penalty on the reward. PURE: 1e-3.
    pub kl: f32,
    /// Estimator of the KL divergence from the reference policy. PURE: k1 (main), k3-clamped (verl).
    pub kl_estimator: KlEstimator,
    /// Lower clip of the ratio, ε: 1 − ε.
    pub clip_low: f32,
    /// Upper clip of the ratio, ε: 1 + ε.
    pub clip_high: f32,
    /// How the token losses are averaged.
    pub loss_mean: LossMean,
    /// Normalisation of the advantages over a rollout.
    pub normalisation: Normalisation,
    /// What to do with a response that ran into the length limit.
    pub truncated: Truncated,
    /// Optimizer.
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
            steps_per_rollout: 1,
            micro_batch_tokens: 512,
            credit: Credit::default(),
            process_reward: true,
            verifiable_reward: 0.0,
            verifiable_share: 1.0,
            kl: 1e-3,
            kl_estimator: KlEstimator::K1,
            clip_low: 0.2,
            clip_high: 0.2,
            loss_mean: LossMean::PerResponse,
            normalisation: Normalisation::NonZero,
            truncated: Truncated::Keep,
            optimizer: Optimizer { lr: 5e-7, ..Optimizer::default() },
            evaluate_every: 10,
        }
    }
}

/// How step rewards become token advantages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Credit {
    /// Form of the return.
    pub form: Form,
    /// Temperature T of the soft minimum. PURE: 0.1.
    pub temperature: f32,
    /// Discount γ of the sum form.
    pub gamma: f32,
    /// What is subtracted.
    pub baseline: Baseline,
    /// Zero the advantage of separators and end tokens (main).
    pub mask_step_ends: bool,
}

impl Default for Credit {
    fn default() -> Self {
        Self { form: Form::SoftMin, temperature: 0.1, gamma: 1.0, baseline: Baseline::Token, mask_step_ends: true }
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
}

/// Form of the return over step rewards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// Leave-one-out baseline of the process reward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// None.
    None,
    /// Others' reward per token times the tokens of a step (main).
    Token,
    /// Others' mean step reward (main's rejected alternative; favours few steps).
    Step,
    /// The paper's Eq. 7: others' mean token return over the longest response.
    Paper,
    /// verl: the same with verifiable reward and KL inside.
    Verl,
}

/// Per-token estimator of KL(π ‖ π_ref).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// How token losses are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossMean {
    /// Over the tokens of a response, then over responses (main).
    PerResponse,
    /// Over all tokens (verl).
    PerToken,
}

/// Normalisation of advantages over all tokens of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// What to do with a response that ran into the length limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Truncated {
    /// Learn from it as it is (verl).
    Keep,
    /// Overwrite its last token by the end token (main).
    Close,
    /// Leave it out of the loss.
    Mask,
}

/// The embedded arithmetic world: model sizes and data of `demo`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// Width of the nano models.
    pub hidden_size: usize,
    /// Their layers.
    pub layers: usize,
    /// Their attention heads.
    pub heads: usize,
    /// Easiest level, 1 to 5; level n has n + 1 operations.
    pub min_level: u8,
    /// Hardest level.
    pub max_level: u8,
    /// Probability of a content-free step before each step of a reference solution.
    pub filler: f32,
    /// Probability of a mistake in each step of the solutions the policy imitates at first.
    pub mistakes: f32,
    /// Problems sampled to label steps for the process reward model.
    pub prm_problems: usize,
    /// Labelled samples of the policy for each of them.
    pub prm_samples: usize,
    /// Probability that a step label is flipped before training.
    pub label_noise: f32,
    /// Held-out problems of each evaluation.
    pub test_problems: usize,
}

impl Default for World {
    fn default() -> Self {
        Self {
            hidden_size: 96,
            layers: 3,
            heads: 4,
            min_level: 1,
            max_level: 3,
            filler: 0.1,
            mistakes: 0.12,
            prm_problems: 3000,
            prm_samples: 4,
            label_noise: 0.0,
            test_problems: 400,
        }
    }
}
