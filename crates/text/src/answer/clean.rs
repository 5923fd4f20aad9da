//! Removes typesetting that carries no meaning, and unifies spellings of the same symbol.

use super::scan::{close_brace, command_name};

/// The text without size and spacing commands, math dollars and font changes; `\$` becomes a plain dollar sign.
///
/// Fonts for words become `\text`, fractions `\frac`; Unicode signs become the commands they stand for.
pub(crate) fn clean(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut rest = text.trim();
    while let Some(c) = rest.chars().next() {
        if c == '\\' {
            rest = command(rest, &mut output);
            continue;
        }
        if let Some(after) = thousands_group(rest) {
            rest = after;
            continue;
        }
        character(c, &mut output);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    trim(&output).to_owned()
}

/// `{,}` and `,\!` separate thousands and nothing else.
fn thousands_group(text: &str) -> Option<&str> {
    text.strip_prefix("{,}").or_else(|| text.strip_prefix(",\\!").map(str::trim_start))
}

/// Drops surrounding space and closing punctuation.
pub(crate) fn trim(text: &str) -> &str {
    let trimmed = text.trim().trim_start_matches([',', ';', ':', '=']).trim_start();
    trimmed.trim_end_matches(['.', ',', ';', ':', '\\', ' ', '\t', '\n', '\r'])
}

fn character(c: char, output: &mut String) {
    let replacement = match c {
        '$' => "",
        '~' | '\n' | '\r' | '\t' | '\u{a0}' | '\u{2009}' | '\u{202f}' => " ",
        '−' | '–' | '‐' | '‑' => "-",
        '×' => r"\times ",
        '·' | '⋅' => r"\cdot ",
        '÷' => r"\div ",
        'π' => r"\pi ",
        'θ' => r"\theta ",
        '√' => r"\sqrt ",
        '∞' => r"\infty ",
        '≤' => r"\le ",
        '≥' => r"\ge ",
        '≠' => r"\ne ",
        '∪' => r"\cup ",
        '∈' => r"\in ",
        '±' => r"\pm ",
        '≈' => r"\approx ",
        'ℝ' => r"\R ",
        '°' => r"^\circ ",
        '²' => "^2",
        '³' => "^3",
        '½' => r"\frac{1}{2}",
        '’' => "'",
        '（' => "(",
        '）' => ")",
        '，' => ",",
        other => {
            output.push(other);
            return;
        }
    };
    output.push_str(replacement);
}

/// Writes what stands for the command at the beginning of `rest` and returns what follows it.
fn command<'a>(rest: &'a str, output: &mut String) -> &'a str {
    let name = command_name(rest);
    let after = rest.get(1 + name.len()..).unwrap_or_default();
    match name {
        "left" | "right" | "middle" => return after.strip_prefix('.').unwrap_or(after),
        "big" | "Big" | "bigg" | "Bigg" | "bigl" | "bigr" | "Bigl" | "Bigr" | "biggl" | "biggr" | "displaystyle"
        | "textstyle" | "limits" | "!" | "(" | ")" | "[" | "]" | "/" | "" | "boldsymbol" => {}
        "quad" | "qquad" | "," | ";" | ":" | " " | ">" | "enspace" | "thinspace" | "\n" => {
            output.push(' ');
        }
        "text" | "mbox" | "hbox" | "textbf" | "textrm" | "textit" | "textsf" | "textup" | "texttt" | "textnormal"
        | "mathrm" | "mathbf" | "mathit" | "mathsf" | "rm" | "bf" | "operatorname" => return words(after, output),
        "phantom" | "hspace" | "vspace" | "label" | "tag" => return skip_argument(after),
        "mathbb" => output.push_str(r"\R"),
        _ => output.push_str(&spelling(name)),
    }
    match (name, after.trim_start()) {
        ("mathbb", tail) => tail.strip_prefix("{R}").or_else(|| tail.strip_prefix('R')).unwrap_or(tail),
        _ => after,
    }
}

/// What follows a group or a single character.
fn skip_argument(text: &str) -> &str {
    let text = text.trim_start();
    let single = text.chars().next().map_or(0, char::len_utf8);
    let end = if text.starts_with('{') { close_brace(text, 0).unwrap_or(single) } else { single };
    text.get(end..).unwrap_or_default()
}

/// One spelling for commands that mean the same.
fn spelling(name: &str) -> String {
    let same = match name {
        "$" => return "$".to_owned(),
        "%" => return "%".to_owned(),
        "dfrac" | "tfrac" | "cfrac" => "frac",
        "leq" | "leqslant" | "leqq" => "le",
        "geq" | "geqslant" | "geqq" => "ge",
        "neq" => "ne",
        "lt" => return "<".to_owned(),
        "gt" => return ">".to_owned(),
        "dbinom" | "tbinom" => "binom",
        "degree" => return r"^\circ".to_owned(),
        "lbrace" => "{",
        "rbrace" => "}",
        "lparen" | "lgroup" => return "(".to_owned(),
        "rparen" | "rgroup" => return ")".to_owned(),
        "lbrack" => return "[".to_owned(),
        "rbrack" => return "]".to_owned(),
        "lvert" | "rvert" | "vert" => return "|".to_owned(),
        "langle" => return "(".to_owned(),
        "rangle" => return ")".to_owned(),
        "varnothing" => "emptyset",
        "simeq" | "sim" => "approx",
        other => other,
    };
    format!("\\{same}")
}

/// Copies a word group as `\text{…}`, or as a comma where the words only join the parts of a list.
fn words<'a>(after: &'a str, output: &mut String) -> &'a str {
    let group = after.trim_start();
    let end = if group.starts_with('{') { close_brace(group, 0) } else { None };
    let Some(end) = end else {
        output.push_str(r"\text ");
        return after;
    };
    let content = group.get(1..end - 1).unwrap_or_default();
    let inner = content.replace(['~', '\n', '$'], " ").replace("\\ ", " ").replace("\\%", "%");
    match inner.trim().trim_matches(',').trim() {
        "and" | "or" => output.push_str(" , "),
        "" => output.push(' '),
        _ => output.push_str(&format!("\\text{{{inner}}}")),
    }
    group.get(end..).unwrap_or_default()
}
