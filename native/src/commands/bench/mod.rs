//! `minform bench`: how long each phase takes, beside what the device would need at the least.

mod growth;
mod operations;
mod peer;

use std::cell::OnceCell;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use burn::tensor::Device;
use minform_core::Error;
use minform_core::config::{Config, Sampling, Sft};
use minform_core::event::Event;
use minform_core::model::{Cost, ModelConfig, Sequences};
use minform_core::policy::{Generator, Policy};
use minform_core::prm::{self, Prm};
use minform_core::seed::mix_in;
use minform_core::train::{Example, Execution, sft};
use minform_text::steps::PrmInput;
use pollster::block_on;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::Bench;
use crate::device::{self, Found};
use crate::folder;
use crate::memory::{peak_memory_mb, reset_peak_memory};
use crate::output;
use crate::rates::Rates;
use crate::settings;

/// Shapes of known models, as their `config.json` has them.
const SHAPES: [(&str, &str); 4] = [
    ("nano", include_str!("../shapes/nano.json")),
    ("smollm2-135m", include_str!("../shapes/smollm2-135m.json")),
    ("qwen2.5-0.5b", include_str!("../shapes/qwen2.5-0.5b.json")),
    ("qwen2.5-1.5b", include_str!("../shapes/qwen2.5-1.5b.json")),
];

/// Tokens between two scores of the reward model.
const STEP: usize = 32;

/// What one phase took.
#[derive(Debug, Serialize)]
struct Measured {
    phase: &'static str,
    /// Tokens read, or written by generation.
    tokens: usize,
    operations: f64,
    bytes: f64,
    /// The least that the counted work takes at the measured rates of the device, in seconds.
    floor: f64,
    /// Of each repetition in rising order, in seconds.
    seconds: Vec<f64>,
    /// The same of the peer, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<Vec<f64>>,
}

/// What is measured: so many sequences of so many tokens.
#[derive(Debug, Clone, Copy)]
struct Size {
    sequences: Sequences,
    new_tokens: usize,
}

pub(crate) fn run(options: &Bench) -> Result<()> {
    let config = settings::load(&Config::default(), &options.common)?;
    let Found { name, device, card } = device::find_for(&options.common.device, config.dtype)?;
    let shape = shape(&options.shape)?;
    let sequences = Sequences { rows: options.rows, tokens: options.tokens };
    let size = Size { sequences, new_tokens: options.new_tokens };
    if options.tokens + options.new_tokens > shape.max_position_embeddings {
        bail!(
            "{} holds {} tokens; --tokens and --new-tokens ask for {}",
            options.shape,
            shape.max_position_embeddings,
            options.tokens + options.new_tokens
        );
    }
    if options.growth && (options.tokens < 8 || options.rows < 4) {
        bail!("--growth measures a quarter of the size too: give at least 4 rows of 8 tokens");
    }
    let json = options.common.json;
    let bench = Bencher { shape, config, device, rates: OnceCell::new(), repeats: options.repeats, tells: !json };
    if !json {
        let rates = bench.rates()?;
        let card = card.as_ref().map_or(String::new(), |card| format!(" ({card})"));
        let (dtype, products, bytes) = (bench.config.dtype.name(), rates.operations / 1e9, rates.bytes / 1e9);
        let shape = &options.shape;
        output::line(format!("{shape} on {name}{card}: {products:.1} GFLOP/s in {dtype} products, {bytes:.1} GB/s\n"))?;
    }
    let found = match options.operations {
        true => json!({ "operations": bench.operations(sequences)? }),
        false => bench.phases(options, size)?,
    };
    let rates = bench.rates()?;
    let about = json!({
        "version": env!("CARGO_PKG_VERSION"), "device": name, "card": card, "shape": options.shape,
        "rows": options.rows, "tokens": options.tokens, "new_tokens": options.new_tokens,
        "dtype": bench.config.dtype, "operations_per_second": rates.operations, "bytes_per_second": rates.bytes,
    });
    match (json, about, found) {
        (true, Value::Object(about), Value::Object(found)) => {
            output::line(Value::Object(about.into_iter().chain(found).collect()))
        }
        _ => Ok(()),
    }
}

