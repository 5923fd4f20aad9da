//! PURE's reference numbers through the code that training uses: a preset's configuration, the trainer's credit
//! assignment on rollouts, and the loss on tensors.

use burn::tensor::{Device, Tensor, TensorData};
use minform_core::config::{self, Config, Estimator, KlEstimator, Normalisation};
use minform_core::policy::Response;
use minform_core::train::{LossTerms, Rollout, Scored, assign_credit, clipped_policy_loss, token_weights};
use minform_text::steps::Steps;
use serde_json::Value;

use crate::fixture::{json, values};
use crate::program::{minform, stdout};

/// N of the reference runs.
const LONGEST: usize = 16;

fn golden() -> Value {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/credit/tests/fixtures/pure_golden.json");
    json(&path)
}

/// The configuration that `minform train --preset` would train with.
fn preset(name: &str) -> config::Rl {
    let text = stdout(&minform(&["train", "--preset", name, "--dry-run"]));
    toml::from_str::<Config>(&text).unwrap().rl
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

fn rows(value: &Value) -> Vec<Vec<f32>> {
    value.as_array().unwrap().iter().map(floats).collect()
}

fn counts(value: &Value) -> Vec<Vec<usize>> {
    rows(value).iter().map(|row| row.iter().map(|v| *v as usize).collect()).collect()
}

/// The four responses of the reference group as the trainer holds them after scoring.
fn group(golden: &Value, kl: KlEstimator) -> Vec<Scored> {
    let group = &golden["group_K4"];
    let (ids, scores) = (counts(&group["generated_ids"]), rows(&group["r"]));
    let (ends, lengths) = (counts(&group["step_end_index"]), counts(&group["num_tokens_per_step"]));
    let (log_probs, reference) = (rows(&group["logp"]), rows(&group["logp_ref"]));
    let solved = floats(&group["solved"]);
    let estimator = minform_credit::KlEstimator::from(kl);
    let scored = |index: usize| {
        let tokens = ids[index].iter().map(|id| *id as u32).collect();
        let response = Response { tokens, log_probs: log_probs[index].clone(), finished: true };
        let steps = Steps { ends: ends[index].clone(), lengths: lengths[index].clone() };
        let ratios = log_probs[index].iter().zip(&reference[index]);
        Scored {
            step_rewards: scores[index].clone(),
            verified: Some(solved[index]),
            kl: ratios.map(|(p, q)| estimator.value(p - q)).collect(),
            ..Scored::new(Rollout { prompt: 0, prompt_ids: vec![8, 8], response, steps })
        }
    };
    (0..ids.len()).map(scored).collect()
}

fn advantages(config: &config::Rl, mut scored: Vec<Scored>) -> Vec<Vec<f32>> {
    assign_credit(&mut scored, config, LONGEST, config.kl.coefficient).unwrap();
    scored.into_iter().map(|scored| scored.credit.advantages).collect()
}

fn assert_close(what: &str, found: &[Vec<f32>], expected: &[Vec<f32>]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert!((found - expected).abs() <= f32::max(1e-6, 1e-5 * expected.abs()), "{what}: {found}, not {expected}");
    }
}

#[test]
fn preset_pure_main_gives_the_numbers_of_branch_main() {
    let golden = golden();
    for case in golden["main_branch_group_K4"]["cases"].as_array().unwrap() {
        let given = &case["settings"];
        let mut config = preset("pure-main");
        let mode = given["reward_mode"].as_str().unwrap();
        config.reward.process = f32::from(mode.contains("PRM"));
        let coefficient = given["verifiable_reward_coef"].as_f64().unwrap() as f32;
        config.reward.verifiable = if mode.contains("VR") { coefficient } else { 0.0 };
        config.credit.mask_step_ends = given["nomask_separator_adv"] == false;
        config.kl.coefficient = given["kl_coef"].as_f64().unwrap() as f32;
        config.kl.estimator = if given["kl_estimator"] == "k3" { KlEstimator::K3 } else { KlEstimator::K1 };
        if given["reward_baseline"] == "step" {
            config.credit.estimator = Estimator::RlooStep;
        }
        let mut scored = group(&golden, config.kl.estimator);
        for (scored, answered) in scored.iter_mut().zip(given["have_answers"].as_array().unwrap()) {
            scored.verified = scored.verified.filter(|_| answered == true);
        }
        let expected = rows(&case["advantages_normalised"]);
        assert_close(&given.to_string(), &advantages(&config, scored.clone()), &expected);
        config.normalisation = Normalisation::None;
        let expected = rows(&case["returns_=_advantages_before_norm"]);
        assert_close(&given.to_string(), &advantages(&config, scored), &expected);
    }
}

