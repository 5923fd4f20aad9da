//! Agreement with numbers from the reference code, one test per group of the
//! fixture; see `fixtures/README.md` for their origin.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use minform_credit::{
    Baseline, CreditForm, CreditSettings, Estimator, KlEstimator, KlPlacement, LossMean, Normalisation, PolicyLoss,
    TokenCredit, Verifiable, group_advantages, normalise, policy_loss, reflection_count, repeat_score, return_to_go,
    step_score,
};
use serde_json::Value;

use common::{
    advantages, all_close, cases, close, float, floats, golden, group_of_four, responses, rows, rows_close, text,
    within,
};

/// N of the groups of four.
const MAX_LENGTH: usize = 16;

/// Groups that `minform-text` covers.
const ELSEWHERE: [&str; 4] =
    ["step_split_main_branch", "grader_main_branch", "grader_verl_branch", "eval_answer_extraction"];

/// Makes one test per group, named as the group, and the list of all of them.
macro_rules! golden_tests {
    ($($group:ident),* $(,)?) => {
        const COVERED: &[&str] = &[$(stringify!($group)),*];

        #[allow(non_snake_case, reason = "tests carry the names of the groups")]
        mod group {
            $(#[test]
            fn $group() {
                super::check::$group(&super::golden()[stringify!($group)]);
            })*
        }
    };
}

golden_tests![
    score_from_logits,
    transform,
    transform_batch_with_padding,
    group_K4,
    main_branch_group_K4,
    policy_loss_main,
    verl_branch_group_K4,
    verl_other_estimators_group_K4,
    kl,
    policy_loss_verl,
    hack_step_count_bias,
    hack_empty_response,
    repeat_and_reflection,
    paper_eq7_group_K4,
];

#[test]
fn every_group_of_the_fixture_is_covered() {
    let golden = golden();
    let groups: Vec<&str> = golden.as_object().unwrap().keys().map(String::as_str).collect();
    for group in &groups {
        let known = *group == "_about" || COVERED.contains(group) || ELSEWHERE.contains(group);
        assert!(known, "group {group} is covered neither here nor in minform-text");
    }
    for group in COVERED.iter().chain(&ELSEWHERE) {
        assert!(groups.contains(group), "group {group} is missing in the fixture");
    }
}

/// One function per group.
#[allow(non_snake_case, reason = "functions carry the names of the groups")]
mod check {
    use super::*;

    pub(super) fn score_from_logits(group: &Value) {
        for case in cases(group) {
            let logits = floats(&case["logits"]);
            close("score", step_score([logits[0], logits[1]]), float(&case["r"]));
        }
    }

    pub(super) fn transform(group: &Value) {
        for case in cases(group) {
            let rewards = floats(&case["r"]);
            for output in case["outputs"].as_array().unwrap() {
                let form = CreditForm::SoftMin { temperature: float(&output["T"]) };
                all_close("weights", &form.weights(&rewards), &floats(&output["weights"]));
                check_form(form, &rewards, output);
            }
            check_form(CreditForm::Mean, &rewards, &case["main_disable_weighted_reward"]);
            let sum = CreditForm::Sum { gamma: 1.0 };
            check_form(sum, &rewards, &case["plain_sum_form_gamma1"]);

            let limit = &case["paper_limit_T_to_0"];
            let exact = CreditForm::ExactMin;
            all_close("limit", &exact.returns(&rewards), &floats(&limit["G"]));
            let worst = exact.weights(&rewards).iter().position(|&w| w > 0.0);
            assert_eq!(worst.map(|w| w as u64), limit["worst_step_index0"].as_u64());
        }
    }

    fn check_form(form: CreditForm, rewards: &[f32], expected: &Value) {
        let transformed = floats(&expected["transformed"]);
        all_close("transformed", &form.transformed(rewards), &transformed);
        let returns = floats(&expected["step_returns_gamma1"]);
        all_close("step returns", &form.returns(rewards), &returns);
        close("outcome", form.outcome(rewards), float(&expected["outcome_sum"]));
    }

