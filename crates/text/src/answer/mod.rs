//! Final answers: finding them in model output and deciding whether they are right.
//!
//! [`extract`] takes the last box, else what a phrase such as "the answer is" announces, else the last number.
//! [`grade`] compares that with the known answer, [`equal`] compares two answers directly:
//!
//! ```
//! use minform_text::answer::{equal, grade};
//!
//! assert!(grade(r"So we get \boxed{\frac{1}{2}}.", "0.5").correct);
//! assert!(equal(r"(x+1)^2", "x^2+2x+1"));
//! assert!(!equal("[1,2)", "(1,2)"));
//! ```
//!
//! An answer is read into a shape (tuple, set, matrix, equation, words, a plain value, ...), shapes are
//! compared part by part, and plain values are decided by exact arithmetic where that is possible and by
//! evaluation at fixed points where it is not.
//! Nothing is random, nothing is slow: length, nesting and the number of parts are bounded.

mod clean;
mod compare;
mod complex;
mod evaluate;
mod expression;
mod extract;
mod field;
mod function;
mod grade;
mod literal;
mod matrix;
mod normal;
mod notation;
mod number;
mod parse;
mod relation;
mod scalar;
mod scan;
mod structure;
mod symbol;
mod unit;

pub(crate) use evaluate::exact;
pub use extract::{Marker, extract, extract_boxed, extract_with_marker};
pub use grade::{Grade, Rule, equal, grade};
pub use normal::{normal_form, numbered};
pub(crate) use number::Rational;
pub(crate) use parse::parse;
