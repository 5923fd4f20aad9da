//! What one forward pass of training reads, and its loss.

use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData, activation};
use rand::RngExt as _;

use super::hidden;
use super::labelled::{LabelledSteps, Pick, Preference, token_values};
use crate::config::{self, Objective};
use crate::model::{ModelConfig, TokenClassifier};
use crate::policy::{Head, MicroBatch, Packed, Picks, Row, head_gradients, micro_batches};
use crate::seed;

/// What a process reward model learns from.
#[derive(Debug)]
pub(super) enum Examples {
    /// Steps to classify.
    Steps(Vec<LabelledSteps>),
    /// Tokens to value.
    Tokens(Vec<LabelledSteps>, Vec<Vec<Option<f32>>>),
    /// Steps to compare.
    Pairs(Vec<Preference>),
}

impl Examples {
    /// What there is to learn from labelled steps.
    pub(super) fn new(objective: Objective, rows: Vec<LabelledSteps>) -> Self {
        match objective {
            Objective::CrossEntropy => Self::Steps(rows),
            Objective::TokenValue => {
                let values = token_values(&rows);
                Self::Tokens(rows, values)
            }
            Objective::Pairwise => Self::Pairs(super::preferences(&rows)),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Steps(rows) | Self::Tokens(rows, _) => rows.len(),
            Self::Pairs(pairs) => pairs.len(),
        }
    }

    /// Whether there is anything to learn.
    pub(super) fn teach_nothing(&self) -> bool {
        match self {
            Self::Steps(rows) => rows.iter().all(|row| row.labels.iter().all(Option::is_none)),
            Self::Tokens(_, values) => values.iter().flatten().all(Option::is_none),
            Self::Pairs(pairs) => pairs.is_empty(),
        }
    }

    /// The tokens of some of them.
    pub(super) fn tokens(&self, batch: &[usize]) -> usize {
        let tokens = |index: &usize| match self {
            Self::Steps(rows) | Self::Tokens(rows, _) => rows[*index].input.ids.len(),
            Self::Pairs(pairs) => pairs[*index].tokens().len(),
        };
        batch.iter().map(tokens).sum()
    }

    /// Some of them as one pass, in their order.
    pub(super) fn whole(&self, batch: &[usize], config: &config::Prm, weights: [f32; 2]) -> Lesson {
        let of = |rows: &[LabelledSteps], picks: &dyn Fn(usize) -> Vec<Pick>| {
            let lines: Vec<Vec<Row<'_>>> = batch.iter().map(|index| vec![rows[*index].row()]).collect();
            Lesson::new(config.objective, &lines, &batch.iter().map(|index| picks(*index)).collect::<Vec<_>>())
        };
        match self {
            Self::Steps(rows) => of(rows, &|index| rows[index].class_picks(weights)),
            Self::Tokens(rows, values) => of(rows, &|index| rows[index].value_picks(&values[index])),
            Self::Pairs(pairs) => Lesson::of_pairs(&batch.iter().map(|index| &pairs[*index]).collect::<Vec<_>>()),
        }
    }

    /// Some of them, in passes of at most `budget` tokens; passes without anything to learn are left out.
    pub(super) fn lessons(
        &self,
        batch: &[usize],
        config: &config::Prm,
        budget: usize,
        weights: [f32; 2],
    ) -> Vec<Lesson> {
        let mut lessons: Vec<Lesson> = match self {
            Self::Steps(rows) => lessons_of(rows, batch, config, budget, |index| rows[index].class_picks(weights)),
            Self::Tokens(rows, values) => {
                lessons_of(rows, batch, config, budget, |index| rows[index].value_picks(&values[index]))
            }
            Self::Pairs(pairs) => lessons_of_pairs(pairs, batch, budget),
        };
        lessons.retain(|lesson| lesson.picks() > 0);
        lessons
    }
}

impl Preference {
    /// Everything that is read of it.
    fn tokens(&self) -> Vec<u32> {
        [&self.shared[..], &self.chosen, &self.rejected].concat()
    }
}

/// One forward pass with what its loss asks for.
#[derive(Debug, Clone)]
pub struct Lesson {
    objective: Objective,
    /// The examples of a training in it with the picks of each, in the order in which they come; none where it was not
    /// made by [`Examples::lessons`].
    examples: Vec<(usize, usize)>,
    /// Rows and picks. For pairs the picks come in twos, the better one first.
    steps: Packed,
    weights: Vec<f32>,
    values: Vec<f32>,
    /// The same rows with the tokens of good steps to predict.
    text: Option<Packed>,
    /// Share of the hidden states' values to drop, and the seed of which.
    dropout: (f64, u64),
}

