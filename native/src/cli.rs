//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use minform_core::model::Quantization;
use minform_text::layout::PrmFamily;

use crate::presets::Preset;

/// Process reward models and min-form reinforcement learning of language models.
#[derive(Debug, Parser)]
#[command(name = "minform", version, about, long_about = None, max_term_width = 110)]
#[command(
    after_help = "Start with `minform demo --quick`: it trains a policy and a process reward model from nothing."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a policy against a learned process reward model on the embedded arithmetic world.
    #[command(after_help = "Example:\n  minform demo --quick\n  minform demo --out runs/demo --set rl.credit.form=sum")]
    Demo(Demo),
    /// Fine-tune a model on problems with reference solutions.
    #[command(
        after_help = "Example:\n  minform sft --model models/smollm2 --data gsm8k/train.jsonl --out runs/sft --set sft.steps=200"
    )]
    Sft(Sft),
    /// Process reward models: train one, score solutions with one, or judge one by benchmarks.
    #[command(subcommand)]
    Prm(Prm),
    /// Solutions with a label for every step, to train a process reward model on.
    #[command(
        after_help = "Example:\n  minform label --method corruption --data gsm8k/train.jsonl --out labels.jsonl\n  minform label --method omega --model models/policy --data gsm8k/train.jsonl --out labels.jsonl\n  minform label --method compare --model runs/demo/policy --data world:200 --out labels.csv"
    )]
    Label(Label),
    /// Look for right answers with a policy and a process reward model: best-of-N, beam search, DVTS, and votes.
    #[command(
        after_help = "Example:\n  minform search --policy runs/demo/policy --prm runs/demo/prm --data world:100 --n 16\n  minform search --policy models/policy --prm models/prm --data gsm8k/test.jsonl --limit 50 --n 4 --n 16 --method beam --out search.csv"
    )]
    Search(Search),
    /// Write solutions.
    #[command(
        after_help = "Example:\n  minform generate --model models/smollm2 --prompt \"What is 3 + 4?\"\n  minform generate --model models/smollm2 --data gsm8k/test.jsonl --limit 8 --json > answers.jsonl"
    )]
    Generate(Generate),
    /// Step scores over HTTP: many clients share one process reward model.
    #[command(
        after_help = "Example:\n  minform serve --prm runs/prm/prm\n  curl http://127.0.0.1:8750/v1/score --json '{\"problem\": \"3 + 4?\", \"steps\": [\"3 + 4 = 7\", \"So 7.\"]}'\n  minform serve --prm models/smollm2 --adapter runs/prm/adapter --bind 0.0.0.0:8750 --token-file token.txt"
    )]
    Serve(Serve),
    /// Lend this machine's devices to the training of another one.
    #[command(
        after_help = "Example:\n  minform worker --device cuda:0 --device cuda:1\n  minform train ... --workers ws://gpu2:8760"
    )]
    Worker(Worker),
    /// Reinforcement learning with process rewards, verifiable rewards, or both.
    #[command(
        after_help = "Example:\n  minform train --model models/smollm2 --prm runs/prm/prm --data gsm8k/train.jsonl \\\n      --preset pure-prm-vr --set rl.updates=100 --out runs/rl\n  minform train --preset grpo --dry-run"
    )]
    Train(Train),
    /// Several runs side by side on the embedded world: which settings hold, and which are hacked.
    #[command(
        after_help = "Example:\n  minform experiment credit-forms --out runs/credit-forms\n  minform experiment credit-forms --out runs/credit-forms --seeds 2 --arm sum --arm min-0.1 --resume"
    )]
    Experiment(Experiment),
    /// Accuracy of a model on problems with known answers, and its loss on reference solutions.
    #[command(
        after_help = "Example:\n  minform eval --model models/smollm2 --data gsm8k/test.jsonl --limit 100 --greedy"
    )]
    Eval(Eval),
    /// One page that compares runs: curves, tables, samples, and what differs in their settings.
    #[command(after_help = "Example:\n  minform report runs/rl runs/rl-sum --out compare.html")]
    Report(Report),
    /// Credit assignment of hand-given step rewards: weights, transformed rewards, returns.
    #[command(
        after_help = "Example:\n  minform credit --rewards 0.9,0.2,-0.5\n  minform credit --rewards 0.9,0.2,-0.5 --form sum --gamma 0.9 --json"
    )]
    Credit(Credit),
    /// Turn a GGUF file into a Hugging Face folder, or a folder into a smaller one.
    #[command(
        after_help = "Example:\n  minform import SmolLM2-135M-Instruct.Q4_1.gguf --out models/smollm2\n  minform import runs/demo/prm --half --out models/prm\n  minform import models/smollm2 --adapter runs/prm/adapter --out models/prm"
    )]
    Import(Import),
    /// What this build and this machine offer.
    #[command(after_help = "Example:\n  minform info --json")]
    Info(Info),
    /// How long scoring, generation and an update take on a device, beside the least that it needs for them.
    #[command(
        after_help = "Example:\n  minform bench --shape nano --growth\n  minform bench --shape qwen2.5-0.5b --device vulkan --rows 64 --set prm.micro_batch_tokens=16384"
    )]
    Bench(Bench),
    /// Completions of this command line for a shell.
    #[command(after_help = "Example:\n  minform completions bash > ~/.local/share/bash-completion/completions/minform")]
    Completions {
        /// Whose.
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Manual pages of all commands.
    #[command(after_help = "Example:\n  minform man ~/.local/share/man/man1")]
    Man {
        /// Where to write them.
        folder: PathBuf,
    },
    /// The pages of the book that are made from the program: command line, configuration, events.
    #[command(hide = true)]
    Reference {
        /// Where to write them.
        folder: PathBuf,
    },
}

