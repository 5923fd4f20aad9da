//! The factor that keeps small gradients from vanishing in f16.

use serde::{Deserialize, Serialize};

/// Steps without an overflow after which a larger factor is tried.
const GROWTH: u32 = 2000;

/// Losses are multiplied by 2ᵉ before they are differentiated, and gradients divided by it as f32 (Micikevicius et al.
/// 2018). After a gradient that is not finite e falls by one, after 2000 others in a row it rises by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossScale {
    exponent: u32,
    good_steps: u32,
}

impl Default for LossScale {
    fn default() -> Self {
        Self { exponent: 16, good_steps: 0 }
    }
}

impl LossScale {
    /// 2ᵉ.
    pub(super) fn factor(self) -> f32 {
        (self.exponent as f32).exp2()
    }

    /// The factor of the next step; `None` where no smaller one is left to try.
    pub(super) fn after(self, finite: bool) -> Option<Self> {
        match finite {
            true if self.good_steps + 1 == GROWTH => {
                Some(Self { exponent: (self.exponent + 1).min(24), good_steps: 0 })
            }
            true => Some(Self { good_steps: self.good_steps + 1, ..self }),
            false => Some(Self { exponent: self.exponent.checked_sub(1)?, good_steps: 0 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_at_once_and_rises_slowly() {
        let start = LossScale::default();
        assert_eq!(start.factor(), 65536.0);
        let fallen = start.after(false).unwrap();
        assert_eq!(fallen.factor(), 32768.0);
        let later = (0..GROWTH).try_fold(fallen, |scale, _| scale.after(true)).unwrap();
        assert_eq!(later.factor(), 65536.0);
        let almost = (1..GROWTH).try_fold(fallen, |scale, _| scale.after(true)).unwrap();
        assert_eq!(almost.factor(), 32768.0);
        assert_eq!(almost.after(false).unwrap().after(true).unwrap().factor(), 16384.0);
    }

    #[test]
    fn ends_at_one() {
        let least = (0..16).try_fold(LossScale::default(), |scale, _| scale.after(false)).unwrap();
        assert_eq!((least.factor(), least.after(false)), (1.0, None));
    }
}