struct Bencher {
    shape: ModelConfig,
    config: Config,
    device: Device,
    rates: OnceCell<Rates>,
    repeats: usize,
    /// Whether what is found is printed at once.
    tells: bool,
}

impl Bencher {
    /// Every phase at one size; each runs once before it is timed, so that no kernel is new.
    fn phases(&self, options: &Bench, size: Size) -> Result<Value> {
        self.tell(HEAD)?;
        reset_peak_memory();
        let policy = Policy::new(self.shape.clone(), self.config.seed, &self.device.clone().autodiff());
        let mut measured = Vec::new();
        for phase in [Self::scoring, Self::generation, Self::update] {
            let mut one = phase(self, &policy, size)?;
            if self.tells {
                one.floor = self.floor(&one)?;
            }
            self.tell(&one.line())?;
            measured.push(one);
        }
        self.tell(LEGEND)?;
        // Before the rates of the device are measured, which takes more memory than small networks do.
        let memory = peak_memory_mb();
        for one in &mut measured {
            one.floor = self.floor(one)?;
        }
        if let Some(command) = &options.peer {
            let mut peer = self.peer(command, size)?;
            for one in &mut measured {
                one.peer = peer.remove(one.phase);
                self.tell(&one.beside())?;
            }
        }
        let growth = if options.growth { self.growth(options, size)? } else { Vec::new() };
        Ok(json!({ "phases": measured, "growth": growth, "peak_memory_mb": memory }))
    }

    /// What the device does at best, measured once.
    fn rates(&self) -> Result<Rates> {
        match self.rates.get() {
            Some(rates) => Ok(*rates),
            None => {
                let rates = Rates::of(&self.device, self.config.dtype)?;
                Ok(*self.rates.get_or_init(|| rates))
            }
        }
    }

    fn floor(&self, Measured { operations, bytes, .. }: &Measured) -> Result<f64> {
        let rates = self.rates()?;
        Ok(Cost { operations: *operations, bytes: *bytes }.seconds(rates.operations, rates.bytes))
    }

    fn tell(&self, line: &str) -> Result<()> {
        if self.tells { output::line(line) } else { Ok(()) }
    }

    fn scoring(&self, policy: &Policy, Size { sequences, .. }: Size) -> Result<Measured> {
        let prm = Prm::from_policy(policy, self.config.seed).for_inference(self.config.dtype);
        let positions: Vec<usize> = (STEP - 1..sequences.tokens).step_by(STEP).collect();
        let input = |ids| PrmInput { ids, positions: positions.clone(), start: 0 };
        let inputs: Vec<PrmInput> = self.rows(sequences).into_iter().map(input).collect();
        let seconds = self.timed(|| {
            block_on(prm::score(&prm, &inputs, self.config.prm.micro_batch_tokens, &mut |_| true)).map(drop)
        })?;
        Ok(self.measured(
            "scoring",
            sequences.rows * sequences.tokens,
            self.shape.scoring_cost(sequences, self.config.dtype),
            seconds,
        ))
    }

    fn generation(&self, policy: &Policy, Size { sequences, new_tokens }: Size) -> Result<Measured> {
        // Without an end, every response has its full length.
        let shape = ModelConfig { eos_token_ids: Vec::new(), ..self.shape.clone() };
        let policy = policy.for_inference(self.config.dtype);
        let generator = Generator::new(&policy.model, &shape);
        let prompts = self.rows(sequences);
        let sampling = Sampling { max_new_tokens: new_tokens, rows: sequences.rows, ..self.config.sampling.clone() };
        let mut listen = |_| ControlFlow::Continue(());
        let seconds = self
            .timed(|| block_on(generator.generate(&prompts, 1, &sampling, self.config.seed, &mut listen)).map(drop))?;
        let cost = self.shape.generation_cost(sequences, new_tokens, self.config.dtype);
        Ok(self.measured("generation", sequences.rows * new_tokens, cost, seconds))
    }

