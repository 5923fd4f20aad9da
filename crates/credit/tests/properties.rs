//! Relations that hold for all inputs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use minform_credit::{
    Actions, Baseline, CreditForm, CreditSettings, Estimator, KlEstimator, KlPlacement, Normalisation, Response,
    Shaping, TokenCredit, Verifiable, VerifiableValues, group_advantages, normalise, repeat_score, return_to_go,
    step_score,
};
use proptest::collection::vec;
use proptest::prelude::*;

const EXACT: CreditForm = CreditForm::ExactMin;

fn scores() -> impl Strategy<Value = Vec<f32>> {
    vec(-1.0f32..1.0, 1..12)
}

/// Anything, with the trouble makers often.
fn wild() -> impl Strategy<Value = f32> + Clone {
    prop_oneof![
        -1.0f32..1.0,
        Just(0.25),
        Just(0.0),
        Just(1e30),
        Just(-1e30),
        Just(f32::NAN),
        Just(f32::INFINITY),
        Just(f32::MIN),
        any::<f32>(),
    ]
}

fn forms() -> impl Strategy<Value = CreditForm> {
    prop_oneof![
        wild().prop_map(|temperature| CreditForm::SoftMin { temperature }),
        (0.001f32..2.0).prop_map(|temperature| CreditForm::SoftMin { temperature }),
        Just(EXACT),
        (0.0f32..=1.0).prop_map(|gamma| CreditForm::Sum { gamma }),
        wild().prop_map(|gamma| CreditForm::Sum { gamma }),
        Just(CreditForm::Mean),
    ]
}

fn baselines() -> impl Strategy<Value = Baseline> {
    prop_oneof![
        Just(Baseline::None),
        Just(Baseline::LeaveOneOutToken),
        Just(Baseline::LeaveOneOutStep),
        (0usize..40).prop_map(|max_length| Baseline::PaperToken { max_length }),
        (0usize..40).prop_map(|max_length| Baseline::VerlToken { max_length }),
        Just(Baseline::Greedy),
    ]
}

fn estimators() -> impl Strategy<Value = Estimator> {
    prop_oneof![
        4 => baselines().prop_map(Estimator::Return),
        1 => any::<bool>().prop_map(|scale_by_std| Estimator::Grpo { scale_by_std }),
        1 => any::<bool>().prop_map(|scale_by_std| Estimator::GrpoProcess { scale_by_std }),
        1 => wild().prop_map(|lambda| Estimator::Gae { lambda }),
    ]
}

fn actions() -> impl Strategy<Value = Actions> {
    prop_oneof![
        Just(Actions::Token),
        Just(Actions::Step),
        (0usize..5).prop_map(|length| Actions::NGram { length }),
        (0usize..5).prop_map(|length| Actions::Fixed { length }),
    ]
}

fn shapings() -> impl Strategy<Value = Shaping> {
    (proptest::option::of(wild()), any::<bool>()).prop_map(|(clip, delta)| Shaping { clip, delta })
}

fn verifiables() -> impl Strategy<Value = Option<Verifiable>> {
    let values = prop_oneof![Just(VerifiableValues::ZeroOne), Just(VerifiableValues::MinusOneZero)];
    let verifiable = (wild(), values);
    proptest::option::of(verifiable.prop_map(|(coefficient, values)| Verifiable { coefficient, values }))
}

fn placements() -> impl Strategy<Value = KlPlacement> {
    prop_oneof![
        Just(KlPlacement::None),
        wild().prop_map(|coefficient| KlPlacement::AfterBaseline { coefficient }),
        wild().prop_map(|coefficient| KlPlacement::InsideBaseline { coefficient }),
    ]
}

fn settings() -> impl Strategy<Value = CreditSettings> {
    let process = (forms(), wild(), shapings());
    let credit = (estimators(), wild(), actions(), any::<bool>());
    (process, credit, verifiables(), placements()).prop_map(
        |((form, process, shaping), (estimator, discount, actions, mask_step_ends), verifiable, kl)| CreditSettings {
            form,
            process,
            shaping,
            estimator,
            discount,
            actions,
            verifiable,
            kl,
            mask_step_ends,
        },
    )
}

/// A valid response whose steps have 0 to 3 tokens and a separator each.
fn responses(numbers: impl Strategy<Value = f32> + Clone) -> impl Strategy<Value = Response> {
    let step = (0usize..4, numbers.clone());
    let verified = proptest::option::of(numbers.clone());
    (vec(step, 0..6), any::<bool>(), verified, vec(numbers, 24), any::<bool>()).prop_map(
        |(steps, scored, verified, kl, penalised)| {
            let mut response = Response { verified, ..Response::default() };
            for (length, reward) in steps {
                response.length += length + 1;
                response.step_ends.push(response.length - 1);
                response.step_lengths.push(length);
                if scored {
                    response.rewards.push(reward);
                }
            }
            if penalised {
                response.kl = kl[..response.length].to_vec();
                response.values = kl[24 - response.length..].to_vec();
                response.penalty = kl[0];
                response.greedy_reward = kl[1];
            }
            response
        },
    )
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() <= 1e-4 * (1.0 + b.abs())
}

