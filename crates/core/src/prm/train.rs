//! PRM training in stages, optimizer step by optimizer step, so that it can be stopped and taken up again.

use rand::seq::SliceRandom as _;
use serde::{Deserialize, Serialize};

use super::features::Features;
use super::labelled::balanced;
use super::lesson::{Examples, Lesson, Weights};
use super::{LabelledSteps, Prm, Scale, quality, score};
use crate::config::{self, Balance, Objective, Optimizer};
use crate::event::{Event, Listener, Phase, PrmQuality, PrmStep, emit};
use crate::model::{Learned, TokenClassifier, drawn, from_safetensors, to_safetensors};
use crate::read::scalar;
use crate::train::{Execution, Trainer, TrainerProgress};
use crate::{Dtype, Error, Result, seed};

/// Trains in PURE's two stages, the head alone and then everything, from start to end.
///
/// # Errors
/// Those of [`PrmTraining`]; `prm` then holds the weights after the last full step.
pub async fn train(
    prm: &mut Prm,
    config: &config::Prm,
    data: &[LabelledSteps],
    seed: u64,
    execution: &Execution,
    listener: &mut Listener<'_>,
) -> Result<()> {
    let mut training =
        PrmTraining::new(prm.clone(), config, data.to_vec(), Vec::new(), seed)?.with_execution(execution);
    let result = training.run(listener).await;
    *prm = training.into_prm();
    result
}

/// The stages in order.
const STAGES: [Phase; 2] = [Phase::PrmHead, Phase::PrmFull];

/// Which independent streams of randomness draw adapters and dropout.
const ADAPTERS: u64 = 0x6c6f_7261;
const DROPOUT: u64 = 0x6472_6f70;

/// The training of a process reward model between two optimizer steps.
///
/// Loss of a batch: the mean of [`Lesson::losses`] over what is judged in it, plus, where the decoder learns, `text_loss`
/// times the mean over the tokens of its good steps.
pub struct PrmTraining {
    prm: Prm,
    config: config::Prm,
    examples: Examples,
    held_out: Vec<LabelledSteps>,
    seed: u64,
    /// Weights of bad and good steps.
    class_weights: [f32; 2],
    trainer: Trainer<TokenClassifier>,
    progress: Position,
    best: Option<(f32, TokenClassifier)>,
    /// What the decoder sees, in a stage in which it does not learn; `None` inside if that is too much to keep.
    features: Option<Option<Features>>,
    /// The order of the examples in an epoch.
    order: (usize, Vec<usize>),
    announced: bool,
    /// How gradients are computed.
    execution: Execution,
}

/// Where a training stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Position {
    /// Index of the stage.
    stage: usize,
    /// Optimizer steps made in it.
    step: usize,
    /// Optimizer steps made in the stages before it.
    before: usize,
    /// Tokens read in it.
    tokens: usize,
    /// The step of the stage after which the model was last measured.
    evaluated: Option<usize>,
    /// Measurements since the best one.
    since_best: usize,
}

/// Everything a training needs to go on where it stopped.
#[derive(Debug, Clone)]
pub struct PrmSnapshot {
    /// Where it stands.
    pub progress: PrmProgress,
    /// What learns in the present stage, as safetensors.
    pub learned: Vec<u8>,
    /// State of the optimizer.
    pub optimizer: Vec<u8>,
    /// What the best weights of the present stage were, as safetensors.
    pub best: Option<Vec<u8>>,
}

/// The figures of a [`PrmSnapshot`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PrmProgress {
    position: Position,
    optimizer: TrainerProgress,
    /// The best measurement of the present stage.
    best: Option<f32>,
}

impl PrmTraining {
    /// `prm` must lie on a device that records gradients. `held_out` solutions are measured, never learned.
    ///
    /// # Errors
    /// Nothing to learn from, or values of the configuration that do not go together.
    pub fn new(
        prm: Prm,
        config: &config::Prm,
        data: Vec<LabelledSteps>,
        held_out: Vec<LabelledSteps>,
        seed: u64,
    ) -> Result<Self> {
        check(&prm, config)?;
        let class_weights = match config.balance {
            Balance::None => [1.0; 2],
            Balance::Equal => balanced(&data),
        };
        let examples = Examples::new(config.objective, data);
        if examples.teach_nothing() {
            return Err(Error::Empty(match config.objective {
                Objective::Pairwise => {
                    "the list of steps to compare: no problem has a good and a bad step after the same beginning, so it"
                }
                Objective::CrossEntropy | Objective::TokenValue => "the list of labelled steps",
            }));
        }
        let mut training = Self {
            trainer: Trainer::new(&config.head_optimizer, 0),
            prm,
            config: config.clone(),
            examples,
            held_out,
            seed,
            class_weights,
            progress: Position::default(),
            best: None,
            features: None,
            order: (usize::MAX, Vec::new()),
            announced: false,
            execution: Execution::default(),
        };
        training.begin_stage();
        Ok(training)
    }

