//! Baselines: what the other responses of the group got.

use alloc::vec::Vec;

use crate::number::ratio_or_zero;

/// What is subtracted from the reward of response i, given the other K − 1
/// responses of its group.
///
/// O is the outcome of a response, L its tokens, n its steps, N the
/// `max_length`. Only responses with a process reward take part, except for
/// [`VerlToken`](Self::VerlToken). In a group of one every baseline but
/// [`Greedy`](Self::Greedy) is 0.
///
/// Under the first three leave-one-out baselines, outcome rewards (verifiable
/// reward and penalty) are compared with their own mean over the others:
/// oᵢ − mean_{k≠i} oₖ, plain RLOO.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Baseline {
    /// Nothing is subtracted.
    None,
    /// Main branch: bᵢ = Σ_{k≠i} Oₖ / Σ_{k≠i} Lₖ, subtracted once per token of
    /// each step:
    ///
    /// ρ_{i,s} = r*_{i,s} − bᵢ · τ_{i,s}
    ///
    /// τ leaves separators out while L counts them, so at bᵢ > 0 more separators
    /// pay off slightly; one very short answer in the group makes bᵢ large.
    LeaveOneOutToken,
    /// Main branch: bᵢ = mean_{k≠i} (Oₖ / nₖ), subtracted once per step:
    ///
    /// ρ_{i,s} = r*_{i,s} − bᵢ
    ///
    /// Favours few steps: at bᵢ > 0 each further step costs bᵢ.
    LeaveOneOutStep,
    /// Paper, Eq. (7): the process part of the return, averaged over tokens:
    ///
    /// bᵢ = Σ_{k≠i} Σₜ R_{k,t} / ((K − 1) N), subtracted from each return
    PaperToken {
        /// N, the longest response allowed, in tokens; 0 means no baseline.
        max_length: usize,
    },
    /// Verl branch: as `PaperToken`, with R the return of the whole token
    /// reward, verifiable reward included, over all responses.
    VerlToken {
        /// N, the longest response allowed, in tokens; 0 means no baseline.
        max_length: usize,
    },
    /// ReMax (Li et al. 2024): the whole reward of the greedy response to the same
    /// question, [`Response::greedy_reward`](crate::Response::greedy_reward).
    Greedy,
}

/// Contribution of one response to the baseline of the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) reward: f64,
    pub(crate) weight: f64,
}

/// bᵢ = Σ_{k≠i} rewardₖ / Σ_{k≠i} weightₖ for each i that takes part, else 0.
///
/// Summed anew for each i: total minus own would lose digits where one share is huge.
pub(crate) fn leave_one_out(shares: &[Option<Share>]) -> Vec<f64> {
    (0..shares.len())
        .map(|own| match shares[own] {
            Some(_) => mean_of_others(shares, own),
            None => 0.0,
        })
        .collect()
}

fn mean_of_others(shares: &[Option<Share>], own: usize) -> f64 {
    let (mut reward, mut weight) = (0.0, 0.0);
    for (index, share) in shares.iter().enumerate() {
        if let (true, Some(share)) = (index != own, share) {
            reward += share.reward;
            weight += share.weight;
        }
    }
    ratio_or_zero(reward, weight)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::{Share, leave_one_out};

    fn shares(rewards: &[f64]) -> Vec<Option<Share>> {
        let share = |&reward| Some(Share { reward, weight: 1.0 });
        rewards.iter().map(share).collect()
    }

    #[test]
    fn a_baseline_ignores_its_own_reward() {
        assert_eq!(leave_one_out(&shares(&[1.0, 2.0, 6.0])), [4.0, 3.5, 1.5]);
        assert_eq!(leave_one_out(&shares(&[9.0, 2.0, 6.0]))[0], 4.0);
    }

    #[test]
    fn a_group_of_one_has_baseline_zero() {
        assert_eq!(leave_one_out(&shares(&[3.0])), [0.0]);
    }

    #[test]
    fn who_takes_no_part_neither_gives_nor_gets() {
        let mut group = shares(&[1.0, 2.0, 6.0]);
        group[1] = None;
        assert_eq!(leave_one_out(&group), [6.0, 0.0, 1.0]);
    }

    #[test]
    fn leave_one_out_baselines_average_to_the_mean() {
        let baselines = leave_one_out(&shares(&[0.5, -1.0, 2.0, 0.25]));
        assert_eq!(baselines.iter().sum::<f64>() / 4.0, 0.4375);
    }
}
