//! A penalty on responses that come close to the length limit.

use crate::number::{narrow, ratio_or_zero};

/// Soft overlong punishment (DAPO, Yu et al. 2025, Eq. 13), from 0 to 1:
///
/// 0 up to L − B,  (length − (L − B)) / B up to L,  1 from L on
///
/// `length` and `limit` L count response tokens, `buffer` B the tokens before the
/// limit in which the penalty grows. Without a buffer only the limit itself costs.
///
/// ```
/// use minform_credit::overlong_penalty;
/// assert_eq!([60, 90, 100].map(|length| overlong_penalty(length, 100, 20)), [0.0, 0.5, 1.0]);
/// ```
pub fn overlong_penalty(length: usize, limit: usize, buffer: usize) -> f32 {
    if length >= limit {
        return 1.0;
    }
    let free = limit.saturating_sub(buffer);
    narrow(ratio_or_zero(length.saturating_sub(free) as f64, buffer as f64).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::overlong_penalty;

    #[test]
    fn without_a_buffer_only_the_limit_costs() {
        assert_eq!([0, 99, 100, 101].map(|length| overlong_penalty(length, 100, 0)), [0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn a_buffer_beyond_the_limit_grows_from_the_first_token() {
        assert_eq!(overlong_penalty(5, 10, 20), 0.25);
        assert_eq!(overlong_penalty(0, 0, 0), 1.0);
    }
}
