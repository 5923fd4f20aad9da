//! Three ways to evaluate an expression: exactly, modulo a prime, and in double precision.

use super::complex::Complex;
use super::expression::{Constant, Expression, Function};
use super::field;
use super::number::Rational;

const LARGEST_FACTORIAL: i128 = 3000;

/// The exact value, where it is rational and fits 128 bits.
pub(crate) fn exact(expression: &Expression) -> Option<Rational> {
    match expression {
        Expression::Number(literal) => literal.exact,
        Expression::Constant(_) | Expression::Variable(_) => None,
        Expression::Sum(parts) => parts.iter().try_fold(Rational::integer(0), |sum, part| sum.add(exact(part)?)),
        Expression::Product(parts) => parts.iter().try_fold(Rational::ONE, |all, part| all.multiply(exact(part)?)),
        Expression::Negative(part) => exact(part)?.negate(),
        Expression::Inverse(part) => exact(part)?.inverse(),
        Expression::Power(base, exponent) => exact_power(exact(base)?, exact(exponent)?),
        Expression::Root(index, radicand) => exact(radicand)?.root(exact(index)?.as_integer()?),
        Expression::Call(function, part) => exact_call(*function, exact(part)?),
        Expression::Binomial(n, k) => exact_binomial(exact(n)?.as_integer()?, exact(k)?.as_integer()?),
    }
}

fn exact_power(base: Rational, exponent: Rational) -> Option<Rational> {
    if let Some(exponent) = exponent.as_integer() {
        return base.power(exponent);
    }
    let positive = base.numerator >= 0;
    base.root(exponent.denominator).filter(|_| positive)?.power(exponent.numerator)
}

fn exact_call(function: Function, argument: Rational) -> Option<Rational> {
    let floor = argument.numerator.div_euclid(argument.denominator);
    match function {
        Function::Absolute if argument.numerator < 0 => argument.negate(),
        Function::Absolute => Some(argument),
        Function::Floor => Some(Rational::integer(floor)),
        Function::Ceiling if argument.denominator == 1 => Some(argument),
        Function::Ceiling => Some(Rational::integer(floor.checked_add(1)?)),
        Function::Factorial => {
            let n = argument.as_integer().filter(|n| (0..=33).contains(n))?;
            Some(Rational::integer((1..=n).product()))
        }
        _ => None,
    }
}

fn exact_binomial(n: i128, k: i128) -> Option<Rational> {
    if !(0..=n).contains(&k) || n > LARGEST_FACTORIAL {
        return None;
    }
    let k = k.min(n - k);
    let value = (0..k).try_fold(1_i128, |product, j| Some(product.checked_mul(n - j)? / (j + 1)))?;
    Some(Rational::integer(value))
}

/// Values for the unknowns at one sample point.
pub(crate) struct Point<'a> {
    pub(crate) names: &'a [String],
    pub(crate) sample: usize,
    /// Only whole positive numbers, for factorials and floors.
    pub(crate) whole: bool,
}

impl Point<'_> {
    fn index(&self, name: &str) -> usize {
        self.names.iter().position(|known| known == name).unwrap_or(self.names.len())
    }

    /// Scattered but fixed values in (0, 1), (1, 4), (−3, 0) and (0, 8), in turn.
    fn real(&self, name: &str) -> f64 {
        let index = self.index(name);
        if self.whole {
            let (a, b) = (self.sample as u64, index as u64);
            return (1 + (a * 5 + b * 7 + a * b * 3) % 13) as f64;
        }
        let fraction = (field::scattered(index, self.sample) % 100_003) as f64 / 100_003.0;
        match self.sample % 4 {
            0 => 0.02 + 0.97 * fraction,
            1 => 1.0 + 3.0 * fraction,
            2 => -3.0 + 2.95 * fraction,
            _ => 0.1 + 8.0 * fraction,
        }
    }
}

/// The value modulo the prime; π and e count as unknowns. `None` where a root or a function is in the way.
pub(crate) fn residue(expression: &Expression, point: &Point<'_>) -> Option<u64> {
    if let Some(value) = exact(expression) {
        return value.residue();
    }
    match expression {
        Expression::Number(literal) => Some(literal.residue),
        Expression::Constant(Constant::Imaginary) => Some(field::IMAGINARY),
        Expression::Constant(constant) => Some(field::scattered(1000 + *constant as usize, point.sample)),
        Expression::Variable(name) => Some(field::scattered(point.index(name), point.sample)),
        Expression::Sum(parts) => parts.iter().try_fold(0, |sum, part| Some(field::add(sum, residue(part, point)?))),
        Expression::Product(parts) => {
            parts.iter().try_fold(1, |all, part| Some(field::multiply(all, residue(part, point)?)))
        }
        Expression::Negative(part) => Some(field::negate(residue(part, point)?)),
        Expression::Inverse(part) => field::inverse(residue(part, point)?),
        Expression::Power(base, exponent) => field::power(residue(base, point)?, exact(exponent)?.as_integer()?),
        Expression::Call(Function::Factorial, part) => {
            let n = exact(part)?.as_integer().filter(|n| (0..=LARGEST_FACTORIAL).contains(n))?;
            Some((1..=n).fold(1, |all, factor| field::multiply(all, field::from_integer(factor))))
        }
        Expression::Binomial(n, k) => residue_binomial(exact(n)?.as_integer()?, exact(k)?.as_integer()?),
        Expression::Root(..) | Expression::Call(..) => None,
    }
}