/// Process reward models.
#[derive(Debug, Subcommand)]
pub(crate) enum Prm {
    /// Train a process reward model on labelled steps.
    #[command(
        after_help = "Example:\n  minform prm train --model models/smollm2 --data prm800k/val2pct.jsonl --set prm.full_epochs=0 --out runs/prm\n  minform prm train --model models/smollm2 --data labels.jsonl --set prm.lora.rank=16 --out runs/prm-lora --resume"
    )]
    Train(PrmTrain),
    /// Score every step of solutions; one JSON row per input row.
    #[command(
        after_help = "Example:\n  minform prm score --prm runs/prm/prm --data processbench/gsm8k.json --limit 40\n  minform prm score --prm models/smollm2 --adapter runs/prm/adapter --data solutions.jsonl\n  printf '%s\\n' '{\"problem\": \"3 + 4?\", \"solution\": \"3 + 4 = 7\\n\\nSo 7.\"}' | minform prm score --prm runs/prm/prm"
    )]
    Score(PrmScore),
    /// A process reward model on ProcessBench, PRMBench, best-of-N or RewardMATH, beside what guessing reaches.
    #[command(
        after_help = "Example:\n  minform prm eval processbench --model runs/prm/prm --data processbench/gsm8k.json --data processbench/math.json\n  minform prm eval prmbench --model runs/prm/prm --data prmbench/prm800k_test_p1_4o_circular.jsonl --json\n  minform generate --model models/policy --data gsm8k/test.jsonl --samples 16 --json > samples.jsonl\n  minform prm eval bon --model runs/prm/prm --data samples.jsonl --figure bon.svg"
    )]
    Eval(PrmEval),
}

/// Options of every command that computes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Configuration file; every key is optional.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) config: Option<PathBuf>,
    /// Override one key, for example `rl.credit.form=sum`; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Where to compute: flex or cpu (the processor), or cuda, metal, vulkan or wgpu where compiled in, with a number as in
    /// vulkan:1; auto takes the first card there is. `minform info` lists them.
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    /// The type of number that weights are multiplied in; overrides the configuration. bf16 and f16 take half the memory
    /// traffic, and are faster where the device multiplies them faster. What learns and what is summed is f32.
    #[arg(long, value_enum)]
    pub(crate) dtype: Option<Dtype>,
    /// Seed of all randomness; overrides the configuration.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Print results as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Data parallelism of every command that trains.
