//! Functions and their arguments inside an expression.

use super::expression::{Expression, Function};
use super::parse::Parser;

impl Parser<'_> {
    /// A function with optional base and exponent at its name, and its argument.
    pub(super) fn call(&mut self, function: Function, name: &str) -> Option<Expression> {
        self.nested(|parser| {
            parser.skip_space();
            let base = if name == "log" && parser.eat("_") { Some(parser.argument_number()?) } else { None };
            parser.skip_space();
            let exponent = if parser.eat("^") { Some(parser.exponent()?) } else { None };
            let argument = Box::new(parser.function_argument()?);
            let inverse = exponent.as_ref().filter(|power| is_minus_one(power));
            if let Some(inverse) = inverse.and_then(|_| function.inverse()) {
                return Some(Expression::Call(inverse, argument));
            }
            let mut value = Expression::Call(function, argument);
            if let Some(base) = base {
                value = Expression::quotient(value, Expression::Call(Function::Ln, Box::new(base)));
            }
            Some(match exponent {
                Some(exponent) => Expression::Power(Box::new(value), Box::new(exponent)),
                None => value,
            })
        })
    }

    /// The base of a logarithm: a group or a run of digits.
    fn argument_number(&mut self) -> Option<Expression> {
        self.skip_space();
        if self.peek().is_some_and(|c| c.is_ascii_digit()) {
            Some(Expression::Number(self.literal()?))
        } else {
            self.argument()
        }
    }

    /// A bracket group alone, else factors up to the next sign or function: sin 2x cos x is (sin 2x)(cos x).
    fn function_argument(&mut self) -> Option<Expression> {
        self.skip_space();
        match self.peek()? {
            '(' => return self.group('(', ')'),
            '[' => return self.group('[', ']'),
            '{' => return self.group('{', '}'),
            _ => {}
        }
        let negative = self.eat("-");
        let mut factors = vec![self.power()?];
        loop {
            self.skip_space();
            if !self.starts_factor() || self.at_function() || self.peek() == Some('(') {
                let product = Expression::product(factors);
                return Some(if negative { Expression::Negative(Box::new(product)) } else { product });
            }
            factors.push(self.power()?);
        }
    }

    fn at_function(&self) -> bool {
        let from = if self.peek() == Some('\\') { self.at + 1 } else { self.at };
        let ahead = self.characters.get(from..).unwrap_or_default();
        let name: String = ahead.iter().take_while(|c| c.is_ascii_alphabetic()).collect();
        Function::named(&name).is_some()
    }
}

fn is_minus_one(exponent: &Expression) -> bool {
    matches!(exponent, Expression::Negative(inner) if **inner == Expression::integer(1))
}
