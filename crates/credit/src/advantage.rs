//! Advantages of a group of responses to one question.

use alloc::vec;
use alloc::vec::Vec;

use crate::baseline::{Share, leave_one_out};
use crate::error::CreditError;
use crate::member::Member;
use crate::number::finite;
use crate::response::Response;
use crate::settings::{CreditSettings, Verifiable};

/// Credit of every token of one response. All three have shape `[tokens]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TokenCredit {
    /// Token rewards: process reward at step ends (after the baseline where the
    /// baseline works on steps), verifiable reward on the last token, and the KL
    /// penalty. Their plain return-to-go is `returns`.
    pub rewards: Vec<f32>,
    /// Return of each token: Rₜ = Σ_{t'≥t} rewardₜ'.
    pub returns: Vec<f32>,
    /// Advantage: the return, less a baseline that works on tokens, and 0 at
    /// masked step ends.
    pub advantages: Vec<f32>,
}

/// Rewards, returns and advantages of a group of K responses to one question.
///
/// Aᵢₜ = Σ_{t'≥t} (ρᵢₜ' + VRᵢₜ' − β klᵢₜ') − bᵢ
///
/// ρ is the transformed process reward on the last token of each step, VR the
/// verifiable reward on the last token of the response; how the baseline enters
/// is told at [`Baseline`](crate::Baseline). The paper's version is Eq. (7).
///
/// `group` holds the K responses, whose lengths may differ; the result has the
/// same order. A response without process rewards gets no process credit and
/// stays out of process baselines; one without ground truth gets no verifiable
/// reward and stays out of its mean. In a group of one every baseline is 0, so
/// that the advantage is the return. A KL value that is NaN counts as 0, a
/// verdict that is NaN as wrong, a step reward that is NaN as −1.
///
/// # Errors
/// [`CreditError`] for the first response whose lengths disagree.
pub fn group_advantages(group: &[Response], settings: &CreditSettings) -> Result<Vec<TokenCredit>, CreditError> {
    group.iter().try_for_each(Response::validate)?;
    let verifiable = verifiable_rewards(group, settings.verifiable);
    let members: Vec<Member<'_>> = group
        .iter()
        .zip(verifiable)
        .map(|(response, verifiable)| Member::new(response, verifiable, settings))
        .collect();
    let baseline = settings.baseline;
    let steps: Vec<_> = members.iter().map(|m| m.step_share(baseline)).collect();
    let returns: Vec<_> = members.iter().map(|m| m.return_share(baseline)).collect();
    let baselines = leave_one_out(&steps).into_iter().zip(leave_one_out(&returns));
    Ok(members.iter().zip(baselines).map(|(member, (step, token))| member.credit(settings, step, token)).collect())
}

/// coefficient · (vᵢ − mean_{k≠i} vₖ), or coefficient · vᵢ.
fn verifiable_rewards(group: &[Response], verifiable: Option<Verifiable>) -> Vec<f64> {
    let Some(verifiable) = verifiable else {
        return vec![0.0; group.len()];
    };
    let values: Vec<Option<f64>> = group
        .iter()
        .map(|response| response.verified)
        .map(|verified| Some(verifiable.values.value(finite(verified?, 0.0))))
        .collect();
    let baselines = if verifiable.leave_one_out {
        let share = |value: &Option<f64>| value.map(|reward| Share { reward, weight: 1.0 });
        leave_one_out(&values.iter().map(share).collect::<Vec<_>>())
    } else {
        vec![0.0; group.len()]
    };
    let coefficient = finite(verifiable.coefficient, 0.0);
    values.iter().zip(baselines).map(|(value, baseline)| coefficient * (value.unwrap_or(baseline) - baseline)).collect()
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::group_advantages;
    use crate::{CreditSettings, Response};

    fn solved(verified: Option<f32>) -> Response {
        Response { length: 2, verified, ..Response::default() }
    }

    #[test]
    fn a_group_without_ground_truth_has_no_verifiable_reward() {
        let group = [solved(None), solved(None)];
        for settings in [CreditSettings::main(), CreditSettings::verl(2), CreditSettings::paper(2)] {
            let credit = group_advantages(&group, &settings).unwrap();
            assert!(credit.iter().all(|c| c.advantages == [0.0, 0.0]));
        }
    }

    #[test]
    fn verifiable_reward_by_hand() {
        let group = [solved(Some(1.0)), solved(Some(0.0)), solved(Some(0.0))];
        let credit = group_advantages(&group, &CreditSettings::main()).unwrap();
        assert_eq!(credit[0].rewards, [0.0, 1.0]);
        assert_eq!(credit[1].advantages, [-0.5, -0.5]);
    }

    #[test]
    fn a_group_of_one_keeps_its_return() {
        let response = Response { step_ends: vec![1], step_lengths: vec![2], rewards: vec![0.5], ..solved(Some(1.0)) };
        let credit = group_advantages(&[response], &CreditSettings::paper(8)).unwrap();
        assert_eq!(credit[0].advantages, [1.5, 1.5]);
    }

    #[test]
    fn an_empty_group_gives_nothing() {
        assert_eq!(group_advantages(&[], &CreditSettings::main()), Ok(vec![]));
    }
}