#[derive(Debug, Clone, Args)]
pub(crate) struct Workers {
    /// Further devices that share the micro-batches of every optimizer step, as in cuda:1,cuda:2, or those of a
    /// `minform worker` on another machine, as in ws://gpu2:8760; --device holds the model and takes the steps.
    #[arg(long, value_delimiter = ',', value_name = "DEVICE")]
    pub(crate) workers: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    pub(crate) common: Common,
    /// A smaller world and fewer updates: about a minute on two cores.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Run folder; must not hold another run.
    #[arg(long, default_value = "runs/demo")]
    pub(crate) out: PathBuf,
    /// Replace a run that is already in the run folder.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// Where a run is kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// Run folder.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Replace a run that is already in the run folder.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// Which rows of a file count.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Rows {
    /// Use only the first N rows; of PRMBench, where a row holds two, the first N solutions.
    #[arg(long, value_parser = positive)]
    pub(crate) limit: Option<usize>,
    /// Stop at the first bad row instead of leaving it out.
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Where problems come from.
#[derive(Debug, Clone, Args)]
pub(crate) struct Data {
    /// Problems: GSM8K, SVAMP, MATH-style or PURE's file, JSON or JSONL.
    #[arg(long)]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) rows: Rows,
}

/// How models are asked.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Asked {
    /// How a question becomes a prompt; unless given, as the model wants it: by the chat template of its folder, as a
    /// problem of the arithmetic world for models of `demo`, by PURE's instruction where there is nothing to go by.
    #[arg(long, value_enum)]
    pub(crate) template: Option<Template>,
}

/// How a question becomes a prompt.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Template {
    /// PURE's instruction to separate steps by blank lines and to box the answer.
    Pure,
    /// The question and a blank line.
    Plain,
    /// The question as it is.
    Raw,
    /// The chat template of the model folder, with PURE's instruction as the user's turn.
    Chat,
}

#[derive(Debug, Args)]
pub(crate) struct Sft {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) workers: Workers,
    /// Model folder to start from.
    #[arg(long)]
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) asked: Asked,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct PrmTrain {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) workers: Workers,
    /// Model folder to start from.
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// Labelled steps: TRL rows, PRM800K, Math-Shepherd, RLHFlow, OpenRLHF, PRMBench's training files; JSON, JSONL or
    /// Parquet; several files at once or one by one.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) data: Vec<PathBuf>,
    /// Leave out solutions to problems that occur in these files, such as those of a benchmark.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    pub(crate) exclude: Vec<PathBuf>,
    /// Train on an evaluation set all the same: figures on it mean nothing afterwards.
    #[arg(long)]
    pub(crate) i_know: bool,
    #[command(flatten)]
    pub(crate) rows: Rows,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Go on with the training in the run folder, given the same command again; begins it if there is none.
    #[arg(long, conflicts_with = "overwrite")]
    pub(crate) resume: bool,
}

/// Where labels come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LabelMethod {
    /// Rollouts of a policy from every step of its solutions (Math-Shepherd): hard and soft labels.
    MonteCarlo,
    /// Rollouts where they tell most: a tree whose wrong solutions are bisected (OmegaPRM).
    Omega,
    /// Reference solutions, and copies of them in which a calculation was changed; of problems that annotate their
    /// calculations as GSM8K does.
    Corruption,
    /// The first two beside the truth: accuracy of labels against rollouts, in the embedded world.
    Compare,
}

#[derive(Debug, Args)]
pub(crate) struct Label {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Where labels come from.
    #[arg(long, value_enum)]
    pub(crate) method: LabelMethod,
    /// Policy that solves the problems and writes the rollouts; not needed for corruption.
    #[arg(long, required_if_eq_any([("method", "monte-carlo"), ("method", "omega"), ("method", "compare")]))]
    pub(crate) model: Option<PathBuf>,
    /// Problems with answers: GSM8K, SVAMP, MATH-style or PURE's file; or `world:N`, N problems of the embedded world.
    #[arg(long)]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) rows: Rows,
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// Solutions of each problem (monte-carlo), or wrong solutions of each (corruption).
    #[arg(long, default_value_t = 1, value_parser = positive)]
    pub(crate) samples: usize,
    /// Rollouts from each beginning that is asked about.
    #[arg(long, default_value_t = 8, value_parser = positive)]
    pub(crate) rollouts: usize,
    /// Wrong rollouts of each problem that are bisected (omega).
    #[arg(long, default_value_t = 10, value_parser = positive)]
    pub(crate) searches: usize,
    /// File of labelled solutions to write, JSONL; of compare, the table, CSV, with a picture beside it.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Replace a file that is already there.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Go on where a run that was stopped has left off, given the same command again.
    #[arg(long, conflicts_with = "overwrite")]
    pub(crate) resume: bool,
}

/// How solutions are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SearchMethod {
    /// N whole solutions.
    BestOfN,
    /// The best beginnings are kept after every step.
    Beam,
    /// Trees of their own, each going on with the best of several steps.
    Dvts,
}

