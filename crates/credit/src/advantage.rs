//! Advantages of a group of responses to one question.

use alloc::vec;
use alloc::vec::Vec;

use crate::baseline::{Baseline, Share, leave_one_out};
use crate::error::CreditError;
use crate::estimator::{Estimator, standardised};
use crate::member::Member;
use crate::number::{finite, narrow};
use crate::response::Response;
use crate::settings::CreditSettings;

/// Credit of every token of one response. All three have shape `[tokens]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TokenCredit {
    /// Token rewards: process reward at step ends (after the baseline where the
    /// baseline works on steps), verifiable reward on the last token, and the KL
    /// penalty. Their plain return-to-go is `returns`.
    pub rewards: Vec<f32>,
    /// Return of each token: Rₜ = Σ_{t'≥t} γ^{t'−t} rewardₜ', with whole actions for tokens where
    /// [`Actions`](crate::Actions) say so. Under GAE the targets of the value function.
    pub returns: Vec<f32>,
    /// Advantage by the [`Estimator`], and 0 at masked step ends.
    pub advantages: Vec<f32>,
}

/// Rewards, returns and advantages of a group of K responses to one question.
///
/// Aᵢₜ = Σ_{t'≥t} γ^{t'−t} (ρᵢₜ' + oᵢₜ' − β klᵢₜ') − bᵢ  under [`Estimator::Return`]
///
/// ρ is the transformed process reward on the last token of each step, o the
/// outcome reward on the last token of the response (verifiable reward less
/// penalty); how the baseline enters is told at [`Baseline`]. The paper's
/// version is Eq. (7). Other estimators give their own formula.
///
/// `group` holds the K responses, whose lengths may differ; the result has the
/// same order. A response without process rewards gets no process credit and
/// stays out of process baselines; one without ground truth gets no verifiable
/// reward and stays out of its mean. In a group of one every baseline over the
/// others is 0, so that the advantage is the return. A KL value that is NaN
/// counts as 0, a verdict that is NaN as wrong, a step reward that is NaN as −1.
///
/// # Errors
/// [`CreditError`] for the first response whose lengths disagree.
pub fn group_advantages(group: &[Response], settings: &CreditSettings) -> Result<Vec<TokenCredit>, CreditError> {
    group.iter().try_for_each(Response::validate)?;
    let outcomes = outcome_rewards(group, settings);
    let members: Vec<Member<'_>> =
        group.iter().zip(outcomes).map(|(response, outcome)| Member::new(response, outcome, settings)).collect();
    Ok(match settings.estimator {
        Estimator::Return(baseline) => above_baseline(&members, baseline),
        Estimator::Grpo { scale_by_std } => {
            let totals: Vec<f64> = members.iter().map(Member::total).collect();
            let advantages = standardised(&totals, scale_by_std);
            members.iter().zip(advantages).map(|(member, advantage)| member.constant(advantage)).collect()
        }
        Estimator::GrpoProcess { scale_by_std } => process_against_group(&members, scale_by_std),
        Estimator::Gae { lambda } => members.iter().map(|member| member.generalised(lambda)).collect(),
    })
}

/// The whole reward of one response: Σₛ r*ₛ + verifiable reward − penalty, and the KL penalty where it lies inside
/// the baseline. For a greedy response it is the baseline of ReMax.
///
/// # Errors
/// [`CreditError`] where the lengths of the response disagree.
pub fn total_reward(response: &Response, settings: &CreditSettings) -> Result<f32, CreditError> {
    response.validate()?;
    let outcome = verifiable_reward(response, settings).unwrap_or(0.0) - finite(response.penalty, 0.0);
    Ok(narrow(Member::new(response, outcome, settings).total()))
}

