//! Commands, functions and names inside an expression.

use super::expression::{Constant, Expression, Function};
use super::parse::Parser;

/// Commands that stand for an unknown.
const SYMBOLS: &[&str] = &[
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "upsilon", "phi", "varphi", "chi", "psi", "omega", "Gamma",
    "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega", "ell", "hbar", "prime", "odot", "infty",
    "angle", "triangle", "max", "min", "mho", "partial",
];

/// Commands that decorate a name.
const ACCENTS: &[&str] = &["dot", "ddot", "hat", "bar", "vec", "overline", "tilde", "widehat", "overrightarrow"];

impl Parser<'_> {
    pub(super) fn command(&mut self) -> Option<Expression> {
        self.at += 1;
        let name = self.take_while(|c| c.is_ascii_alphabetic());
        if let Some(function) = Function::named(&name) {
            return self.call(function, &name);
        }
        match name.as_str() {
            "frac" => Some(Expression::quotient(self.argument()?, self.argument()?)),
            "binom" => Some(Expression::Binomial(Box::new(self.argument()?), Box::new(self.argument()?))),
            "sqrt" => self.root(),
            "pi" => Some(Expression::Constant(Constant::Pi)),
            "lfloor" => self.until(Function::Floor, r"\rfloor"),
            "lceil" => self.until(Function::Ceiling, r"\rceil"),
            "text" => self.named_by_text(),
            name if ACCENTS.contains(&name) => self.accented(name),
            name if SYMBOLS.contains(&name) => self.subscripted(name.to_owned()),
            _ => None,
        }
    }

    /// The argument of a command: a group, one digit or one symbol.
    fn argument(&mut self) -> Option<Expression> {
        self.nested(|parser| {
            parser.skip_space();
            match parser.peek()? {
                '{' => parser.group('{', '}'),
                '\\' => parser.command(),
                c if c.is_ascii_digit() => {
                    parser.at += 1;
                    Some(Expression::integer(i128::from(c.to_digit(10)?)))
                }
                c if c.is_alphabetic() => {
                    parser.at += 1;
                    Some(Self::constant(&c.to_string()))
                }
                _ => None,
            }
        })
    }

    /// `\sqrt{2}`, `\sqrt[3]{2}`, `sqrt(2)`; a bare `\sqrt12` means the root of twelve.
    fn root(&mut self) -> Option<Expression> {
        self.skip_space();
        let bracketed = self.peek() == Some('[');
        let index = if bracketed { self.group('[', ']')? } else { Expression::integer(2) };
        self.skip_space();
        let radicand = match self.peek()? {
            c if c.is_ascii_digit() => Expression::Number(self.literal()?),
            '(' => self.group('(', ')')?,
            _ => self.argument()?,
        };
        Some(Expression::Root(Box::new(index), Box::new(radicand)))
    }

    fn until(&mut self, function: Function, close: &str) -> Option<Expression> {
        let outside = std::mem::replace(&mut self.in_bars, false);
        let inner = self.sum();
        self.in_bars = outside;
        self.skip_space();
        self.eat(close).then_some(())?;
        Some(Expression::Call(function, Box::new(inner?)))
    }

    /// A name in upright letters, such as `\text{red}`; a bare word command names what follows.
    fn named_by_text(&mut self) -> Option<Expression> {
        self.skip_space();
        if !self.eat("{") {
            return None;
        }
        let name: String = self.take_while(|c| c.is_alphanumeric() || c == ' ').split_whitespace().collect();
        self.eat("}").then_some(())?;
        if let Some(function) = Function::named(&name) {
            return self.call(function, &name);
        }
        match name.chars().count() {
            0 => None,
            1 if name.starts_with(char::is_numeric) => None,
            _ => self.subscripted(name),
        }
    }

    fn accented(&mut self, accent: &str) -> Option<Expression> {
        self.skip_space();
        let content = if self.eat("{") {
            let content = self.take_while(|c| c.is_alphanumeric() || matches!(c, '\\' | '_' | ' '));
            self.eat("}").then_some(content)?
        } else {
            self.take_while(|c| c.is_alphanumeric())
        };
        self.subscripted(format!("{accent} {}", content.trim()))
    }

    /// A letter run: a function name, `pi`, or one letter as an unknown or constant.
    pub(super) fn word(&mut self) -> Option<Expression> {
        self.eat("np.");
        let start = self.at;
        let run = self.take_while(|c| c.is_ascii_alphabetic());
        let known = ["arcsin", "arccos", "arctan", "sqrt", "infty", "sinh", "cosh", "tanh", "sin", "cos", "tan", "cot"];
        let known = known.iter().chain(["sec", "csc", "log", "exp", "abs", "inf", "ln", "pi"].iter());
        let Some(name) = known.into_iter().find(|name| run.starts_with(**name)) else {
            // Four small letters in a row are prose, not a product.
            if run.chars().take_while(char::is_ascii_lowercase).count() >= 4 {
                return None;
            }
            self.at = start + 1;
            return self.subscripted(self.characters.get(start)?.to_string());
        };
        self.at = start + name.len();
        match *name {
            "sqrt" => self.root(),
            "pi" => Some(Expression::Constant(Constant::Pi)),
            "inf" | "infty" => Some(Expression::Variable("infty".to_owned())),
            name => self.call(Function::named(name)?, name),
        }
    }

    /// Completes a name with its subscript and primes.
    fn subscripted(&mut self, mut name: String) -> Option<Expression> {
        let plain = name.clone();
        let start = self.at;
        self.skip_space();
        if self.eat("_") {
            self.skip_space();
            let content = self.subscript()?;
            name.push('_');
            name.push_str(&content);
        } else {
            self.at = start;
        }
        while self.eat("'") {
            name.push('\'');
        }
        if let Some(argument) = self.numeric_argument() {
            return Some(Expression::Variable(format!("{name}({argument})")));
        }
        Some(if name == plain { Self::constant(&name) } else { Expression::Variable(name) })
    }

    /// The number in `I(0)`, which is a value of I and not a product.
    fn numeric_argument(&mut self) -> Option<String> {
        let start = self.at;
        if self.eat("(") {
            let digits = self.take_while(|c| c.is_ascii_digit());
            if !digits.is_empty() && self.eat(")") {
                return Some(digits);
            }
        }
        self.at = start;
        None
    }

    fn subscript(&mut self) -> Option<String> {
        if !self.eat("{") {
            let c = self.peek().filter(|c| c.is_alphanumeric())?;
            self.at += 1;
            return Some(c.to_string());
        }
        let (mut content, mut depth) = (String::new(), 1_usize);
        loop {
            let c = self.peek()?;
            self.at += 1;
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                c if c.is_whitespace() => {}
                c => content.push(c),
            }
            if depth == 0 {
                return Some(content.replace("\\text", "").replace('\\', ""));
            }
        }
    }

    /// A function with optional base and exponent at its name, and its argument.
    fn call(&mut self, function: Function, name: &str) -> Option<Expression> {
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
        if self.peek().is_some_and(|c| c.is_ascii_digit()) { Some(Expression::Number(self.literal()?)) } else { self.argument() }
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
