//! Arithmetic modulo a fixed prime: an exact stand-in for rational numbers of any size.
//!
//! Two rational expressions are the same exactly when they agree as rational functions.
//! Evaluated modulo a 61-bit prime at a fixed scattered point, different ones agree with a chance of about
//! degree / 2⁶¹, so 2^{2008} or a product of forty factors costs no more than a few multiplications.
//! The prime is 1 modulo 4, so that −1 has a square root and complex numbers work as well.

/// The modulus, the largest prime below 2⁶¹ that is 1 modulo 4.
pub(crate) const PRIME: u64 = 2_305_843_009_213_693_921;

/// A square root of −1 modulo [`PRIME`].
pub(crate) const IMAGINARY: u64 = 583_529_827_753_931_384;

pub(crate) fn add(a: u64, b: u64) -> u64 {
    (a + b) % PRIME
}

pub(crate) fn negate(a: u64) -> u64 {
    (PRIME - a) % PRIME
}

pub(crate) fn multiply(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b) % u128::from(PRIME);
    u64::try_from(product).unwrap_or(0)
}

/// a^exponent, with Fermat's little theorem taking care of huge and negative exponents; `None` for 0^(≤ 0).
pub(crate) fn power(base: u64, exponent: i128) -> Option<u64> {
    if base == 0 {
        return (exponent > 0).then_some(0);
    }
    let mut rest = exponent.rem_euclid(i128::from(PRIME - 1));
    let (mut square, mut result) = (base, 1);
    while rest > 0 {
        if rest % 2 == 1 {
            result = multiply(result, square);
        }
        square = multiply(square, square);
        rest /= 2;
    }
    Some(result)
}

pub(crate) fn inverse(a: u64) -> Option<u64> {
    if a == 0 { None } else { power(a, -1) }
}

pub(crate) fn from_integer(value: i128) -> u64 {
    u64::try_from(value.rem_euclid(i128::from(PRIME))).unwrap_or(0)
}

/// A scattered but fixed value for the `index`-th unknown at the `sample`-th point (the splitmix64 finaliser).
pub(crate) fn scattered(index: usize, sample: usize) -> u64 {
    let seed = (index as u64) << 32 | sample as u64;
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % (PRIME - 2) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_imaginary_unit_squares_to_minus_one() {
        assert_eq!(multiply(IMAGINARY, IMAGINARY), PRIME - 1);
    }

    #[test]
    fn inverses_multiply_to_one() {
        assert_eq!(multiply(7, inverse(7).unwrap()), 1);
        assert_eq!(inverse(0), None);
    }
}
