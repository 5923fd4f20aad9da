//! Reads an answer into its outer shape: words, a tuple, a set, an equation, a plain value, and so on.

use super::expression::Expression;
use super::scalar::Scalar;
use super::scan::{is_enclosed, leading_group, split_outside};
use super::{notation, relation};

const DEEPEST: usize = 8;
const LONGEST: usize = 4000;
const MOST_PARTS: usize = 64;
const MOST_VALUES: usize = 128;

/// An answer with the text it was read from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) source: String,
    pub(crate) shape: Shape,
}

/// The outer shape of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Scalar(Scalar),
    /// Words, or a letter that names a choice.
    Words,
    /// A tuple or an interval; which of them is not known.
    Ordered {
        open: char,
        close: char,
        items: Vec<Node>,
    },
    /// In braces: repetitions do not count.
    Set(Vec<Node>),
    /// Separated by commas: the order does not count.
    List(Vec<Node>),
    Union(Vec<Node>),
    Matrix(Vec<Vec<Node>>),
    /// `x = 5` or `x \in [1,2]`: a name and what it is; the two sides where they are plain.
    Named {
        name: String,
        value: Box<Node>,
        sides: Option<Box<(Expression, Expression)>>,
    },
    Equation(Box<(Expression, Expression)>),
    Inequality {
        parts: Vec<Node>,
        signs: Vec<relation::Sign>,
    },
    /// `2516_8`: digits and base.
    Based(String, u32),
    Ratio(Vec<Node>),
    /// Anything else; only compared as text.
    Opaque,
}

/// The readings of a cleaned answer: one, or two where `1,234` may be a number or a list.
pub(crate) fn readings(text: &str) -> Vec<Node> {
    if text.len() > LONGEST {
        return vec![Node { source: text.to_owned(), shape: Shape::Opaque }];
    }
    let joined = join_thousands(text);
    let mut nodes = vec![read(&joined, 0)];
    if joined != text {
        nodes.push(read(text, 0));
    }
    nodes
}

/// Takes the commas out of `1,234,567` where it stands outside brackets.
fn join_thousands(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut output = String::with_capacity(text.len());
    let (mut depth, mut run, mut grouped) = (0_i32, 0_usize, false);
    let digit = |at: usize| characters.get(at).is_some_and(char::is_ascii_digit);
    for (at, c) in characters.iter().enumerate() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        let three = digit(at + 1) && digit(at + 2) && digit(at + 3) && !digit(at + 4);
        let fits = if grouped { run == 3 } else { (1..=3).contains(&run) };
        if *c == ',' && depth == 0 && three && fits {
            (run, grouped) = (0, true);
            continue;
        }
        let in_number = c.is_ascii_digit();
        run = if in_number { run + 1 } else { 0 };
        // Behind a decimal point nothing is grouped.
        run = if *c == '.' { 9 } else { run };
        grouped &= in_number;
        output.push(*c);
    }
    output
}

/// Reads one answer or one part of an answer.
pub(crate) fn read(text: &str, depth: usize) -> Node {
    let text = strip_group(super::clean::trim(text));
    let shape = if depth > DEEPEST || text.is_empty() { Shape::Opaque } else { shape(text, depth) };
    Node { source: text.to_owned(), shape }
}

/// Removes braces around the whole.
fn strip_group(text: &str) -> &str {
    match leading_group(text) {
        Some((inner, "")) if !inner.is_empty() => inner.trim(),
        _ => text,
    }
}

fn shape(text: &str, depth: usize) -> Shape {
    words(text, depth)
        .or_else(|| list(text, depth))
        .or_else(|| relation::read(text, depth))
        .or_else(|| union(text, depth))
        .or_else(|| super::matrix::read(text, depth))
        .or_else(|| bracketed(text, depth))
        .or_else(|| notation::plus_minus(text, depth))
        .or_else(|| notation::based(text))
        .or_else(|| notation::ratio(text, depth))
        .or_else(|| notation::scalar(text))
        .unwrap_or(Shape::Opaque)
}