fn lessons_of(
    rows: &[LabelledSteps],
    batch: &[usize],
    config: &config::Prm,
    budget: usize,
    picks: impl Fn(usize) -> Vec<Pick>,
) -> Vec<Lesson> {
    let read: Vec<Row<'_>> = batch.iter().map(|index| rows[*index].row()).collect();
    let lesson = |group: MicroBatch| {
        let lines = group.lines(|row| read[row]);
        let picks: Vec<Vec<Pick>> = group.rows().map(|row| picks(batch[row])).collect();
        let mut lesson = Lesson::new(config.objective, &lines, &picks);
        lesson.examples = group.rows().zip(&picks).map(|(row, picks)| (batch[row], picks.len())).collect();
        if config.text_loss > 0.0 {
            let text = group.rows().map(|row| rows[batch[row]].text_picks()).collect();
            lesson.text = Some(lesson.steps.repicked(text));
        }
        lesson
    };
    micro_batches(&read, budget).into_iter().map(lesson).collect()
}

/// Each pair is a line of its own, so that both of its steps are read in one pass.
fn lessons_of_pairs(pairs: &[Preference], batch: &[usize], budget: usize) -> Vec<Lesson> {
    let whole: Vec<Vec<u32>> = batch.iter().map(|index| pairs[*index].tokens()).collect();
    let read: Vec<Row<'_>> = whole.iter().map(|tokens| Row::alone(tokens)).collect();
    let lesson = |group: MicroBatch| {
        let examples: Vec<(usize, usize)> = group.rows().map(|row| (batch[row], 2)).collect();
        let of: Vec<&Preference> = examples.iter().map(|(index, _)| &pairs[*index]).collect();
        Lesson { examples, ..Lesson::of_pairs(&of) }
    };
    micro_batches(&read, budget).into_iter().map(lesson).collect()
}

impl Lesson {
    fn new(objective: Objective, lines: &[Vec<Row<'_>>], picks: &[Vec<Pick>]) -> Self {
        let flat = || picks.iter().flatten();
        let (weights, values) = flat().map(|pick| (pick.weight, pick.value)).unzip();
        let places = picks.iter().map(|row| row.iter().map(|pick| (pick.position, pick.class)).collect());
        let steps = Packed::labelled(lines, places.collect());
        Self { objective, examples: Vec::new(), steps, weights, values, text: None, dropout: (0.0, 0) }
    }

    /// Steps to classify, all weighing the same, with the tokens of good ones to predict where `with_text`.
    pub fn of_steps(rows: &[LabelledSteps], with_text: bool) -> Self {
        let lines: Vec<Vec<Row<'_>>> = rows.iter().map(|row| vec![row.row()]).collect();
        let picks: Vec<_> = rows.iter().map(|row| row.class_picks([1.0; 2])).collect();
        let mut lesson = Self::new(Objective::CrossEntropy, &lines, &picks);
        lesson.text = with_text.then(|| lesson.steps.repicked(rows.iter().map(LabelledSteps::text_picks).collect()));
        lesson
    }

    /// Tokens to value.
    pub fn of_tokens(rows: &[LabelledSteps]) -> Self {
        let lines: Vec<Vec<Row<'_>>> = rows.iter().map(|row| vec![row.row()]).collect();
        let values = token_values(rows);
        let picks: Vec<_> = rows.iter().zip(&values).map(|(row, values)| row.value_picks(values)).collect();
        Self::new(Objective::TokenValue, &lines, &picks)
    }

    /// Steps to compare.
    pub fn of_pairs(pairs: &[&Preference]) -> Self {
        let row = |pair: &'_ Preference, own: &'_ [u32]| pair.shared.len() + own.len().saturating_sub(1);
        let lines: Vec<Vec<Row<'_>>> = pairs
            .iter()
            .map(|pair| [&pair.chosen, &pair.rejected].map(|own| Row { shared: &pair.shared, own }).to_vec())
            .collect();
        let pick = |position| vec![Pick { position, class: 0, weight: 1.0, value: 0.0 }];
        let picks = pairs.iter().flat_map(|pair| [&pair.chosen, &pair.rejected].map(|own| pick(row(pair, own))));
        Self::new(Objective::Pairwise, &lines, &picks.collect::<Vec<_>>())
    }

    /// With a share of the hidden states dropped, which ones by the seed.
    pub(super) fn with_dropout(self, share: f64, seed: u64) -> Self {
        Self { dropout: (share, seed), ..self }
    }

    /// The examples of a training in it with the picks of each, in the order in which they come; of
    /// [`Examples::lessons`] alone.
    pub(super) fn examples(&self) -> &[(usize, usize)] {
        &self.examples
    }

    /// Picks in it.
    pub(super) fn picks(&self) -> usize {
        self.steps.picks()
    }

    /// Σ of the weights of what is judged: of steps, of tokens, of pairs.
    pub fn weight(&self) -> f32 {
        let sum: f64 = self.weights.iter().map(|weight| f64::from(*weight)).sum();
        match self.objective {
            Objective::Pairwise => (sum / 2.0) as f32,
            Objective::CrossEntropy | Objective::TokenValue => sum as f32,
        }
    }

    /// Tokens of good steps to predict.
    pub fn text_tokens(&self) -> usize {
        self.text.as_ref().map_or(0, Packed::picks)
    }

    /// The losses of one forward pass: what [`gradients`](Self::gradients) is held against.
    pub fn losses(&self, config: &ModelConfig, model: &TokenClassifier) -> Losses {
        let hidden = hidden(config, model, &self.steps);
        let text = self.text.as_ref().map(|text| {
            let whole = text.picks_in(0..text.padded());
            text_loss(model.text_logits(text.pick(hidden.clone())), text, &whole)
        });
        Losses { steps: self.judged(model, self.steps.pick(hidden)), text }
    }

    /// The gradient of `weights` times the [`losses`](Self::losses), in parts that add up and without the logits of all
    /// tokens at once, and the loss of the judgements.
    pub fn gradients(
        &self,
        config: &ModelConfig,
        model: &TokenClassifier,
        weights: Weights,
    ) -> (Vec<GradientsParams>, Tensor<1>) {
        let hidden = hidden(config, model, &self.steps);
        let judged = self.judged(model, self.steps.pick(hidden.clone()));
        let weighted = judged.clone() * weights.steps;
        let Some(text) = &self.text else {
            return (vec![GradientsParams::from_grads(weighted.backward(), model)], judged.detach());
        };
        let loss = |logits: Tensor<2>, picks: &Picks<'_>| {
            let loss = text_loss(logits, text, picks) * weights.text;
            (loss.clone(), loss.detach())
        };
        let Head { pulled, gradients, .. } =
            head_gradients(config, model, TokenClassifier::text_logits, text, text.pick(hidden), loss);
        let below = Tensor::cat(vec![weighted, pulled], 0).backward();
        (vec![GradientsParams::from_grads(below, model), gradients], judged.detach())
    }