    /// Padding does not exist in this crate: masked steps are cut off first.
    pub(super) fn transform_batch_with_padding(group: &Value) {
        let form = CreditForm::SoftMin { temperature: float(&group["T"]) };
        let (rewards, transformed) = (rows(&group["r"]), rows(&group["transformed"]));
        let outcome = floats(&group["outcome_sum"]);
        for (row, mask) in group["mask"].as_array().unwrap().iter().enumerate() {
            let steps = mask.as_array().unwrap().iter().filter(|m| m.as_bool() == Some(true));
            let steps = steps.count();
            let real = &rewards[row][..steps];
            all_close("transformed", &form.transformed(real), &transformed[row][..steps]);
            close("outcome", form.outcome(real), outcome[row]);
        }
    }

    pub(super) fn group_K4(group: &Value) {
        let settings = CreditSettings {
            estimator: Baseline::None.into(),
            verifiable: None,
            kl: KlPlacement::None,
            mask_step_ends: false,
            ..CreditSettings::main()
        };
        let responses = group_of_four(None);
        let credit = group_advantages(&responses, &settings).unwrap();
        let rewards: Vec<Vec<f32>> = credit.iter().map(|c| c.rewards.clone()).collect();
        rows_close("placement", &rewards, &rows(&group["transformed_at_tokens"]));
        let outcomes: Vec<f32> = responses.iter().map(|r| settings.form.outcome(&r.rewards)).collect();
        all_close("outcome", &outcomes, &floats(&group["outcome_reward"]));
    }

    pub(super) fn main_branch_group_K4(group: &Value) {
        assert_eq!(cases(group).len(), 9);
        for case in cases(group) {
            let given = &case["settings"];
            let estimator = match text(&given["kl_estimator"]) {
                "k1" => KlEstimator::K1,
                "k3" => KlEstimator::K3,
                other => panic!("unknown estimator {other}"),
            };
            let coefficient = float(&given["kl_coef"]);
            let settings = main_settings(given);
            let mut responses = group_of_four(Some(estimator));
            let answered = given["have_answers"].as_array().unwrap();
            for (response, answered) in responses.iter_mut().zip(answered) {
                response.verified = response.verified.filter(|_| answered.as_bool() == Some(true));
            }
            let credit = group_advantages(&responses, &settings).unwrap();

            // The reference adds the penalty later, so its rewards do not have it yet.
            let expected = rows(&case["reward_after_baseline_at_tokens"]);
            for ((credit, response), expected) in credit.iter().zip(&responses).zip(&expected) {
                let tokens = credit.rewards.iter().zip(&response.kl);
                let before: Vec<f32> = tokens.map(|(r, kl)| r + coefficient * kl).collect();
                all_close("rewards", &before, expected);
            }
            let totals: Vec<f32> = credit.iter().map(|c| c.returns[0]).collect();
            let expected = floats(&case["info_return (sum of reward incl. masked)"]);
            all_close("total", &totals, &expected);

            let mut advantages = advantages(&credit);
            let expected = rows(&case["returns_=_advantages_before_norm"]);
            rows_close("advantages", &advantages, &expected);
            normalise(&mut advantages, Normalisation::NonZero);
            let expected = rows(&case["advantages_normalised"]);
            rows_close("normalised", &advantages, &expected);
        }
    }

    fn main_settings(given: &Value) -> CreditSettings {
        let main = CreditSettings::main();
        let mode = text(&given["reward_mode"]);
        CreditSettings {
            process: f32::from(mode.contains("PRM")),
            estimator: match text(&given["reward_baseline"]) {
                "token" => Baseline::LeaveOneOutToken.into(),
                "step" => Baseline::LeaveOneOutStep.into(),
                other => panic!("unknown baseline {other}"),
            },
            verifiable: main
                .verifiable
                .filter(|_| mode.contains("VR"))
                .map(|verifiable| Verifiable { coefficient: float(&given["verifiable_reward_coef"]), ..verifiable }),
            kl: KlPlacement::AfterBaseline { coefficient: float(&given["kl_coef"]) },
            mask_step_ends: given["nomask_separator_adv"].as_bool() == Some(false),
            ..main
        }
    }

