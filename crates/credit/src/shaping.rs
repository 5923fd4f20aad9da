//! Shaping: step rewards made safe to add up, before the credit form sees them.

use alloc::vec::Vec;

use crate::number::{finite, narrow_all};

/// Changes to the step rewards of one response.
///
/// Both bound what a policy can gain by adding steps (Gao et al. 2024, "On
/// Designing Effective RL Reward at Training Time for LLM Reasoning"), and are
/// meant for the sum form. Clip comes first.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shaping {
    /// Clip at η: rₛ ← min(rₛ, η) − η. No step earns more than 0, so good steps
    /// beyond η pay nothing. NaN clips at 0.
    pub clip: Option<f32>,
    /// Delta: rₛ ← rₛ − rₛ₊₁, and rₙ stays. The sum from step s on is rₛ, however many steps follow.
    pub delta: bool,
}

impl Shaping {
    /// The shaped rewards. Shape `[steps]` in and out; NaN counts as −1.
    ///
    /// ```
    /// use minform_credit::Shaping;
    /// let shaping = Shaping { clip: None, delta: true };
    /// assert_eq!(shaping.apply(&[0.5, 0.25, 0.75]), [0.25, -0.5, 0.75]);
    /// ```
    pub fn apply(&self, rewards: &[f32]) -> Vec<f32> {
        let mut rewards: Vec<f64> = rewards.iter().map(|&reward| finite(reward, -1.0)).collect();
        if let Some(highest) = self.clip {
            let highest = finite(highest, 0.0);
            rewards.iter_mut().for_each(|reward| *reward = reward.min(highest) - highest);
        }
        if self.delta {
            for step in 1..rewards.len() {
                rewards[step - 1] -= rewards[step];
            }
        }
        narrow_all(&rewards)
    }
}

#[cfg(test)]
mod tests {
    use super::Shaping;
    use crate::CreditForm;

    #[test]
    fn clipped_rewards_by_hand() {
        let shaping = Shaping { clip: Some(0.5), delta: false };
        assert_eq!(shaping.apply(&[0.75, 0.25, -1.0]), [0.0, -0.25, -1.5]);
        assert!(shaping.apply(&[]).is_empty());
        assert_eq!(shaping.apply(&[f32::NAN]), [-1.5]);
    }

    #[test]
    fn the_sum_of_delta_rewards_is_the_reward_of_the_step() {
        let rewards = [0.5, -0.25, 0.75, 1.0];
        let shaped = Shaping { clip: None, delta: true }.apply(&rewards);
        assert_eq!(CreditForm::Sum { gamma: 1.0 }.returns(&shaped), rewards);
    }

    #[test]
    fn more_good_steps_do_not_raise_a_clipped_sum() {
        let shaping = Shaping { clip: Some(0.5), delta: false };
        let total = |steps: usize| shaping.apply(&[0.9; 20][..steps]).iter().sum::<f32>();
        assert_eq!(total(2), total(20));
    }

    #[test]
    fn no_shaping_changes_nothing() {
        assert_eq!(Shaping::default().apply(&[0.5, -0.5]), [0.5, -0.5]);
    }
}
