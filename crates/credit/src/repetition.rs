//! How much a text repeats itself.

use alloc::vec;
use alloc::vec::Vec;

/// The paper (App. D) calls a response highly repetitive above this [`repeat_score`].
pub const HIGHLY_REPETITIVE: f32 = 0.2;

/// Share of a text that repeats, from 0 to nearly 1.
///
/// 2 · Σ LCP / (n (n + 1)), with LCP the longest common prefixes of neighbours
/// in the suffix array over the n characters
///
/// A text of one repeated character scores (n − 1) / (n + 1). Paraphrases are
/// not seen. Takes O(n log² n) time.
///
/// ```
/// assert_eq!(minform_credit::repeat_score("aaaa"), 0.6);
/// ```
pub fn repeat_score(text: &str) -> f32 {
    let characters: Vec<char> = text.chars().collect();
    let n = characters.len() as f64;
    if characters.len() < 2 {
        return 0.0;
    }
    let common = common_prefixes(&characters, &suffix_array(&characters));
    (2.0 * common as f64 / (n * (n + 1.0))) as f32
}

/// Starts of all suffixes in alphabetical order, by prefix doubling.
fn suffix_array(characters: &[char]) -> Vec<usize> {
    let n = characters.len();
    let mut suffixes: Vec<usize> = (0..n).collect();
    let mut ranks: Vec<usize> = characters.iter().map(|&c| c as usize).collect();
    let mut width = 1;
    loop {
        // Rank by the first `width` characters, then by the `width` that follow.
        let key = |start: usize| (ranks[start], ranks.get(start + width).map_or(0, |r| r + 1));
        suffixes.sort_unstable_by_key(|&start| key(start));
        let mut next = vec![0; n];
        for pair in suffixes.windows(2) {
            next[pair[1]] = next[pair[0]] + usize::from(key(pair[0]) != key(pair[1]));
        }
        let all_differ = suffixes.last().is_none_or(|&last| next[last] + 1 == n);
        ranks = next;
        width *= 2;
        if all_differ || width >= 2 * n {
            return suffixes;
        }
    }
}

/// Σ LCP over neighbours in the suffix array (Kasai et al. 2001).
fn common_prefixes(characters: &[char], suffixes: &[usize]) -> u64 {
    let n = characters.len();
    let mut place = vec![0; n];
    for (index, &start) in suffixes.iter().enumerate() {
        place[start] = index;
    }
    let (mut total, mut common) = (0, 0);
    for start in 0..n {
        let Some(&neighbour) = suffixes.get(place[start] + 1) else {
            common = 0;
            continue;
        };
        while start + common < n
            && neighbour + common < n
            && characters[start + common] == characters[neighbour + common]
        {
            common += 1;
        }
        total += common as u64;
        common = common.saturating_sub(1);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::{HIGHLY_REPETITIVE, repeat_score};

    #[test]
    fn one_character_over_and_over_scores_near_one() {
        assert_eq!(repeat_score(&"x".repeat(9)), 0.8);
    }

    #[test]
    fn characters_count_rather_than_bytes() {
        assert_eq!(repeat_score("éé"), repeat_score("aa"));
    }

    #[test]
    fn a_loop_is_highly_repetitive_and_plain_prose_is_not() {
        let prose = "Subtract three from both sides, then divide by two to find x.";
        assert!(repeat_score(prose) < HIGHLY_REPETITIVE);
        assert!(repeat_score(&prose.repeat(3)) > HIGHLY_REPETITIVE);
    }
}