#[derive(Debug, Args)]
pub(crate) struct Search {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Folder of the policy.
    #[arg(long, visible_alias = "model")]
    pub(crate) policy: PathBuf,
    /// Folder of the process reward model, of the policy's tokenizer.
    #[arg(long)]
    pub(crate) prm: PathBuf,
    /// Problems with answers: GSM8K, SVAMP, MATH-style or PURE's file; or `world:N`, N problems of the embedded world.
    #[arg(long)]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) rows: Rows,
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// Method; may be given several times; all of them unless given.
    #[arg(long, value_enum)]
    pub(crate) method: Vec<SearchMethod>,
    /// Solutions of each problem, or beams, of which one in `--width` is kept after every step; may be given several
    /// times.
    #[arg(long, default_values_t = [16], value_parser = positive)]
    pub(crate) n: Vec<usize>,
    /// Ways on from each beam.
    #[arg(long, default_value_t = 4, value_parser = positive)]
    pub(crate) width: usize,
    /// Table to write, CSV, with a picture of accuracy against tokens beside it.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Replace a file that is already there.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// Family of process reward models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Family {
    /// PURE, and what `minform prm train` makes: newlines, p(good) − p(bad).
    Pure,
    /// TRL's PRMTrainer: newlines, p(good).
    Trl,
    /// Qwen2.5-Math-PRM: `<extra_0>`, p(good).
    QwenMath,
    /// Skywork-o1 PRM: newlines, a value head.
    Skywork,
    /// Math-Shepherd: ` ки`, the odds of `+` and `-`.
    MathShepherd,
    /// RLHFlow: a chat turn for each step, answered by `+` or `-`.
    #[value(name = "rlhflow")]
    RlhFlow,
    /// Implicit PRM (PRIME): the log-ratio to a reference model.
    Implicit,
}

impl Family {
    pub(crate) fn family(self) -> PrmFamily {
        match self {
            Self::Pure => PrmFamily::Pure,
            Self::Trl => PrmFamily::Trl,
            Self::QwenMath => PrmFamily::QwenMath,
            Self::Skywork => PrmFamily::Skywork,
            Self::MathShepherd => PrmFamily::MathShepherd,
            Self::RlhFlow => PrmFamily::RlhFlow,
            Self::Implicit => PrmFamily::Implicit,
        }
    }
}

/// How a process reward model is read.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reading {
    /// Family of the model; unless given, told by config.json or by the name of the folder.
    #[arg(long, value_enum)]
    pub(crate) family: Option<Family>,
    /// Adapter of `prm train` (or of PEFT) to put on the model, which may then be the language model it was trained from.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) adapter: Option<PathBuf>,
    /// Reference model of an implicit reward model.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reference: Option<PathBuf>,
    /// Weight of the log-ratio of an implicit reward model.
    #[arg(long, default_value_t = 0.05)]
    pub(crate) beta: f32,
    #[command(flatten)]
    pub(crate) stored: Stored,
}

/// Type of number of the products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dtype {
    /// 24 bits of precision.
    F32,
    /// 8 bits of precision and the range of f32.
    Bf16,
    /// 11 bits of precision, from 6e-8 to 65504; losses are scaled.
    F16,
}

impl From<Dtype> for minform_core::Dtype {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::F32,
            Dtype::Bf16 => Self::Bf16,
            Dtype::F16 => Self::F16,
        }
    }
}

/// How commands that only read and write keep the weights.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Stored {
    /// Keep the weights of the layers in 8 or 4 bits once they are loaded: less memory; 8 cost next to no accuracy, 4 cost
    /// some. Neither is faster on the processor.
    #[arg(long, value_enum, value_name = "BITS")]
    pub(crate) quantize: Option<Quantize>,
}

/// Weights of few bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Quantize {
    /// Eight bits.
    Q8,
    /// Four bits.
    Q4,
}

