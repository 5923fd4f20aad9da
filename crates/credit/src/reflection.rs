//! How often a text reflects on itself.

/// Phrases that count as they are.
const PHRASES: [&str; 6] = ["wait,", "try again", "alternatively,", "however,", "let's check", "let's verify"];
/// Words that count only before a comma or white space.
const WORDS: [&str; 3] = ["recheck", "retry", "rethink"];

/// Number of phrases of reflection in a text, upper and lower case alike.
///
/// Counted are "wait,", "try again", "alternatively,", "however,", "let's
/// check", "let's verify", and, before a comma or white space, "recheck",
/// "retry" and "rethink".
///
/// ```
/// assert_eq!(minform_credit::reflection_count("Wait, let's check. However, fine."), 3);
/// ```
pub fn reflection_count(text: &str) -> usize {
    let text = text.to_lowercase();
    let phrases: usize = PHRASES.iter().map(|phrase| text.matches(phrase).count()).sum();
    phrases + WORDS.iter().map(|word| words(&text, word)).sum::<usize>()
}

fn words(text: &str, word: &str) -> usize {
    text.match_indices(word)
        .filter_map(|(start, _)| text[start + word.len()..].chars().next())
        .filter(|&next| next == ',' || next.is_whitespace())
        .count()
}

#[cfg(test)]
mod tests {
    use super::reflection_count;

    #[test]
    fn a_word_counts_only_before_a_comma_or_white_space() {
        assert_eq!(reflection_count("retry, rethink\nrecheck"), 2);
        assert_eq!(reflection_count("retry: rechecking"), 0);
    }
}
