//! Finding things in LaTeX-like text with brackets respected.

/// Position just behind the brace that closes the one at byte `open`; escaped braces do not count.
pub(crate) fn close_brace(text: &str, open: usize) -> Option<usize> {
    let (mut depth, mut escaped) = (0_usize, false);
    for (at, c) in text.get(open..)?.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (at > 0).then_some(open + at + 1);
        }
    }
    None
}

/// The content of a group that starts at the beginning of `text` and what follows it.
pub(crate) fn leading_group(text: &str) -> Option<(&str, &str)> {
    if !text.starts_with('{') {
        return None;
    }
    let end = close_brace(text, 0)?;
    Some((text.get(1..end - 1)?, text.get(end..)?))
}

fn opens(c: char) -> bool {
    matches!(c, '(' | '[' | '{')
}

fn closes(c: char) -> bool {
    matches!(c, ')' | ']' | '}')
}

/// Whether `text` begins with `separator`; a command must not go on with a letter, as `\le` in `\left` does.
fn begins_with(text: &str, separator: &str) -> bool {
    let Some(rest) = text.strip_prefix(separator) else {
        return false;
    };
    let is_command = separator.starts_with('\\');
    !(is_command && rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// Splits at the separators that stand outside all brackets: the pieces and the separators between them.
///
/// Any closing bracket closes any opening one, for intervals such as `[1,2)`.
pub(crate) fn split_outside<'a>(text: &'a str, separators: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    let (mut pieces, mut found) = (Vec::new(), Vec::new());
    let (mut depth, mut start, mut skip_to) = (0_usize, 0, 0);
    for (at, c) in text.char_indices() {
        if at < skip_to {
            continue;
        }
        if opens(c) {
            depth += 1;
        } else if closes(c) {
            depth = depth.saturating_sub(1);
        } else if depth == 0 {
            let rest = text.get(at..).unwrap_or_default();
            if let Some(separator) = separators.iter().find(|separator| begins_with(rest, separator)) {
                pieces.push(text.get(start..at).unwrap_or_default());
                found.push(*separator);
                start = at + separator.len();
                skip_to = start;
            }
        }
    }
    pieces.push(text.get(start..).unwrap_or_default());
    (pieces, found)
}

/// Whether the first character opens a bracket that only the last one closes.
pub(crate) fn is_enclosed(text: &str) -> bool {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if opens(c) {
            depth += 1;
        } else if closes(c) {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 {
            return at > 0 && closes(c) && at + c.len_utf8() == text.len();
        }
    }
    false
}

/// Whether `command` (with its backslash) occurs in `text` as a whole command.
pub(crate) fn has_command(text: &str, command: &str) -> bool {
    text.match_indices(command).any(|(at, _)| text.get(at..).is_some_and(|rest| begins_with(rest, command)))
}

/// The name of the command behind a backslash at the beginning of `text`: letters, or one other character.
pub(crate) fn command_name(text: &str) -> &str {
    let after = text.strip_prefix('\\').unwrap_or_default();
    let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
    let end = if letters > 0 { letters } else { after.chars().next().map_or(0, char::len_utf8) };
    after.get(..end).unwrap_or_default()
}
