//! `minform bench`: how long each phase takes, beside what the device would need at the least.

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
use minform_core::model::{Cost, ModelConfig, Sequences};
use minform_core::policy::{Generator, Policy};
use minform_core::prm::{self, Prm};
use minform_core::seed::mix_in;
use minform_core::train::{Example, Execution, sft};
use minform_text::steps::PrmInput;
use pollster::block_on;
use serde::Serialize;
use serde_json::json;

use crate::cli::Bench;
use crate::device::{self, Found};
use crate::folder;
use crate::memory::peak_memory_mb;
use crate::output;
use crate::rates::Rates;
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
    let Found { name, device, card } = device::find(&options.common.device)?;
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
    let rates = Rates::of(&device, config.dtype)?;
    let bench = Bencher { shape, config, device, rates, repeats: options.repeats };
    let policy = Policy::new(bench.shape.clone(), bench.config.seed, &bench.device.clone().autodiff());
    let mut measured = bench.all(&policy, size)?;
    if let Some(command) = &options.peer {
        let mut peer = bench.peer(command, size)?;
        measured.iter_mut().for_each(|measured| measured.peer = peer.remove(measured.phase));
    }
    let growth = if options.growth { bench.growth(&policy, size, &measured)? } else { Vec::new() };
    let memory = peak_memory_mb();
    output::line(match options.common.json {
        true => json!({
            "version": env!("CARGO_PKG_VERSION"), "device": name, "card": card, "shape": options.shape,
            "rows": options.rows, "tokens": options.tokens, "new_tokens": options.new_tokens,
            "dtype": bench.config.dtype, "operations_per_second": rates.operations, "bytes_per_second": rates.bytes,
            "phases": measured, "growth": growth, "peak_memory_mb": memory,
        })
        .to_string(),
        false => {
            let card = card.map_or(String::new(), |card| format!(" ({card})"));
            format!(
                "{} on {name}{card}: {:.1} GFLOP/s in {} products, {:.1} GB/s\n\n{}{}",
                options.shape,
                rates.operations / 1e9,
                bench.config.dtype.name(),
                rates.bytes / 1e9,
                table(&measured),
                growth.iter().map(Growth::line).collect::<String>()
            )
        }
    })
}

struct Bencher {
    shape: ModelConfig,
    config: Config,
    device: Device,
    rates: Rates,
    repeats: usize,
}

impl Bencher {
    /// Every phase at one size; each runs once before it is timed, so that no kernel is new.
    fn all(&self, policy: &Policy, size: Size) -> Result<Vec<Measured>> {
        Ok(vec![self.scoring(policy, size)?, self.generation(policy, size)?, self.update(policy.clone(), size)?])
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

    fn update(&self, mut policy: Policy, Size { sequences, .. }: Size) -> Result<Measured> {
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
        let floor = cost.seconds(self.rates.operations, self.rates.bytes);
        Measured { phase, tokens, operations: cost.operations, bytes: cost.bytes, floor, seconds, peer: None }
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

    /// How the time of each phase grows with the rows and with the tokens of each, from half the size and from a quarter.
    fn growth(&self, policy: &Policy, size: Size, whole: &[Measured]) -> Result<Vec<Growth>> {
        let Sequences { rows, tokens } = size.sequences;
        let of = |part: usize| Size { sequences: Sequences { rows: rows.div_ceil(part), tokens }, ..size };
        let by_rows = [self.all(policy, of(4))?, self.all(policy, of(2))?];
        let of = |part: usize| Size { sequences: Sequences { rows, tokens: tokens.div_ceil(part) }, ..size };
        let by_tokens = [self.all(policy, of(4))?, self.all(policy, of(2))?];
        let exponent = |smaller: &[Vec<Measured>; 2], phase: usize| {
            let times = [&smaller[0][phase], &smaller[1][phase], &whole[phase]].map(Measured::median);
            slope(&times)
        };
        let one = |(phase, measured): (usize, &Measured)| Growth {
            phase: measured.phase,
            rows: exponent(&by_rows, phase),
            tokens: exponent(&by_tokens, phase),
        };
        Ok(whole.iter().enumerate().map(one).collect())
    }
}

/// Exponents of a phase's time.
#[derive(Debug, Serialize)]
struct Growth {
    phase: &'static str,
    /// In time ∝ rowsᵃ.
    rows: f64,
    /// In time ∝ tokensᵃ, of the prompt where it is generation.
    tokens: f64,
}

impl Growth {
    fn line(&self) -> String {
        format!("\n{:<12}time grows as rows^{:.2}, tokens^{:.2}", self.phase, self.rows, self.tokens)
    }
}

/// Least-squares slope of log₂ of the times at sizes ¼, ½ and 1.
fn slope(times: &[f64; 3]) -> f64 {
    (times[2].log2() - times[0].log2()) / 2.0
}

impl Measured {
    fn median(&self) -> f64 {
        median(&self.seconds)
    }
}

fn median(rising: &[f64]) -> f64 {
    rising.get(rising.len() / 2).copied().unwrap_or(f64::NAN)
}

fn table(measured: &[Measured]) -> String {
    let head =
        ["phase", "tokens", "GFLOP", "GB", "floor, s", "median, s", "fastest", "slowest", "over floor", "tokens/s"];
    let mut text = format!("{:<12}", head[0]) + &head[1..].iter().map(|name| format!("{name:>11}")).collect::<String>();
    for one in measured {
        let (median, last) = (one.median(), one.seconds.len().saturating_sub(1));
        let at = |index: usize| one.seconds.get(index).copied().unwrap_or(f64::NAN);
        text += &format!(
            "\n{:<12}{:>11}{:>11.1}{:>11.3}{:>11.4}{median:>11.4}{:>11.4}{:>11.4}{:>11.2}{:>11.0}",
            one.phase,
            one.tokens,
            one.operations / 1e9,
            one.bytes / 1e9,
            one.floor,
            at(0),
            at(last),
            median / one.floor,
            one.tokens as f64 / median
        );
        if let Some(peer) = &one.peer {
            let theirs = self::median(peer);
            text += &format!("   peer: {theirs:.4} s, {:.2} of its speed", theirs / median);
        }
    }
    text
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
