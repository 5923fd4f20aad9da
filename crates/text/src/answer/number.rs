//! Exact fractions of 128-bit integers and number literals.

use super::field;

/// A reduced fraction with positive denominator. Every operation is checked and gives `None` on overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rational {
    pub(crate) numerator: i128,
    pub(crate) denominator: i128,
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Rational {
    pub(crate) const ONE: Self = Self { numerator: 1, denominator: 1 };

    pub(crate) fn integer(numerator: i128) -> Self {
        Self { numerator, denominator: 1 }
    }

    pub(crate) fn new(numerator: i128, denominator: i128) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let divisor = i128::try_from(gcd(numerator.unsigned_abs(), denominator.unsigned_abs())).ok()?;
        let sign = if denominator < 0 { -1 } else { 1 };
        Some(Self {
            numerator: numerator.checked_div(divisor)?.checked_mul(sign)?,
            denominator: denominator.checked_div(divisor)?.checked_mul(sign)?,
        })
    }

    pub(crate) fn add(self, other: Self) -> Option<Self> {
        let left = self.numerator.checked_mul(other.denominator)?;
        let right = other.numerator.checked_mul(self.denominator)?;
        Self::new(left.checked_add(right)?, self.denominator.checked_mul(other.denominator)?)
    }

    pub(crate) fn multiply(self, other: Self) -> Option<Self> {
        let cross = Self::new(self.numerator, other.denominator)?;
        let dual = Self::new(other.numerator, self.denominator)?;
        Self::new(cross.numerator.checked_mul(dual.numerator)?, cross.denominator.checked_mul(dual.denominator)?)
    }

    pub(crate) fn negate(self) -> Option<Self> {
        Some(Self { numerator: self.numerator.checked_neg()?, ..self })
    }

    pub(crate) fn inverse(self) -> Option<Self> {
        Self::new(self.denominator, self.numerator)
    }

    pub(crate) fn power(self, exponent: i128) -> Option<Self> {
        let base = if exponent < 0 { self.inverse()? } else { self };
        if exponent == 0 {
            return (base.numerator != 0).then_some(Self::ONE);
        }
        let size = u32::try_from(exponent.unsigned_abs()).ok()?;
        let numerator = base.numerator.checked_pow(size)?;
        Some(Self { numerator, denominator: base.denominator.checked_pow(size)? })
    }

    pub(crate) fn as_integer(self) -> Option<i128> {
        (self.denominator == 1).then_some(self.numerator)
    }

    /// The rational `index`-th root, where there is one.
    pub(crate) fn root(self, index: i128) -> Option<Self> {
        let index = u32::try_from(index).ok().filter(|index| (1..64).contains(index))?;
        let numerator = integer_root(self.numerator, index)?;
        Some(Self { numerator, denominator: integer_root(self.denominator, index)? })
    }

    /// Whether the decimal expansion ends, that is whether 2 and 5 are the only primes below the bar.
    pub(crate) fn terminates(self) -> bool {
        let mut rest = self.denominator;
        for prime in [2, 5] {
            while rest % prime == 0 {
                rest /= prime;
            }
        }
        rest == 1
    }

    pub(crate) fn as_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    pub(crate) fn residue(self) -> Option<u64> {
        let below = field::inverse(field::from_integer(self.denominator))?;
        Some(field::multiply(field::from_integer(self.numerator), below))
    }
}

fn integer_root(value: i128, index: u32) -> Option<i128> {
    if value < 0 && index.is_multiple_of(2) {
        return None;
    }
    let guess = (value.unsigned_abs() as f64).powf(1.0 / f64::from(index)).round() as i128;
    let near = [guess - 1, guess, guess + 1];
    let size = near.into_iter().find(|root| root.checked_pow(index) == value.checked_abs())?;
    Some(if value < 0 { -size } else { size })
}

/// A number as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Literal {
    /// The value, unless it needs more than 128 bits.
    pub(crate) exact: Option<Rational>,
    pub(crate) approximate: f64,
    pub(crate) residue: u64,
    /// Digits behind the decimal point less the exponent of ten; `None` for an integer or a repeating decimal.
    pub(crate) places: Option<i32>,
}

impl Literal {
    /// whole.fraction × 10^exponent; `point` says that it was written with a decimal point or an exponent.
    pub(crate) fn decimal(whole: &str, fraction: &str, exponent: i32, point: bool) -> Option<Self> {
        let digits = format!("{whole}{fraction}");
        let places = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        let ten = Rational::integer(10).power(-i128::from(places));
        let exact = digits.parse::<i128>().ok().zip(ten).and_then(|(all, ten)| Rational::integer(all).multiply(ten));
        let horner = |sum, digit: u8| field::add(field::multiply(sum, 10), u64::from(digit.wrapping_sub(b'0')));
        let scale = field::power(10, -i128::from(places))?;
        Some(Self {
            exact,
            approximate: format!("0{whole}.{fraction}0e{exponent}").parse().ok()?,
            residue: field::multiply(digits.bytes().fold(0, horner), scale),
            places: point.then_some(places),
        })
    }

    /// whole.fraction with `period` repeated for ever.
    pub(crate) fn repeating(whole: &str, fraction: &str, period: &str) -> Option<Self> {
        let head: i128 = format!("0{whole}{fraction}").parse().ok()?;
        let all: i128 = format!("0{whole}{fraction}{period}").parse().ok()?;
        let nines = 10_i128.checked_pow(u32::try_from(period.len()).ok()?)?.checked_sub(1)?;
        let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let exact = Rational::new(all.checked_sub(head)?, nines.checked_mul(scale)?)?;
        Some(Self { exact: Some(exact), approximate: exact.as_f64(), residue: exact.residue()?, places: None })
    }

    pub(crate) fn integer(value: i128) -> Self {
        let exact = Rational::integer(value);
        Self { exact: Some(exact), approximate: value as f64, residue: field::from_integer(value), places: None }
    }
}