    fn update(&self, policy: &Policy, Size { sequences, .. }: Size) -> Result<Measured> {
        let mut policy = policy.clone();
        let example = |mut ids: Vec<u32>| {
            let target = ids.split_off(1);
            Example { prompt: ids, target }
        };
        let examples: Vec<Example> = self.rows(sequences).into_iter().map(example).collect();
        // Ended below, after as many steps as were asked for.
        let settings = Sft { steps: usize::MAX, batch: sequences.rows, ..self.config.sft.clone() };
        let (mut seconds, mut began) = (Vec::new(), Instant::now());
        let mut listen = |event: Event| {
            if let Event::SftStep(step) = event {
                // A step that overflowed in f16 was dropped before its end.
                seconds.extend(step.grad_norm.map(|_| began.elapsed().as_secs_f64()));
                began = Instant::now();
            }
            if seconds.len() > self.repeats { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        match block_on(sft(&mut policy, &settings, &self.execution(), &mut |_, _| examples.clone(), &mut listen)) {
            Err(Error::Stopped) => {}
            other => other?,
        }
        // The first one warms up.
        seconds.remove(0);
        Ok(self.measured(
            "update",
            sequences.rows * sequences.tokens,
            self.shape.update_cost(sequences, self.config.dtype),
            seconds,
        ))
    }

    fn execution(&self) -> Execution {
        Execution { workers: Vec::new(), dtype: self.config.dtype }
    }

    /// One untimed run, then the time of each repetition. All work ends with numbers that are read back.
    fn timed(&self, mut work: impl FnMut() -> minform_core::Result<()>) -> Result<Vec<f64>> {
        work()?;
        let one = |_| {
            let began = Instant::now();
            work()?;
            Ok(began.elapsed().as_secs_f64())
        };
        (0..self.repeats).map(one).collect()
    }

    fn measured(&self, phase: &'static str, tokens: usize, cost: Cost, mut seconds: Vec<f64>) -> Measured {
        seconds.sort_by(f64::total_cmp);
        let Cost { operations, bytes } = cost;
        Measured { phase, tokens, operations, bytes, floor: f64::NAN, seconds, peer: None }
    }

    /// Ids that look like none in particular.
    fn rows(&self, Sequences { rows, tokens }: Sequences) -> Vec<Vec<u32>> {
        let id = |cell: usize| (mix_in(self.config.seed, cell as u64) % self.shape.vocab_size as u64) as u32;
        (0..rows).map(|row| (row * tokens..(row + 1) * tokens).map(id).collect()).collect()
    }
}

/// What the columns of [`Measured::line`] are.
const HEAD: &str =
    "phase            tokens      GFLOP         GB   floor, s  median, s    fastest    slowest over floor   tokens/s";

const LEGEND: &str = "
GFLOP, GB: what the phase has to compute and to move through the memory, by count.
floor: the time that takes at the rates of this device, the longer of both; over floor: the median beside it.";

impl Measured {
    fn line(&self) -> String {
        let at = |index: usize| self.seconds.get(index).copied().unwrap_or(f64::NAN);
        let (median, last) = (median(&self.seconds), self.seconds.len().saturating_sub(1));
        format!(
            "{:<12}{:>11}{:>11.1}{:>11.3}{:>11.4}{median:>11.4}{:>11.4}{:>11.4}{:>11.2}{:>11.0}",
            self.phase,
            self.tokens,
            self.operations / 1e9,
            self.bytes / 1e9,
            self.floor,
            at(0),
            at(last),
            median / self.floor,
            self.tokens as f64 / median
        )
    }

    fn beside(&self) -> String {
        let (ours, theirs) = (median(&self.seconds), self.peer.as_deref().map_or(f64::NAN, median));
        format!("{:<12}the peer takes {theirs:.4} s: {:.2} of its speed", self.phase, theirs / ours)
    }
}

fn median(rising: &[f64]) -> f64 {
    rising.get(rising.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A known shape, or that of a model folder.
fn shape(name: &str) -> Result<ModelConfig> {
    if let Some((_, json)) = SHAPES.iter().find(|(known, _)| *known == name) {
        return Ok(ModelConfig::from_json(json.as_bytes())?);
    }
    let file = Path::new(name).join("config.json");
    if !file.exists() {
        let known = SHAPES.map(|(name, _)| name).join(", ");
        bail!("{name:?} is neither a model folder nor one of the shapes {known}");
    }
    ModelConfig::from_json(&folder::read(&file)?).with_context(|| format!("cannot use {}", file.display()))
}
