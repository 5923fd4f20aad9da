//! Speed of training, scoring, sampling and RL: the work that `tests/peers` gives to torch and transformers, and one
//! whole RL update of the embedded world.
//!
//! Beside criterion's report every group prints one line of JSON; `tests/peers/README.md` says how to compare them.
//! Criterion's warning that its samples take longer than the target time is expected.

mod measure;
mod nano;
mod trainer;

use std::ops::ControlFlow;

use burn::module::Module as _;
use burn::tensor::{Device, Tensor};
use criterion::Criterion;
use minform_core::config::{Config, Optimizer, Sampling};
use minform_core::model::{CausalLm, ModelConfig};
use minform_core::policy::{Generator, Packed, Policy, Row, log_probs};
use minform_core::prm::{self, Prm};
use minform_core::seed::mix_in;
use minform_core::train::{Trainer, clipped_policy_loss};
use minform_text::steps::PrmInput;
use pollster::block_on;

use measure::{measure, threads, timed};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: u64 = 1;
const PARAMETERS: usize = 6_559_488;
const ROWS: usize = 16;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    train(&mut criterion);
    score(&mut criterion);
    generate(&mut criterion);
    rl_update(&mut criterion);
    trainer::updates(&mut criterion);
    nano::update(&mut criterion);
    criterion.final_summary();
}

/// Forward, cross-entropy, backward and AdamW on 16 × 128 tokens.
fn train(criterion: &mut Criterion) {
    const COLUMNS: usize = 128;
    const TOKENS: usize = ROWS * COLUMNS;
    same_sizes(include_str!("../../peers/torch_train.py"), &format!("ROWS, COLUMNS = {ROWS}, {COLUMNS}"));
    let mut policy = shared();
    let mut trainer = Trainer::new(&adam_w(3e-4, 0.01), 1);
    // One id more than is read: every one of the 128 positions has a target.
    let rows = rows(&policy, COLUMNS + 1);
    let pack = |rows: &[Vec<u32>]| {
        let inputs: Vec<Vec<Row<'_>>> = rows.iter().map(|row| vec![Row::alone(&row[..COLUMNS])]).collect();
        Packed::labelled(&inputs, rows.iter().map(|row| row[1..].iter().copied().enumerate().collect()).collect())
    };
    let batches: Vec<Packed> = rows.chunks(share()).map(pack).collect();
    assert!(batches.iter().all(|packed| packed.time() == COLUMNS));
    assert_eq!(batches.iter().map(Packed::picks).sum::<usize>(), TOKENS);
    let loss = |config: &ModelConfig, model: &CausalLm, packed: &Packed| {
        let weights = packed.values(&vec![1.0 / TOKENS as f32; packed.picks()], &model.device());
        (log_probs(config, model, packed) * weights).sum().neg()
    };
    measure(criterion, "train", PARAMETERS, TOKENS, || timed(|| learn(&mut policy, &mut trainer, &batches, loss)));
}

/// A score at every token of 16 × 128, without gradients.
fn score(criterion: &mut Criterion) {
    const COLUMNS: usize = 128;
    same_sizes(include_str!("../../peers/transformers_score.py"), &format!("ROWS, COLUMNS = {ROWS}, {COLUMNS}"));
    let policy = shared();
    let prm = Prm::from_policy(&policy, SEED).frozen();
    let head = 2 * policy.config.hidden_size + 2;
    assert_eq!(prm.model.num_params(), PARAMETERS + head);
    let input = |ids| PrmInput { ids, positions: (0..COLUMNS).collect(), start: 0 };
    let inputs: Vec<PrmInput> = rows(&policy, COLUMNS).into_iter().map(input).collect();
    let micro_batch_tokens = Config::default().prm.micro_batch_tokens;
    measure(criterion, "score", PARAMETERS, ROWS * COLUMNS, || {
        timed(|| {
            let scores = block_on(prm::score(&prm, &inputs, micro_batch_tokens, &mut |_| true)).expect("scores");
            assert!(scores.len() == ROWS && scores.iter().all(|row| row.len() == COLUMNS));
        })
    });
}

/// 64 tokens sampled after each of 16 prompts of 32, with a cache.
fn generate(criterion: &mut Criterion) {
    const PROMPT: usize = 32;
    const NEW: usize = 64;
    same_sizes(
        include_str!("../../peers/transformers_generate.py"),
        &format!("ROWS, PROMPT, NEW = {ROWS}, {PROMPT}, {NEW}"),
    );
    let policy = shared().frozen();
    assert!(policy.config.eos_token_ids.is_empty(), "no end token");
    let prompts = rows(&policy, PROMPT);
    let sampling = Sampling { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: NEW, rows: ROWS };
    let generator = Generator::new(&policy.model, &policy.config);
    measure(criterion, "generate", PARAMETERS, ROWS * NEW, || {
        timed(|| {
            let mut listen = |_| ControlFlow::Continue(());
            let written = block_on(generator.generate(&prompts, 1, &sampling, SEED, &mut listen)).expect("responses");
            assert!(written.len() == ROWS && written.iter().flatten().all(|response| response.tokens.len() == NEW));
        })
    });
}

/// What one micro-batch of an RL update learns from.
struct Rollouts {
    packed: Packed,
    old: Vec<f32>,
    advantages: Vec<f32>,
}

