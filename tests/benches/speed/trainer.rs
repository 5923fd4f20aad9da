//! One whole update of the trainer beside TRL's GRPOTrainer: rollout, reward, reference, loss and optimizer step.

use std::ops::ControlFlow;

use burn::module::Module as _;
use criterion::Criterion;
use minform_core::config::{
    Credit, Estimator, Kl, KlEstimator, KlPlace, Normalisation, Reward, Rl as RlConfig, Sampling,
};
use minform_core::policy::Policy;
use minform_core::seed::mix_in;
use minform_core::train::{Problem, Rl};
use minform_text::tokenizer::Tokenizer;
use pollster::block_on;

use crate::measure::{measure, timed};
use crate::{SEED, adam_w, policy, same_sizes, shared};

const PROMPTS: usize = 8;
const GROUP: usize = 8;
const PROMPT: usize = 32;
const NEW: usize = 64;

/// The benchmark with the model that all share and with one of the demo's size.
pub(crate) fn updates(criterion: &mut Criterion) {
    update(criterion, "trainer_update", &shared());
    update(criterion, "trainer_update_nano", &policy(include_bytes!("../../peers/nano.json")));
}

/// Verifiable rewards, groups of 8, the KL penalty in the loss; no end token, so that every response has full length.
fn update(criterion: &mut Criterion, bench: &str, policy: &Policy) {
    let script = include_str!("../../peers/trl_grpo.py");
    same_sizes(script, &format!("PROMPTS, GROUP, PROMPT, NEW = {PROMPTS}, {GROUP}, {PROMPT}, {NEW}"));
    same_sizes(script, "BETA, CLIP = 0.001, 0.2");
    let tokenizer = Tokenizer::from_json(include_bytes!("../../peers/tokenizer.json")).expect("the shared tokenizer");
    let config = RlConfig {
        prompts: PROMPTS,
        samples: GROUP,
        micro_batch_tokens: 4096,
        reward: Reward { process: 0.0, verifiable: 1.0, ..Reward::default() },
        credit: Credit { estimator: Estimator::Grpo, mask_step_ends: false, ..Credit::default() },
        normalisation: Normalisation::None,
        kl: Kl { coefficient: 1e-3, estimator: KlEstimator::K3, place: KlPlace::Loss, ..Kl::default() },
        optimizer: minform_core::config::Optimizer { max_grad_norm: 1.0, ..adam_w(1e-6, 0.0) },
        ..RlConfig::default()
    };
    let sampling = Sampling { max_new_tokens: NEW, rows: PROMPTS * GROUP, ..Sampling::default() };
    let word = |cell: usize| format!("w{}", mix_in(SEED, cell as u64) % policy.config.vocab_size as u64);
    let problem = |index: usize| Problem {
        prompt: (index * PROMPT..(index + 1) * PROMPT).map(word).collect::<Vec<_>>().join(" "),
        answer: Some("7".into()),
    };
    let mut rl =
        Rl::new(policy.clone(), Vec::new(), tokenizer.clone(), &config, &sampling, SEED).expect("settings that train");
    let tokens = PROMPTS * GROUP * NEW;
    measure(criterion, bench, policy.model.num_params(), tokens, || {
        timed(|| {
            let mut next = |drawn: usize, count: usize| (drawn..drawn + count).map(problem).collect();
            let updated = block_on(rl.update(&mut next, &mut |_| ControlFlow::Continue(()))).expect("an update");
            assert_eq!(updated.update.tokens, tokens);
        })
    });
}
