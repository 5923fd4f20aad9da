//! Commands, functions and names inside an expression.

use super::expression::{Constant, Expression, Function};
use super::parse::Parser;

/// Commands that stand for an unknown.
const SYMBOLS: &str = "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu \
    nu xi rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi \
    Sigma Phi Psi Omega ell hbar prime odot infty angle triangle max min mho partial";

/// Commands that decorate a name.
const ACCENTS: &str = "dot ddot hat bar vec overline tilde widehat overrightarrow";

/// Names that need no backslash; longer ones before those they begin with.
const PLAIN_NAMES: &str =
    "arcsin arccos arctan sqrt infty sinh cosh tanh sin cos tan cot sec csc log exp abs inf ln pi";

fn listed(table: &str, name: &str) -> bool {
    table.split(' ').any(|entry| entry == name)
}

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
            name if listed(ACCENTS, name) => self.accented(name),
            name if listed(SYMBOLS, name) => self.subscripted(name.to_owned()),
            _ => None,
        }
    }

    /// The argument of a command: a group, one digit or one symbol.
    pub(super) fn argument(&mut self) -> Option<Expression> {
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
            self.take_while(char::is_alphanumeric)
        };
        self.subscripted(format!("{accent} {}", content.trim()))
    }

    /// A letter run: a function name, `pi`, or one letter as an unknown or constant.
    pub(super) fn word(&mut self) -> Option<Expression> {
        self.eat("np.");
        let start = self.at;
        let run = self.take_while(|c| c.is_ascii_alphabetic());
        let Some(name) = PLAIN_NAMES.split(' ').find(|name| run.starts_with(name)) else {
            // Four small letters in a row are prose, not a product.
            if run.chars().take_while(char::is_ascii_lowercase).count() >= 4 {
                return None;
            }
            self.at = start + 1;
            return self.subscripted(self.characters.get(start)?.to_string());
        };
        self.at = start + name.len();
        match name {
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
}