#[test]
fn preset_pure_verl_gives_the_numbers_of_branch_verl() {
    let golden = golden();
    let mut seen = 0;
    for case in golden["verl_branch_group_K4"]["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        // The reference's strict minimum runs over padding; ARCHITECTURE.md says why it is not followed.
        if case["return_aggregate_method"] == "min" {
            continue;
        }
        let mut config = preset("pure-verl");
        if name.contains("gamma-decay") {
            config.credit.form = config::Form::Sum;
        }
        config.reward.process = f32::from(name.contains("PRM"));
        config.reward.verifiable = f32::from(name.contains("VR"));
        config.kl.coefficient = case["kl_coef"].as_f64().unwrap() as f32;
        if case["adv_norm"] == false {
            config.normalisation = Normalisation::None;
        }
        assert_close(name, &advantages(&config, group(&golden, config.kl.estimator)), &rows(&case["advantages"]));
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn preset_pure_paper_gives_the_numbers_of_equation_7() {
    let golden = golden();
    let mut config = preset("pure-paper");
    config.normalisation = Normalisation::None;
    config.kl.coefficient = 0.0;
    let expected = rows(&golden["paper_eq7_group_K4"]["advantages"]);
    assert_close("Eq. 7", &advantages(&config, group(&golden, KlEstimator::K1)), &expected);
}

/// The reference fed process and verifiable rewards to estimators made for outcomes.
#[test]
fn presets_of_other_estimators_give_the_numbers_of_their_reference() {
    let golden = golden();
    let expected = &golden["verl_other_estimators_group_K4"];
    let with_both = |name: &str| {
        let mut config = preset(name);
        (config.reward.process, config.reward.verifiable, config.kl.coefficient) = (1.0, 1.0, 0.0);
        config
    };
    let scored = || group(&golden, KlEstimator::K1);
    assert_close("grpo", &advantages(&with_both("grpo"), scored()), &rows(&expected["grpo_advantages"]));
    let plus_plus = advantages(&with_both("reinforce-pp"), scored());
    assert_close("reinforce++", &plus_plus, &rows(&expected["reinforce_pp_advantages"]));
    let mut config = with_both("reft");
    config.credit.discount = 1.0;
    let mut valued = scored();
    for (scored, values) in valued.iter_mut().zip(rows(&expected["gae_values"])) {
        scored.values = values;
    }
    assert_close("gae", &advantages(&config, valued), &rows(&expected["gae_advantages"]));
}

/// The reference's masked batch through the weights and the tensor loss of a preset.
fn loss(golden: &Value, config: &config::Loss) -> (LossTerms, usize) {
    let given = &golden["policy_loss_main"];
    let mask = rows(&given["mask"]);
    let real = |key: &str| -> Vec<f32> {
        let pairs = rows(&given[key]).concat().into_iter().zip(mask.concat());
        pairs.filter(|(_, mask)| *mask > 0.5).map(|(value, _)| value).collect()
    };
    let lengths: Vec<usize> = mask.iter().map(|row| row.iter().filter(|mask| **mask > 0.5).count()).collect();
    let weights = token_weights(config.mean, &lengths, LONGEST);
    let tensor = |values: Vec<f32>| {
        let shape = [values.len()];
        Tensor::<1>::from_data(TensorData::new(values, shape), &Device::flex())
    };
    let [new, old, advantages] = ["logp", "old_logp", "adv"].map(|key| tensor(real(key)));
    let terms = clipped_policy_loss(new, old, advantages, tensor(weights), config.clip_low, config.clip_high);
    (terms, lengths.iter().sum())
}

#[test]
fn the_losses_of_the_presets_are_those_of_their_branches() {
    let golden = golden();
    let close = |found: f32, expected: &Value| {
        let expected = expected.as_f64().unwrap() as f32;
        assert!((found - expected).abs() < 1e-5 * expected.abs().max(0.1), "{found}, not {expected}");
    };
    let (main, _) = loss(&golden, &preset("pure-main").loss);
    close(values(main.loss)[0], &golden["policy_loss_main"]["loss"]);
    let (verl, tokens) = loss(&golden, &preset("pure-verl").loss);
    close(values(verl.loss)[0], &golden["policy_loss_verl"]["loss"]);
    close(values(verl.clipped)[0] / tokens as f32, &golden["policy_loss_verl"]["clipfrac"]);
    close(values(verl.policy_kl)[0] / tokens as f32, &golden["policy_loss_verl"]["ppo_kl"]);
}