fn above_baseline(members: &[Member<'_>], baseline: Baseline) -> Vec<TokenCredit> {
    let steps: Vec<_> = members.iter().map(|member| member.step_share(baseline)).collect();
    let returns: Vec<_> = members.iter().map(|member| member.return_share(baseline)).collect();
    let baselines = leave_one_out(&steps).into_iter().zip(leave_one_out(&returns));
    members.iter().zip(baselines).map(|(member, (step, token))| member.above(baseline, step, token)).collect()
}

/// Steps standardised over all steps of the group, outcomes over all responses.
fn process_against_group(members: &[Member<'_>], scale_by_std: bool) -> Vec<TokenCredit> {
    let all: Vec<f64> = members.iter().flat_map(|member| member.steps().iter().copied()).collect();
    let all = standardised(&all, scale_by_std);
    let outcomes: Vec<f64> = members.iter().map(|member| member.outcome).collect();
    let outcomes = standardised(&outcomes, scale_by_std);
    let mut from = 0;
    let credit = |(member, outcome): (&Member<'_>, f64)| {
        let steps = &all[from..from + member.steps().len()];
        from += steps.len();
        member.of_rewards(steps, outcome)
    };
    members.iter().zip(outcomes).map(credit).collect()
}

/// Verifiable reward less penalty of each response, each less its mean over the others where the estimator says so.
fn outcome_rewards(group: &[Response], settings: &CreditSettings) -> Vec<f64> {
    let verified: Vec<Option<f64>> = group.iter().map(|response| verifiable_reward(response, settings)).collect();
    let penalties: Vec<Option<f64>> = group.iter().map(|response| Some(finite(response.penalty, 0.0))).collect();
    let above = |rewards: &[Option<f64>]| -> Vec<f64> {
        let baselines = if settings.estimator.leaves_one_out() {
            let share = |reward: &Option<f64>| reward.map(|reward| Share { reward, weight: 1.0 });
            leave_one_out(&rewards.iter().map(share).collect::<Vec<_>>())
        } else {
            vec![0.0; rewards.len()]
        };
        rewards.iter().zip(baselines).map(|(reward, baseline)| reward.map_or(0.0, |reward| reward - baseline)).collect()
    };
    above(&verified).iter().zip(above(&penalties)).map(|(reward, penalty)| reward - penalty).collect()
}

/// coefficient · v, or `None` without ground truth.
fn verifiable_reward(response: &Response, settings: &CreditSettings) -> Option<f64> {
    let verifiable = settings.verifiable?;
    let verified = finite(response.verified?, 0.0);
    Some(finite(verifiable.coefficient, 0.0) * verifiable.values.value(verified))
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::{group_advantages, total_reward};
    use crate::{Actions, Baseline, CreditForm, CreditSettings, Estimator, KlPlacement, Response, Shaping};

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

    /// Two steps of two tokens each.
    fn two_steps(rewards: [f32; 2]) -> Response {
        Response {
            step_ends: vec![1, 3],
            step_lengths: vec![1, 1],
            rewards: rewards.to_vec(),
            length: 4,
            ..Response::default()
        }
    }

    /// Plain sums, no verdicts, no mask.
    fn plain(estimator: Estimator) -> CreditSettings {
        CreditSettings {
            form: CreditForm::Sum { gamma: 1.0 },
            estimator,
            verifiable: None,
            mask_step_ends: false,
            ..CreditSettings::main()
        }
    }

    #[test]
    fn grpo_gives_every_token_the_same_advantage_and_keeps_an_outside_penalty() {
        let group = [two_steps([0.5, 0.5]), Response { kl: vec![1.0; 4], ..two_steps([0.0, 0.0]) }];
        let settings = CreditSettings {
            kl: KlPlacement::AfterBaseline { coefficient: 0.125 },
            ..plain(Estimator::Grpo { scale_by_std: false })
        };
        let credit = group_advantages(&group, &settings).unwrap();
        assert_eq!(credit[0].advantages, [0.5; 4]);
        assert_eq!(credit[1].advantages, [-1.0, -0.875, -0.75, -0.625]);
        let inside = CreditSettings { kl: KlPlacement::InsideBaseline { coefficient: 0.125 }, ..settings };
        assert_eq!(group_advantages(&group, &inside).unwrap()[1].advantages, [-0.75; 4]);
    }

    #[test]
    fn process_grpo_compares_steps_with_all_steps_of_the_group() {
        let group = [two_steps([0.5, -0.5]), two_steps([1.0, 0.0])];
        let credit = group_advantages(&group, &plain(Estimator::GrpoProcess { scale_by_std: false })).unwrap();
        assert_eq!(credit[0].advantages, [-0.5, -0.5, -0.75, -0.75]);
        assert_eq!(credit[1].advantages, [0.5, 0.5, -0.25, -0.25]);
    }

    #[test]
    fn remax_subtracts_the_reward_of_the_greedy_response() {
        let settings = plain(Baseline::Greedy.into());
        let greedy_reward = total_reward(&two_steps([0.5, 0.25]), &settings).unwrap();
        let group = [Response { greedy_reward, ..two_steps([1.0, 0.5]) }];
        let credit = group_advantages(&group, &settings).unwrap();
        assert_eq!(credit[0].advantages, [0.75, 0.75, -0.25, -0.25]);
    }

    #[test]
    fn generalised_advantages_of_steps_by_hand() {
        let group = [Response { values: vec![0.5, 9.0, 0.25, 9.0], ..two_steps([1.0, 1.0]) }];
        let settings = CreditSettings { actions: Actions::Step, ..plain(Estimator::Gae { lambda: 0.0 }) };
        let credit = group_advantages(&group, &settings).unwrap();
        // δ₁ = 1 + 0.25 − 0.5, δ₂ = 1 − 0.25
        assert_eq!(credit[0].advantages, [0.75; 4]);
        assert_eq!(credit[0].returns, [1.25, 1.25, 1.0, 1.0]);
    }

    #[test]
    fn a_discount_counts_actions() {
        let discounted = |actions| {
            let settings = CreditSettings { discount: 0.5, actions, ..plain(Baseline::None.into()) };
            group_advantages(&[two_steps([0.0, 1.0])], &settings).unwrap()[0].advantages.clone()
        };
        assert_eq!(discounted(Actions::Token), [0.125, 0.25, 0.5, 1.0]);
        assert_eq!(discounted(Actions::Step), [0.5, 0.5, 1.0, 1.0]);
        assert_eq!(discounted(Actions::Fixed { length: 4 }), [1.0; 4]);
    }

    #[test]
    fn a_penalty_is_an_outcome_reward() {
        let group = [Response { penalty: 1.0, ..solved(None) }, solved(None)];
        let credit = group_advantages(&group, &CreditSettings::main()).unwrap();
        assert_eq!(credit[0].advantages, [-1.0, -1.0]);
        assert_eq!(credit[1].advantages, [1.0, 1.0]);
        let credit = group_advantages(&group, &plain(Baseline::None.into())).unwrap();
        assert_eq!(credit[1].advantages, [0.0, 0.0]);
    }

    #[test]
    fn factor_and_shaping_change_the_process_reward() {
        let settings = CreditSettings {
            process: 2.0,
            shaping: Shaping { clip: Some(0.5), delta: false },
            ..plain(Baseline::None.into())
        };
        let credit = group_advantages(&[two_steps([0.75, 0.25])], &settings).unwrap();
        assert_eq!(credit[0].rewards, [0.0, 0.0, 0.0, -0.5]);
    }
}
