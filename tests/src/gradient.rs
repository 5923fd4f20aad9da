//! Gradients of the losses against central finite differences of the same loss.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use minform_core::model::ModelConfig;
use minform_core::policy::{Packed, Policy, Row, log_probs};
use minform_core::prm::{LabelledSteps, Lesson, Preference, Prm};
use minform_core::train::{clipped_policy_loss, entropy, kl_loss, value_loss};
use minform_credit::KlEstimator;
use minform_text::steps::PrmInput;

use crate::fixture::{difference, values};

fn tensor(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

/// Away from the clip boundaries at ratio 0.8 and 1.2, where the loss has a kink.
const LOG_PROBS: [f32; 6] = [-1.0, -2.0, -0.5, -0.3, -0.7, -1.0];
const OLD: [f32; 6] = [-1.3, -1.9, -0.55, -0.9, -0.2, -1.0];
const ADVANTAGES: [f32; 6] = [1.0, -0.5, 0.25, -2.0, -1.0, 0.0];
const WEIGHTS: [f32; 6] = [0.2, 0.2, 0.2, 0.2, 0.2, 0.0];

fn loss(log_probs: &[f32]) -> f32 {
    let device = Device::flex();
    let t = |values: &[f32]| tensor(values, &device);
    values(clipped_policy_loss(t(log_probs), t(&OLD), t(&ADVANTAGES), t(&WEIGHTS), 0.2, 0.2).loss)[0]
}

#[test]
fn the_policy_loss_has_the_gradient_of_finite_differences() {
    let device = Device::flex().autodiff();
    let t = |values: &[f32]| tensor(values, &device);
    let log_probs = t(&LOG_PROBS).require_grad();
    let terms = clipped_policy_loss(log_probs.clone(), t(&OLD), t(&ADVANTAGES), t(&WEIGHTS), 0.2, 0.2);
    let gradients = terms.loss.backward();
    let found = values(log_probs.grad(&gradients).unwrap());
    let h = 1e-2;
    let expected: Vec<f32> = (0..LOG_PROBS.len())
        .map(|i| {
            let shifted = |by: f32| {
                let mut x = LOG_PROBS;
                x[i] += by;
                loss(&x)
            };
            (shifted(h) - shifted(-h)) / (2.0 * h)
        })
        .collect();
    assert!(difference(&found, &expected) < 1e-3, "{found:?} against {expected:?}");
    assert!(found.iter().any(|g| g.abs() > 0.01));
}

/// KL and entropy in the loss and the value loss, each as a function of log-probabilities, logits or values.
#[test]
fn the_other_terms_have_the_gradient_of_finite_differences() {
    let weights = [0.3, 0.3, 0.4];
    let fixed = |device: &Device, list: &[f32]| tensor(list, device);
    let kl = |estimator: KlEstimator| {
        move |x: Tensor<1>| {
            let device = x.device();
            kl_loss(x, fixed(&device, &[-1.2, -0.4, -2.0]), fixed(&device, &weights), estimator)
        }
    };
    check_vector(&[-1.0, -0.6, -1.0], kl(KlEstimator::K1));
    check_vector(&[-1.0, -0.6, -1.0], kl(KlEstimator::K2));
    check_vector(&[-1.0, -0.6, -1.0], kl(KlEstimator::K3));
    check_vector(&[-1.0, -0.6, -1.0], kl(KlEstimator::K3Clamped));
    check_vector(&[0.5, -0.3, 1.0, 0.2, 0.1, -1.0], |x| {
        let device = x.device();
        entropy(x.reshape([3, 2]), fixed(&device, &weights))
    });
    // The second value lies beyond the bound and its clipped square is the larger one: no gradient there.
    check_vector(&[0.1, 0.5, -0.5], |x| {
        let device = x.device();
        let (old, returns) = (fixed(&device, &[0.0, 0.0, -0.4]), fixed(&device, &[1.0, 1.0, 0.0]));
        value_loss(x, old, returns, fixed(&device, &weights), 0.2)
    });
}

fn check_vector(at: &[f32], loss: impl Fn(Tensor<1>) -> Tensor<1>) {
    let x = tensor(at, &Device::flex().autodiff()).require_grad();
    let found = values(x.grad(&loss(x.clone()).backward()).unwrap());
    let h = 1e-2;
    let expected: Vec<f32> = (0..at.len())
        .map(|i| {
            let shifted = |by: f32| {
                let mut moved = at.to_vec();
                moved[i] += by;
                values(loss(tensor(&moved, &Device::flex())))[0]
            };
            (shifted(h) - shifted(-h)) / (2.0 * h)
        })
        .collect();
    assert!(difference(&found, &expected) < 1e-3, "{found:?} against {expected:?}");
    assert!(found.iter().any(|g| g.abs() > 0.01));
}

/// Adds `by` to one element of the parameter number `parameter`.
struct Nudge {
    parameter: usize,
    element: usize,
    by: f32,
    seen: usize,
}

impl ModuleMapper for Nudge {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.seen += 1;
        if self.seen - 1 != self.parameter {
            return param;
        }
        param.map(|tensor| {
            let shape = tensor.dims();
            let mut data = values(tensor.clone());
            data[self.element] += self.by;
            Tensor::from_data(TensorData::new(data, shape), &tensor.device())
        })
    }
}