/// The learning half of an RL update: clipped loss over the last 64 of 96 tokens, 16 responses.
fn rl_update(criterion: &mut Criterion) {
    const COLUMNS: usize = 96;
    const PROMPT: usize = 32;
    const GROUP: usize = 4;
    const CLIP: f32 = 0.2;
    const LEARNED: usize = ROWS * (COLUMNS - PROMPT);
    same_sizes(
        include_str!("../../peers/rl_update.py"),
        &format!("ROWS, COLUMNS, PROMPT, GROUP, CLIP = {ROWS}, {COLUMNS}, {PROMPT}, {GROUP}, {CLIP}"),
    );
    let mut policy = shared();
    let mut trainer = Trainer::new(&adam_w(1e-6, 0.0), 1);
    let rows = rows(&policy, COLUMNS);
    let advantages = advantages(GROUP);
    let sampled_from = policy.frozen();
    let rollouts = |(rows, advantages): (&[Vec<u32>], &[f32])| {
        let halves = rows.iter().map(|row| row.split_at(PROMPT));
        let lines: Vec<_> = halves.map(|(shared, own)| vec![Row { shared, own }]).collect();
        let packed = Packed::continuations(&lines);
        let mut old = values(sampled_from.log_probs(&packed));
        old.truncate(packed.picks());
        let advantages = advantages.iter().flat_map(|value| [*value; COLUMNS - PROMPT]).collect();
        Rollouts { packed, old, advantages }
    };
    let batches: Vec<Rollouts> = rows.chunks(share()).zip(advantages.chunks(share())).map(rollouts).collect();
    assert!(batches.iter().all(|batch| batch.packed.time() == COLUMNS));
    assert_eq!(batches.iter().map(|batch| batch.packed.picks()).sum::<usize>(), LEARNED);
    let loss = |config: &ModelConfig, model: &CausalLm, batch: &Rollouts| {
        let tensor = |values: &[f32]| batch.packed.values(values, &model.device());
        let weights = tensor(&vec![1.0 / LEARNED as f32; batch.packed.picks()]);
        let log_probs = log_probs(config, model, &batch.packed);
        clipped_policy_loss(log_probs, tensor(&batch.old), tensor(&batch.advantages), weights, CLIP, CLIP).loss
    };
    measure(criterion, "rl_update", PARAMETERS, ROWS * COLUMNS, || {
        timed(|| learn(&mut policy, &mut trainer, &batches, loss))
    });
}

/// Stops the benchmark if a peer no longer does work of the same size.
fn same_sizes(script: &str, sizes: &str) {
    assert!(script.lines().any(|line| line == sizes), "the peer's script lacks the line `{sizes}`");
}

/// A model both sides share, with fresh weights.
fn policy(config: &[u8]) -> Policy {
    let config = ModelConfig::from_json(config).expect("a shared configuration");
    Policy::new(config, SEED, &Device::flex().autodiff())
}

/// The one of most benchmarks.
fn shared() -> Policy {
    let policy = policy(include_bytes!("../../peers/config.json"));
    assert_eq!(policy.model.num_params(), PARAMETERS);
    policy
}

/// Random ids, [`ROWS`] rows of `columns`.
fn rows(policy: &Policy, columns: usize) -> Vec<Vec<u32>> {
    let id = |cell: usize| (mix_in(SEED, cell as u64) % policy.config.vocab_size as u64) as u32;
    (0..ROWS).map(|row| (row * columns..(row + 1) * columns).map(id).collect()).collect()
}

/// Random rewards less their group's mean, over its deviation; one per row.
fn advantages(group: usize) -> Vec<f32> {
    let rewards: Vec<f32> = (0..ROWS as u64).map(|row| mix_in(SEED, row) as f32 / u64::MAX as f32).collect();
    let normalised = |rewards: &[f32]| -> Vec<f32> {
        let mean = rewards.iter().sum::<f32>() / rewards.len() as f32;
        let squares: f32 = rewards.iter().map(|reward| (reward - mean).powi(2)).sum();
        let deviation = (squares / (rewards.len() - 1) as f32).sqrt() + 1e-6;
        rewards.iter().map(|reward| (reward - mean) / deviation).collect()
    };
    rewards.chunks(group).flat_map(normalised).collect()
}

/// Rows of a micro-batch such that every thread has one.
fn share() -> usize {
    ROWS.div_ceil(threads())
}

/// torch's moments, no bound on the gradient.
fn adam_w(lr: f64, weight_decay: f32) -> Optimizer {
    Optimizer { lr, weight_decay, beta_1: 0.9, beta_2: 0.999, max_grad_norm: 0.0, ..Optimizer::default() }
}

/// One optimizer step, taken as fine-tuning and RL take it.
fn learn<B: Sync>(
    policy: &mut Policy,
    trainer: &mut Trainer<CausalLm>,
    batches: &[B],
    loss: impl Fn(&ModelConfig, &CausalLm, &B) -> Tensor<1> + Send + Sync,
) {
    let sum = trainer.accumulate(&policy.model, batches, |model, batch| {
        let loss = loss(&policy.config, model, batch);
        (loss.clone(), loss.detach())
    });
    let sum = sum.expect("one device");
    let loss = values(sum.expect("at least one micro-batch"));
    assert!(loss[0].is_finite());
    policy.model = block_on(trainer.step(policy.model.clone())).expect("a finite gradient").0;
}

fn values(tensor: Tensor<1>) -> Vec<f32> {
    let data = block_on(tensor.into_data_async()).expect("a readable device");
    data.try_into_vec::<f32>().expect("f32")
}
