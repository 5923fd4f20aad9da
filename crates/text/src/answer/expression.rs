//! The tree of a plain mathematical expression.

use super::number::Literal;

/// A number that is not written in digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constant {
    Pi,
    Euler,
    Imaginary,
}

/// Functions of one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Sin,
    Cos,
    Tan,
    Cot,
    Sec,
    Csc,
    Arcsin,
    Arccos,
    Arctan,
    Sinh,
    Cosh,
    Tanh,
    Ln,
    Exp,
    Absolute,
    Floor,
    Ceiling,
    Factorial,
}

impl Function {
    /// The function that is written `\name` or just `name`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sin" => Self::Sin,
            "cos" => Self::Cos,
            "tan" => Self::Tan,
            "cot" => Self::Cot,
            "sec" => Self::Sec,
            "csc" => Self::Csc,
            "arcsin" | "asin" => Self::Arcsin,
            "arccos" | "acos" => Self::Arccos,
            "arctan" | "atan" => Self::Arctan,
            "sinh" => Self::Sinh,
            "cosh" => Self::Cosh,
            "tanh" => Self::Tanh,
            "ln" | "log" => Self::Ln,
            "exp" => Self::Exp,
            "abs" => Self::Absolute,
            _ => return None,
        })
    }

    /// What an exponent −1 at the name means, as in `\sin^{-1} x`.
    pub(crate) fn inverse(self) -> Option<Self> {
        match self {
            Self::Sin => Some(Self::Arcsin),
            Self::Cos => Some(Self::Arccos),
            Self::Tan => Some(Self::Arctan),
            _ => None,
        }
    }

    /// Whether only whole arguments make sense or matter.
    pub(crate) fn is_discrete(self) -> bool {
        matches!(self, Self::Floor | Self::Ceiling | Self::Factorial)
    }
}

/// An expression. Sums and products are flat, so depth is bounded by the nesting of brackets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Number(Literal),
    Constant(Constant),
    Variable(String),
    Sum(Vec<Self>),
    Product(Vec<Self>),
    Negative(Box<Self>),
    Inverse(Box<Self>),
    Power(Box<Self>, Box<Self>),
    /// Index, then what stands below the root.
    Root(Box<Self>, Box<Self>),
    Call(Function, Box<Self>),
    Binomial(Box<Self>, Box<Self>),
}

impl Expression {
    pub(crate) fn integer(value: i128) -> Self {
        Self::Number(Literal::integer(value))
    }

    /// A sum, product or the single part itself.
    pub(crate) fn product(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Self::Product(parts) }
    }

    pub(crate) fn sum(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Self::Sum(parts) }
    }

    pub(crate) fn difference(left: Self, right: Self) -> Self {
        Self::Sum(vec![left, Self::Negative(Box::new(right))])
    }

    pub(crate) fn quotient(above: Self, below: Self) -> Self {
        Self::Product(vec![above, Self::Inverse(Box::new(below))])
    }

    /// The direct parts.
    pub(crate) fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Number(_) | Self::Constant(_) | Self::Variable(_) => Vec::new(),
            Self::Sum(parts) | Self::Product(parts) => parts.iter().collect(),
            Self::Negative(part) | Self::Inverse(part) | Self::Call(_, part) => vec![part],
            Self::Power(a, b) | Self::Root(a, b) | Self::Binomial(a, b) => vec![a, b],
        }
    }

    /// Whether `test` holds for this node or any node below.
    pub(crate) fn any(&self, test: &impl Fn(&Self) -> bool) -> bool {
        test(self) || self.parts().into_iter().any(|part| part.any(test))
    }

    /// Adds the names of all unknowns to `names`.
    pub(crate) fn collect_variables(&self, names: &mut Vec<String>) {
        if let Self::Variable(name) = self
            && !names.contains(name)
        {
            names.push(name.clone());
        }
        for part in self.parts() {
            part.collect_variables(names);
        }
    }
}
