//! Learning: each trainer lowers its loss or raises its reward on a tiny task.

use std::ops::ControlFlow;

use burn::tensor::Device;
use minform_core::Dtype;
use minform_core::config::{self, Optimizer, Sampling};
use minform_core::demo::{Demo, settings};
use minform_core::event::Event;
use minform_core::model::ModelConfig;
use minform_core::policy::Policy;
use minform_core::prm::{self, LabelledSteps, Prm};
use minform_core::train::{Example, Execution, Problem, Rl, Updated, mean_loss, sft};
use minform_text::steps::PrmInput;
use minform_text::tokenizer::Tokenizer;
use minform_text::world;

fn device() -> Device {
    Device::flex().autodiff()
}

fn tokenizer() -> Tokenizer {
    Tokenizer::from_json(world::tokenizer_json().as_bytes()).unwrap()
}

fn tiny(seed: u64) -> Policy {
    Policy::new(ModelConfig::small(tokenizer().vocabulary_size(), 32, 2, 2), seed, &device())
}

fn fast(lr: f64) -> Optimizer {
    Optimizer { lr, ..Optimizer::default() }
}

/// What learning must succeed with.
fn every_dtype() -> impl Iterator<Item = Execution> {
    [Dtype::F32, Dtype::Bf16, Dtype::F16].into_iter().map(|dtype| Execution { workers: Vec::new(), dtype })
}

#[test]
fn fine_tuning_learns_two_examples_by_heart() {
    every_dtype().for_each(|execution| learns_two_examples(&execution));
}

fn learns_two_examples(execution: &Execution) {
    let mut policy = tiny(1);
    let examples = vec![
        Example { prompt: vec![40, 41], target: vec![50, 51, 52, 1] },
        Example { prompt: vec![42], target: vec![60, 61, 1] },
    ];
    let config = config::Sft { steps: 60, optimizer: fast(1e-2), ..config::Sft::default() };
    let before = pollster::block_on(mean_loss(&policy, &examples, 64)).unwrap();
    let mut next = |_: usize, _: usize| examples.clone();
    let mut listen = |_: Event| ControlFlow::Continue(());
    pollster::block_on(sft(&mut policy, &config, execution, &mut next, &mut listen)).unwrap();
    let after = pollster::block_on(mean_loss(&policy, &examples, 64)).unwrap();
    assert!(before > 4.0 && after < 0.1, "{execution:?}: {before} to {after}");
}

#[test]
fn a_process_reward_model_learns_which_token_is_bad() {
    every_dtype().for_each(|execution| learns_which_token_is_bad(&execution));
}

fn learns_which_token_is_bad(execution: &Execution) {
    let mut prm = Prm::from_policy(&tiny(2), 3);
    let row = |token: u32, good: bool| LabelledSteps {
        input: PrmInput { ids: vec![40, token, 4, 45, 4], positions: vec![2, 4], start: 1 },
        labels: vec![Some(f32::from(good)), None],
        outcome: None,
    };
    let data: Vec<LabelledSteps> = (50..60).map(|token| row(token, token % 2 == 0)).collect();
    let config = config::Prm {
        head_epochs: 2,
        full_epochs: 40,
        batch: 10,
        head_optimizer: fast(1e-2),
        full_optimizer: fast(5e-3),
        ..config::Prm::default()
    };
    let mut listen = |_: Event| ControlFlow::Continue(());
    pollster::block_on(prm::train(&mut prm, &config, &data, 0, execution, &mut listen)).unwrap();
    let inputs: Vec<PrmInput> = data.iter().map(|row| row.input.clone()).collect();
    let scores = pollster::block_on(prm::score(&prm.frozen(), &inputs, 64, &mut |_| true)).unwrap();
    for (row, scores) in data.iter().zip(&scores) {
        assert_eq!(scores.len(), 2);
        assert_eq!(scores[0] > 0.0, row.labels[0] == Some(1.0), "{scores:?}");
    }
}

