//! Cutting text into the tokens of the world.
//!
//! By hand rather than by the regular expression of its `tokenizer.json`, so that a small build can read the world
//! without an engine for such expressions; tests hold the two against each other.

/// What `tokenizer.json` says of this: a word takes the space before it, the mark after it, and the space before a number.
pub(crate) const PATTERN: &str =
    concat!(r"\n\n|\n| => |\\boxed\{|\}| [-+*/=] ", r"|[0-9]+", r"| ?[A-Za-z]+[.?]?(?: (?=[0-9]))?", r"|[.?]",);

/// The tokens of `text`, and between them what belongs to none; put end to end they give the text back.
pub(crate) fn cut(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(next) = text[at..].chars().next() {
        let length = token(&text.as_bytes()[at..]);
        if length == 0 {
            at += next.len_utf8();
            continue;
        }
        pieces.extend([&text[start..at], &text[at..at + length]]);
        at += length;
        start = at;
    }
    pieces.push(&text[start..]);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Length of the token that `text` begins with; 0 if it begins with none.
fn token(text: &[u8]) -> usize {
    match text {
        [b'\n', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        [b' ', b'=', b'>', b' ', ..] => 4,
        [b'}', ..] => 1,
        [b' ', b'-' | b'+' | b'*' | b'/' | b'=', b' ', ..] => 3,
        _ if text.starts_with(b"\\boxed{") => 7,
        [b'0'..=b'9', ..] => run(text, u8::is_ascii_digit),
        [b' ', letter, ..] if letter.is_ascii_alphabetic() => 1 + word(&text[1..]),
        [letter, ..] if letter.is_ascii_alphabetic() => word(text),
        [b'.' | b'?', ..] => 1,
        _ => 0,
    }
}

/// Letters, a mark, and a space before a number.
fn word(text: &[u8]) -> usize {
    let letters = run(text, u8::is_ascii_alphabetic);
    let end = letters + usize::from(matches!(text.get(letters), Some(b'.' | b'?')));
    end + usize::from(matches!(text[end..], [b' ', b'0'..=b'9', ..]))
}

fn run(text: &[u8], belongs: impl Fn(&u8) -> bool) -> usize {
    text.iter().take_while(|byte| belongs(byte)).count()
}