    /// Has gradients computed as `execution` says.
    pub fn with_execution(mut self, execution: &Execution) -> Self {
        self.execution = execution.clone();
        self.trainer = self.trainer.with_execution(execution);
        self
    }

    /// The model as it stands.
    pub fn prm(&self) -> &Prm {
        &self.prm
    }

    /// The model, all of it learning again unless it has adapters.
    pub fn into_prm(self) -> Prm {
        let model = if self.has_adapters() { self.prm.model } else { self.prm.model.unfreeze_decoder() };
        Prm { model, ..self.prm }
    }

    /// Optimizer steps made in all stages.
    pub fn step(&self) -> usize {
        self.progress.before + self.progress.step
    }

    /// Optimizer steps of all stages, were none to end early.
    pub fn steps(&self) -> usize {
        (0..STAGES.len()).map(|stage| self.steps_of(stage)).sum()
    }

    /// Goes on to the end.
    ///
    /// # Errors
    /// A gradient that is not finite, a device failure, or [`Error::Stopped`]; the weights are then those after the
    /// last full step.
    pub async fn run(&mut self, listener: &mut Listener<'_>) -> Result<()> {
        while self.advance(listener).await? {}
        Ok(())
    }

    /// Makes one optimizer step and what is due before it; false once there is none left.
    ///
    /// # Errors
    /// Those of [`PrmTraining::run`].
    pub async fn advance(&mut self, listener: &mut Listener<'_>) -> Result<bool> {
        while let Some(phase) = STAGES.get(self.progress.stage).copied() {
            let total = self.steps_of(self.progress.stage);
            if total > 0 && !self.announced {
                emit(listener, Event::PhaseStarted { phase, total })?;
                self.announced = true;
            }
            if self.is_measurement_due() {
                self.measure(listener).await?;
            }
            let out_of_patience = self.config.patience > 0 && self.progress.since_best >= self.config.patience;
            if self.progress.step < total && !out_of_patience {
                self.learn(phase, listener).await?;
                return Ok(true);
            }
            self.end_stage(phase, total, listener)?;
        }
        Ok(false)
    }

    fn steps_of(&self, stage: usize) -> usize {
        let epochs = [self.config.head_epochs, self.config.full_epochs].get(stage).copied().unwrap_or(0);
        epochs * self.batches()
    }

    /// Batches of an epoch.
    fn batches(&self) -> usize {
        self.examples.len().div_ceil(self.config.batch.max(1))
    }

    fn has_adapters(&self) -> bool {
        self.config.lora.rank > 0 && self.progress.stage > 0
    }

    /// The configuration of the present stage: a decoder that does not learn has nothing to learn from text.
    fn of_stage(&self) -> config::Prm {
        let learns = self.progress.stage > 0;
        config::Prm { text_loss: if learns { self.config.text_loss } else { 0.0 }, ..self.config.clone() }
    }

    /// Sets up what learns and the optimizer.
    fn begin_stage(&mut self) {
        let stage = self.progress.stage;
        let model = self.prm.model.clone();
        let optimizer = self.optimizer_of(stage).clone();
        let lora = &self.config.lora;
        self.prm.model = match (stage, lora.rank) {
            (0, _) => model.freeze_decoder(),
            (1, 1..) => {
                let device = model.device();
                drawn(&device, seed::mix_in(self.seed, ADAPTERS), || model.with_adapters(lora.rank, lora.alpha))
            }
            (1, 0) => model.unfreeze_decoder(),
            _ => model,
        };
        self.trainer = Trainer::new(&optimizer, self.steps_of(stage)).with_execution(&self.execution);
        self.best = None;
        self.features = None;
        self.announced = false;
    }

    fn optimizer_of(&self, stage: usize) -> &Optimizer {
        if stage == 0 { &self.config.head_optimizer } else { &self.config.full_optimizer }
    }

    fn end_stage(&mut self, phase: Phase, total: usize, listener: &mut Listener<'_>) -> Result<()> {
        if let Some((_, model)) = self.best.take() {
            self.prm.model = model;
        }
        let Position { stage, step, before, tokens, .. } = self.progress;
        self.progress = Position { stage: stage + 1, before: before + step, ..Position::default() };
        self.begin_stage();
        match total {
            0 => Ok(()),
            _ => emit(listener, Event::PhaseFinished { phase, tokens }),
        }
    }

