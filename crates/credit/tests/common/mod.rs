//! Reading the fixture and comparing with it.

use minform_credit::{KlEstimator, Response, TokenCredit};
use serde_json::Value;

pub(crate) fn golden() -> Value {
    serde_json::from_str(include_str!("../fixtures/pure_golden.json")).unwrap()
}

/// The four responses that most groups share, with KL values of an estimator.
pub(crate) fn group_of_four(estimator: Option<KlEstimator>) -> Vec<Response> {
    let golden = golden();
    let group = &golden["group_K4"];
    let mut responses = responses(&rows(&group["generated_ids"]), &rows(&group["r"]));
    let (logp, reference) = (rows(&group["logp"]), rows(&group["logp_ref"]));
    for (index, response) in responses.iter_mut().enumerate() {
        assert_eq!(indices(&response.step_ends), rows(&group["step_end_index"])[index]);
        assert_eq!(indices(&response.step_lengths), rows(&group["num_tokens_per_step"])[index]);
        response.verified = Some(floats(&group["solved"])[index]);
        if let Some(estimator) = estimator {
            let ratios = logp[index].iter().zip(&reference[index]).map(|(a, b)| a - b);
            response.kl = ratios.map(|ratio| estimator.value(ratio)).collect();
        }
    }
    responses
}

fn indices(values: &[usize]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

pub(crate) fn responses(ids: &[Vec<f32>], rewards: &[Vec<f32>]) -> Vec<Response> {
    ids.iter().zip(rewards).map(|(ids, rewards)| response(ids, rewards)).collect()
}

/// Splits toy ids: 5, 6, 9, 10 are separators and 1 ends the sequence.
fn response(ids: &[f32], rewards: &[f32]) -> Response {
    let is_end = |id: f32| [1.0, 5.0, 6.0, 9.0, 10.0].contains(&id);
    let step_ends: Vec<usize> = (0..ids.len()).filter(|&token| is_end(ids[token])).collect();
    let starts = [0].into_iter().chain(step_ends.iter().map(|end| end + 1));
    Response {
        step_lengths: starts.zip(&step_ends).map(|(start, end)| end - start).collect(),
        step_ends,
        rewards: rewards.to_vec(),
        length: ids.len(),
        ..Response::default()
    }
}

pub(crate) fn advantages(credit: &[TokenCredit]) -> Vec<Vec<f32>> {
    credit.iter().map(|credit| credit.advantages.clone()).collect()
}

pub(crate) fn cases(group: &Value) -> &Vec<Value> {
    group["cases"].as_array().unwrap()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(crate) fn float(value: &Value) -> f32 {
    value.as_f64().unwrap() as f32
}

pub(crate) fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(float).collect()
}

pub(crate) fn rows(value: &Value) -> Vec<Vec<f32>> {
    value.as_array().unwrap().iter().map(floats).collect()
}

/// 1e-5 of the expected value, or 1e-6 near zero.
fn is_close(found: f32, expected: f32) -> bool {
    (found - expected).abs() <= f32::max(1e-6, 1e-5 * expected.abs())
}

pub(crate) fn within(found: &[f32], expected: &[f32]) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| is_close(*f, *e))
}

pub(crate) fn close(what: &str, found: f32, expected: f32) {
    assert!(is_close(found, expected), "{what}: found {found}, expected {expected}");
}

pub(crate) fn all_close(what: &str, found: &[f32], expected: &[f32]) {
    assert!(within(found, expected), "{what}:\n   found {found:?}\nexpected {expected:?}");
}

pub(crate) fn rows_close(what: &str, found: &[Vec<f32>], expected: &[Vec<f32>]) {
    assert_eq!(found.len(), expected.len(), "{what}: number of rows");
    for (found, expected) in found.iter().zip(expected) {
        all_close(what, found, expected);
    }
}