/// The gradient of every parameter, in the order a mapper meets them.
struct Collect<'a> {
    gradients: &'a GradientsParams,
    found: Vec<Vec<f32>>,
}

impl ModuleVisitor for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push(self.gradients.get::<D>(param.id).map(values).unwrap_or_default());
    }
}

/// Compares the gradient of `loss` with central differences, at the element of largest gradient of each parameter.
fn check<M: Module>(model: &M, loss: impl Fn(&M) -> Tensor<1>) {
    let gradients = GradientsParams::from_grads(loss(model).backward(), model);
    let mut collect = Collect { gradients: &gradients, found: Vec::new() };
    model.visit(&mut collect);
    let h = 1e-2;
    let mut checked = 0;
    for (parameter, gradient) in collect.found.iter().enumerate() {
        let largest = gradient.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let Some((element, expected)) = largest.filter(|(_, value)| value.abs() > 1e-2) else { continue };
        let shifted = |by: f32| values(loss(&model.clone().map(&mut Nudge { parameter, element, by, seen: 0 })))[0];
        let found = (shifted(h) - shifted(-h)) / (2.0 * h);
        let error = (found - expected).abs() / expected.abs().max(0.05);
        assert!(error < 0.03, "parameter {parameter}, element {element}: {expected} against {found}");
        checked += 1;
    }
    assert!(checked >= 8, "only {checked} parameters have a gradient worth checking");
}

fn shape() -> ModelConfig {
    ModelConfig { num_key_value_heads: 1, initializer_range: 0.3, ..ModelConfig::small(24, 16, 2, 2) }
}

fn rows() -> Packed {
    // Two rows that share a line, and one alone.
    let row = |shared: &'static [u32], own: &'static [u32]| Row { shared, own };
    Packed::continuations(&[vec![row(&[3, 5], &[7, 9, 11]), row(&[3, 5], &[2])], vec![row(&[4], &[6, 8])]])
}

/// Embedding, norms, attention with grouped heads, feed-forward block and the packed log-probabilities.
#[test]
fn the_clipped_loss_of_a_model_has_the_gradient_of_finite_differences() {
    let config = shape();
    let policy = Policy::new(config.clone(), 3, &Device::flex().autodiff());
    let old: Vec<f32> = values(policy.frozen().log_probs(&rows())).iter().map(|p| p + 0.05).collect();
    let advantages = [1.0, -0.7, 0.4, 1.3, -1.1, 0.6];
    check(&policy.model, |model| {
        let packed = rows();
        let device = model.device();
        let picks = packed.picks();
        let per = |list: &[f32]| packed.values(&list[..picks], &device);
        let log_probs = log_probs(&config, model, &packed);
        clipped_policy_loss(log_probs, per(&old), per(&advantages), per(&[1.0 / 6.0; 6]), 0.2, 0.2).loss
    });
}

