//! The one configuration structure of every command and front end.

mod rl;

use serde::{Deserialize, Serialize};

use crate::Dtype;

pub use rl::{
    Actions, Allocation, Checkpoints, Combine, Credit, Critic, Curriculum, Estimator, Form, Guards, Kl, KlEstimator,
    KlPlace, Lora, Loss, LossMean, Normalisation, ResponseAction, Reward, Rl, Rollouts, RunAction, Shaping, Truncated,
};

/// Everything a run can be told. Each section is used by the commands that need it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seed of all randomness; `--seed` overrides it.
    pub seed: u64,
    /// The type of number that weights are multiplied in; `--dtype` overrides it. What learns, what an optimizer keeps
    /// and what is summed over many terms is f32 whatever it is, and losses are scaled for `f16`.
    pub dtype: Dtype,
    /// How responses are drawn during RL and by `generate`, `eval`, `label` and `search`.
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// Softmax temperature; 0 is greedy. PURE's scripts: 0.5 (main), 1.0 (verl, paper).
    pub temperature: f32,
    /// Keep the k most likely tokens; 0 keeps all.
    pub top_k: usize,
    /// Keep the smallest set of tokens with this probability mass.
    pub top_p: f32,
    /// Longest response in tokens; also N of the paper's and the verl branch's baselines.
    pub max_new_tokens: usize,
    /// Sequences written at the same time; changes speed and memory, never the samples.
    pub rows: usize,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: 128, rows: 64 }
    }
}

/// AdamW with a warm-up and a bound on the gradient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Optimizer {
    /// Learning rate after warm-up.
    pub lr: f64,
    /// Decay of the first moment of AdamW.
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Sft {
    /// Optimizer steps.
    pub steps: usize,
    /// Examples per step.
    pub batch: usize,
    /// Most tokens in one forward pass; a step is split to respect it. Changes memory and speed, not the gradient; raise
    /// it where memory allows.
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

/// What a process reward model is trained to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// Whether a step is good, by cross-entropy with its label, hard or soft. PURE.
    #[default]
    CrossEntropy,
    /// The value of every token, by squared error (token-supervised value models, Lee et al. 2024).
    TokenValue,
    /// Which of two steps after the same beginning is better (preference loss of rStar-Math).
    Pairwise,
}

/// Which labels a process reward model learns where the data has both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Labels {
    /// Right or wrong.
    #[default]
    Hard,
    /// The share of rollouts that reach the right answer.
    Soft,
}

/// How much the two classes of steps count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// Every step the same.
    #[default]
    None,
    /// Good and bad steps the same in all.
    Equal,
}

/// Training of the process reward model, in PURE's two stages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Prm {
    /// What it is trained to tell.
    pub objective: Objective,
    /// Which labels it learns where the data has both.
    pub labels: Labels,
    /// How much good and bad steps count.
    pub balance: Balance,
    /// Whether steps after the first wrong one are left unjudged, as in PRM800K and ProcessBench.
    pub until_first_error: bool,
    /// Epochs with the decoder frozen. PURE: 3.
    pub head_epochs: usize,
    /// Epochs with every weight learning, or the adapters and the head where `prm.lora` asks for them. PURE: 1.
    pub full_epochs: usize,
    /// Adapters of the second stage. PURE: none.
    pub lora: Lora,
    /// Solutions per optimizer step. PURE: 128.
    pub batch: usize,
    /// Most tokens in one forward pass, in training and in `prm score`; raise it where memory allows.
    pub micro_batch_tokens: usize,
    /// Longest problem and solution in tokens, with cross-entropy up to the last judged step; longer ones are left out
    /// and counted.
    pub max_tokens: usize,
    /// Share of problems held out to measure the model on.
    pub validation: f32,
    /// Optimizer steps between two measurements on the problems held out; 0 measures at the end of a stage only.
    pub evaluate_every: usize,
    /// Measurements without a better AUC after which a stage ends, with the best weights; 0 never ends one early.
    pub patience: usize,
    /// Optimizer steps between two checkpoints; 0 makes one only when the run is stopped.
    pub checkpoint_every: usize,
    /// Weight of a language-model loss on the tokens of good steps beside the step loss, which keeps what the
    /// decoder knows while the head learns (generative regularisation). PURE: none.
    pub text_loss: f32,
    /// A step below this score is wrong. Unless given, what `prm train` chose for the model on the problems held out (the
    /// largest first-error F1), else the middle of its scores: 0, or 0.5 where they are probabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// Optimizer of the head stage. PURE: lr 1e-4.
    pub head_optimizer: Optimizer,
    /// Optimizer of the full stage. PURE: lr 1e-6.
    pub full_optimizer: Optimizer,
}

impl Default for Prm {
    fn default() -> Self {
        Self {
            objective: Objective::CrossEntropy,
            labels: Labels::Hard,
            balance: Balance::None,
            until_first_error: false,
            head_epochs: 3,
            full_epochs: 1,
            lora: Lora::default(),
            batch: 128,
            micro_batch_tokens: 512,
            max_tokens: 1024,
            validation: 0.1,
            evaluate_every: 0,
            patience: 0,
            checkpoint_every: 50,
            text_loss: 0.0,
            threshold: None,
            head_optimizer: Optimizer { lr: 1e-4, weight_decay: 0.1, ..Optimizer::default() },
            full_optimizer: Optimizer { lr: 1e-6, weight_decay: 0.1, ..Optimizer::default() },
        }
    }
}

/// The embedded arithmetic world: model sizes and data of `demo`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// Probability that an equation of these solutions goes on in the step before it.
    pub joined: f32,
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
            joined: 0.0,
            prm_problems: 3000,
            prm_samples: 4,
            label_noise: 0.0,
            test_problems: 400,
        }
    }
}
