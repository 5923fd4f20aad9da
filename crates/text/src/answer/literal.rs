//! Number literals inside an expression.

use super::expression::Expression;
use super::number::{Literal, Rational};
use super::parse::Parser;

/// Largest power of ten in scientific notation.
const LARGEST_EXPONENT: i32 = 400;

impl Parser<'_> {
    /// Digits, possibly a mixed number such as `1\frac{4}{5}` or `1 4/5`.
    pub(super) fn number(&mut self) -> Option<Expression> {
        let literal = self.literal()?;
        let whole = literal.exact.and_then(Rational::as_integer).filter(|_| literal.places.is_none());
        let number = Expression::Number(literal);
        let start = self.at;
        match whole.and_then(|_| self.proper_fraction()) {
            Some(fraction) => Some(Expression::Sum(vec![number, Expression::Number(fraction)])),
            None => {
                self.at = start;
                Some(number)
            }
        }
    }

    /// The fraction below one that makes a mixed number.
    fn proper_fraction(&mut self) -> Option<Literal> {
        let start = self.at;
        self.skip_space();
        let spaced = self.at > start;
        let (above, below) = if self.eat(r"\frac") {
            (self.argument_digits()?, self.argument_digits()?)
        } else if spaced {
            let above = self.take_while(|c| c.is_ascii_digit());
            self.eat("/").then_some(())?;
            (above, self.take_while(|c| c.is_ascii_digit()))
        } else {
            return None;
        };
        let value = Rational::new(above.parse().ok()?, below.parse().ok()?)?;
        let proper = value.numerator > 0 && value.numerator < value.denominator;
        let mut literal = Literal::integer(0);
        literal.exact = Some(value);
        literal.approximate = value.as_f64();
        literal.residue = value.residue()?;
        proper.then_some(literal)
    }

    fn argument_digits(&mut self) -> Option<String> {
        self.skip_space();
        if !self.eat("{") {
            let digit = self.peek().filter(char::is_ascii_digit)?;
            self.at += 1;
            return Some(digit.to_string());
        }
        self.skip_space();
        let digits = self.take_while(|c| c.is_ascii_digit());
        self.skip_space();
        self.eat("}").then_some(digits)
    }

    /// `12`, `1,234.5`, `.5`, `3.`, `4.5e33` or `0.1\overline{6}`.
    pub(super) fn literal(&mut self) -> Option<Literal> {
        let whole = self.whole_digits();
        let point = self.peek() == Some('.');
        if point {
            self.at += 1;
        }
        let fraction = if point { self.take_while(|c| c.is_ascii_digit()) } else { String::new() };
        if point && (self.eat(r"\overline{") || self.eat(r"\bar{") || self.eat(r"\dot{")) {
            let period = self.take_while(|c| c.is_ascii_digit());
            self.eat("}").then_some(())?;
            return Literal::repeating(&whole, &fraction, &period);
        }
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = self.scientific_exponent();
        let written = (point && !fraction.is_empty()) || exponent.is_some();
        Literal::decimal(&whole, &fraction, exponent.unwrap_or(0), written)
    }

    /// Digits with commas between groups of three taken out.
    fn whole_digits(&mut self) -> String {
        let mut digits = self.take_while(|c| c.is_ascii_digit());
        let short = (1..=3).contains(&digits.len());
        while short && self.at_thousands() {
            self.at += 1;
            digits.push_str(&self.take_while(|c| c.is_ascii_digit()));
        }
        digits
    }

    /// Whether a comma and exactly three digits follow.
    fn at_thousands(&self) -> bool {
        let digit = |ahead: usize| self.characters.get(self.at + ahead).is_some_and(char::is_ascii_digit);
        self.peek() == Some(',') && self.at > 0 && digit(1) && digit(2) && digit(3) && !digit(4)
    }

    /// `e33` or `E-5` right behind the digits; not the constant e, which no digits follow.
    fn scientific_exponent(&mut self) -> Option<i32> {
        let start = self.at;
        let exponent = self.read_exponent();
        if exponent.is_none() {
            self.at = start;
        }
        exponent
    }

    fn read_exponent(&mut self) -> Option<i32> {
        (self.eat("e") || self.eat("E")).then_some(())?;
        let negative = self.eat("-");
        if !negative {
            self.eat("+");
        }
        let size: i32 = self.take_while(|c| c.is_ascii_digit()).parse().ok()?;
        let size = Some(size).filter(|size| *size <= LARGEST_EXPONENT)?;
        Some(if negative { -size } else { size })
    }
}