    fn is_measurement_due(&self) -> bool {
        let Position { stage, step, evaluated, .. } = self.progress;
        let every = self.config.evaluate_every;
        let is_last = step == self.steps_of(stage);
        let is_due = is_last || every > 0 && step.is_multiple_of(every);
        step > 0 && is_due && evaluated != Some(step) && !self.held_out.is_empty()
    }

    async fn measure(&mut self, listener: &mut Listener<'_>) -> Result<()> {
        let found = self.quality().await?;
        self.progress.evaluated = Some(self.progress.step);
        if let Some(auc) = found.auc.filter(|_| self.config.patience > 0) {
            match self.best.as_ref().is_none_or(|(best, _)| auc > *best) {
                true => {
                    self.best = Some((auc, self.prm.model.clone()));
                    self.progress.since_best = 0;
                }
                false => self.progress.since_best += 1,
            }
        }
        emit(listener, Event::PrmQuality(found))
    }

    /// How well the present model judges the solutions held out.
    ///
    /// # Errors
    /// A device failure.
    pub async fn quality(&self) -> Result<PrmQuality> {
        let scores = self.held_out_scores().await?;
        let labels: Vec<_> = self.held_out.iter().map(LabelledSteps::verdicts).collect();
        let threshold = self.config.threshold.unwrap_or(0.0);
        Ok(PrmQuality {
            step: Some(self.step()),
            ..quality("held-out problems", &scores, &labels, threshold, Scale::Signed)
        })
    }

    /// The step scores of the solutions held out, by the present model.
    ///
    /// # Errors
    /// A device failure.
    pub async fn held_out_scores(&self) -> Result<Vec<Vec<f32>>> {
        let inputs: Vec<_> = self.held_out.iter().map(|row| row.input.clone()).collect();
        score(&self.prm.for_inference(self.execution.dtype), &inputs, self.config.micro_batch_tokens, &mut |_| true)
            .await
    }

    async fn learn(&mut self, phase: Phase, listener: &mut Listener<'_>) -> Result<()> {
        self.look(phase, listener).await?;
        let batch = self.batch(phase);
        let (step, lr) = (self.progress.step + 1, self.trainer.lr());
        let read = if self.kept().is_some() { 0 } else { self.examples.tokens(&batch) };
        let loss = self.accumulate(&batch).await?;
        let grad_norm = match loss {
            Some(_) => {
                let (model, grad_norm) = self.trainer.step(self.prm.model.clone()).await?;
                self.prm.model = model;
                grad_norm
            }
            None => None,
        };
        self.progress.step = step;
        self.progress.tokens += read;
        if let Some(loss) = loss {
            emit(listener, Event::PrmStep(PrmStep { step, phase, loss, lr, grad_norm }))?;
        }
        emit(listener, Event::Progress { phase, done: step, tokens: self.progress.tokens })
    }

    /// The examples of the next step: each epoch walks through a shuffled order of its own.
    fn batch(&mut self, phase: Phase) -> Vec<usize> {
        let (epoch, place) = (self.progress.step / self.batches(), self.progress.step % self.batches());
        if self.order.0 != epoch || place == 0 {
            let mut order: Vec<usize> = (0..self.examples.len()).collect();
            order.shuffle(&mut seed::stream(self.seed, &[phase as u64, epoch as u64]));
            self.order = (epoch, order);
        }
        let size = self.config.batch.max(1);
        self.order.1.iter().skip(place * size).take(size).copied().collect()
    }

    /// Lets the decoder look at everything once, where it does not learn and there are several epochs.
    async fn look(&mut self, phase: Phase, listener: &mut Listener<'_>) -> Result<()> {
        let looks_again = self.progress.stage > 0 || self.config.head_epochs < 2;
        if looks_again || self.features.is_some() {
            return Ok(());
        }
        let all: Vec<usize> = (0..self.examples.len()).collect();
        let lessons = self.examples.lessons(&all, &self.of_stage(), self.config.micro_batch_tokens, self.class_weights);
        let Position { step, mut tokens, .. } = self.progress;
        let mut seen = |lessons: &[Lesson]| {
            let examples = lessons.iter().flat_map(Lesson::examples);
            // Whoever goes on with a training has counted them already.
            tokens += if step == 0 { examples.map(|(example, _)| self.examples.tokens(&[*example])).sum() } else { 0 };
            emit(listener, Event::Progress { phase, done: step, tokens })
        };
        self.features = Some(
            Features::of(&self.prm.for_inference(self.execution.dtype), self.examples.len(), &lessons, &mut seen)
                .await?,
        );
        self.progress.tokens = tokens;
        Ok(())
    }

    /// What the decoder sees, where that is kept.
    fn kept(&self) -> Option<&Features> {
        self.features.as_ref()?.as_ref()
    }

