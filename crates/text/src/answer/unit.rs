//! Units behind (and currency signs in front of) a value.

use super::scan::leading_group;

/// What a value is measured in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Nothing is said.
    Bare,
    Percent,
    Degree,
    /// A unit of the table below, in its short form.
    Known(String),
    /// Some other words.
    Words,
}

impl Unit {
    /// Whether the two may stand behind equal values: a missing or unknown unit goes with anything.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => a == b,
            (Self::Known(_), Self::Percent | Self::Degree) | (Self::Percent | Self::Degree, Self::Known(_)) => false,
            (Self::Percent, Self::Degree) | (Self::Degree, Self::Percent) => false,
            _ => true,
        }
    }
}

/// Short form, then the long forms in the singular.
const UNITS: &[&[&str]] = &[
    &["mm", "millimeter", "millimetre"],
    &["cm", "centimeter", "centimetre"],
    &["m", "meter", "metre"],
    &["km", "kilometer", "kilometre"],
    &["in", "inch"],
    &["ft", "foot", "feet"],
    &["yd", "yard"],
    &["mi", "mile"],
    &["mg", "milligram"],
    &["g", "gram", "gm"],
    &["kg", "kilogram"],
    &["lb", "pound"],
    &["oz", "ounce"],
    &["l", "liter", "litre"],
    &["ml", "milliliter", "millilitre"],
    &["gal", "gallon"],
    &["s", "second", "sec"],
    &["min", "minute"],
    &["h", "hour", "hr"],
    &["day"],
    &["week"],
    &["month"],
    &["year"],
    &["$", "dollar", "usd", "buck"],
    &["¢", "cent"],
    &["€", "euro", "eur"],
    &["£", "gbp"],
    &["am"],
    &["pm"],
    &["mph", "milesperhour"],
    &["kmh", "kilometersperhour", "km/h"],
    &["unit"],
    &["hz", "hertz"],
    &["erg"],
    &["rad", "radian"],
];

fn in_table(word: &str) -> Option<&'static str> {
    let singular = word.strip_suffix("es").filter(|_| word == "inches");
    let singular = singular.or_else(|| word.strip_suffix('s').filter(|stem| stem.len() > 1));
    let forms = [Some(word), singular];
    let row = UNITS.iter().find(|row| forms.iter().flatten().any(|form| row.contains(form)))?;
    row.first().copied()
}

/// The unit that some words and an exponent behind them name.
pub(crate) fn from_words(words: &str) -> Unit {
    let lower = words.to_lowercase().replace(['.', '\\', '{', '}'], "");
    let mut parts: Vec<&str> = lower.split_whitespace().collect();
    let mut power = "";
    match parts.first() {
        Some(&("square" | "sq")) => power = "^2",
        Some(&("cubic" | "cu")) => power = "^3",
        _ => {}
    }
    if !power.is_empty() {
        parts.remove(0);
    }
    let joined = parts.concat();
    match joined.as_str() {
        "" => {
            return if power.is_empty() { Unit::Bare } else { Unit::Words };
        }
        "%" | "percent" | "percents" => return Unit::Percent,
        "degree" | "degrees" | "^circ" | "°" => return Unit::Degree,
        _ => {}
    }
    let (base, written) = joined.split_once('^').unwrap_or((&joined, ""));
    let written = written.trim();
    match in_table(base) {
        Some(base) if written.is_empty() => Unit::Known(format!("{base}{power}")),
        Some(base) => Unit::Known(format!("{base}^{written}")),
        None => Unit::Words,
    }
}

/// Splits a cleaned value into what is measured and the unit.
pub(crate) fn split(text: &str) -> (&str, Unit) {
    let text = text.trim();
    for (sign, unit) in [('$', "$"), ('€', "€"), ('£', "£")] {
        if let Some(value) = text.strip_prefix(sign) {
            return (split(value).0, Unit::Known(unit.to_owned()));
        }
    }
    for (end, unit) in [("%", Unit::Percent), (r"^\circ", Unit::Degree), (r"^{\circ}", Unit::Degree)] {
        if let Some(value) = text.strip_suffix(end).filter(|value| is_plain_number(value)) {
            return (value.trim_end(), unit);
        }
    }
    boxed_words(text).or_else(|| plain_words(text)).unwrap_or((text, Unit::Bare))
}

/// Free of functions whose argument the unit could belong to.
fn is_plain_number(value: &str) -> bool {
    let functions = ["sin", "cos", "tan", "cot", "sec", "csc", "log", "ln"];
    !value.trim().is_empty() && !functions.iter().any(|name| value.contains(name))
}

/// A trailing `\text{ cm}^2`, possibly `\text{ m}/\text{s}`.
fn boxed_words(text: &str) -> Option<(&str, Unit)> {
    let at = text.find("\\text{").filter(|at| *at > 0)?;
    let value = text.get(..at)?.trim_end();
    let (words, after) = leading_group(text.get(at + 5..)?)?;
    let tail_is_unit = !after.chars().any(|c| matches!(c, '+' | '=' | '(' | ',' | '_'));
    let before = value.chars().last()?;
    if !tail_is_unit || matches!(before, '_' | '^' | '+' | '-' | '*' | '{' | '(' | '=' | '<' | '>') {
        return None;
    }
    Some((value, from_words(&format!("{words}{}", after.replace("\\text", "")))))
}

/// A trailing run of ordinary words, such as ` square units` or `km`.
fn plain_words(text: &str) -> Option<(&str, Unit)> {
    let is_word = |c: char| c.is_alphabetic() || matches!(c, ' ' | '.' | '-' | '/' | '\'');
    let tail = text.rsplit_once('^').filter(|(_, power)| matches!(power.trim(), "2" | "3" | "{2}" | "{3}"));
    let body = tail.map_or(text, |(body, _)| body);
    let start = body.char_indices().rev().take_while(|(_, c)| is_word(*c)).last().map(|(at, _)| at)?;
    let start = start + body.get(start..)?.find(|c: char| c == ' ' || c.is_alphabetic())?;
    let (value, words) = (body.get(..start)?, body.get(start..)?);
    if !value.ends_with(|c: char| c.is_ascii_digit() || c == '}' || c == ')') {
        return None;
    }
    let unit = from_words(&format!("{words}{}", text.get(body.len()..)?));
    let long = |word: &str| word.chars().filter(|c| c.is_alphabetic()).count() >= 2;
    let reads_as_words = words.starts_with(' ') && words.split_whitespace().all(long) && words.trim().len() >= 3;
    let known = !matches!(unit, Unit::Words | Unit::Bare) && words.trim().len() >= 2;
    let formula = ["sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "pi", "sqrt"];
    let is_formula = formula.iter().any(|name| words.split_whitespace().any(|word| word == *name));
    ((reads_as_words || known) && !is_formula).then_some((value, unit))
}
