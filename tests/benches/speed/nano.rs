//! One whole RL update of the embedded world: rollout, process reward model, credit and learning.

use std::ops::ControlFlow;

use burn::module::Module as _;
use burn::tensor::Device;
use criterion::Criterion;
use minform_core::demo::{Demo, settings};
use minform_core::prm::Prm;
use minform_core::train::{Problem, Rl};
use minform_text::world::{self, Level, Split, World};
use pollster::block_on;

use crate::SEED;
use crate::measure::{measure, timed};

/// The settings of `minform demo` on fresh nano models. No end token, so that every response has the full length and
/// every round the same work; each round starts from the same policy. The sampled tokens are counted.
pub(crate) fn update(criterion: &mut Criterion) {
    let config = settings(false);
    let demo = Demo::new(&config, &Device::flex().autodiff()).expect("the demo's settings");
    let mut policy = demo.policy.clone();
    policy.config.eos_token_ids.clear();
    let prm = Prm::from_policy(&policy, SEED).frozen();
    let level = |number| Level::new(number).expect("a level of the world");
    let levels = level(config.world.min_level)..=level(config.world.max_level);
    let problems: Vec<Problem> = World { seed: SEED }
        .problems(Split::Train, levels)
        .take(config.rl.prompts)
        .map(|problem| Problem { prompt: world::prompt(&problem), answer: None })
        .collect();
    let tokens = config.rl.prompts * config.rl.samples * config.sampling.max_new_tokens;
    measure(criterion, "nano_update", policy.model.num_params(), tokens, || {
        let mut rl =
            Rl::new(policy.clone(), vec![prm.clone()], demo.tokenizer().clone(), &config.rl, &config.sampling, SEED)
                .expect("the demo's settings");
        timed(|| {
            let update = block_on(rl.update(&mut |_, _| problems.clone(), &mut |_| ControlFlow::Continue(())));
            let update = update.expect("an update").update;
            assert_eq!(update.tokens, tokens);
        })
    });
}