    /// As [`gradients`](Self::gradients), of the judgements alone, given the hidden states at the picks.
    pub(super) fn gradients_of(
        &self,
        model: &TokenClassifier,
        states: &[f32],
        width: usize,
        weight: f32,
    ) -> (Vec<GradientsParams>, Tensor<1>) {
        let judged = self.loss_of(model, states, width);
        let gradients = (judged.clone() * weight).backward();
        (vec![GradientsParams::from_grads(gradients, model)], judged.detach())
    }

    /// The loss of the judgements given the hidden states at the picks, one row of values for each.
    pub(super) fn loss_of(&self, model: &TokenClassifier, states: &[f32], width: usize) -> Tensor<1> {
        let mut values = states.to_vec();
        values.resize(self.steps.padded() * width, 0.0);
        let states = TensorData::new(values, [self.steps.padded(), width]);
        self.judged(model, Tensor::from_data(states, &model.device()))
    }

    /// The loss of the judgements, `[1]`, given the hidden states at the picks, `[picks, width]`.
    fn judged(&self, model: &TokenClassifier, picked: Tensor<2>) -> Tensor<1> {
        let logits = model.judge(self.dropped(picked));
        match self.objective {
            Objective::CrossEntropy => self.cross_entropy(logits),
            Objective::TokenValue => self.squared_error(logits),
            Objective::Pairwise => self.comparison(logits),
        }
    }

    /// The hidden states at the picks, `[picks, width]`.
    pub(super) fn look(&self, config: &ModelConfig, model: &TokenClassifier) -> Tensor<2> {
        self.steps.pick(hidden(config, model, &self.steps))
    }

    /// Dropout: each value is 0 with the share p, and 1/(1 − p) times itself otherwise.
    fn dropped(&self, hidden: Tensor<2>) -> Tensor<2> {
        let (share, seed) = self.dropout;
        if share <= 0.0 {
            return hidden;
        }
        let [picks, width] = hidden.dims();
        let mut rng = seed::stream(seed, &[]);
        let kept = (1.0 / (1.0 - share)) as f32;
        let mask: Vec<f32> = (0..picks * width).map(|_| if rng.random::<f64>() < share { 0.0 } else { kept }).collect();
        let mask = Tensor::<2>::from_data(TensorData::new(mask, [picks, width]), &hidden.device());
        hidden * mask
    }