    pub(super) fn verl_branch_group_K4(group: &Value) {
        assert_eq!(cases(group).len(), 8);
        for case in cases(group) {
            assert_eq!(case["N_max_response_length"].as_u64(), Some(MAX_LENGTH as u64));
            let credit = verl_credit(case);
            if text(&case["return_aggregate_method"]) == "min" {
                check_strict_min(case, &credit);
                continue;
            }
            let rewards: Vec<Vec<f32>> = credit.iter().map(|c| c.rewards.clone()).collect();
            rows_close("rewards", &rewards, &rows(&case["token_level_rewards"]));
            let mut advantages = advantages(&credit);
            rows_close("before whitening", &advantages, &rows(&case["returns"]));
            if case["adv_norm"].as_bool() == Some(true) {
                normalise(&mut advantages, Normalisation::Whiten);
            }
            rows_close("advantages", &advantages, &rows(&case["advantages"]));
        }
    }

    fn verl_credit(case: &Value) -> Vec<TokenCredit> {
        let (name, verl) = (text(&case["name"]), CreditSettings::verl(MAX_LENGTH));
        let settings = CreditSettings {
            form: match text(&case["return_aggregate_method"]) {
                "min" => CreditForm::ExactMin,
                _ if name.contains("gamma-decay") => CreditForm::Sum { gamma: 1.0 },
                _ => verl.form,
            },
            process: f32::from(name.contains("PRM")),
            verifiable: verl.verifiable.filter(|_| name.contains("VR")),
            kl: KlPlacement::InsideBaseline { coefficient: float(&case["kl_coef"]) },
            ..verl
        };
        group_advantages(&group_of_four(Some(KlEstimator::K3Clamped)), &settings).unwrap()
    }

    /// The reference takes a running minimum over all padded tokens, most of
    /// which are 0. So no return of it is above 0, steps after the worst keep
    /// their minimum, and a verifiable reward changes nothing. `ExactMin` takes
    /// Eq. (3) over steps instead and must not agree.
    fn check_strict_min(case: &Value, credit: &[TokenCredit]) {
        let reference = rows(&case["advantages"]);
        assert!(!within(&advantages(credit)[1], &reference[1]));

        // One step of 0.3 is its own minimum; the reference makes it 0.
        let right = if text(&case["name"]).contains("VR") { 1.0 } else { 0.0 };
        close("single step", credit[1].returns[0], 0.3 + right);
        // Steps 0.8 −0.5 0.7 −0.5 0.9: −0.5 up to the first worst, then nothing.
        let expected: Vec<f32> = (0..12).map(|token| if token <= 3 { right - 0.5 } else { right }).collect();
        all_close("Eq. (3)", &credit[2].returns, &expected);
    }

    pub(super) fn verl_other_estimators_group_K4(group: &Value) {
        let mut responses = group_of_four(None);
        for (response, values) in responses.iter_mut().zip(rows(&group["gae_values"])) {
            response.values = values;
        }
        let credit = |estimator: Estimator| {
            let settings = CreditSettings { estimator, kl: KlPlacement::None, ..CreditSettings::verl(MAX_LENGTH) };
            group_advantages(&responses, &settings).unwrap()
        };
        let returns = |credit: &[TokenCredit]| credit.iter().map(|c| c.returns.clone()).collect::<Vec<_>>();
        let whitened = |credit: &[TokenCredit]| {
            let mut advantages = advantages(credit);
            normalise(&mut advantages, Normalisation::Whiten);
            advantages
        };

        let grpo = credit(Estimator::Grpo { scale_by_std: true });
        rows_close("grpo", &advantages(&grpo), &rows(&group["grpo_advantages"]));

        let plus_plus = credit(Baseline::None.into());
        rows_close("returns", &returns(&plus_plus), &rows(&group["reinforce_pp_returns"]));
        rows_close("reinforce++", &whitened(&plus_plus), &rows(&group["reinforce_pp_advantages"]));

        let gae = credit(Estimator::Gae { lambda: 1.0 });
        rows_close("gae returns", &returns(&gae), &rows(&group["gae_returns"]));
        rows_close("gae", &whitened(&gae), &rows(&group["gae_advantages"]));
    }