fn residue_binomial(n: i128, k: i128) -> Option<u64> {
    if !(0..=n).contains(&k) || n > LARGEST_FACTORIAL {
        return None;
    }
    (0..k).try_fold(1, |product, j| {
        let step = field::multiply(product, field::from_integer(n - j));
        Some(field::multiply(step, field::inverse(field::from_integer(j + 1))?))
    })
}

/// Evaluation in double precision; remembers the largest summand, which bounds the rounding error.
pub(crate) struct Numeric<'a> {
    pub(crate) point: Point<'a>,
    pub(crate) largest_term: f64,
}

impl Numeric<'_> {
    /// The value; not finite where the expression has none.
    pub(crate) fn value(&mut self, expression: &Expression) -> Complex {
        match expression {
            Expression::Number(literal) => Complex::real(literal.approximate),
            Expression::Constant(Constant::Pi) => Complex::real(std::f64::consts::PI),
            Expression::Constant(Constant::Euler) => Complex::real(std::f64::consts::E),
            Expression::Constant(Constant::Imaginary) => Complex::new(0.0, 1.0),
            Expression::Variable(name) => Complex::real(self.point.real(name)),
            Expression::Sum(parts) => parts.iter().fold(Complex::real(0.0), |sum, part| {
                let term = self.value(part);
                self.largest_term = self.largest_term.max(term.size());
                sum.add(term)
            }),
            Expression::Product(parts) => {
                parts.iter().fold(Complex::real(1.0), |product, part| product.multiply(self.value(part)))
            }
            Expression::Negative(part) => Complex::real(0.0).subtract(self.value(part)),
            Expression::Inverse(part) => Complex::real(1.0).divide(self.value(part)),
            Expression::Power(base, exponent) if **base == Expression::Constant(Constant::Euler) => {
                self.value(exponent).exp()
            }
            Expression::Power(base, exponent) => self.value(base).power(self.value(exponent)),
            Expression::Root(index, radicand) => self.value(radicand).root(self.value(index)),
            Expression::Call(function, argument) => call(*function, self.value(argument)),
            Expression::Binomial(n, k) => binomial(self.value(n), self.value(k)),
        }
    }
}

fn call(function: Function, z: Complex) -> Complex {
    let one = Complex::real(1.0);
    match function {
        Function::Sin => z.sin(),
        Function::Cos => z.cos(),
        Function::Tan => z.sin().divide(z.cos()),
        Function::Cot => z.cos().divide(z.sin()),
        Function::Sec => one.divide(z.cos()),
        Function::Csc => one.divide(z.sin()),
        Function::Ln => z.ln(),
        Function::Exp => z.exp(),
        Function::Absolute => Complex::real(z.size()),
        // The rest is only needed, and only defined here, for real arguments.
        _ if z.im != 0.0 => Complex::real(f64::NAN),
        Function::Arcsin => Complex::real(z.re.asin()),
        Function::Arccos => Complex::real(z.re.acos()),
        Function::Arctan => Complex::real(z.re.atan()),
        Function::Sinh => Complex::real(z.re.sinh()),
        Function::Cosh => Complex::real(z.re.cosh()),
        Function::Tanh => Complex::real(z.re.tanh()),
        Function::Floor => Complex::real((z.re + 1e-12).floor()),
        Function::Ceiling => Complex::real((z.re - 1e-12).ceil()),
        Function::Factorial => Complex::real(factorial(z.re)),
    }
}

/// n! for whole n from 0 to 170.
fn factorial(n: f64) -> f64 {
    let whole = n.round();
    if (n - whole).abs() > 1e-9 || !(0.0..=170.0).contains(&whole) {
        return f64::NAN;
    }
    (1..=whole as u32).map(f64::from).product()
}

fn binomial(n: Complex, k: Complex) -> Complex {
    if n.im != 0.0 || k.im != 0.0 {
        return Complex::real(f64::NAN);
    }
    Complex::real(factorial(n.re) / factorial(k.re) / factorial(n.re - k.re))
}
