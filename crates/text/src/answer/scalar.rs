//! Decides whether two plain values are the same.

use super::complex::Complex;
use super::evaluate::{Numeric, Point, exact, residue};
use super::expression::{Constant, Expression};
use super::grade::Rule;
use super::number::Rational;
use super::unit::Unit;

/// How far a decimal may be from the value it rounds, relative to that value.
const ROUNDING: f64 = 1e-4;
/// Relative rounding error of double precision after a long expression.
const PRECISION: f64 = 1e-9;
/// The same for cancelling summands, relative to the largest of them.
const CANCELLATION: f64 = 1e-13;
const MODULAR_POINTS: usize = 3;
const REAL_POINTS: usize = 16;
const MOST_VARIABLES: usize = 24;

/// A value and its unit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) value: Expression,
    pub(crate) unit: Unit,
}

/// Whether both are the same value in compatible units.
pub(crate) fn same(a: &Scalar, b: &Scalar) -> Option<Rule> {
    if !a.unit.agrees_with(&b.unit) {
        return None;
    }
    same_value(&a.value, &b.value).or_else(|| converted(a, b)).or_else(|| converted(b, a))
}

/// 50% against 0.5 and 90° against π/2: the unit taken as a factor.
fn converted(with_unit: &Scalar, bare: &Scalar) -> Option<Rule> {
    if bare.unit != Unit::Bare {
        return None;
    }
    let factor = match with_unit.unit {
        Unit::Percent => Expression::quotient(Expression::integer(1), Expression::integer(100)),
        Unit::Degree if bare.value.any(&|part| *part == Expression::Constant(Constant::Pi)) => {
            Expression::quotient(Expression::Constant(Constant::Pi), Expression::integer(180))
        }
        _ => return None,
    };
    same_value(&Expression::Product(vec![with_unit.value.clone(), factor]), &bare.value)
}

/// Whether both expressions have the same value everywhere.
pub(crate) fn same_value(a: &Expression, b: &Expression) -> Option<Rule> {
    match (exact(a), exact(b)) {
        (Some(x), Some(y)) if x == y => Some(Rule::Exact),
        (Some(x), Some(y)) => rounded_rationals(a, x, b, y).then_some(Rule::Rounded),
        (Some(x), None) if has_decimal(a) && is_irrational(b) => rounds(x, b),
        (None, Some(y)) if has_decimal(b) && is_irrational(a) => rounds(y, a),
        _ => identical(a, b),
    }
}

fn has_decimal(expression: &Expression) -> bool {
    expression.any(&|part| matches!(part, Expression::Number(literal) if literal.places.is_some()))
}

fn is_constant(expression: &Expression) -> bool {
    !expression.any(&|part| matches!(part, Expression::Variable(_)))
}

/// A constant that is not just a big or awkward fraction.
fn is_irrational(expression: &Expression) -> bool {
    let transcendental = expression.any(&|part| matches!(part, Expression::Constant(_)));
    let point = Point { names: &[], sample: 0, whole: false };
    is_constant(expression) && (transcendental || residue(expression, &point).is_none())
}

fn rounds(decimal: Rational, value: &Expression) -> Option<Rule> {
    let point = Point { names: &[], sample: 0, whole: false };
    let value = Numeric { point, largest_term: 0.0 }.value(value);
    let gap = value.subtract(Complex::real(decimal.as_f64())).size();
    (gap <= ROUNDING * value.size() && value.size() > 0.0).then_some(Rule::Rounded)
}

/// Decimals that round a repeating fraction, or of which one rounds the other.
fn rounded_rationals(a: &Expression, x: Rational, b: &Expression, y: Rational) -> bool {
    let close = (x.as_f64() - y.as_f64()).abs() <= ROUNDING * (1.0 + 1e-9) * x.as_f64().abs().max(y.as_f64().abs());
    match (has_decimal(a), has_decimal(b)) {
        (true, false) => close && !y.terminates(),
        (false, true) => close && !x.terminates(),
        (true, true) => close && (shortens(a, x, y).unwrap_or(false) || shortens(b, y, x).unwrap_or(false)),
        (false, false) => false,
    }
}

fn decimal_places(expression: &Expression) -> Option<i32> {
    match expression {
        Expression::Number(literal) => literal.places,
        Expression::Negative(inner) => decimal_places(inner),
        _ => None,
    }
}