#[test]
fn scores_do_not_depend_on_the_batch() {
    let prm = Prm::from_policy(&tiny(4), 5).frozen();
    let inputs: Vec<PrmInput> = (1..9)
        .map(|length| PrmInput { ids: (40..40 + length).collect(), positions: vec![length as usize - 1], start: 0 })
        .collect();
    let score = |budget| pollster::block_on(prm::score(&prm, &inputs, budget, &mut |_| true)).unwrap();
    for (together, alone) in score(4096).concat().iter().zip(score(1).concat()) {
        assert!((together - alone).abs() < 1e-6);
    }
}

/// One problem whose right answer is one token: plain verifiable RL must find it.
#[test]
fn rl_raises_the_verifiable_reward() {
    every_dtype().for_each(|execution| raises_the_verifiable_reward(&execution));
}

fn raises_the_verifiable_reward(execution: &Execution) {
    let tokenizer = tokenizer();
    let config = config::Rl {
        updates: 100,
        prompts: 4,
        samples: 16,
        reward: config::Reward { process: 0.0, verifiable: 1.0, ..config::Reward::default() },
        kl: config::Kl { coefficient: 0.0, ..config::Kl::default() },
        optimizer: fast(1e-2),
        credit: config::Credit { mask_step_ends: false, ..config::Credit::default() },
        ..config::Rl::default()
    };
    let sampling = Sampling { max_new_tokens: 1, ..Sampling::default() };
    let rl = Rl::new(tiny(6), Vec::new(), tokenizer.clone(), &config, &sampling, 7).unwrap();
    let mut rl = rl.with_execution(execution);
    // The last number of a response is its answer, so the token "7" is right and every other one is wrong.
    let problem = Problem { prompt: "Tom has 3 apples.".into(), answer: Some("7".into()) };
    let mut verified = Vec::new();
    for _ in 0..config.updates {
        let mut hear = |_| ControlFlow::Continue(());
        let mut next = |_: usize, count: usize| vec![problem.clone(); count];
        let updated = pollster::block_on(rl.update(&mut next, &mut hear)).unwrap();
        assert_eq!(updated.scored.len(), 64);
        verified.push(updated.update.verified.unwrap());
        // Writing and reading differ by rounding.
        let kl = updated.update.sampler_kl;
        assert!(kl.is_some() == (execution.dtype != Dtype::F32) && kl.unwrap_or(0.0) < 0.01, "{kl:?}");
    }
    let last: f32 = verified[90..].iter().sum::<f32>() / 10.0;
    assert!(verified[0] < 0.1 && last > 0.8, "{execution:?}: {verified:?}");
}

/// Ten updates with gradients layer by layer against ten without: the same policy, up to rounding.
#[test]
fn gradient_checkpointing_learns_the_same() {
    let course = |gradient_checkpointing: bool, rank: usize| {
        let tokenizer = tokenizer();
        let config = config::Rl {
            prompts: 4,
            samples: 4,
            epochs: 2,
            gradient_checkpointing,
            lora: config::Lora { rank, ..config::Lora::default() },
            reward: config::Reward { process: 0.0, verifiable: 1.0, ..config::Reward::default() },
            optimizer: fast(1e-3),
            ..config::Rl::default()
        };
        let sampling = Sampling { max_new_tokens: 3, ..Sampling::default() };
        let mut rl = Rl::new(tiny(6), Vec::new(), tokenizer.clone(), &config, &sampling, 7).unwrap();
        let problem = Problem { prompt: "Tom has 3 apples.".into(), answer: Some("7".into()) };
        let mut next = |_: usize, count: usize| vec![problem.clone(); count];
        let mut losses = Vec::new();
        for _ in 0..10 {
            let updated = pollster::block_on(rl.update(&mut next, &mut |_| ControlFlow::Continue(()))).unwrap();
            losses.push((updated.update.loss, updated.update.grad_norm));
        }
        losses
    };
    let plain = [course(false, 0), course(false, 2)].concat();
    let layered = [course(true, 0), course(true, 2)].concat();
    assert!(plain.chunks(10).all(|course| course.iter().any(|(_, norm)| *norm > 1e-3)), "{plain:?}");
    for (plain, layered) in plain.iter().zip(layered) {
        assert!(
            (plain.0 - layered.0).abs() < 1e-4 && (plain.1 - layered.1).abs() < 1e-3 * (1.0 + plain.1),
            "{plain:?} {layered:?}"
        );
    }
}

