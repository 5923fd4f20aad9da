//! `minform bench`: how long each phase takes, beside what the device would need at the least.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use burn::tensor::Device;
use minform_core::config::{Config, Sampling, Sft};
use minform_core::event::Event;
use minform_core::model::{Cost, ModelConfig, Sequences, operations};
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
use crate::rates::{Rates, best_seconds};
use crate::settings;

/// Shapes of known models, as their `config.json` has them.
const SHAPES: [(&str, &str); 4] = [
    ("nano", include_str!("shapes/nano.json")),
    ("smollm2-135m", include_str!("shapes/smollm2-135m.json")),
    ("qwen2.5-0.5b", include_str!("shapes/qwen2.5-0.5b.json")),
    ("qwen2.5-1.5b", include_str!("shapes/qwen2.5-1.5b.json")),
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
        Ok(self.measured("scoring", sequences.rows * sequences.tokens, self.shape.scoring_cost(sequences), seconds))
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
        let cost = self.shape.generation_cost(sequences, new_tokens);
        Ok(self.measured("generation", sequences.rows * new_tokens, cost, seconds))
    }

    fn update(&self, policy: &Policy, Size { sequences, .. }: Size) -> Result<Measured> {
        let mut policy = policy.clone();
        let example = |mut ids: Vec<u32>| {
            let target = ids.split_off(1);
            Example { prompt: ids, target }
        };
        let examples: Vec<Example> = self.rows(sequences).into_iter().map(example).collect();
        let settings = Sft { steps: self.repeats + 1, batch: sequences.rows, ..self.config.sft.clone() };
        let (mut seconds, mut began) = (Vec::new(), Instant::now());
        let mut listen = |event: Event| {
            if matches!(event, Event::SftStep(_)) {
                seconds.push(began.elapsed().as_secs_f64());
                began = Instant::now();
            }
            ControlFlow::Continue(())
        };
        block_on(sft(&mut policy, &settings, &self.execution(), &mut |_, _| examples.clone(), &mut listen))?;
        seconds.remove(0);
        Ok(self.measured("update", sequences.rows * sequences.tokens, self.shape.update_cost(sequences), seconds))
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

    /// The time of every operation of a micro-batch, the shortest of some runs.
    fn operations(&self, Sequences { rows, tokens }: Sequences) -> Result<Vec<OperationTime>> {
        let rows = rows.min((self.config.sft.micro_batch_tokens / tokens).max(1));
        self.tell("operation           times  forward, ms   in all, ms    TFLOP/s  and back, ms")?;
        let device = self.device.clone().autodiff();
        let mut times = Vec::new();
        for operation in operations(&self.shape, Sequences { rows, tokens }, self.config.dtype, &device) {
            let one = OperationTime {
                name: operation.name,
                times: operation.times,
                operations: operation.operations,
                forward: best_seconds(&device, || operation.forward())?,
                both: best_seconds(&device, || operation.forward_and_backward())?,
            };
            self.tell(&one.line())?;
            times.push(one);
        }
        Ok(times)
    }

    /// The seconds of each phase with another library.
    fn peer(&self, command: &str, Size { sequences, new_tokens }: Size) -> Result<BTreeMap<String, Vec<f64>>> {
        let place = tempfile::tempdir()?;
        let config = place.path().join("config.json");
        fs::write(&config, self.shape.to_json().to_string())?;
        let numbers = [
            ("--rows", sequences.rows),
            ("--tokens", sequences.tokens),
            ("--new-tokens", new_tokens),
            ("--repeats", self.repeats),
            ("--score-tokens", self.config.prm.micro_batch_tokens),
            ("--update-tokens", self.config.sft.micro_batch_tokens),
        ];
        let mut words = command.split_whitespace();
        let mut asked = Command::new(words.next().context("--peer is empty")?);
        asked.args(words).arg("--config").arg(&config).arg("--dtype").arg(self.config.dtype.name());
        asked.args(numbers.iter().flat_map(|(name, number)| [(*name).to_owned(), number.to_string()]));
        let told = asked.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {command}"))?;
        if !told.status.success() {
            bail!("{command}: {}", told.status);
        }
        serde_json::from_slice(&told.stdout).with_context(|| format!("{command} printed no seconds by phase"))
    }

    /// Ids that look like none in particular.
    fn rows(&self, Sequences { rows, tokens }: Sequences) -> Vec<Vec<u32>> {
        let id = |cell: usize| (mix_in(self.config.seed, cell as u64) % self.shape.vocab_size as u64) as u32;
        (0..rows).map(|row| (row * tokens..(row + 1) * tokens).map(id).collect()).collect()
    }

    /// How times and memory grow with the rows, the tokens of each, and the width of the network: each of three sizes in
    /// a process of its own.
    fn growth(&self, options: &Bench, Size { sequences: Sequences { rows, tokens }, .. }: Size) -> Result<Vec<Growth>> {
        let narrow = &self.shape;
        let wide = |factor: usize| ModelConfig {
            hidden_size: factor * narrow.hidden_size,
            intermediate_size: factor * narrow.intermediate_size,
            num_attention_heads: factor * narrow.num_attention_heads,
            num_key_value_heads: factor * narrow.num_key_value_heads,
            ..narrow.clone()
        };
        let courses: [(&'static str, Vec<(ModelConfig, Sequences)>); 3] = [
            ("rows", [4, 2, 1].map(|part| (narrow.clone(), Sequences { rows: rows / part, tokens })).into()),
            ("tokens", [4, 2, 1].map(|part| (narrow.clone(), Sequences { rows, tokens: tokens / part })).into()),
            ("width", [1, 2, 4].map(|factor| (wide(factor), Sequences { rows, tokens })).into()),
        ];
        let mut growth = Vec::new();
        for (with, sizes) in courses {
            let told =
                sizes.iter().map(|(shape, size)| self.elsewhere(options, shape, *size)).collect::<Result<Vec<_>>>()?;
            let found = Growth::of(with, &told);
            found.iter().try_for_each(|one| self.tell(&one.line()))?;
            growth.extend(found);
        }
        Ok(growth)
    }

    /// What this command finds of one shape and size, in a process of its own.
    fn elsewhere(&self, options: &Bench, shape: &ModelConfig, Sequences { rows, tokens }: Sequences) -> Result<Value> {
        let place = tempfile::tempdir()?;
        let settings = place.path().join("settings.toml");
        fs::write(place.path().join("config.json"), shape.to_json().to_string())?;
        fs::write(&settings, toml::to_string(&self.config)?)?;
        let numbers = [
            ("--rows", rows),
            ("--tokens", tokens),
            ("--new-tokens", options.new_tokens),
            ("--repeats", options.repeats),
        ];
        let told = Command::new(std::env::current_exe()?)
            .args(["bench", "--json", "--device", &options.common.device])
            .arg("--shape")
            .arg(place.path())
            .arg("--config")
            .arg(&settings)
            .args(numbers.iter().flat_map(|(name, number)| [(*name).to_owned(), number.to_string()]))
            .stderr(Stdio::inherit())
            .output()?;
        if !told.status.success() {
            bail!("{rows} rows of {tokens} tokens of a network of width {}: {}", shape.hidden_size, told.status);
        }
        Ok(serde_json::from_slice(&told.stdout)?)
    }
}

/// How something grows: value ∝ sizeᵃ.
#[derive(Debug, PartialEq, Serialize)]
struct Growth {
    what: String,
    with: &'static str,
    /// a, from a quarter of the size to the whole.
    exponent: f64,
    /// The same from a quarter to a half and from a half to the whole, the smaller one first.
    parts: [f64; 2],
}

impl Growth {
    /// The growth of every phase's time and of the memory, from what was found at three sizes.
    fn of(with: &'static str, told: &[Value]) -> Vec<Self> {
        let phases = told.first().and_then(|told| told["phases"].as_array()).map_or(0, Vec::len);
        let time = |phase: usize| {
            let seconds = |told: &Value| {
                let all: Vec<f64> =
                    serde_json::from_value(told["phases"][phase]["seconds"].clone()).unwrap_or_default();
                median(&all)
            };
            let name = told[0]["phases"][phase]["phase"].as_str().unwrap_or_default();
            Self::from_sizes(format!("time of {name}"), with, told.iter().map(seconds).collect())
        };
        let peak = |told: &Value| told["peak_memory_mb"].as_f64().unwrap_or(f64::NAN);
        let memory = Self::from_sizes("peak memory".into(), with, told.iter().map(peak).collect());
        (0..phases).filter_map(time).chain(memory).collect()
    }

    /// From the values at three sizes, each twice the one before.
    fn from_sizes(what: String, with: &'static str, values: Vec<f64>) -> Option<Self> {
        let [quarter, half, whole] = <[f64; 3]>::try_from(values).ok()?.map(f64::log2);
        let mut parts = [half - quarter, whole - half];
        parts.sort_by(f64::total_cmp);
        (whole - quarter).is_finite().then_some(Self { what, with, exponent: (whole - quarter) / 2.0, parts })
    }

    fn line(&self) -> String {
        let Self { what, with, exponent, parts: [low, high] } = self;
        format!("{what:<19} grows as {with}^{exponent:.2} ({low:.2} to {high:.2})")
    }
}

/// The time of one operation.
#[derive(Debug, Serialize)]
struct OperationTime {
    name: &'static str,
    /// How often a pass does it.
    times: usize,
    /// Of its products, forward.
    operations: f64,
    /// Seconds without gradients.
    forward: f64,
    /// Seconds with those of its inputs.
    both: f64,
}

impl OperationTime {
    fn line(&self) -> String {
        format!(
            "{:<18}{:>7}{:>13.3}{:>13.1}{:>11.2}{:>14.3}",
            self.name,
            self.times,
            1e3 * self.forward,
            1e3 * self.forward * self.times as f64,
            self.operations / self.forward / 1e12,
            1e3 * self.both,
        )
    }
}

/// What the columns of [`Measured::line`] are.
const HEAD: &str =
    "phase            tokens      GFLOP         GB   floor, s  median, s    fastest    slowest over floor   tokens/s";

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_those_of_powers() {
        let told: Vec<Value> = [1.0, 2.0, 4.0]
            .map(|size: f64| {
                json!({ "phases": [{ "phase": "scoring", "seconds": [size, size * size, 99.0] }], "peak_memory_mb": 8.0 })
            })
            .into();
        let growth =
            |what: &str, exponent: f64| Growth { what: what.into(), with: "rows", exponent, parts: [exponent; 2] };
        assert_eq!(Growth::of("rows", &told), [growth("time of scoring", 2.0), growth("peak memory", 0.0)]);
        let uneven = Growth::from_sizes("x".into(), "rows", vec![1.0, 2.0, 8.0]).unwrap();
        assert_eq!((uneven.exponent, uneven.parts), (1.5, [1.0, 2.0]));
        assert_eq!(Growth::from_sizes("x".into(), "rows", vec![1.0, f64::NAN, f64::NAN]), None);
    }
}
