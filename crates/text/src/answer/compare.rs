//! Compares two answers part by part.

use super::evaluate::exact;
use super::expression::Expression;
use super::grade::Rule;
use super::normal::normal_form;
use super::relation::{self, Sign};
use super::scalar;
use super::structure::{Node, Shape};
use super::unit::Unit;

/// The rule by which both are the same answer.
pub(crate) fn same(a: &Node, b: &Node) -> Option<Rule> {
    match (&a.shape, &b.shape) {
        (Shape::Named { name: x, value: v, sides: s }, Shape::Named { name: y, value: w, sides: t }) => {
            let by_name = if names_agree(x, y) { same(v, w) } else { None };
            by_name.or_else(|| same_equation(s.as_deref()?, t.as_deref()?))
        }
        (Shape::Named { sides: Some(sides), .. }, Shape::Equation(equation))
        | (Shape::Equation(equation), Shape::Named { sides: Some(sides), .. }) => same_equation(sides, equation),
        (Shape::Named { value, .. }, _) => same(value, b),
        (_, Shape::Named { value, .. }) => same(a, value),
        (Shape::Words, _) | (_, Shape::Words) => same_words(&a.source, &b.source),
        (Shape::Scalar(x), Shape::Scalar(y)) => scalar::same(x, y),
        (Shape::Equation(x), Shape::Equation(y)) => same_equation(x, y),
        (Shape::Opaque, _) | (_, Shape::Opaque) => same_text(&a.source, &b.source),
        _ => same_container(a, b).then_some(Rule::Structure),
    }
}

fn same_text(a: &str, b: &str) -> Option<Rule> {
    let (a, b) = (normal_form(a), normal_form(b));
    (!a.is_empty() && a == b).then_some(Rule::Text)
}

/// Letters and digits only, in lower case.
fn word_key(text: &str) -> String {
    text.replace("\\text", "").chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn same_words(a: &str, b: &str) -> Option<Rule> {
    let (a, b) = (word_key(a), word_key(b));
    (!a.is_empty() && a == b).then_some(Rule::Text)
}

/// The same name up to a subscript; a word in place of a letter describes and does not distinguish.
fn names_agree(a: &str, b: &str) -> bool {
    let base = |name: &str| name.split('_').next().unwrap_or_default().to_owned();
    let describes = |name: &str| name.contains("\\text") || name.chars().filter(|c| c.is_alphabetic()).count() > 4;
    a == b || base(a) == base(b) && (a.contains('_') != b.contains('_')) || describes(a) || describes(b)
}

fn same_equation(a: &(Expression, Expression), b: &(Expression, Expression)) -> Option<Rule> {
    let zero = |sides: &(Expression, Expression)| Expression::difference(sides.0.clone(), sides.1.clone());
    scalar::proportional(&zero(a), &zero(b)).map(|_| Rule::Identity)
}

fn same_container(a: &Node, b: &Node) -> bool {
    match (&a.shape, &b.shape) {
        (Shape::Ordered { open: o, close: c, items: x }, Shape::Ordered { open: p, close: d, items: y }) => {
            o == p && c == d && in_order(x, y)
        }
        (Shape::List(x), Shape::List(y)) | (Shape::Union(x), Shape::Union(y)) => x.len() == y.len() && matched(x, y),
        (Shape::List(x) | Shape::Set(x), Shape::List(y) | Shape::Set(y)) => covered(x, y) && covered(y, x),
        (Shape::Set(x), _) if x.len() == 1 => x.iter().all(|item| same(item, b).is_some()),
        (_, Shape::Set(y)) if y.len() == 1 => y.iter().all(|item| same(a, item).is_some()),
        (Shape::Matrix(x), Shape::Matrix(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(row, other)| in_order(row, other))
        }
        _ => same_notation(a, b),
    }
}

/// The same number in some base, ratio or inequality.
fn same_notation(a: &Node, b: &Node) -> bool {
    match (&a.shape, &b.shape) {
        (Shape::Based(x, base), Shape::Based(y, other)) => base == other && x.eq_ignore_ascii_case(y),
        (Shape::Ratio(x), Shape::Ratio(y)) => in_order(x, y) || same_ratio(x, y),
        (Shape::Ratio(x), Shape::Scalar(y)) | (Shape::Scalar(y), Shape::Ratio(x)) => {
            // 1:4 is the fraction 1/4, but 3:1 is not the number 3.
            let fraction =
                y.unit == Unit::Bare && !is_time(x) && exact(&y.value).is_none_or(|value| value.as_integer().is_none());
            fraction && quotient(x).is_some_and(|value| scalar::same_value(&value, &y.value).is_some())
        }
        (Shape::Inequality { parts: p, signs: s }, Shape::Inequality { parts: q, signs: t }) => {
            same_inequality(p, s, q, t)
        }
        (Shape::Inequality { parts, signs }, Shape::Ordered { .. }) => {
            relation::interval(parts, signs).is_some_and(|interval| same(&interval, b).is_some())
        }
        (Shape::Ordered { .. }, Shape::Inequality { .. }) => same_notation(b, a),
        _ => false,
    }
}

fn in_order(a: &[Node], b: &[Node]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| same(x, y).is_some())
}

/// Every item of `a` pairs with an item of `b` of its own.
fn matched(a: &[Node], b: &[Node]) -> bool {
    let mut free: Vec<&Node> = b.iter().collect();
    a.iter().all(|item| {
        let partner = free.iter().position(|other| same(item, other).is_some());
        partner.map(|at| free.swap_remove(at)).is_some()
    })
}

fn covered(a: &[Node], b: &[Node]) -> bool {
    a.iter().all(|item| b.iter().any(|other| same(item, other).is_some()))
}

fn quotient(parts: &[Node]) -> Option<Expression> {
    let [above, below] = parts else { return None };
    Some(Expression::quotient(above.expression()?.clone(), below.expression()?.clone()))
}

/// Two digits behind the colon, or a unit such as p.m., may make a time of day.
fn is_time(parts: &[Node]) -> bool {
    let has_unit = |part: &Node| matches!(&part.shape, Shape::Scalar(scalar) if scalar.unit != Unit::Bare);
    parts.last().is_some_and(|part| part.source.len() == 2) || parts.iter().any(has_unit)
}

/// 2:8 is 1:4, but 4:30 and 8:60 may be times of day.
fn same_ratio(a: &[Node], b: &[Node]) -> bool {
    let value = || scalar::same_value(&quotient(a)?, &quotient(b)?);
    !(is_time(a) && is_time(b)) && value().is_some()
}

fn same_inequality(p: &[Node], s: &[Sign], q: &[Node], t: &[Sign]) -> bool {
    if let ([a, b], [s], [c, d], [t]) = (p, s, q, t) {
        return one_inequality(a, b, *s, c, d, *t).unwrap_or(false);
    }
    let mirrored: Vec<Sign> = t.iter().rev().map(|sign| sign.mirrored()).collect();
    let reversed: Vec<Node> = q.iter().rev().cloned().collect();
    s == t && in_order(p, q) || *s == mirrored && in_order(p, &reversed)
}

/// a − b and c − d differ by a factor whose sign fits the relation signs.
fn one_inequality(a: &Node, b: &Node, s: Sign, c: &Node, d: &Node, t: Sign) -> Option<bool> {
    let left = Expression::difference(a.expression()?.clone(), b.expression()?.clone());
    let right = Expression::difference(c.expression()?.clone(), d.expression()?.clone());
    let factor = scalar::proportional(&left, &right)?;
    Some(if factor > 0.0 { s == t } else { s == t.mirrored() })
}