impl From<Quantize> for Quantization {
    fn from(bits: Quantize) -> Self {
        match bits {
            Quantize::Q8 => Self::Q8,
            Quantize::Q4 => Self::Q4,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PrmScore {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Folder of the process reward model.
    #[arg(long, visible_alias = "model")]
    pub(crate) prm: PathBuf,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Rows with `problem` and `solution`, or `problem` and `steps`; standard input if absent.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rows: Rows,
    /// Write the rows to this file instead of standard output.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Score only one of N parts of the rows, so that N jobs share the work: 1/8 to 8/8.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(crate) shard: Option<Shard>,
    /// Go on where the same command was stopped; does nothing if it has come to its end.
    #[arg(long, requires = "out", conflicts_with = "overwrite")]
    pub(crate) resume: bool,
    /// Replace a file that is already there.
    #[arg(long)]
    pub(crate) overwrite: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Shape of the model, whose weights are random: nano (0.4 M parameters), smollm2-135m, qwen2.5-0.5b, qwen2.5-1.5b, or
    /// a model folder.
    #[arg(long, default_value = "smollm2-135m")]
    pub(crate) shape: String,
    /// Sequences that are read, written or learned from at a time.
    #[arg(long, default_value_t = 16, value_parser = positive)]
    pub(crate) rows: usize,
    /// Tokens of each; of generation, those of the prompt.
    #[arg(long, default_value_t = 128, value_parser = at_least_two)]
    pub(crate) tokens: usize,
    /// Tokens written after each prompt.
    #[arg(long, default_value_t = 64, value_parser = positive)]
    pub(crate) new_tokens: usize,
    /// Timed repetitions, after one that is not timed.
    #[arg(long, default_value_t = 3, value_parser = positive)]
    pub(crate) repeats: usize,
    /// Also fit how times and memory grow, in processes of their own: with the rows and their tokens from a quarter and a
    /// half of each, with the width of the network from twice and four times.
    #[arg(long)]
    pub(crate) growth: bool,
    /// Time the operations of a pass one by one instead, each at the size of a micro-batch of an update: what a GPU is slow
    /// at.
    #[arg(long, conflicts_with_all = ["growth", "peer"])]
    pub(crate) operations: bool,
    /// Command that measures the same with another library, for a ratio; arguments with the sizes are appended, and it
    /// prints one JSON object with the seconds of each phase (tests/peers/bench.py).
    #[arg(long, value_name = "COMMAND")]
    pub(crate) peer: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Folder of the process reward model.
    #[arg(long, visible_alias = "model")]
    pub(crate) prm: PathBuf,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8750")]
    pub(crate) bind: String,
    /// File with the token that requests must carry as `Authorization: Bearer TOKEN`.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Requests that may wait; further ones are refused with status 429.
    #[arg(long, default_value_t = 1024, value_parser = positive)]
    pub(crate) queue: usize,
    /// Largest body of a request in bytes; larger ones are refused with status 413.
    #[arg(long, default_value_t = 4 << 20, value_parser = positive)]
    pub(crate) max_body: usize,
    /// Seconds after which a request is given up with status 504.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: u32,
    /// Folder of the playground, as `cargo xtask web` builds it, to serve beside the scores.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) web: Option<PathBuf>,
}

/// Benchmarks of process reward models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Benchmark {
    /// Where the first error is: F1 of the accuracies on erroneous and on correct solutions.
    Processbench,
    /// Which steps are wrong, by class of error: PRMScore.
    Prmbench,
    /// Best-of-N: accuracy of every aggregate and vote, by the number of solutions to choose from.
    Bon,
    /// One right solution among several wrong ones (RewardMATH): how often it is ranked first.
    Rewardmath,
}

#[derive(Debug, Args)]
pub(crate) struct PrmEval {
    /// Which benchmark.
    #[arg(value_enum)]
    pub(crate) benchmark: Benchmark,
    #[command(flatten)]
    pub(crate) common: Common,
    /// Folder of the process reward model.
    #[arg(long, visible_alias = "prm")]
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// Files of the benchmark: each is a subset of ProcessBench, or a class of PRMBench by its name; of bon and
    /// rewardmath, several solutions of each problem, such as `generate --json` writes.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) data: Vec<PathBuf>,
    /// Score steps without their words, only what is mathematics in them.
    #[arg(long)]
    pub(crate) strip_language: bool,
    /// Draw the curves of bon into this file.
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) figure: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rows: Rows,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("questions").required(true).args(["prompt", "data"])))]
pub(crate) struct Generate {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Model folder.
    #[arg(long)]
    pub(crate) model: PathBuf,
    /// One question.
    #[arg(long)]
    pub(crate) prompt: Option<String>,
    /// Problems to answer; or `world:N`, N problems of the embedded world.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rows: Rows,
    /// Responses per question.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) samples: u32,
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// Take the most likely token every time.
    #[arg(long)]
    pub(crate) greedy: bool,
    #[command(flatten)]
    pub(crate) stored: Stored,
}

