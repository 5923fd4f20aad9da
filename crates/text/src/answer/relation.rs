//! Equations, inequalities and membership.

use super::compare;
use super::expression::Expression;
use super::scan::split_outside;
use super::structure::{Node, Shape, read as read_node};

/// How two sides are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Sign {
    fn read(text: &str) -> Self {
        match text {
            "\\le" | "<=" => Self::AtMost,
            "\\ge" | ">=" => Self::AtLeast,
            "\\ne" | "!=" => Self::Unequal,
            "<" => Self::Less,
            ">" => Self::Greater,
            _ => Self::Equal,
        }
    }

    /// The sign after exchanging the sides.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
            same => same,
        }
    }

    fn includes_end(self) -> bool {
        matches!(self, Self::AtMost | Self::AtLeast)
    }
}

const SIGNS: &[&str] = &["\\le", "\\ge", "\\ne", "<=", ">=", "!=", "\\approx", "=", "<", ">"];

/// Reads a text with a relation sign outside brackets.
pub(crate) fn read(text: &str, depth: usize) -> Option<Shape> {
    let (sides, found) = split_outside(text, &["\\in"]);
    if let ([name, set], 1) = (sides.as_slice(), found.len()) {
        return Some(named(name, read_node(set, depth + 1), None));
    }
    let (pieces, found) = split_outside(text, SIGNS);
    let enough = !found.is_empty() && pieces.len() <= 8 && pieces.iter().all(|piece| !piece.trim().is_empty());
    if !enough {
        return None;
    }
    let signs: Vec<Sign> = found.iter().map(|sign| Sign::read(sign)).collect();
    if signs.iter().all(|sign| *sign == Sign::Equal) {
        return equation(&pieces, depth);
    }
    let parts: Vec<Node> = pieces.iter().map(|piece| read_node(piece, depth + 1)).collect();
    let plain = parts.iter().all(|part| part.expression().is_some());
    plain.then_some(Shape::Inequality { parts, signs })
}

/// Whether two constants in one chain differ, as in `4 = 5`.
fn contradicts(a: &Node, b: &Node) -> bool {
    let constant = |node: &Node| {
        let unknown = |part: &Expression| matches!(part, Expression::Variable(_));
        node.expression().is_some_and(|value| !value.any(&unknown))
    };
    constant(a) && constant(b) && compare::same(a, b).is_none()
}

/// Of a chain `x = a = b` the name and the last value count.
fn equation(pieces: &[&str], depth: usize) -> Option<Shape> {
    let (first, last) = (pieces.first()?.trim(), pieces.last()?.trim());
    let (left, right) = (read_node(first, depth + 1), read_node(last, depth + 1));
    let mut parts = pieces.iter().map(|piece| read_node(piece, depth + 1));
    if parts.any(|part| contradicts(&part, &right)) {
        return Some(Shape::Opaque);
    }
    let sides = left.expression().cloned().zip(right.expression().cloned()).map(Box::new);
    if is_name(first) {
        return Some(named(first, right, sides));
    }
    if is_name(last) {
        return Some(named(last, left, sides));
    }
    let sides = sides?;
    let unknown = |part: &Expression| matches!(part, Expression::Variable(_));
    Some(if sides.0.any(&unknown) || sides.1.any(&unknown) { Shape::Equation(sides) } else { right.shape })
}

fn named(name: &str, value: Node, sides: Option<Box<(Expression, Expression)>>) -> Shape {
    let name = name.chars().filter(|c| !c.is_whitespace()).collect();
    Shape::Named { name, value: Box::new(value), sides }
}

/// A letter, word, function of letters or tuple of letters: what stands to the left of a result.
fn is_name(text: &str) -> bool {
    let mut in_subscript = false;
    let mut letters = 0;
    for c in text.chars() {
        match c {
            '_' => in_subscript = true,
            '+' | '-' | '*' | '/' | '^' | '=' | '|' | '!' | '[' => return false,
            ' ' | ')' | ',' => in_subscript = false,
            c if c.is_ascii_digit() && !in_subscript => return false,
            c if c.is_alphabetic() => letters += 1,
            _ => {}
        }
    }
    letters > 0
        && !["\\frac", "\\sqrt", "\\cdot", "\\sin", "\\cos", "\\tan", "\\log", "\\ln", "\\pi", "\\begin"]
            .iter()
            .any(|command| text.contains(command))
}

fn infinite(negative: bool) -> Node {
    read_node(if negative { r"-\infty" } else { r"\infty" }, 1)
}

fn is_unknown(node: &Node) -> bool {
    matches!(node.expression(), Some(Expression::Variable(_)))
}

/// The interval that an inequality for one unknown describes.
pub(crate) fn interval(parts: &[Node], signs: &[Sign]) -> Option<Node> {
    let (low, low_sign, high, high_sign) = match (parts, signs) {
        ([x, bound], [sign]) if is_unknown(x) => half_line(bound, *sign)?,
        ([bound, x], [sign]) if is_unknown(x) => half_line(bound, sign.mirrored())?,
        ([a, x, b], [s, t]) if is_unknown(x) => match (s, t) {
            (Sign::Less | Sign::AtMost, Sign::Less | Sign::AtMost) => (a.clone(), *s, b.clone(), *t),
            (Sign::Greater | Sign::AtLeast, Sign::Greater | Sign::AtLeast) => (b.clone(), *t, a.clone(), *s),
            _ => return None,
        },
        _ => return None,
    };
    let open = if low_sign.includes_end() { '[' } else { '(' };
    let close = if high_sign.includes_end() { ']' } else { ')' };
    Some(Node { source: String::new(), shape: Shape::Ordered { open, close, items: vec![low, high] } })
}

fn half_line(bound: &Node, sign: Sign) -> Option<(Node, Sign, Node, Sign)> {
    match sign {
        Sign::Less | Sign::AtMost => Some((infinite(true), Sign::Less, bound.clone(), sign)),
        Sign::Greater | Sign::AtLeast => Some((bound.clone(), sign, infinite(false), Sign::Less)),
        Sign::Equal | Sign::Unequal => None,
    }
}