    pub(super) fn kl(group: &Value) {
        let check = |estimator: KlEstimator, ratios: &str, expected: &str| {
            let found: Vec<f32> = floats(&group[ratios]).iter().map(|&d| estimator.value(d)).collect();
            all_close(expected, &found, &floats(&group[expected]));
        };
        check(KlEstimator::K1, "d", "k1");
        check(KlEstimator::K3, "d", "k3_main");
        check(KlEstimator::K3Clamped, "d", "low_var_kl_verl");
        check(KlEstimator::K3, "d_negative", "k3_main_d_negative");
        check(KlEstimator::K3Clamped, "d_negative", "low_var_kl_verl_d_negative");
    }

    pub(super) fn policy_loss_main(group: &Value) {
        let result = loss_of_fixture(LossMean::PerResponse);
        close("loss", result.loss, float(&group["loss"]));
        close("ratio", result.mean_ratio, float(&group["avg_ratio"]));
        close("advantage", result.mean_advantage, float(&group["avg_advantage"]));
    }

    pub(super) fn policy_loss_verl(group: &Value) {
        let result = loss_of_fixture(LossMean::PerToken);
        close("loss", result.loss, float(&group["loss"]));
        close("clip fraction", result.clip_fraction, float(&group["clipfrac"]));
        close("kl", result.approximate_kl, float(&group["ppo_kl"]));
        assert_eq!(result.tokens, 5);
    }

    fn loss_of_fixture(mean: LossMean) -> PolicyLoss {
        let inputs = &golden()["policy_loss_main"];
        let mask: Vec<Vec<bool>> =
            rows(&inputs["mask"]).iter().map(|row| row.iter().map(|&m| m > 0.5).collect()).collect();
        let (logp, old_logp) = (rows(&inputs["logp"]), rows(&inputs["old_logp"]));
        policy_loss(&logp, &old_logp, &rows(&inputs["adv"]), &mask, 0.2, 0.2, mean).unwrap()
    }

    pub(super) fn hack_step_count_bias(group: &Value) {
        let responses = responses(&rows(&group["generated_ids"]), &rows(&group["r"]));
        let main = CreditSettings { verifiable: None, ..CreditSettings::main() };
        for (baseline, name) in
            [(Baseline::LeaveOneOutStep, "step_baseline"), (Baseline::LeaveOneOutToken, "token_baseline")]
        {
            let settings = CreditSettings { estimator: baseline.into(), ..main };
            let credit = group_advantages(&responses, &settings).unwrap();
            rows_close(name, &advantages(&credit), &rows(&group[name]["advantages"]));
            let outcomes = responses.iter().map(|r| main.form.outcome(&r.rewards));
            let outcomes: Vec<f32> = outcomes.collect();
            all_close("outcome", &outcomes, &floats(&group[name]["outcome"]));
        }
    }

    pub(super) fn hack_empty_response(group: &Value) {
        let responses = responses(&rows(&group["generated_ids"]), &rows(&group["r"]));
        let main = CreditSettings { verifiable: None, ..CreditSettings::main() };
        let verl = CreditSettings { verifiable: None, ..CreditSettings::verl(8) };
        for (settings, name) in [(main, "main_advantages"), (verl, "verl_advantages_N8")] {
            let credit = group_advantages(&responses, &settings).unwrap();
            rows_close(name, &advantages(&credit), &rows(&group[name]));
        }
    }

    pub(super) fn repeat_and_reflection(group: &Value) {
        for case in group["repeat"].as_array().unwrap() {
            close("repeat", repeat_score(text(&case["text"])), float(&case["score"]));
        }
        for case in group["reflection"].as_array().unwrap() {
            let found = reflection_count(text(&case["text"])) as u64;
            assert_eq!(Some(found), case["score"].as_u64(), "{}", case["text"]);
        }
    }

    pub(super) fn paper_eq7_group_K4(group: &Value) {
        let settings = CreditSettings::paper(MAX_LENGTH);
        let credit = group_advantages(&group_of_four(None), &settings).unwrap();
        rows_close("Eq. (7)", &advantages(&credit), &rows(&group["advantages"]));
        for credit in &credit {
            all_close("returns", &return_to_go(&credit.rewards, 1.0), &credit.returns);
        }
    }
}