#[derive(Debug, Args)]
pub(crate) struct Train {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) workers: Workers,
    /// Settings of a published method, under those of --config and --set.
    #[arg(long, value_enum)]
    pub(crate) preset: Option<Preset>,
    /// Print the whole configuration with the origin of each value, and train nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Folder of the process reward model; may be given several times; leave out to train on verifiable rewards only.
    #[arg(long)]
    pub(crate) prm: Vec<PathBuf>,
    /// Policy to start from; also the reference of the KL penalty.
    #[arg(long, required_unless_present = "dry_run")]
    pub(crate) model: Option<PathBuf>,
    /// Problems: GSM8K, SVAMP, MATH-style or PURE's file, JSON or JSONL.
    #[arg(long, required_unless_present = "dry_run")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rows: Rows,
    /// Held-out problems for evaluation.
    #[arg(long)]
    pub(crate) test: Option<PathBuf>,
    /// Number of held-out problems.
    #[arg(long, default_value_t = 100, value_parser = positive)]
    pub(crate) test_limit: usize,
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// Run folder.
    #[arg(long, required_unless_present = "dry_run")]
    pub(crate) out: Option<PathBuf>,
    /// Replace a run that is already in the run folder.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Show curves and the last sample on the whole terminal instead of progress bars.
    #[arg(long)]
    pub(crate) dashboard: bool,
    /// Write TensorBoard event files into the run folder.
    #[arg(long)]
    pub(crate) tensorboard: bool,
    /// Go on with the run in the run folder, given the same command again; begins it if there is none.
    #[arg(long, conflicts_with = "overwrite")]
    pub(crate) resume: bool,
    #[command(flatten)]
    pub(crate) rollouts: RolloutOptions,
}

/// How the servers of `--rollouts` get new weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HandOver {
    /// Not at all: `rl.rollouts.max_age` says for how many updates that may go on.
    None,
    /// As an adapter that they load while they run (vLLM, SGLang); needs `rl.lora`.
    Lora,
    /// As a model folder, after which --hand-over-command is run.
    Folder,
}

/// Responses that inference servers write.
#[derive(Debug, Clone, Args)]
pub(crate) struct RolloutOptions {
    /// Let this server write the responses, at an address with OpenAI's /v1/completions that tells token ids (vLLM,
    /// SGLang, llama.cpp); may be given several times.
    #[arg(long, value_name = "URL", help_heading = "Rollouts on servers")]
    pub(crate) rollouts: Vec<String>,
    /// Name of the model there; unless given, the first that the first server lists.
    #[arg(long, value_name = "NAME", requires = "rollouts", help_heading = "Rollouts on servers")]
    pub(crate) rollout_model: Option<String>,
    /// Requests at a time.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = positive, requires = "rollouts", help_heading = "Rollouts on servers")]
    pub(crate) rollout_concurrency: usize,
    /// Seconds after which a request has failed; it is made again up to five times.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..), requires = "rollouts", help_heading = "Rollouts on servers")]
    pub(crate) rollout_timeout: u32,
    /// File with the token that the servers want as `Authorization: Bearer TOKEN`.
    #[arg(long, value_name = "FILE", requires = "rollouts", help_heading = "Rollouts on servers")]
    pub(crate) rollout_token_file: Option<PathBuf>,
    /// How the servers get new weights.
    #[arg(long, value_enum, default_value_t = HandOver::None, requires = "rollouts", help_heading = "Rollouts on servers")]
    pub(crate) hand_over: HandOver,
    /// Run by `sh -c` with the folder of the new policy in $MINFORM_POLICY; comes back once the servers use it.
    #[arg(long, value_name = "COMMAND", requires = "rollouts", help_heading = "Rollouts on servers")]
    pub(crate) hand_over_command: Option<String>,
}

/// Which experiment.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ExperimentName {
    /// Sum, mean and minimum of step rewards, and verifiable rewards: 10 arms.
    CreditForms,
    /// Ways to hack the reward, and their cures.
    Hacking,
}

