//! Reads cleaned LaTeX or plain text into an [`Expression`].
//!
//! A recursive descent over characters, because LaTeX arguments are characters: `\frac12` is one half.
//! Nesting and length are bounded, and `None` means "not an expression".

use super::expression::{Constant, Expression, Function};
use super::number::Literal;

const LONGEST: usize = 1500;
const DEEPEST: usize = 40;

/// Reads the whole text.
pub(crate) fn parse(text: &str) -> Option<Expression> {
    let characters: Vec<char> = text.chars().take(LONGEST + 1).collect();
    if characters.len() > LONGEST {
        return None;
    }
    let mut parser = Parser { characters: &characters, at: 0, depth: 0, in_bars: false };
    let expression = parser.sum()?;
    parser.skip_space();
    (parser.at == characters.len()).then_some(expression)
}

pub(super) struct Parser<'a> {
    pub(super) characters: &'a [char],
    pub(super) at: usize,
    depth: usize,
    pub(super) in_bars: bool,
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    pub(super) fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// Consumes `text` if it comes next; a command must end there.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let end = self.at + text.chars().count();
        let Some(next) = self.characters.get(self.at..end) else {
            return false;
        };
        let follows = self.characters.get(end).copied().unwrap_or(' ');
        let is_command = text.len() > 1 && text.starts_with('\\');
        let whole = !is_command || !follows.is_ascii_alphabetic() || !text.ends_with(|c: char| c.is_ascii_alphabetic());
        let matches = whole && next.iter().copied().eq(text.chars());
        if matches {
            self.at = end;
        }
        matches
    }

    pub(super) fn take_while(&mut self, test: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.peek().filter(|c| test(*c)) {
            taken.push(c);
            self.at += 1;
        }
        taken
    }

    /// Runs `read` one level deeper, unless that is too deep.
    pub(super) fn nested(&mut self, read: impl FnOnce(&mut Self) -> Option<Expression>) -> Option<Expression> {
        if self.depth >= DEEPEST {
            return None;
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// term ± term ± …
    pub(super) fn sum(&mut self) -> Option<Expression> {
        self.nested(|parser| {
            let mut terms = vec![parser.signed_term()?];
            loop {
                parser.skip_space();
                if !matches!(parser.peek(), Some('+' | '-')) {
                    return Some(Expression::sum(terms));
                }
                terms.push(parser.signed_term()?);
            }
        })
    }

    /// Eats signs; whether they make a minus.
    fn signs(&mut self) -> bool {
        let mut negative = false;
        loop {
            self.skip_space();
            match self.peek() {
                Some('-') => negative = !negative,
                Some('+') => {}
                _ => return negative,
            }
            self.at += 1;
        }
    }

    fn signed_term(&mut self) -> Option<Expression> {
        let negative = self.signs();
        let term = self.term()?;
        Some(if negative { Expression::Negative(Box::new(term)) } else { term })
    }

    /// factor · factor / factor …, from left to right, with or without a sign between them.
    fn term(&mut self) -> Option<Expression> {
        let mut factors = vec![self.power()?];
        loop {
            let after_digit =
                self.at.checked_sub(1).and_then(|at| self.characters.get(at)).is_some_and(char::is_ascii_digit);
            self.skip_space();
            if ["*", r"\cdot", r"\times", r"\ast"].iter().any(|sign| self.eat(sign)) {
                factors.push(self.signed_factor()?);
            } else if ["/", r"\div"].iter().any(|sign| self.eat(sign)) {
                factors.push(Expression::Inverse(Box::new(self.signed_factor()?)));
            } else if self.starts_factor() {
                // "3 4" is neither 12 nor 34.
                if after_digit && self.peek().is_some_and(|c| c.is_ascii_digit() || c == '.') {
                    return None;
                }
                factors.push(self.power()?);
            } else {
                return Some(Expression::product(factors));
            }
        }
    }

    fn signed_factor(&mut self) -> Option<Expression> {
        let negative = self.signs();
        let factor = self.power()?;
        Some(if negative { Expression::Negative(Box::new(factor)) } else { factor })
    }

    /// Whether a factor can begin here.
    pub(super) fn starts_factor(&self) -> bool {
        match self.peek() {
            Some('|') => !self.in_bars,
            Some('\\') => !self.at_closing_command(),
            Some(c) => c.is_alphanumeric() || matches!(c, '(' | '[' | '{' | '.'),
            None => false,
        }
    }

    fn at_closing_command(&self) -> bool {
        let mut ahead = Parser { characters: self.characters, at: self.at, depth: self.depth, in_bars: self.in_bars };
        [r"\rfloor", r"\rceil", r"\cdot", r"\times", r"\div"].iter().any(|command| ahead.eat(command))
    }

    /// A primary with exponents and factorial signs behind it.
    pub(super) fn power(&mut self) -> Option<Expression> {
        self.nested(|parser| {
            let mut base = parser.primary()?;
            for _ in 0..DEEPEST {
                parser.skip_space();
                if parser.eat(r"^\circ") || parser.eat(r"^{\circ}") {
                    base = degrees(base);
                } else if parser.eat("^") {
                    let exponent = parser.exponent()?;
                    base = Expression::Power(Box::new(base), Box::new(exponent));
                } else if parser.eat("!") {
                    base = Expression::Call(Function::Factorial, Box::new(base));
                } else {
                    return Some(base);
                }
            }
            None
        })
    }

    /// What stands behind `^`: a group, a whole number with sign, or one symbol.
    pub(super) fn exponent(&mut self) -> Option<Expression> {
        self.nested(|parser| {
            parser.skip_space();
            let negative = parser.signs();
            let digits = parser.take_while(|c| c.is_ascii_digit());
            let size = if digits.is_empty() {
                parser.primary()?
            } else {
                Expression::Number(Literal::decimal(&digits, "", 0, false)?)
            };
            Some(if negative { Expression::Negative(Box::new(size)) } else { size })
        })
    }

    fn primary(&mut self) -> Option<Expression> {
        self.skip_space();
        match self.peek()? {
            c if c.is_ascii_digit() || c == '.' => self.number(),
            '(' => self.group('(', ')'),
            '[' => self.group('[', ']'),
            '{' => self.group('{', '}'),
            '|' if !self.in_bars => self.bars(),
            '\\' => self.command(),
            c if c.is_alphabetic() => self.word(),
            _ => None,
        }
    }

    pub(super) fn group(&mut self, open: char, close: char) -> Option<Expression> {
        self.skip_space();
        if self.peek() != Some(open) {
            return None;
        }
        self.at += 1;
        let outside = std::mem::replace(&mut self.in_bars, false);
        let inner = self.sum();
        self.in_bars = outside;
        self.skip_space();
        if self.peek() != Some(close) {
            return None;
        }
        self.at += 1;
        inner
    }

    fn bars(&mut self) -> Option<Expression> {
        self.at += 1;
        self.in_bars = true;
        let inner = self.sum();
        self.in_bars = false;
        self.skip_space();
        self.eat("|").then_some(())?;
        Some(Expression::Call(Function::Absolute, Box::new(inner?)))
    }

    pub(super) fn constant(name: &str) -> Expression {
        match name {
            "e" => Expression::Constant(Constant::Euler),
            "i" => Expression::Constant(Constant::Imaginary),
            other => Expression::Variable(other.to_owned()),
        }
    }
}

fn degrees(base: Expression) -> Expression {
    let turn = Expression::quotient(Expression::Constant(Constant::Pi), Expression::integer(180));
    Expression::Product(vec![base, turn])
}
