//! How each family of process reward models reads its scores from a forward pass.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use minform_credit::step_score;
use minform_text::layout::PrmFamily;
use minform_text::steps::PrmInput;

use super::{Prm, Scale};
use crate::model::{
    CausalLm, Configured, Frame, Head, ModelConfig, Network, Storage, TokenClassifier, TwoLayerClassifier,
    ValueHeadModel,
};
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
        self.model.look(&self.config, packed)
    }

    fn scores(&self, _input: &PrmInput, seen: &[f32], values: usize) -> Vec<f32> {
        seen.chunks_exact(values).map(|pair| step_score([pair[0], pair[1]])).collect()
    }
}

/// A network that sees some values at every position.
trait Sight: Send + Sync {
    fn device(&self) -> Device;

    /// Hidden states `[rows, time, hidden]`.
    fn hidden(&self, tokens: Tensor<2, Int>, frame: &Frame) -> Tensor<3>;

    /// What it sees in hidden states, `[picks, hidden]` to `[picks, values]`.
    fn judge(&self, hidden: Tensor<2>) -> Tensor<2>;

    /// What it sees at the picks, `[picks, values]`.
    fn look(&self, config: &ModelConfig, packed: &Packed) -> Tensor<2> {
        let device = self.device();
        self.judge(packed.pick(self.hidden(packed.tokens(&device), &packed.frame(config, &device))))
    }
}

impl Sight for TokenClassifier {
    fn device(&self) -> Device {
        self.device()
    }

    fn hidden(&self, tokens: Tensor<2, Int>, frame: &Frame) -> Tensor<3> {
        self.hidden(tokens, frame, None)
    }

    fn judge(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.judge(hidden)
    }
}

impl Sight for TwoLayerClassifier {
    fn device(&self) -> Device {
        self.device()
    }

    fn hidden(&self, tokens: Tensor<2, Int>, frame: &Frame) -> Tensor<3> {
        self.hidden(tokens, frame)
    }

    fn judge(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.judge(hidden)
    }
}

impl Sight for ValueHeadModel {
    fn device(&self) -> Device {
        self.device()
    }

    fn hidden(&self, tokens: Tensor<2, Int>, frame: &Frame) -> Tensor<3> {
        self.hidden(tokens, frame)
    }

    fn judge(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.judge(hidden)
    }
}

/// A language model that answers with one of two tokens.
#[derive(Debug, Clone)]
struct Answers {
    model: CausalLm,
    /// The columns of the two tokens in the head, `[hidden, 2]`.
    head: Tensor<2>,
}

impl Answers {
    fn new(model: CausalLm, [good, bad]: [u32; 2]) -> Self {
        let ids = TensorData::new(vec![bad as i32, good as i32], [2]);
        let ids = Tensor::<1, Int>::from_data(ids, &model.device());
        Self { head: model.head().select(1, ids).cast(DType::F32), model }
    }
}

impl Sight for Answers {
    fn device(&self) -> Device {
        self.model.device()
    }

    fn hidden(&self, tokens: Tensor<2, Int>, frame: &Frame) -> Tensor<3> {
        self.model.hidden(tokens, frame, None)
    }

    fn judge(&self, hidden: Tensor<2>) -> Tensor<2> {
        hidden.matmul(self.head.clone())
    }
}

/// A model whose score of a step is a probability, read from what it sees where the step ends.
#[derive(Debug, Clone)]
struct Probability<S> {
    config: ModelConfig,
    network: S,
    score: fn(&[f32]) -> f32,
}

impl<S: Sight> StepScorer for Probability<S> {
    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn device(&self) -> Device {
        self.network.device()
    }

    fn scale(&self) -> Scale {
        Scale::Probability
    }

    fn look(&self, packed: &Packed) -> Tensor<2> {
        self.network.look(&self.config, packed)
    }

    fn scores(&self, _input: &PrmInput, seen: &[f32], values: usize) -> Vec<f32> {
        seen.chunks_exact(values).map(self.score).collect()
    }
}

/// softmax(z)₁ = σ(z₁ − z₀): of two classes, or of two answers π(+) / (π(+) + π(−)).
fn of_two(pair: &[f32]) -> f32 {
    of_value(&[pair[1] - pair[0]])
}

/// σ(v). A value that is no number is taken for the worst one, as PURE's score takes it.
fn of_value(value: &[f32]) -> f32 {
    if value[0].is_nan() { 0.0 } else { 1.0 / (1.0 + (-value[0]).exp()) }
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
    /// How to keep the weights.
    pub storage: Storage,
}

/// A process reward model of any family, without gradients.
///
/// # Errors
/// Weights that do not fit the configuration or the family, or an implicit model without a reference.
pub fn load(family: PrmFamily, parts: PrmParts, device: &Device) -> Result<Box<dyn StepScorer>> {
    let PrmParts { config, weights, answers, reference, storage } = parts;
    let head = match family {
        PrmFamily::Pure | PrmFamily::Trl => Head::Classifier,
        PrmFamily::QwenMath => Head::TwoLayer,
        PrmFamily::Skywork => Head::Value,
        PrmFamily::MathShepherd | PrmFamily::RlhFlow | PrmFamily::Implicit => Head::Language,
    };
    // Skywork's folders may name the class of the language model that they were made from.
    let fits = config.head == head || head == Head::Value && config.head == Head::Language;
    if !fits {
        let of = |head| match head {
            Head::Classifier => "pure or trl",
            Head::TwoLayer => "qwen-math",
            Head::Value => "skywork",
            Head::Language => "math-shepherd, rlhflow or implicit",
        };
        let problem = format!("the model has the head of {} models, not of {}", of(config.head), family.name());
        return Err(Error::Config { key: "architectures".into(), problem });
    }
    let config = ModelConfig { head, ..config };
    Ok(match family {
        PrmFamily::Pure => Box::new(Prm::from_files(config, weights, device)?.for_inference(storage)),
        PrmFamily::Trl => probability(Prm::from_files(config, weights, device)?.for_inference(storage), of_two),
        PrmFamily::QwenMath => probability(
            Configured::<TwoLayerClassifier>::from_files(config, weights, device)?.for_inference(storage),
            of_two,
        ),
        PrmFamily::Skywork => probability(
            Configured::<ValueHeadModel>::from_files(config, weights, device)?.for_inference(storage),
            of_value,
        ),
        PrmFamily::MathShepherd | PrmFamily::RlhFlow => {
            let Policy { config, model } = Policy::from_files(config, weights, device)?.for_inference(storage);
            Box::new(Probability { config, network: Answers::new(model, answers), score: of_two })
        }
        PrmFamily::Implicit => {
            let policy = Policy::from_files(config, weights, device)?.for_inference(storage);
            let missing = || Error::MissingFile("reference model, which implicit reward models are compared with,");
            let (reference, beta) = reference.ok_or_else(missing)?;
            Box::new(Implicit { policy, reference: reference.for_inference(storage), beta })
        }
    })
}

fn probability<N: Network + Sight + 'static>(model: Configured<N>, score: fn(&[f32]) -> f32) -> Box<dyn StepScorer> {
    let Configured { config, model } = model;
    Box::new(Probability { config, network: model, score })
}