impl ExperimentName {
    pub(crate) fn experiment(self) -> minform_core::experiment::Experiment {
        match self {
            Self::CreditForms => minform_core::experiment::Experiment::CreditForms,
            Self::Hacking => minform_core::experiment::Experiment::Hacking,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Experiment {
    /// Which experiment.
    #[arg(value_enum)]
    pub(crate) name: ExperimentName,
    #[command(flatten)]
    pub(crate) common: Common,
    /// Number of seeds, counted from --seed (0 unless given).
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: u64,
    /// Run this arm only; may be given several times.
    #[arg(long)]
    pub(crate) arm: Vec<String>,
    /// Folder of all runs.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Go on with the experiment in the folder: runs that are done are kept.
    #[arg(long)]
    pub(crate) resume: bool,
}

impl Experiment {
    /// Whether an arm was asked for.
    pub(crate) fn takes(&self, arm: &str) -> bool {
        self.arm.is_empty() || self.arm.iter().any(|name| name == arm)
    }

    /// The seeds to run.
    pub(crate) fn seeds(&self) -> std::ops::Range<u64> {
        let first = self.common.seed.unwrap_or(0);
        first..first + self.seeds
    }
}

#[derive(Debug, Args)]
pub(crate) struct Eval {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Model folder.
    #[arg(long)]
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// Take the most likely token every time.
    #[arg(long)]
    pub(crate) greedy: bool,
    #[command(flatten)]
    pub(crate) stored: Stored,
    /// Only the mean loss per token of the reference solutions; write nothing.
    #[arg(long)]
    pub(crate) loss: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Run folders.
    #[arg(required = true)]
    pub(crate) runs: Vec<PathBuf>,
    /// The page to write.
    #[arg(long, default_value = "report.html")]
    pub(crate) out: PathBuf,
    /// Replace a file that is already there.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Form of the return.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Form {
    /// softmax(−r/T)-weighted rewards.
    #[value(alias = "min")]
    SoftMin,
    /// Minimum of future rewards, 0 after the worst step.
    ExactMin,
    /// Discounted sum.
    Sum,
    /// Rewards divided by the number of steps.
    Mean,
}

#[derive(Debug, Args)]
pub(crate) struct Credit {
    /// Step rewards, separated by commas.
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true, required = true, value_parser = number)]
    pub(crate) rewards: Vec<f32>,
    /// Form of the return.
    #[arg(long, value_enum, default_value = "soft-min")]
    pub(crate) form: Form,
    /// Temperature T of the soft minimum.
    #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
    pub(crate) temperature: f32,
    /// Discount γ of the sum, between 0 and 1.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    pub(crate) gamma: f32,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// GGUF file of the Llama or Qwen2 family, or a model folder.
    pub(crate) file: PathBuf,
    /// Write half-precision values; of a folder.
    #[arg(long)]
    pub(crate) half: bool,
    /// Fold an adapter of a process reward model into the folder of the model it was trained from.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) adapter: Option<PathBuf>,
    /// Folder to create.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Replace a folder that is already there.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// What to lend, as of --device elsewhere; may be given several times.
    #[arg(long, default_value = "auto")]
    pub(crate) device: Vec<String>,
    /// Where to listen, with a port or port 0 for any that is free. What is sent is not encrypted.
    #[arg(long, default_value = "127.0.0.1:8760")]
    pub(crate) bind: SocketAddr,
    /// A file with the token that whoever trains must have in MINFORM_WORKER_TOKEN.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// Where to compute: flex or cpu (the processor), or cuda, metal, vulkan or wgpu where compiled in, with a number as in
    /// vulkan:1; auto takes the first card there is. `minform info` lists them.
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// One of several parts of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    /// From 1.
    pub(crate) index: usize,
    pub(crate) count: usize,
}

fn shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    match parts {
        Some((index, count)) if (1..=count).contains(&index) => Ok(Shard { index, count }),
        _ => Err("expected I/N with I from 1 to N, such as 1/8".into()),
    }
}

/// A count of at least 1.
fn positive(text: &str) -> Result<usize, String> {
    at_least(1, text)
}

/// A count of at least 2.
fn at_least_two(text: &str) -> Result<usize, String> {
    at_least(2, text)
}

fn at_least(least: usize, text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count >= least => Ok(count),
        _ => Err(format!("expected a whole number of at least {least}")),
    }
}

/// A number, with or without blanks around it.
fn number(text: &str) -> Result<f32, String> {
    text.trim().parse().map_err(|_| "expected a number".into())
}
