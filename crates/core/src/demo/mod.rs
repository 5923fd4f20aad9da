//! From an empty model to a policy improved by min-form RL, on the embedded arithmetic world.
//!
//! Four stages: supervised fine-tuning, step labels for samples of that policy, a process reward model learned from
//! them, and RL against it. The exact checker labels training steps and grades held-out answers; during RL the policy
//! meets it only if verifiable rewards are switched on.

mod session;

pub use session::Session;

use burn::tensor::Device;
use minform_text::steps::Separators;
use minform_text::tokenizer::Tokenizer;
use minform_text::world::{self, Habits, Level, Levels, NEWLINE_ID, Split, World};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::config::{self, Config, Optimizer, Sampling, Schedule};
use crate::event::{Evaluation, Event, Listener, Phase, PrmQuality, emit};
use crate::model::ModelConfig;
use crate::policy::{Generator, NewToken, Policy};
use crate::prm::{self, LabelledSteps, Prm, Scale};
use crate::train::{Example, Execution, HeldOut, Problem, Rollout, evaluate, sft};
use crate::{Error, Result, seed};

/// Which independent stream of randomness a stage draws from.
#[derive(Clone, Copy)]
enum Stream {
    Policy = 1,
    Sft,
    Labels,
    LabelSamples,
    Noise,
    Prm,
    Rl,
    RlProblems,
    Checkable,
    HeldOut,
    Fresh,
}

/// The demo with the models it has made so far.
pub struct Demo {
    config: Config,
    tokenizer: Tokenizer,
    levels: Levels,
    held_out: HeldOut,
    /// The policy in its present state; on a device that records gradients.
    pub policy: Policy,
    /// The process reward model, once learned.
    pub prm: Option<Prm>,
}

/// The configuration of `minform demo`; `quick` trades accuracy for time.
pub fn settings(quick: bool) -> Config {
    let adam = |lr, schedule| Optimizer { lr, schedule, warmup_steps: 10, beta_2: 0.98, ..Optimizer::default() };
    let mut settings = Config {
        sampling: Sampling { max_new_tokens: 64, rows: 256, ..Sampling::default() },
        sft: config::Sft {
            steps: 330,
            batch: 64,
            micro_batch_tokens: 1280,
            optimizer: adam(3e-3, Schedule::Cosine),
            ..config::Sft::default()
        },
        prm: config::Prm {
            head_epochs: 0,
            full_epochs: 4,
            text_loss: 1.0,
            batch: 64,
            micro_batch_tokens: 1280,
            head_optimizer: adam(3e-3, Schedule::Constant),
            full_optimizer: adam(2e-3, Schedule::Cosine),
            ..config::Prm::default()
        },
        rl: config::Rl {
            updates: 80,
            prompts: 32,
            samples: 8,
            micro_batch_tokens: 4096,
            kl: config::Kl { coefficient: 0.02, ..config::Kl::default() },
            credit: config::Credit { mask_step_ends: false, ..config::Credit::default() },
            normalisation: config::Normalisation::Whiten,
            evaluate_every: 20,
            optimizer: adam(2e-4, Schedule::Linear),
            ..config::Rl::default()
        },
        ..Config::default()
    };
    if quick {
        settings.world.max_level = 1;
        settings.world.prm_problems = 1500;
        settings.world.test_problems = 200;
        settings.sft.steps = 180;
        settings.rl.updates = 50;
        settings.rl.evaluate_every = 25;
    }
    settings
}

impl Demo {
    /// A fresh policy on `device`, which must record gradients.
    ///
    /// # Errors
    /// Levels outside 1 to 5, or a value of `config.world` out of range.
    pub fn new(config: &Config, device: &Device) -> Result<Self> {
        config.world.validate()?;
        let tokenizer = Tokenizer::from_json(world::tokenizer_json().as_bytes())?;
        let level = |key: &str, number| {
            Level::new(number)
                .map_err(|error| Error::Config { key: format!("world.{key}"), problem: error.to_string() })
        };
        let levels = level("min_level", config.world.min_level)?..=level("max_level", config.world.max_level)?;
        let model = ModelConfig::small(
            tokenizer.vocabulary_size(),
            config.world.hidden_size,
            config.world.layers,
            config.world.heads,
        );
        let stream = |stream: Stream| seed::mix_in(config.seed, stream as u64);
        let policy = Policy::new(model, stream(Stream::Policy), device);
        let test = World { seed: stream(Stream::HeldOut) }.problems(Split::Test, levels.clone());
        let held_out = HeldOut {
            problems: test.take(config.world.test_problems).map(|problem| with_answer(&problem, true)).collect(),
            sampling: config.sampling.clone(),
            seed: stream(Stream::HeldOut),
        };
        Ok(Self { config: config.clone(), tokenizer, levels, held_out, policy, prm: None })
    }

