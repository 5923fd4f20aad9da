//! How each family of process reward models reads its scores from a forward pass.

use burn::tensor::{Device, Int, Tensor, TensorData};
use minform_credit::step_score;
use minform_text::layout::PrmFamily;
use minform_text::steps::PrmInput;

use super::{Prm, Scale, hidden};
use crate::model::{Configured, Head, ModelConfig, TwoLayerClassifier, ValueHeadModel};
use crate::policy::{Packed, Policy};
use crate::{Error, Result};

/// A process reward model of any family.
///
/// [`score`](super::score) lays inputs out in batches, lets the model look at the positions it asks for, and turns what
/// it saw there into one score per step.
pub trait StepScorer: Send + Sync {
    /// Shape and constants of the decoder.
    fn config(&self) -> &ModelConfig;

    /// Where it computes.
    fn device(&self) -> Device;

    /// What its scores are.
    fn scale(&self) -> Scale;

    /// The positions it is asked about, each with a token where one is of interest.
    fn picks(&self, input: &PrmInput) -> Vec<(usize, u32)> {
        input.positions.iter().map(|position| (*position, 0)).collect()
    }

    /// What it sees at the picks of a batch, `[picks, values]`.
    fn look(&self, packed: &Packed) -> Tensor<2>;

    /// The scores of the steps, from the values seen at its picks, `[picks][values]`.
    fn scores(&self, input: &PrmInput, seen: &[f32], values: usize) -> Vec<f32>;
}

/// PURE: r = softmax(z)₁ − softmax(z)₀.
impl StepScorer for Prm {
    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn device(&self) -> Device {
        self.model.device()
    }

    fn scale(&self) -> Scale {
        Scale::Signed
    }

    fn look(&self, packed: &Packed) -> Tensor<2> {
        self.model.judge(packed.pick(hidden(&self.config, &self.model, packed)))
    }

    fn scores(&self, _input: &PrmInput, seen: &[f32], values: usize) -> Vec<f32> {
        seen.chunks_exact(values).map(|pair| step_score([pair[0], pair[1]])).collect()
    }
}

/// softmax(z)₁ = σ(z₁ − z₀).
fn probability(pair: &[f32]) -> f32 {
    sigmoid(pair[1] - pair[0])
}

/// A logit that is no number is taken for the worst one, as PURE's score takes it.
fn sigmoid(x: f32) -> f32 {
    if x.is_nan() { 0.0 } else { 1.0 / (1.0 + (-x).exp()) }
}

/// TRL: softmax(z)₁.
#[derive(Debug, Clone)]
struct Trl(Prm);

impl StepScorer for Trl {
    fn config(&self) -> &ModelConfig {
        &self.0.config
    }

    fn device(&self) -> Device {
        self.0.model.device()
    }

    fn scale(&self) -> Scale {
        Scale::Probability
    }

    fn look(&self, packed: &Packed) -> Tensor<2> {
        self.0.look(packed)
    }

    fn scores(&self, _input: &PrmInput, seen: &[f32], values: usize) -> Vec<f32> {
        seen.chunks_exact(values).map(probability).collect()
    }
}

/// Qwen2.5-Math-PRM: softmax(z)₁ behind two layers.
#[derive(Debug, Clone)]
struct QwenMath(Configured<TwoLayerClassifier>);

impl StepScorer for QwenMath {
    fn config(&self) -> &ModelConfig {
        &self.0.config
    }

    fn device(&self) -> Device {
        self.0.model.device()
    }

    fn scale(&self) -> Scale {
        Scale::Probability
    }

    fn look(&self, packed: &Packed) -> Tensor<2> {
        let (model, device) = (&self.0.model, self.device());
        let hidden = model.hidden(packed.tokens(&device), &packed.frame(&self.0.config, &device));
        model.judge(packed.pick(hidden))
    }

    fn scores(&self, _input: &PrmInput, seen: &[f32], values: usize) -> Vec<f32> {
        seen.chunks_exact(values).map(probability).collect()
    }
}

/// Skywork-o1: σ(v).
#[derive(Debug, Clone)]
struct Skywork(Configured<ValueHeadModel>);

impl StepScorer for Skywork {
    fn config(&self) -> &ModelConfig {
        &self.0.config
    }

    fn device(&self) -> Device {
        self.0.model.device()
    }

    fn scale(&self) -> Scale {
        Scale::Probability
    }

    fn look(&self, packed: &Packed) -> Tensor<2> {
        let (model, device) = (&self.0.model, self.device());
        let hidden = model.hidden(packed.tokens(&device), &packed.frame(&self.0.config, &device));
        model.judge(packed.pick(hidden))
    }

    fn scores(&self, _input: &PrmInput, seen: &[f32], _values: usize) -> Vec<f32> {
        seen.iter().copied().map(sigmoid).collect()
    }
}

/// Math-Shepherd and RLHFlow: π(+) / (π(+) + π(−)) for the next token.
#[derive(Debug, Clone)]
struct Answers {
    model: Policy,
    /// The columns of `+` and `-` in the head, `[hidden, 2]`.
    head: Tensor<2>,
}