fn all_near(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(*a, *b))
}

/// Eq. (3) as it is written.
fn equation_3(rewards: &[f32]) -> Vec<f32> {
    let lowest = |from: usize| rewards[from..].iter().copied().fold(f32::INFINITY, f32::min);
    let worst = rewards.iter().position(|&reward| reward == lowest(0)).unwrap();
    (0..rewards.len()).map(|step| if step <= worst { lowest(step) } else { 0.0 }).collect()
}

fn is_finite(credit: &TokenCredit) -> bool {
    let values = [&credit.rewards, &credit.returns, &credit.advantages];
    values.into_iter().flatten().all(|value| value.is_finite())
}

proptest! {
    #[test]
    fn soft_minimum_lies_between_minimum_and_maximum(
        rewards in scores(),
        temperature in 0.001f32..10.0,
    ) {
        let outcome = CreditForm::SoftMin { temperature }.outcome(&rewards);
        let minimum = minform_credit::minimum(&rewards).unwrap();
        let maximum = minform_credit::maximum(&rewards).unwrap();
        prop_assert!(minimum - 1e-6 <= outcome && outcome <= maximum + 1e-6);
    }

    #[test]
    fn a_shift_of_all_rewards_leaves_weights_unchanged(
        rewards in scores(),
        shift in -1.0f32..1.0,
        temperature in 0.05f32..10.0,
    ) {
        let shifted: Vec<f32> = rewards.iter().map(|reward| reward + shift).collect();
        for form in [CreditForm::SoftMin { temperature }, CreditForm::Mean] {
            prop_assert!(all_near(&form.weights(&rewards), &form.weights(&shifted)));
        }
    }

    #[test]
    fn low_temperature_gives_the_exact_minimum(
        places in proptest::sample::subsequence((-20i8..20).collect::<Vec<_>>(), 1..12)
            .prop_shuffle(),
    ) {
        // All distinct and at least 0.05 apart.
        let rewards: Vec<f32> = places.iter().map(|&place| f32::from(place) / 20.0).collect();
        let soft = CreditForm::SoftMin { temperature: 1e-3 };
        prop_assert!(all_near(&soft.weights(&rewards), &EXACT.weights(&rewards)));
        prop_assert!(all_near(&soft.returns(&rewards), &EXACT.returns(&rewards)));
    }

    #[test]
    fn high_temperature_gives_the_mean(rewards in scores()) {
        let soft = CreditForm::SoftMin { temperature: 1e6 };
        prop_assert!(near(soft.outcome(&rewards), CreditForm::Mean.outcome(&rewards)));
    }

    #[test]
    fn exact_minimum_is_equation_3(rewards in scores()) {
        prop_assert_eq!(EXACT.returns(&rewards), equation_3(&rewards));
    }

    #[test]
    fn equal_rewards_share_credit_equally(
        reward in -1.0f32..1.0,
        steps in 1usize..12,
        temperature in 0.001f32..10.0,
    ) {
        let weights = CreditForm::SoftMin { temperature }.weights(&vec![reward; steps]);
        prop_assert!(all_near(&weights, &vec![1.0 / steps as f32; steps]));
    }

    #[test]
    fn the_outcome_is_the_weighted_sum_and_the_first_return(
        rewards in scores(),
        form in forms(),
    ) {
        let (weights, transformed) = (form.weights(&rewards), form.transformed(&rewards));
        let outcome = form.outcome(&rewards);
        let weighted: f32 = weights.iter().zip(&rewards).map(|(w, r)| w * r).sum();
        prop_assert!(near(outcome, weighted));
        prop_assert!(near(outcome, transformed.iter().sum()));
        prop_assert!(near(outcome, form.returns(&rewards)[0]));
        prop_assert!(all_near(&form.returns(&rewards), &return_to_go(&transformed, 1.0)));
    }

    #[test]
    fn one_step_is_plain_reinforce(reward in -1.0f32..1.0, form in forms()) {
        prop_assert_eq!(form.returns(&[reward]), [reward]);
    }

    #[test]
    fn no_form_gives_nan(rewards in vec(wild(), 0..8), form in forms()) {
        for values in [form.weights(&rewards), form.transformed(&rewards), form.returns(&rewards)] {
            prop_assert_eq!(values.len(), rewards.len());
            prop_assert!(values.iter().all(|value| value.is_finite()));
        }
        prop_assert!(form.outcome(&rewards).is_finite());
    }

    #[test]
    fn no_group_gives_nan(
        group in vec(responses(wild()), 0..5),
        settings in settings(),
    ) {
        let credit = group_advantages(&group, &settings).unwrap();
        for (credit, response) in credit.iter().zip(&group) {
            prop_assert_eq!(credit.advantages.len(), response.length);
            prop_assert!(is_finite(credit));
        }
        for form in [Normalisation::None, Normalisation::NonZero, Normalisation::Whiten] {
            let mut rows: Vec<Vec<f32>> = credit.iter().map(|c| c.advantages.clone()).collect();
            normalise(&mut rows, form);
            prop_assert!(rows.iter().flatten().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn every_token_of_a_step_has_the_return_of_the_step(
        response in responses(-1.0f32..1.0),
        form in forms(),
    ) {
        let settings = CreditSettings {
            form,
            estimator: Baseline::None.into(),
            verifiable: None,
            kl: KlPlacement::None,
            mask_step_ends: false,
            ..CreditSettings::main()
        };
        let response = Response { penalty: 0.0, ..response };
        let credit = group_advantages(core::slice::from_ref(&response), &settings).unwrap();
        for (&end, &value) in response.step_ends.iter().zip(&form.returns(&response.rewards)) {
            prop_assert!(near(credit[0].returns[end], value));
        }
    }

    #[test]
    fn leave_one_out_advantages_of_verdicts_add_up_to_nothing(
        verdicts in vec(any::<bool>(), 2..9),
    ) {
        let right = |&right: &bool| Response {
            length: 1,
            verified: Some(if right { 1.0 } else { 0.0 }),
            ..Response::default()
        };
        let group: Vec<Response> = verdicts.iter().map(right).collect();
        for settings in [CreditSettings::main(), CreditSettings::paper(4)] {
            let credit = group_advantages(&group, &settings).unwrap();
            let total: f32 = credit.iter().map(|credit| credit.advantages[0]).sum();
            prop_assert!(total.abs() < 1e-5);
        }
    }

    #[test]
    fn step_baselines_average_to_the_mean(rewards in vec(-1.0f32..1.0, 2..9)) {
        let response = |&reward: &f32| Response {
            step_ends: vec![0],
            step_lengths: vec![1],
            rewards: vec![reward],
            length: 1,
            ..Response::default()
        };
        let group: Vec<Response> = rewards.iter().map(response).collect();
        let mean = minform_credit::mean(&rewards).unwrap();
        for baseline in [
            Baseline::LeaveOneOutStep,
            Baseline::LeaveOneOutToken,
            Baseline::PaperToken { max_length: 1 },
            Baseline::VerlToken { max_length: 1 },
        ] {
            let settings =
                CreditSettings { estimator: baseline.into(), mask_step_ends: false, ..CreditSettings::main() };
            let credit = group_advantages(&group, &settings).unwrap();
            let subtracted: Vec<f32> =
                credit.iter().zip(&rewards).map(|(c, reward)| reward - c.advantages[0]).collect();
            prop_assert!(near(minform_credit::mean(&subtracted).unwrap(), mean));
        }
    }

    #[test]
    fn whitened_advantages_have_mean_0_and_variance_1(
        mut rows in vec(vec(-1.0f32..1.0, 2..9), 2..5),
    ) {
        normalise(&mut rows, Normalisation::Whiten);
        let values: Vec<f32> = rows.concat();
        let squares: f32 = values.iter().map(|value| value * value).sum();
        prop_assert!(near(minform_credit::mean(&values).unwrap(), 0.0));
        prop_assert!((squares / (values.len() - 1) as f32 - 1.0).abs() < 1e-2);
    }

    #[test]
    fn scores_and_divergences_stay_in_range(z in wild(), other in wild()) {
        prop_assert!((-1.0..=1.0).contains(&step_score([z, other])));
        prop_assert!(KlEstimator::K3.value(z) >= 0.0);
    }

    #[test]
    fn repeat_score_agrees_with_sorted_suffixes(text in "[abé]{0,24}") {
        let characters: Vec<char> = text.chars().collect();
        let mut suffixes: Vec<&[char]> = (0..characters.len()).map(|s| &characters[s..]).collect();
        suffixes.sort();
        let common = |pair: &[&[char]]| {
            pair[0].iter().zip(pair[1]).take_while(|(a, b)| a == b).count()
        };
        let total: usize = suffixes.windows(2).map(common).sum();
        let n = characters.len();
        let expected = 2.0 * total as f32 / (n * (n + 1)).max(1) as f32;
        prop_assert!((repeat_score(&text) - expected).abs() < 1e-6);
    }
}
