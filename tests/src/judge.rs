//! A solution judged while it is edited has the scores of one judged whole.

use burn::tensor::Device;
use minform_core::Error;
use minform_core::model::ModelConfig;
use minform_core::policy::Policy;
use minform_core::prm::{self, Judge, Prm};
use minform_text::steps::PrmInput;
use minform_text::tokenizer::Tokenizer;
use minform_text::world;

fn prm() -> (Prm, Tokenizer) {
    let tokenizer = Tokenizer::from_json(world::tokenizer_json().as_bytes()).unwrap();
    let shape = ModelConfig::small(tokenizer.vocabulary_size(), 16, 2, 2);
    (Prm::from_policy(&Policy::new(shape, 3, &Device::flex()), 4), tokenizer)
}

fn input(tokenizer: &Tokenizer, steps: &[String]) -> PrmInput {
    PrmInput::from_texts(tokenizer, "Tom has 3 apples. => ", steps, world::NEWLINE_ID).unwrap()
}

/// `count` steps, of which `changed` and those after it differ from those of another `changed`.
fn steps(count: usize, changed: usize) -> Vec<String> {
    (0..count).map(|step| format!("{} + 2 = {}", step % 9, if step < changed { 4 } else { 5 })).collect()
}

fn whole(prm: &Prm, input: &PrmInput) -> Vec<f32> {
    pollster::block_on(prm::score(prm, std::slice::from_ref(input), 4096, &mut |_| true)).unwrap().remove(0)
}

fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    assert!(pairs.clone().all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}, not {expected:?}");
}

#[test]
fn edited_solutions_have_the_scores_of_whole_ones() {
    let (prm, tokenizer) = prm();
    let mut judge = Judge::new(&prm);
    // Longer, shorter, and so long that a new cache is needed.
    for (count, changed) in [(20, 20), (20, 12), (30, 12), (8, 3), (8, 8), (60, 60), (1, 1), (0, 0)] {
        let input = input(&tokenizer, &steps(count, changed));
        let found = pollster::block_on(judge.score(&input, &mut |_, _| true)).unwrap();
        assert_close(&found, &whole(&prm, &input));
    }
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let (prm, tokenizer) = prm();
    let mut judge = Judge::new(&prm);
    let (first, second) = (input(&tokenizer, &steps(20, 20)), input(&tokenizer, &steps(20, 15)));
    assert_eq!(judge.known(&first), 0);
    pollster::block_on(judge.score(&first, &mut |_, _| true)).unwrap();
    assert_eq!(judge.known(&first), first.ids.len());
    // All of 15 steps, and of the next one all but its result.
    assert_eq!(judge.known(&second), first.positions[15] - 1);
}

#[test]
fn a_stopped_reading_goes_on_where_it_was() {
    let (prm, tokenizer) = prm();
    let mut judge = Judge::new(&prm);
    let input = input(&tokenizer, &steps(30, 30));
    let stopped = pollster::block_on(judge.score(&input, &mut |_, _| false));
    assert!(matches!(stopped, Err(Error::Stopped)));
    let known = judge.known(&input);
    assert!(known > 0 && known < input.ids.len());
    let found = pollster::block_on(judge.score(&input, &mut |_, _| true)).unwrap();
    assert_close(&found, &whole(&prm, &input));
}