fn labelled(ids: &[u32], positions: &[usize], labels: &[Option<f32>]) -> LabelledSteps {
    let input = PrmInput { ids: ids.to_vec(), positions: positions.to_vec(), start: 1 };
    LabelledSteps { input, labels: labels.to_vec(), outcome: None }
}

/// Through the head alone and through the embedding as a tied head too.
#[test]
fn the_losses_of_reward_models_have_the_gradient_of_finite_differences() {
    let policy = Policy::new(shape(), 4, &Device::flex().autodiff());
    let prm = Prm::from_policy(&policy, 5);
    let rows = [labelled(&[3, 5, 7, 9], &[1, 3], &[Some(1.0), Some(0.25)]), labelled(&[3, 4, 6], &[2], &[Some(1.0)])];
    // −(1/N) Σ log softmax(z)_label, and the text loss beside it.
    let steps = Lesson::of_steps(&rows, true);
    assert_eq!((steps.weight(), steps.text_tokens()), (3.0, 3));
    check(&prm.model, |model| Lesson::of_steps(&rows, false).losses(&prm.config, model).steps / 3.0);
    check(&prm.model, |model| {
        let losses = steps.losses(&prm.config, model);
        (losses.steps + losses.text.expect("asked for") * 0.7) / 3.0
    });
    // (1/N) Σ (softmax(z)₁ − V)² at every token.
    let tokens = Lesson::of_tokens(&rows);
    assert_eq!(tokens.weight(), 5.0);
    check(&prm.model, |model| tokens.losses(&prm.config, model).steps / 5.0);
    // −(1/N) Σ log σ(r₊ − r₋).
    let pairs = [
        Preference { shared: vec![3, 5], chosen: vec![7, 9], rejected: vec![2, 6, 8] },
        Preference { shared: vec![4], chosen: vec![6], rejected: vec![11] },
    ];
    let pairs = Lesson::of_pairs(&pairs.iter().collect::<Vec<_>>());
    assert_eq!(pairs.weight(), 2.0);
    check(&prm.model, |model| pairs.losses(&prm.config, model).steps / 2.0);
}

/// Values by hand from the logits of the same pass.
#[test]
fn the_losses_of_reward_models_are_those_of_their_formulas() {
    let prm = Prm::from_policy(&Policy::new(shape(), 4, &Device::flex()), 5);
    let score = |ids: &[u32], position| {
        let input = PrmInput { ids: ids.to_vec(), positions: vec![position], start: 1 };
        let scores = pollster::block_on(minform_core::prm::score(&prm, &[input], 64, &mut |_| true)).unwrap();
        f64::from(scores[0][0])
    };
    let loss = |lesson: &Lesson| f64::from(values(lesson.losses(&prm.config, &prm.model).steps)[0]);
    let good = |score: f64| (1.0 + score) / 2.0;
    let row = labelled(&[3, 5, 7], &[2], &[Some(0.25)]);
    let p = good(score(&row.input.ids, 2));
    let expected = -(0.75 * (1.0 - p).ln() + 0.25 * p.ln());
    assert!((loss(&Lesson::of_steps(std::slice::from_ref(&row), false)) - expected).abs() < 1e-5);
    let value = |position| (good(score(&row.input.ids, position)) - 0.25).powi(2);
    assert!((loss(&Lesson::of_tokens(std::slice::from_ref(&row))) - value(1) - value(2)).abs() < 1e-5);
    let pair = Preference { shared: vec![3, 5], chosen: vec![7], rejected: vec![9, 2] };
    let odds = |ids: &[u32], position| {
        let p = good(score(ids, position));
        (p / (1.0 - p)).ln()
    };
    let ahead = odds(&[3, 5, 7], 2) - odds(&[3, 5, 9, 2], 3);
    let expected = (1.0 + (-ahead).exp()).ln();
    assert!((loss(&Lesson::of_pairs(&[&pair])) - expected).abs() < 1e-4);
}