fn with_curriculum(change: impl FnOnce(&mut config::Curriculum)) -> Updated {
    let tokenizer = tokenizer();
    let mut config = config::Rl {
        prompts: 8,
        samples: 6,
        reward: config::Reward { process: 0.0, verifiable: 1.0, ..config::Reward::default() },
        kl: config::Kl { coefficient: 0.0, ..config::Kl::default() },
        ..config::Rl::default()
    };
    change(&mut config.curriculum);
    let sampling = Sampling { max_new_tokens: 1, ..Sampling::default() };
    let mut rl = Rl::new(tiny(6), Vec::new(), tokenizer.clone(), &config, &sampling, 7).unwrap();
    // Half of the answers are numbers that a random token hardly ever is.
    let problem = |index: usize| Problem {
        prompt: "Tom has 3 apples.".into(),
        answer: Some(if index.is_multiple_of(2) { "7" } else { "Tom" }.into()),
    };
    let mut next = |drawn: usize, count: usize| (drawn..drawn + count).map(problem).collect();
    pollster::block_on(rl.update(&mut next, &mut |_| ControlFlow::Continue(()))).unwrap()
}

#[test]
fn prompts_outside_the_pass_rates_are_replaced() {
    let updated = with_curriculum(|curriculum| (curriculum.max_pass, curriculum.max_rounds) = (0.0, 20));
    assert!(updated.scored.iter().all(|scored| scored.verified == Some(0.0)));
    assert_eq!(updated.problems.len() * 6, updated.scored.len());
    let none = with_curriculum(|curriculum| curriculum.min_pass = 1.0);
    assert!(none.update.left_out > 0.9 && none.problems.len() <= 1, "{}", none.update.left_out);
}

#[test]
fn samples_go_where_the_gradient_varies_and_add_up() {
    let updated = with_curriculum(|curriculum| curriculum.allocation = config::Allocation::Variance);
    assert_eq!((updated.problems.len(), updated.scored.len()), (8, 48));
    let groups = updated.scored.chunk_by(|a, b| a.rollout.prompt == b.rollout.prompt).map(<[_]>::len);
    let counts: Vec<usize> = groups.collect();
    assert!(counts.len() == 8 && counts.iter().all(|count| *count >= 2), "{counts:?}");
    let alike = with_curriculum(|_| ());
    assert_eq!(alike.scored.len(), 48);
}

fn short_demo(seed: u64) -> (Vec<u8>, Vec<String>) {
    let mut config = settings(true);
    config.seed = seed;
    config.world.hidden_size = 32;
    config.world.prm_problems = 20;
    config.world.test_problems = 10;
    config.sft.steps = 5;
    config.rl.updates = 3;
    config.rl.prompts = 4;
    config.rl.evaluate_every = 2;
    let mut events = Vec::new();
    let mut listen = |event: Event| {
        if !matches!(event, Event::Progress { .. }) {
            events.push(format!("{event:?}"));
        }
        ControlFlow::Continue(())
    };
    let mut demo = Demo::new(&config, &device()).unwrap();
    pollster::block_on(async {
        demo.fine_tune(&mut listen).await.unwrap();
        demo.learn_prm(&mut listen).await.unwrap();
        demo.reinforce(&mut listen).await.unwrap();
        demo.judge_present_policy(&mut listen).await.unwrap();
    });
    (demo.policy.to_safetensors().unwrap(), events)
}

/// One seed, one run: weights and events agree bit for bit although batches run on several threads.
#[test]
fn the_same_seed_gives_the_same_run() {
    let (first, second, other) = (short_demo(1), short_demo(1), short_demo(2));
    assert_eq!(first.1, second.1);
    assert!(first.0 == second.0, "weights differ");
    assert!(first.0 != other.0, "another seed gives another run");
}

/// The policy never meets the checker unless verifiable rewards are on.
#[test]
fn without_verifiable_rewards_no_answer_reaches_the_trainer() {
    let (_, events) = short_demo(3);
    let updates: Vec<&String> = events.iter().filter(|event| event.starts_with("Update")).collect();
    assert_eq!(updates.len(), 3);
    assert!(updates.iter().all(|update| update.contains("verified: None")), "{updates:?}");
}
