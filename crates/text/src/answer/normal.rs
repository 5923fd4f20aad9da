//! The string normal form of the MATH graders, extended.

use super::clean::{clean, trim};
use super::scan::leading_group;

/// One spelling for answers that differ only in typesetting.
///
/// Sizes, spaces, dollar signs, degrees, percent signs, trailing units and the trailing period go; `\frac12`, `1/2` and
/// `0.5` become `\frac{1}{2}`; `.25` becomes `0.25`, `5.0` becomes `5`, `1,234` becomes `1234`,
/// `\sqrt2` becomes `\sqrt{2}`, and a short name with an equals sign in front is dropped.
///
/// This is for display, for voting and for answers that are not mathematics; [`equal`](super::equal) knows more.
pub fn normal_form(answer: &str) -> String {
    let mut text = clean(answer);
    text = text.replace(r"^{\circ}", "").replace(r"^\circ", "").replace(['%', '$'], "");
    text = drop_name(&unwrap_text(drop_unit(&text)));
    text = braces(&text);
    text.retain(|c| !c.is_whitespace());
    text = trim_zeros(&join_thousands(&text));
    match trim(&text) {
        "0.5" => r"\frac{1}{2}".to_owned(),
        text => slash_fraction(text).unwrap_or_else(|| text.to_owned()),
    }
}

/// Cuts a `\text{ cm}` that follows a value.
fn drop_unit(text: &str) -> &str {
    match text.find("\\text{") {
        Some(at) if at > 0 && !text.get(..at).unwrap_or_default().trim_end().ends_with(['_', '^', '{', ',', '(']) => {
            text.get(..at).unwrap_or(text)
        }
        _ => text,
    }
}

fn unwrap_text(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\text{") {
        output.push_str(rest.get(..at).unwrap_or_default());
        let group = rest.get(at + 5..).unwrap_or_default();
        let (inner, after) = leading_group(group).unwrap_or(("", group.get(1..).unwrap_or_default()));
        output.push_str(inner.trim());
        rest = after;
    }
    output + rest
}

/// `x = 5` becomes `5`; a longer left side, or one without a letter, stays.
fn drop_name(text: &str) -> String {
    let is_name = |name: &str| name.chars().count() <= 2 && name.contains(char::is_alphabetic);
    match text.split_once('=') {
        Some((name, value)) if is_name(name.trim()) && !value.contains('=') => value.to_owned(),
        _ => text.to_owned(),
    }
}

/// Puts braces around the arguments of `\frac` and `\sqrt`.
fn braces(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("\\frac") {
            output.push_str("\\frac");
            rest = argument(argument(after, &mut output, false), &mut output, false);
        } else if let Some(after) = rest.strip_prefix("\\sqrt").filter(|after| !after.trim_start().starts_with('[')) {
            output.push_str("\\sqrt");
            rest = argument(after, &mut output, true);
        } else {
            output.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    output
}

/// Copies one argument with braces; groups are left for the main loop to go through.
fn argument<'a>(text: &'a str, output: &mut String, whole_number: bool) -> &'a str {
    let text = text.trim_start();
    if let Some((inner, after)) = leading_group(text) {
        // Without nested commands the group can be copied; otherwise its commands need braces too.
        let inner = if inner.contains('\\') && inner.len() < text.len() { shallow(inner) } else { inner.to_owned() };
        output.push_str(&format!("{{{inner}}}"));
        return after;
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let end = if whole_number && digits > 0 { digits } else { text.chars().next().map_or(0, char::len_utf8) };
    let single = text.get(..end).unwrap_or_default();
    if single.is_empty() || single == "\\" || single == "{" {
        return text;
    }
    output.push_str(&format!("{{{single}}}"));
    text.get(end..).unwrap_or_default()
}

/// `\sqrt3` inside a group, one level deep.
fn shallow(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\sqrt") {
        output.push_str(rest.get(..at + 5).unwrap_or_default());
        rest = rest.get(at + 5..).unwrap_or_default();
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if digits > 0 {
            output.push_str(&format!("{{{}}}", rest.get(..digits).unwrap_or_default()));
            rest = rest.get(digits..).unwrap_or_default();
        }
    }
    output + rest
}

fn join_thousands(text: &str) -> String {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let whole = unsigned.split('.').next().unwrap_or_default();
    let groups: Vec<&str> = whole.split(',').collect();
    let digits = |group: &&str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    let shaped = groups.first().is_some_and(|first| first.len() <= 3) && groups.iter().skip(1).all(|g| g.len() == 3);
    if groups.len() > 1 && shaped && groups.iter().all(digits) { text.replace(',', "") } else { text.to_owned() }
}

/// Adds the zero of `.5` and takes the zeros of `5.00`, for every number in the text.
fn trim_zeros(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut output = String::with_capacity(text.len() + 1);
    let mut at = 0;
    while let Some(c) = characters.get(at) {
        let digits = characters.iter().skip(at + 1).take_while(|c| c.is_ascii_digit()).count();
        let after_digit = at > 0 && characters.get(at - 1).is_some_and(char::is_ascii_digit);
        let zeros = characters.iter().skip(at + 1).take(digits).all(|c| *c == '0');
        if *c == '.' && after_digit && digits > 0 && zeros {
            at += digits + 1;
            continue;
        }
        if *c == '.' && !after_digit && digits > 0 {
            output.push('0');
        }
        output.push(*c);
        at += 1;
    }
    output
}

fn slash_fraction(text: &str) -> Option<String> {
    let (above, below) = text.split_once('/')?;
    let (sign, above) = above.strip_prefix('-').map_or(("", above), |above| ("-", above));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (digits(above) && digits(below)).then(|| format!("{sign}\\frac{{{above}}}{{{below}}}"))
}
/// A number for each answer, the same for answers of the same normal form, in order of appearance.
pub fn numbered<'a>(answers: impl IntoIterator<Item = Option<&'a str>>) -> Vec<Option<usize>> {
    let mut known: Vec<String> = Vec::new();
    let mut number = |answer: &str| {
        let form = normal_form(answer);
        let place = known.iter().position(|other| *other == form);
        place.unwrap_or_else(|| {
            known.push(form);
            known.len() - 1
        })
    };
    answers.into_iter().map(|answer| answer.map(&mut number)).collect()
}