    /// The passes of a batch: one if the decoder has seen it.
    fn lessons(&self, batch: &[usize]) -> Vec<Lesson> {
        let mut lessons = match self.kept() {
            Some(_) => vec![self.examples.whole(batch, &self.config, self.class_weights)],
            None => {
                let tokens =
                    self.trainer.micro_batch_tokens(self.config.micro_batch_tokens, self.examples.tokens(batch));
                self.examples.lessons(batch, &self.of_stage(), tokens, self.class_weights)
            }
        };
        lessons.retain(|lesson| lesson.picks() > 0);
        let dropout = self.prm.config.classifier_dropout;
        let seed = seed::mix_in(seed::mix_in(self.seed, DROPOUT), self.step() as u64);
        let dropped = |(lesson, index): (Lesson, u64)| lesson.with_dropout(dropout, seed::mix_in(seed, index));
        lessons.into_iter().zip(0..).map(dropped).collect()
    }

    /// Gathers gradients of a batch; its mean loss, or `None` if there is nothing to learn in it.
    async fn accumulate(&mut self, batch: &[usize]) -> Result<Option<f32>> {
        let lessons = self.lessons(batch);
        let states = self.kept().map(|kept| (kept.of_batch(batch), kept.width()));
        let weight: f32 = lessons.iter().map(Lesson::weight).sum();
        let text_tokens: usize = lessons.iter().map(Lesson::text_tokens).sum();
        let text = self.config.text_loss / text_tokens.max(1) as f32;
        let model_config = &self.prm.config;
        let gradients = |model: &TokenClassifier, lesson: &Lesson, loss_scale: f32| {
            let weights = Weights { steps: loss_scale / weight, text: loss_scale * text };
            let (parts, judged) = match &states {
                Some((states, width)) => lesson.gradients_of(model, states, *width, weights.steps),
                None => lesson.gradients(model_config, model, weights),
            };
            (parts, judged / weight)
        };
        let sums = self.trainer.accumulate_parts(&self.prm.model, &lessons, gradients)?;
        match sums {
            Some(sums) => Ok(Some(scalar(sums).await?)),
            None => Ok(None),
        }
    }

    /// The training as it stands between two steps.
    ///
    /// # Errors
    /// If the device cannot be read.
    pub fn snapshot(&self) -> Result<PrmSnapshot> {
        let bytes = |model: &TokenClassifier| to_safetensors(&Learned::of(model), Dtype::F32);
        Ok(PrmSnapshot {
            progress: PrmProgress {
                position: self.progress,
                optimizer: self.trainer.progress(&self.prm.model),
                best: self.best.as_ref().map(|(auc, _)| *auc),
            },
            learned: bytes(&self.prm.model)?,
            optimizer: self.trainer.to_bytes()?,
            best: self.best.as_ref().map(|(_, model)| bytes(model)).transpose()?,
        })
    }

    /// Goes on from a snapshot of a training with the same configuration, model, data and seed.
    ///
    /// # Errors
    /// Bytes that cannot be read or do not fit this training, which is then unusable.
    pub fn restore(&mut self, snapshot: PrmSnapshot) -> Result<()> {
        let PrmProgress { position, optimizer, best } = snapshot.progress;
        // Stage by stage, since each builds on what the one before it lets learn.
        for stage in 1..=position.stage {
            self.progress.stage = stage;
            self.begin_stage();
        }
        self.progress = position;
        let filled = |model: &TokenClassifier, bytes: Vec<u8>| -> Result<TokenClassifier> {
            let mut learned = Learned::of(model);
            from_safetensors(&mut learned, vec![bytes])?;
            Ok(learned.put_into(model.clone()))
        };
        let model = filled(&self.prm.model, snapshot.learned)?;
        self.prm.model = self.trainer.restore(model, snapshot.optimizer, &optimizer)?;
        self.best = match (best, snapshot.best) {
            (Some(auc), Some(bytes)) => Some((auc, filled(&self.prm.model, bytes)?)),
            _ => None,
        };
        Ok(())
    }
}

/// Whether a configuration can train a model.
fn check(prm: &Prm, config: &config::Prm) -> Result<()> {
    let problem = |key: &str, problem: &str| Err(Error::Config { key: key.into(), problem: problem.into() });
    if config.text_loss > 0.0 && !prm.config.tie_word_embeddings {
        return problem(
            "prm.text_loss",
            "needs a model with tie_word_embeddings, since a reward model keeps no other language head",
        );
    }
    if config.balance != Balance::None && config.objective != Objective::CrossEntropy {
        return problem("prm.balance", "goes with prm.objective = \"cross-entropy\" alone; leave it at \"none\"");
    }
    if config.text_loss > 0.0 && config.objective == Objective::Pairwise {
        return problem("prm.text_loss", "does not go with prm.objective = \"pairwise\"; set it to 0");
    }
    Ok(())
}