    /// −Σ w log softmax(z)_class over the picks, `[1]`; `logits [picks, 2]`.
    fn cross_entropy(&self, logits: Tensor<2>) -> Tensor<1> {
        let device = logits.device();
        (self.steps.target_log_probs(logits) * self.steps.values(&self.weights, &device)).sum().neg()
    }

    /// Σ w (softmax(z)₁ − V)² over the picks, `[1]`.
    fn squared_error(&self, logits: Tensor<2>) -> Tensor<1> {
        let device = logits.device();
        let picks = logits.dims()[0];
        let found = activation::softmax(logits, 1).narrow(1, 1, 1).reshape([picks]);
        let error = found - self.steps.values(&self.values, &device);
        (error.clone() * error * self.steps.values(&self.weights, &device)).sum()
    }

    /// −Σ w log σ(r₊ − r₋) over the pairs, `[1]`, with r = z₁ − z₀ (Bradley and Terry; rStar-Math).
    fn comparison(&self, logits: Tensor<2>) -> Tensor<1> {
        let device = logits.device();
        let picks = logits.dims()[0];
        let odds = logits.clone().narrow(1, 1, 1) - logits.narrow(1, 0, 1);
        // The picks are padded to an even number.
        let pairs = odds.reshape([picks / 2, 2]);
        let ahead = (pairs.clone().narrow(1, 0, 1) - pairs.narrow(1, 1, 1)).reshape([picks / 2]);
        let weights = self.steps.values(&self.weights, &device).reshape([picks / 2, 2]).narrow(1, 0, 1);
        (activation::log_sigmoid(ahead) * weights.reshape([picks / 2])).sum().neg()
    }
}

/// −Σ log π(token) over some of the tokens of `text`, `[1]`.
fn text_loss(logits: Tensor<2>, text: &Packed, picks: &Picks<'_>) -> Tensor<1> {
    let ones = picks.values(&vec![1.0; text.picks()], &logits.device());
    (picks.target_log_probs(logits) * ones).sum().neg()
}

/// What each of the losses is multiplied by.
#[derive(Debug, Clone, Copy)]
pub struct Weights {
    /// That of the judgements.
    pub steps: f32,
    /// That of the text.
    pub text: f32,
}

/// What a forward pass costs, summed over its picks, `[1]` each.
#[derive(Debug, Clone)]
pub struct Losses {
    /// Of the judgements.
    pub steps: Tensor<1>,
    /// −Σ log π(token) over the tokens of good steps, where asked for.
    pub text: Option<Tensor<1>>,
}

#[cfg(test)]
mod tests {
    use burn::module::Module as _;
    use burn::optim::GradientsAccumulator;
    use burn::tensor::Device;
    use minform_text::steps::PrmInput;

    use super::*;
    use crate::numbers::{gradient_numbers, numbers};
    use crate::policy::Policy;
    use crate::prm::Prm;

    /// Through the embedding as head too, which gathers gradients from three sides.
    #[test]
    fn gradients_in_parts_add_up_to_that_of_the_losses() {
        let policy = Policy::new(ModelConfig::small(40, 32, 2, 2), 3, &Device::flex().autodiff());
        let prm = Prm::from_policy(&policy, 7);
        let row = |ids: &[u32], label: f32| LabelledSteps {
            input: PrmInput { ids: ids.to_vec(), positions: vec![2, ids.len() - 1], start: 1 },
            labels: vec![Some(1.0), Some(label)],
            outcome: None,
        };
        let lesson = Lesson::of_steps(&[row(&[3, 5, 7, 9, 11], 0.25), row(&[3, 4, 6, 8], 1.0)], true);
        let Losses { steps, text } = lesson.losses(&prm.config, &prm.model);
        let whole = (steps.clone() * 0.5 + text.expect("asked for") * 0.7).backward();
        let expected = gradient_numbers(&prm.model, &GradientsParams::from_grads(whole, &prm.model));
        let weights = Weights { steps: 0.5, text: 0.7 };
        let (parts, judged) = lesson.gradients(&prm.config, &prm.model, weights);
        let mut sum = GradientsAccumulator::new();
        parts.into_iter().for_each(|part| sum.accumulate(&prm.model, part));
        let found = gradient_numbers(&prm.model, &sum.grads());
        let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let error = expected.iter().zip(&found).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
        assert!(
            expected.len() == prm.model.num_params() && largest > 0.1 && error < 1e-5 * largest,
            "{error}, {largest}"
        );
        assert_eq!(numbers(judged), numbers(steps));
    }
}