/// Whether `short`, as written, is `long` rounded or cut off at its last digit.
fn shortens(written: &Expression, short: Rational, long: Rational) -> Option<bool> {
    let scale = Rational::integer(10).power(i128::from(decimal_places(written)?))?;
    let (short, long) = (short.multiply(scale)?, long.multiply(scale)?);
    let half = Rational::new(long.numerator.signum(), 2)?;
    let cut = |value: Rational| value.numerator.checked_div(value.denominator);
    let short = short.as_integer()?;
    Some(cut(long)? == short || cut(long.add(half)?)? == short)
}

/// The unknowns of both, in order; `None` if there are too many.
fn variables(a: &Expression, b: &Expression) -> Option<Vec<String>> {
    let mut names = Vec::new();
    a.collect_variables(&mut names);
    b.collect_variables(&mut names);
    names.sort();
    (names.len() <= MOST_VARIABLES).then_some(names)
}

/// Both values at the modular points, where they are rational expressions.
fn modular_values(a: &Expression, b: &Expression, names: &[String]) -> Option<Vec<(u64, u64)>> {
    let at = |sample| {
        let point = Point { names, sample, whole: false };
        Some((residue(a, &point)?, residue(b, &point)?))
    };
    (0..MODULAR_POINTS).map(at).collect()
}

fn identical(a: &Expression, b: &Expression) -> Option<Rule> {
    let names = variables(a, b)?;
    if let Some(values) = modular_values(a, b, &names) {
        return values.iter().all(|(x, y)| x == y).then_some(Rule::Identity);
    }
    let constant = names.is_empty();
    let imaginary = |part: &Expression| *part == Expression::Constant(Constant::Imaginary);
    let complex = constant || a.any(&imaginary) || b.any(&imaginary);
    let mut agreements = 0;
    for (x, y, largest) in real_values(a, b, &names) {
        let size = x.size().max(y.size());
        let close = x.subtract(y).size() <= PRECISION * size + CANCELLATION * largest;
        if close {
            agreements += 1;
        } else if complex || (x.is_real() && y.is_real()) {
            return None;
        }
    }
    let enough = if constant { 1 } else { 3 };
    (agreements >= enough).then_some(Rule::Identity)
}

/// Both values, and the largest summand, at the points where both are finite.
fn real_values(a: &Expression, b: &Expression, names: &[String]) -> Vec<(Complex, Complex, f64)> {
    let whole = needs_whole_numbers(a) || needs_whole_numbers(b);
    let points = if names.is_empty() { 1 } else { REAL_POINTS };
    let at = |sample| {
        let mut numeric = Numeric { point: Point { names, sample, whole }, largest_term: 0.0 };
        (numeric.value(a), numeric.value(b), numeric.largest_term)
    };
    (0..points).map(at).filter(|(x, y, _)| x.is_finite() && y.is_finite()).collect()
}

/// Factorials and floors are about whole numbers, and so is (−1)ⁿ.
fn needs_whole_numbers(expression: &Expression) -> bool {
    expression.any(&|part| match part {
        Expression::Call(function, argument) => function.is_discrete() && !is_constant(argument),
        Expression::Binomial(..) => true,
        Expression::Power(base, exponent) => {
            !is_constant(exponent) && exact(base).is_some_and(|base| base.numerator < 0)
        }
        _ => false,
    })
}

/// The constant c ≠ 0 (only its sign matters) with a = c·b everywhere.
pub(crate) fn proportional(a: &Expression, b: &Expression) -> Option<f64> {
    let names = variables(a, b)?;
    let values = real_values(a, b, &names);
    let ratios: Vec<f64> = values
        .iter()
        .filter(|(x, y, _)| x.is_real() && y.is_real() && x.size() > 1e-6 && y.size() > 1e-6)
        .map(|(x, y, _)| x.re / y.re)
        .collect();
    let first = *ratios.first()?;
    if let Some(values) = modular_values(a, b, &names) {
        let (x0, y0) = *values.first().filter(|(x, y)| *x != 0 && *y != 0)?;
        let cross = |(x, y): &(u64, u64)| super::field::multiply(*x, y0) == super::field::multiply(*y, x0);
        return values.iter().all(cross).then_some(first);
    }
    let steady = ratios.iter().all(|ratio| (ratio - first).abs() <= 1e-7 * first.abs());
    (steady && ratios.len() >= 3).then_some(first)
}