    /// With models that were made before, by [`fine_tune`](Self::fine_tune) and [`learn_prm`](Self::learn_prm).
    ///
    /// # Errors
    /// Those of [`Demo::new`], or a model with another vocabulary than the world's.
    pub fn with_models(config: &Config, policy: Policy, prm: Option<Prm>) -> Result<Self> {
        let mut demo = Self::new(config, &policy.model.device())?;
        let words = demo.tokenizer.vocabulary_size();
        for found in prm.iter().map(|prm| &prm.config).chain([&policy.config]).map(|config| config.vocab_size) {
            if found != words {
                let problem =
                    format!("is {found}, but the arithmetic world has {words} words; take a model of the demo");
                return Err(Error::Config { key: "vocab_size".into(), problem });
            }
        }
        (demo.policy, demo.prm) = (policy, prm);
        Ok(demo)
    }

    /// The configuration it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The tokenizer of the world.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// How gradients are computed.
    fn execution(&self) -> Execution {
        Execution { workers: Vec::new(), dtype: self.config.dtype }
    }

    /// Stage 1: learns to write solutions from generated ones.
    ///
    /// # Errors
    /// Those of [`sft`].
    pub async fn fine_tune(&mut self, listener: &mut Listener<'_>) -> Result<()> {
        let mut rng = self.rng(Stream::Sft);
        let (tokenizer, levels) = (&self.tokenizer, &self.levels);
        let world = &self.config.world;
        let habits = Habits { filler: world.filler, mistakes: world.mistakes, joined: world.joined };
        let mut failure = None;
        let mut next = |_: usize, count: usize| {
            let examples = (0..count).map(|_| example(tokenizer, &mut rng, levels, habits)).collect::<Result<Vec<_>>>();
            examples.unwrap_or_else(|error| {
                failure = Some(error);
                Vec::new()
            })
        };
        let execution = self.execution();
        let result = sft(&mut self.policy, &self.config.sft, &execution, &mut next, listener).await;
        failure.map_or(result, Err)
    }

    /// Stages 2 and 3: samples the policy, has the exact checker label the steps, and learns a process reward model.
    ///
    /// Its quality is measured on problems it was not trained on, against labels without noise.
    ///
    /// # Errors
    /// Those of sampling and of [`prm::train`].
    pub async fn learn_prm(&mut self, listener: &mut Listener<'_>) -> Result<PrmQuality> {
        let world = &self.config.world;
        let problems: Vec<world::Problem> =
            self.world(Stream::Labels).problems(Split::Train, self.levels.clone()).take(world.prm_problems).collect();
        let held_out = (problems.len() as f32 * self.config.prm.validation).round() as usize;
        let groups = self.label(&self.policy, &problems, Stream::LabelSamples, listener).await?;
        let (validation, training) = groups.split_at(held_out.min(groups.len()));
        let training = self.with_noise(training.concat());
        let mut model = Prm::from_policy(&self.policy, self.seed(Stream::Prm));
        let (config, execution) = (&self.config.prm, self.execution());
        let result = prm::train(&mut model, config, &training, self.seed(Stream::Prm), &execution, listener).await;
        self.prm = Some(model);
        result?;
        self.judge("held-out samples of the base policy", None, &validation.concat(), listener).await
    }

    /// Stage 4: RL against the learned process reward model.
    ///
    /// # Errors
    /// Those of [`Demo::session`] and [`Session::run`]; the policy is then the one of the last full update.
    pub async fn reinforce(&mut self, listener: &mut Listener<'_>) -> Result<()> {
        let mut session = self.session()?;
        let result = session.run(listener).await;
        self.policy = session.rl().policy().clone();
        result
    }

    /// Problems that no training meets, with their answers.
    pub fn held_out(&self) -> &HeldOut {
        &self.held_out
    }

    /// Accuracy of the present policy on held-out problems, by the exact answer.
    ///
    /// # Errors
    /// Those of [`evaluate`].
    pub async fn evaluate(&self, name: &str, step: usize, listener: &mut Listener<'_>) -> Result<Evaluation> {
        evaluate(&self.policy.for_inference(self.config.dtype), &self.tokenizer, &self.held_out, name, step, listener)
            .await
    }

    /// How well the process reward model judges fresh samples of the present policy: hacking shows as a falling AUC.
    ///
    /// # Errors
    /// No process reward model yet, or a failure of sampling or scoring.
    pub async fn judge_present_policy(&self, listener: &mut Listener<'_>) -> Result<PrmQuality> {
        let count = (self.config.world.prm_problems as f32 * self.config.prm.validation).round() as usize;
        let updates = self.config.rl.updates;
        self.judge_on_samples(&self.policy, count.max(1), "fresh samples of the final policy", updates, listener).await
    }