impl Answers {
    fn new(model: Policy, [good, bad]: [u32; 2]) -> Self {
        let ids = [good as i32, bad as i32];
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids.to_vec(), [2]), &model.model.device());
        Self { head: model.model.head().select(1, ids), model }
    }
}

impl StepScorer for Answers {
    fn config(&self) -> &ModelConfig {
        &self.model.config
    }

    fn device(&self) -> Device {
        self.model.model.device()
    }

    fn scale(&self) -> Scale {
        Scale::Probability
    }

    fn look(&self, packed: &Packed) -> Tensor<2> {
        let (Policy { config, model }, device) = (&self.model, self.device());
        let hidden = model.hidden(packed.tokens(&device), &packed.frame(config, &device), None);
        packed.pick(hidden).matmul(self.head.clone())
    }

    fn scores(&self, _input: &PrmInput, seen: &[f32], values: usize) -> Vec<f32> {
        seen.chunks_exact(values).map(|pair| sigmoid(pair[0] - pair[1])).collect()
    }
}

/// Implicit PRM: r_t = Σ_{i ∈ step t} β log (π(yᵢ | y_{<i}) / π_ref(yᵢ | y_{<i})) (Yuan et al. 2024).
#[derive(Debug, Clone)]
struct Implicit {
    policy: Policy,
    reference: Policy,
    beta: f32,
}

impl StepScorer for Implicit {
    fn config(&self) -> &ModelConfig {
        &self.policy.config
    }

    fn device(&self) -> Device {
        self.policy.model.device()
    }

    fn scale(&self) -> Scale {
        Scale::LogRatio
    }

    fn picks(&self, input: &PrmInput) -> Vec<(usize, u32)> {
        let tokens = input.ids.iter().enumerate().skip(input.start);
        tokens.filter_map(|(position, token)| Some((position.checked_sub(1)?, *token))).collect()
    }

    fn look(&self, packed: &Packed) -> Tensor<2> {
        let ratio = self.policy.log_probs(packed) - self.reference.log_probs(packed);
        ratio.unsqueeze_dim(1)
    }

    fn scores(&self, input: &PrmInput, seen: &[f32], _values: usize) -> Vec<f32> {
        // A first token at position 0 is predicted by nothing.
        let unseen = usize::from(input.start == 0);
        let at = |token: usize| seen.get((token - input.start).checked_sub(unseen)?).copied();
        let sum = |step: std::ops::Range<usize>| step.filter_map(at).map(f64::from).sum::<f64>();
        let score = |sum: f64| if sum.is_nan() { f32::MIN } else { (f64::from(self.beta) * sum) as f32 };
        input.steps().map(|step| score(sum(step))).collect()
    }
}

/// What a reward model is built from.
#[derive(Debug, Clone)]
pub struct PrmParts {
    /// `config.json`.
    pub config: ModelConfig,
    /// The safetensors files.
    pub weights: Vec<Vec<u8>>,
    /// The tokens of a good and of a bad verdict, for families that answer with tokens.
    pub answers: [u32; 2],
    /// The reference model of an implicit one, with the weight β of the log-ratio.
    pub reference: Option<(Policy, f32)>,
}

/// A process reward model of any family, without gradients.
///
/// # Errors
/// Weights that do not fit the configuration or the family, or an implicit model without a reference.
pub fn load(family: PrmFamily, parts: PrmParts, device: &Device) -> Result<Box<dyn StepScorer>> {
    let PrmParts { config, weights, answers, reference } = parts;
    let head = match family {
        PrmFamily::Pure | PrmFamily::Trl => Head::Classifier,
        PrmFamily::QwenMath => Head::TwoLayer,
        PrmFamily::Skywork => Head::Value,
        PrmFamily::MathShepherd | PrmFamily::RlhFlow | PrmFamily::Implicit => Head::Language,
    };
    // Skywork's folders may name the class of the language model that they were made from.
    let fits = config.head == head || head == Head::Value && config.head == Head::Language;
    if !fits {
        let problem = format!("{:?} is not the head of {} models; give the family it has", config.head, family.name());
        return Err(Error::Config { key: "architectures".into(), problem });
    }
    let config = ModelConfig { head, ..config };
    Ok(match family {
        PrmFamily::Pure => Box::new(Prm::from_files(config, weights, device)?.frozen()),
        PrmFamily::Trl => Box::new(Trl(Prm::from_files(config, weights, device)?.frozen())),
        PrmFamily::QwenMath => Box::new(QwenMath(Configured::from_files(config, weights, device)?.frozen())),
        PrmFamily::Skywork => Box::new(Skywork(Configured::from_files(config, weights, device)?.frozen())),
        PrmFamily::MathShepherd | PrmFamily::RlhFlow => {
            Box::new(Answers::new(Policy::from_files(config, weights, device)?.frozen(), answers))
        }
        PrmFamily::Implicit => {
            let policy = Policy::from_files(config, weights, device)?.frozen();
            let missing = || Error::MissingFile("reference model, which implicit reward models are compared with,");
            let (reference, beta) = reference.ok_or_else(missing)?;
            Box::new(Implicit { policy, reference: reference.frozen(), beta })
        }
    })
}
