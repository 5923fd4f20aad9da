//! The credit of a group step by step, for those who look at steps rather than tokens.

use alloc::vec::Vec;

use crate::actions::Actions;
use crate::advantage::group_advantages;
use crate::error::{CreditError, same_length};
use crate::estimator::Estimator;
use crate::form::CreditForm;
use crate::response::Response;
use crate::settings::{CreditSettings, KlPlacement};
use crate::shaping::Shaping;
use crate::statistics::mean;

/// The steps of one response.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScoredSteps {
    /// Score of each step.
    pub rewards: Vec<f32>,
    /// Tokens of each step, the separator or end-of-sequence token that ends it included. A step of 0 counts as 1.
    pub tokens: Vec<usize>,
}

/// Credit of one response. The vectors have shape `[steps]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepCredit {
    /// O = Σₜ r*ₜ.
    pub outcome: f32,
    /// Gₜ = Σ_{j≥t} r*ⱼ.
    pub returns: Vec<f32>,
    /// What the return is compared with: Gₜ − Aₜ, or the mean outcome where the whole response is compared.
    pub baseline: Vec<f32>,
    /// Aₜ: advantage of every token of the step.
    pub advantages: Vec<f32>,
}

/// Returns and advantages of every step of a group of responses, from process rewards alone.
///
/// These are the [`group_advantages`] of training, without verifiable reward, KL penalty or masked step ends, read at
/// one token of each step: its tokens share one advantage.
///
/// # Errors
/// [`CreditError::Parallel`] for the first response with another number of token counts than rewards.
pub fn step_credit(
    group: &[ScoredSteps],
    form: CreditForm,
    estimator: impl Into<Estimator>,
) -> Result<Vec<StepCredit>, CreditError> {
    let responses = group.iter().map(response).collect::<Result<Vec<_>, _>>()?;
    let settings = CreditSettings {
        form,
        estimator: estimator.into(),
        process: 1.0,
        shaping: Shaping::default(),
        actions: Actions::Token,
        discount: 1.0,
        verifiable: None,
        kl: KlPlacement::None,
        mask_step_ends: false,
    };
    let credit = group_advantages(&responses, &settings)?;
    let outcomes: Vec<f32> = responses.iter().map(|response| form.outcome(&response.rewards)).collect();
    let common = matches!(settings.estimator, Estimator::Grpo { .. }).then(|| mean(&outcomes)).flatten();
    let steps = responses.iter().zip(&credit).zip(&outcomes).map(|((response, credit), outcome)| {
        let returns = form.returns(&response.rewards);
        let advantages: Vec<f32> = response.step_ends.iter().map(|end| credit.advantages[*end]).collect();
        let pairs = returns.iter().zip(&advantages);
        let baseline = pairs.map(|(value, advantage)| common.unwrap_or(value - advantage)).collect();
        StepCredit { outcome: *outcome, returns, baseline, advantages }
    });
    Ok(steps.collect())
}

fn response(steps: &ScoredSteps) -> Result<Response, CreditError> {
    same_length("tokens", steps.rewards.len(), steps.tokens.len())?;
    let counts = || steps.tokens.iter().map(|&tokens| tokens.max(1));
    let next_end = |end: &mut usize, tokens| {
        *end = usize::saturating_add(*end, tokens);
        Some(*end - 1)
    };
    Ok(Response {
        step_ends: counts().scan(0, next_end).collect(),
        step_lengths: counts().map(|tokens| tokens - 1).collect(),
        rewards: steps.rewards.clone(),
        length: counts().sum(),
        ..Response::default()
    })
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::{ScoredSteps, step_credit};
    use crate::{Baseline, CreditError, CreditForm, Estimator};

    const SUM: CreditForm = CreditForm::Sum { gamma: 1.0 };

    fn steps(rewards: &[f32], tokens: &[usize]) -> ScoredSteps {
        ScoredSteps { rewards: rewards.to_vec(), tokens: tokens.to_vec() }
    }

    #[test]
    fn without_a_baseline_the_advantage_is_the_return() {
        let credit = step_credit(&[steps(&[0.5, -0.25], &[3, 2])], CreditForm::ExactMin, Baseline::None).unwrap();
        assert_eq!(credit[0].returns, [-0.25, -0.25]);
        assert_eq!(credit[0].advantages, credit[0].returns);
        assert_eq!(credit[0].outcome, -0.25);
    }

    /// The same text with one separator less: only its number of steps tells the responses apart.
    #[test]
    fn a_baseline_per_step_rewards_fewer_steps_and_one_per_token_hardly() {
        let group = [steps(&[1.0, 1.0], &[5, 5]), steps(&[1.0, 1.0, 1.0, 1.0], &[3, 2, 3, 2])];
        let spread = |baseline| {
            let credit = step_credit(&group, CreditForm::Mean, baseline).unwrap();
            credit[0].advantages[0] - credit[1].advantages[0]
        };
        // O = 1 each: b = 1/4 and 1/2 per step, so 1 − 2 · 1/4 and 1 − 4 · 1/2.
        assert_eq!(spread(Baseline::LeaveOneOutStep), 1.5);
        let credit = step_credit(&group, CreditForm::Mean, Baseline::LeaveOneOutStep).unwrap();
        assert_eq!(credit[0].baseline, [0.5, 0.25]);
        // b = 1/10 per token each: 1 − 8 · 1/10 and 1 − 6 · 1/10, for separators are not counted in a step.
        assert!((spread(Baseline::LeaveOneOutToken) + 0.2).abs() < 1e-6);
    }

    #[test]
    fn a_group_mean_is_taken_off_every_step() {
        let group = [steps(&[1.0, 0.0], &[2, 2]), steps(&[0.0], &[4])];
        let credit = step_credit(&group, SUM, Estimator::Grpo { scale_by_std: false }).unwrap();
        assert_eq!((&credit[0].advantages[..], &credit[1].advantages[..]), (&[0.5, 0.5][..], &[-0.5][..]));
        assert_eq!((&credit[0].baseline[..], &credit[1].baseline[..]), (&[0.5, 0.5][..], &[0.5][..]));
    }

    #[test]
    fn counts_must_match_and_steps_without_tokens_have_one() {
        let error = step_credit(&[steps(&[1.0], &[])], SUM, Baseline::None);
        assert_eq!(error, Err(CreditError::Parallel { name: "tokens", expected: 1, found: 0 }));
        let credit = step_credit(&[steps(&[1.0, 2.0], &[0, 0])], SUM, Baseline::None).unwrap();
        assert_eq!(credit[0].advantages, [3.0, 2.0]);
        assert_eq!(step_credit(&[steps(&[], &[])], SUM, Baseline::None).unwrap()[0].advantages, vec![]);
    }
}