    /// How well the process reward model judges fresh samples of a policy on `problems` problems.
    pub(crate) async fn judge_on_samples(
        &self,
        policy: &Policy,
        problems: usize,
        on: &str,
        step: usize,
        listener: &mut Listener<'_>,
    ) -> Result<PrmQuality> {
        let problems: Vec<world::Problem> =
            self.world(Stream::Fresh).problems(Split::Test, self.levels.clone()).take(problems).collect();
        let groups = self.label(policy, &problems, Stream::Fresh, listener).await?;
        self.judge(on, Some(step), &groups.concat(), listener).await
    }

    async fn judge(
        &self,
        on: &str,
        step: Option<usize>,
        rows: &[LabelledSteps],
        listener: &mut Listener<'_>,
    ) -> Result<PrmQuality> {
        let model = self.prm.as_ref().ok_or(Error::Empty("the process reward model"))?.for_inference(self.config.dtype);
        let inputs: Vec<_> = rows.iter().map(|row| row.input.clone()).collect();
        let labels: Vec<_> = rows.iter().map(LabelledSteps::verdicts).collect();
        let scores = prm::score(&model, &inputs, self.config.prm.micro_batch_tokens, &mut |_| true).await?;
        let threshold = self.config.prm.threshold.unwrap_or(Scale::Signed.middle());
        let quality = PrmQuality { step, ..prm::quality(on, &scores, &labels, threshold, Scale::Signed) };
        emit(listener, Event::PrmQuality(quality.clone()))?;
        Ok(quality)
    }

    /// Samples of the policy with exact step labels, `[problem][sample]`.
    async fn label(
        &self,
        policy: &Policy,
        problems: &[world::Problem],
        stream: Stream,
        listener: &mut Listener<'_>,
    ) -> Result<Vec<Vec<LabelledSteps>>> {
        let (phase, samples) = (Phase::Label, self.config.world.prm_samples);
        emit(listener, Event::PhaseStarted { phase, total: problems.len() * samples })?;
        let encode = |p: &world::Problem| Ok(self.tokenizer.encode(&world::prompt(p))?);
        let prompts: Vec<Vec<u32>> = problems.iter().map(encode).collect::<Result<_>>()?;
        let policy = policy.for_inference(self.config.dtype);
        let (mut done, mut tokens) = (0, 0);
        let mut written = |new: NewToken| {
            tokens += 1;
            done += usize::from(new.token == world::EOS_ID);
            listener(Event::Progress { phase, done, tokens })
        };
        let generator = Generator::new(&policy.model, &policy.config);
        let groups =
            generator.generate(&prompts, samples, &self.config.sampling, self.seed(stream), &mut written).await?;
        emit(listener, Event::PhaseFinished { phase, tokens })?;
        let separators = Separators::from_tokenizer(&self.tokenizer);
        let labelled = |(index, response): (usize, _)| -> Result<LabelledSteps> {
            let eos = &policy.config.eos_token_ids;
            let rollout = Rollout::new(index, &prompts[index], response, &separators, eos, self.config.rl.truncated);
            let input = rollout.prm_input(NEWLINE_ID);
            let steps = rollout.step_texts(&self.tokenizer)?;
            let verdict = world::check_steps(&problems[index], steps.iter().map(String::as_str));
            let labels = verdict.labels().into_iter().map(|label| label.map(f32::from)).collect();
            Ok(LabelledSteps { input, labels, outcome: None })
        };
        let group = |(index, group): (usize, Vec<_>)| group.into_iter().map(|r| labelled((index, r))).collect();
        groups.into_iter().enumerate().map(group).collect()
    }

    /// Flips each label with probability `world.label_noise`.
    fn with_noise(&self, mut rows: Vec<LabelledSteps>) -> Vec<LabelledSteps> {
        let mut rng = self.rng(Stream::Noise);
        let noise = self.config.world.label_noise;
        for label in rows.iter_mut().flat_map(|row| row.labels.iter_mut().flatten()) {
            if rng.random::<f32>() < noise {
                *label = 1.0 - *label;
            }
        }
        rows
    }

    fn seed(&self, stream: Stream) -> u64 {
        seed::mix_in(self.config.seed, stream as u64)
    }

    fn rng(&self, stream: Stream) -> ChaCha8Rng {
        seed::stream(self.config.seed, &[stream as u64])
    }

    fn world(&self, stream: Stream) -> World {
        World { seed: self.seed(stream) }
    }
}

fn example(tokenizer: &Tokenizer, rng: &mut ChaCha8Rng, levels: &Levels, habits: Habits) -> Result<Example> {
    let (prompt, solution) = world::supervised(rng, levels, habits);
    let mut target = tokenizer.encode(&solution)?;
    target.push(world::EOS_ID);
    Ok(Example { prompt: tokenizer.encode(&prompt)?, target })
}

/// A problem of the world as the RL loop and the evaluation see it.
fn with_answer(problem: &world::Problem, checkable: bool) -> Problem {
    Problem { prompt: world::prompt(problem), answer: checkable.then(|| problem.answer().to_string()) }
}
