//! The words of the world: how operations are told, and thinking steps that say nothing.
//!
//! In a wording `@` stands for the person's pronoun and `#` for the operand. Each takes three to five tokens.
//! The vocabulary is read off these tables, so a new wording needs no change elsewhere.

use rand::{Rng, RngExt as _};

use super::Operation;

/// Names with their pronouns.
const PEOPLE: [(&str, &str); 8] = [
    ("Tom", "He"),
    ("Ana", "She"),
    ("Ben", "He"),
    ("Eva", "She"),
    ("Sam", "He"),
    ("Mia", "She"),
    ("Leo", "He"),
    ("Zoe", "She"),
];

const THINGS: [&str; 8] = ["apples", "books", "coins", "pens", "stamps", "cards", "shells", "marbles"];

const HAS: [&str; 2] = ["has", "owns"];

const ADD: [&str; 4] = ["@ buys # more.", "@ finds # more.", "@ gets another #.", "A friend adds #."];
const SUBTRACT: [&str; 4] = ["@ gives away #.", "@ loses #.", "@ sells # of them.", "Then # are lost."];
const DOUBLE: [&str; 3] = ["@ doubles them.", "Their number doubles.", "The pile doubles."];
const TRIPLE: [&str; 3] = ["@ triples them.", "Their number triples.", "The pile triples."];
const HALVE: [&str; 3] = ["@ keeps half.", "@ sells half.", "Half are lost."];

/// How the question ends; `%` stands for the thing.
const ENDS: [&str; 3] = ["How many % are there?", "How many are left?", "How many now?"];

/// Thinking steps without content. Harmless to the answer, and the bait for a reward that sums over steps.
pub const FILLERS: [&str; 6] = [
    "Let us go on.",
    "We take it step by step.",
    "Let us think.",
    "Now the next one.",
    "This is easy.",
    "So far so good.",
];

/// One entry of a table that is known not to be empty.
pub(super) fn pick<T: Copy, const N: usize>(rng: &mut (impl Rng + ?Sized), table: [T; N]) -> T {
    // A fixed integer type: a range of usize would draw differently on 32-bit platforms.
    table[rng.random_range(0..N as u32) as usize]
}

/// Tells a chain as a story.
pub(super) fn question(rng: &mut (impl Rng + ?Sized), start: u8, operations: &[Operation]) -> String {
    let (name, pronoun) = pick(rng, PEOPLE);
    let thing = pick(rng, THINGS);
    let mut text = format!("{name} {} {start} {thing}.", pick(rng, HAS));
    for operation in operations {
        text.push(' ');
        text.push_str(&sentence(wording(rng, *operation), pronoun, operation.operand()));
    }
    text.push(' ');
    text.push_str(&pick(rng, ENDS).replace('%', thing));
    text
}

fn wording(rng: &mut (impl Rng + ?Sized), operation: Operation) -> &'static str {
    match operation {
        Operation::Add(_) => pick(rng, ADD),
        Operation::Subtract(_) => pick(rng, SUBTRACT),
        Operation::Double => pick(rng, DOUBLE),
        Operation::Triple => pick(rng, TRIPLE),
        Operation::Halve => pick(rng, HALVE),
    }
}

fn sentence(wording: &str, pronoun: &str, operand: u8) -> String {
    wording.replace('@', pronoun).replace('#', &operand.to_string())
}

/// Text that between its pieces holds every word of the world, in the place where it occurs.
pub(super) fn corpus() -> Vec<String> {
    let openings = PEOPLE.into_iter().flat_map(|(name, _)| {
        HAS.into_iter().flat_map(move |has| THINGS.map(|thing| format!("{name} {has} 0 {thing}.")))
    });
    let wordings = [&ADD[..], &SUBTRACT, &DOUBLE, &TRIPLE, &HALVE].concat();
    let sentences = wordings
        .into_iter()
        .flat_map(|wording| PEOPLE.map(|(_, pronoun)| format!(" {}", sentence(wording, pronoun, 0))));
    let ends = ENDS.into_iter().flat_map(|end| THINGS.map(|thing| format!(" {}", end.replace('%', thing))));
    openings.chain(sentences).chain(ends).chain(FILLERS.map(String::from)).collect()
}
