//! Sampling: cached against uncached, independence of batching, limits.

use std::ops::ControlFlow;

use minform_core::Error;
use minform_core::config::Sampling;
use minform_core::policy::{Generator, NewToken, Packed, Policy, Response, Row};

use crate::fixture::{difference, policy, values};

fn generate(policy: &Policy, prompts: &[Vec<u32>], samples: usize, sampling: &Sampling) -> Vec<Vec<Response>> {
    let generator = Generator::new(&policy.model, &policy.config);
    let mut listen = |_| ControlFlow::Continue(());
    pollster::block_on(generator.generate(prompts, samples, sampling, 11, &mut listen)).unwrap()
}

fn prompts() -> Vec<Vec<u32>> {
    vec![vec![5, 9, 22, 7], vec![31], vec![4, 4, 8, 60, 61, 2, 90, 17, 3]]
}

fn sampling() -> Sampling {
    Sampling { max_new_tokens: 40, ..Sampling::default() }
}

#[test]
fn cached_and_uncached_log_probs_agree() {
    for name in ["models/qwen2-untied", "models/llama3-scaled"] {
        let policy = policy(name);
        for (prompt, group) in prompts().iter().zip(generate(&policy, &prompts(), 3, &sampling())) {
            let rows: Vec<Row<'_>> =
                group.iter().map(|response| Row { shared: prompt, own: &response.tokens }).collect();
            let log_probs: Vec<f32> = group.iter().flat_map(|response| &response.log_probs).copied().collect();
            for lines in [rows.iter().map(|row| vec![*row]).collect::<Vec<_>>(), vec![rows.clone()]] {
                let packed = Packed::continuations(&lines);
                let uncached = values(policy.log_probs(&packed));
                let worst = difference(&log_probs, &uncached[..packed.picks()]);
                assert!(worst <= 1e-4, "{name}: log-probabilities differ by {worst}");
            }
        }
    }
}

#[test]
fn a_sample_does_not_depend_on_its_batch() {
    let policy = policy("models/qwen2-untied");
    let together = generate(&policy, &prompts(), 4, &sampling());
    let alone = generate(&policy, &prompts(), 4, &Sampling { rows: 1, ..sampling() });
    let tokens =
        |groups: &[Vec<Response>]| -> Vec<Vec<u32>> { groups.iter().flatten().map(|r| r.tokens.clone()).collect() };
    assert_eq!(tokens(&together), tokens(&alone));
    assert!(together[0].windows(2).any(|pair| pair[0].tokens != pair[1].tokens), "samples of a prompt differ");
}

#[test]
fn rows_that_end_early_leave_the_others_unchanged() {
    let mut ending = policy("models/qwen2-untied");
    let free = generate(&ending, &prompts(), 6, &sampling());
    // Declare a token that occurs in some samples to be the end: those stop there, the rest stay as they were.
    let eos = free[0][0].tokens[5];
    ending.config.eos_token_ids = vec![eos];
    let stopped = generate(&ending, &prompts(), 6, &sampling());
    let mut ended = 0;
    for (free, stopped) in free.iter().flatten().zip(stopped.iter().flatten()) {
        let end = free.tokens.iter().position(|token| *token == eos).map_or(free.tokens.len(), |index| index + 1);
        assert_eq!(stopped.tokens, free.tokens[..end]);
        assert_eq!(stopped.finished, free.tokens[..end].last() == Some(&eos));
        ended += usize::from(stopped.finished);
    }
    assert!(ended > 0);
}

/// Rows that are done make room for those that wait, whose prompts are read into the cache of the running ones.
#[test]
fn rows_that_join_later_are_written_as_if_from_the_start() {
    let mut ending = policy("models/qwen2-untied");
    ending.config.eos_token_ids = (0..ending.config.vocab_size as u32).step_by(11).collect();
    let together = generate(&ending, &prompts(), 16, &sampling());
    let lengths: Vec<usize> = together.iter().flatten().map(|response| response.tokens.len()).collect();
    assert!(lengths.iter().any(|length| *length < 5) && lengths.iter().any(|length| *length > 20), "{lengths:?}");
    for rows in [1, 3, 7] {
        let joined = generate(&ending, &prompts(), 16, &Sampling { rows, ..sampling() });
        for (expected, found) in together.iter().flatten().zip(joined.iter().flatten()) {
            assert_eq!(expected.tokens, found.tokens, "{rows} rows");
            assert_eq!(expected.finished, found.finished);
            assert!(difference(&expected.log_probs, &found.log_probs) <= 1e-4);
        }
    }
}

#[test]
fn impossible_prompts_are_refused() {
    let policy = policy("models/qwen2-tied");
    let generator = Generator::new(&policy.model, &policy.config);
    let mut listen = |_: NewToken| ControlFlow::Continue(());
    let mut run =
        |prompts: &[Vec<u32>]| pollster::block_on(generator.generate(prompts, 1, &sampling(), 0, &mut listen));
    assert!(matches!(run(&[vec![]]), Err(Error::Empty(_))));
    assert!(matches!(run(&[vec![1; 5000]]), Err(Error::Context { tokens: 5040, .. })));
    assert_eq!(run(&[]).unwrap().len(), 0);
}

#[test]
fn a_listener_can_stop_generation() {
    let policy = policy("models/qwen2-tied");
    let generator = Generator::new(&policy.model, &policy.config);
    let mut heard = 0;
    let mut listen = |_: NewToken| {
        heard += 1;
        if heard == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let result = pollster::block_on(generator.generate(&prompts(), 1, &sampling(), 0, &mut listen));
    assert!(matches!(result, Err(Error::Stopped)));
    assert_eq!(heard, 3);
}