/// `\text{…}` around the whole, a run of ordinary words, or a choice such as (C).
fn words(text: &str, depth: usize) -> Option<Shape> {
    if let Some((inner, "")) = text.strip_prefix("\\text").and_then(leading_group) {
        let node = read(inner, depth + 1);
        let is_letter = inner.trim().chars().count() == 1 && inner.trim().chars().all(char::is_alphabetic);
        return Some(if is_letter || node.shape == Shape::Opaque { Shape::Words } else { node.shape });
    }
    let letter = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    if letter.is_some_and(|inner| inner.chars().count() == 1 && inner.chars().all(char::is_alphabetic)) {
        return Some(Shape::Words);
    }
    let plain = text.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '.'));
    let runs = || text.split(|c: char| !c.is_alphabetic());
    let functions = ["sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp", "sqrt", "pi", "inf"];
    let formula =
        functions.iter().any(|name| text.trim_start_matches('-').starts_with(name) && text.len() <= name.len() + 3);
    let long = runs().any(|run| run.chars().count() >= 3) || text.eq_ignore_ascii_case("no");
    let joined = [" and ", " or "].iter().any(|word| text.contains(word));
    (plain && long && !formula && !joined).then_some(Shape::Words)
}

pub(crate) fn read_parts(pieces: &[&str], depth: usize) -> Option<Vec<Node>> {
    let filled: Vec<&str> = pieces.iter().map(|piece| piece.trim()).filter(|piece| !piece.is_empty()).collect();
    (filled.len() <= MOST_PARTS).then(|| filled.iter().map(|piece| read(piece, depth + 1)).collect())
}

/// Parts of a list, with the two values of each ± side by side.
pub(crate) fn flattened(parts: Vec<Node>) -> Option<Vec<Node>> {
    let spread = |node: Node| match node.shape {
        Shape::List(inner) => inner,
        shape => vec![Node { shape, ..node }],
    };
    let flat: Vec<Node> = parts.into_iter().flat_map(spread).collect();
    (flat.len() <= MOST_VALUES).then_some(flat)
}

fn list(text: &str, depth: usize) -> Option<Shape> {
    let (pieces, found) = split_outside(text, &[",", ";", " and ", " or "]);
    let parts = (!found.is_empty()).then(|| read_parts(&pieces, depth))??;
    if parts.len() > 1 { flattened(parts).map(Shape::List) } else { None }
}

fn union(text: &str, depth: usize) -> Option<Shape> {
    let (pieces, found) = split_outside(text, &["\\cup"]);
    (!found.is_empty()).then(|| read_parts(&pieces, depth))?.map(Shape::Union)
}

fn bracketed(text: &str, depth: usize) -> Option<Shape> {
    if text == "\\R" {
        return bracketed(r"(-\infty,\infty)", depth);
    }
    if text == "\\emptyset" {
        return Some(Shape::Set(Vec::new()));
    }
    if let Some(inner) = text.strip_prefix("\\{").and_then(|text| text.strip_suffix("\\}")) {
        let (pieces, _) = split_outside(inner, &[",", ";"]);
        return flattened(read_parts(&pieces, depth)?).map(Shape::Set);
    }
    if !is_enclosed(text) || text.starts_with('{') {
        return None;
    }
    let (open, close) = (text.chars().next()?, text.chars().next_back()?);
    let (pieces, _) = split_outside(text.get(1..text.len() - 1)?, &[",", ";"]);
    let items = read_parts(&pieces, depth).filter(|items| items.len() > 1)?;
    Some(Shape::Ordered { open, close, items })
}

impl Node {
    /// The expression of a plain value.
    pub(crate) fn expression(&self) -> Option<&Expression> {
        match &self.shape {
            Shape::Scalar(scalar) => Some(&scalar.value),
            _ => None,
        }
    }
}
