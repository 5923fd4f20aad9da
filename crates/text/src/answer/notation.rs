//! Special notations: ±, bases, ratios, and values with units.

use super::expression::Expression;
use super::scalar::Scalar;
use super::scan::{has_command, leading_group, split_outside};
use super::structure::{Shape, flattened, read, read_parts};
use super::{parse, unit};

/// Words for powers of ten.
const MAGNITUDES: &[(&str, i128)] =
    &[("thousand", 1_000), ("million", 1_000_000), ("billion", 1_000_000_000), ("trillion", 1_000_000_000_000)];

/// Both values of `a \pm b`; with several signs every combination, where `\mp` is tied to the first.
pub(crate) fn plus_minus(text: &str, depth: usize) -> Option<Shape> {
    if !has_command(text, "\\pm") {
        return None;
    }
    let (plus, minus) = (text.replacen("\\pm", "+", 1), text.replacen("\\pm", "-", 1));
    let (plus, minus) = (plus.replacen("\\mp", "-", 1), minus.replacen("\\mp", "+", 1));
    flattened(vec![read(&plus, depth + 2), read(&minus, depth + 2)]).map(Shape::List)
}

/// Digits with a base as subscript.
pub(crate) fn based(text: &str) -> Option<Shape> {
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (digits, base) = unsigned.rsplit_once('_')?;
    let base: u32 = base.trim().trim_matches(['{', '}']).trim().parse().ok()?;
    let upright = digits.trim().strip_prefix("\\text").and_then(leading_group);
    let digits = upright.map_or(digits, |(inner, _)| inner).trim().trim_matches(['(', ')']);
    let valid = digits.chars().all(|c| c == '.' || c.is_digit(base.clamp(2, 36)) && !c.is_lowercase());
    let has_digit = upright.is_some() || digits.chars().any(|c| c.is_ascii_digit());
    ((2..=36).contains(&base) && valid && has_digit && !digits.is_empty())
        .then(|| Shape::Based(format!("{sign}{}", digits.trim_start_matches('0')), base))
}

/// Plain values with colons between them.
pub(crate) fn ratio(text: &str, depth: usize) -> Option<Shape> {
    let (pieces, found) = split_outside(text, &[":"]);
    let parts = (!found.is_empty()).then(|| read_parts(&pieces, depth))??;
    let plain = parts.len() == pieces.len() && parts.iter().all(|part| matches!(part.shape, Shape::Scalar(_)));
    plain.then_some(Shape::Ratio(parts))
}

/// A value with its unit.
pub(crate) fn scalar(text: &str) -> Option<Shape> {
    let text = text.strip_prefix("\\approx").unwrap_or(text).trim();
    if let Some(amount) = text.strip_prefix("-$") {
        return scalar(&format!("$-{amount}"));
    }
    if let Some((word, factor)) = MAGNITUDES.iter().find(|(word, _)| text.contains(word)) {
        let Shape::Scalar(Scalar { value, unit }) = scalar(&text.replacen(word, "", 1))? else {
            return None;
        };
        return Some(Shape::Scalar(Scalar {
            value: Expression::Product(vec![value, Expression::integer(*factor)]),
            unit,
        }));
    }
    let (value, unit) = unit::split(text);
    let parsed = parse::parse(value).map(|value| Scalar { value, unit });
    let whole = || parse::parse(text).map(|value| Scalar { value, unit: unit::Unit::Bare });
    parsed.or_else(whole).map(Shape::Scalar)
}
