//! What servers answer: token ids and log-probabilities, each in its own way.

use anyhow::{Context as _, Result, bail};
use minform_core::policy::Response;
use serde_json::Value;

/// The response in an answer of `/v1/completions`.
pub(super) fn response(answer: &Value, vocabulary: usize, ends: &[u32]) -> Result<Response> {
    let choice =
        answer["choices"].as_array().and_then(|choices| choices.first()).context("an answer without a choice")?;
    let (mut tokens, mut log_probs) = tokens(choice, &answer["__verbose"]["tokens"])?;
    if let Some(token) = tokens.iter().find(|token| **token as usize >= vocabulary) {
        bail!("token {token} is not in the vocabulary of {vocabulary}; the server has another model");
    }
    let is_end = |token: &u32| ends.contains(token);
    let finished = match choice["finish_reason"].as_str() {
        Some("stop") => true,
        Some("length") => tokens.last().is_some_and(is_end),
        other => bail!("a response that ended with {other:?}"),
    };
    // Some servers keep the token that ends a response to themselves.
    if let (true, false, Some(end)) = (finished, tokens.last().is_some_and(is_end), ends.first()) {
        tokens.push(*end);
        log_probs.push(f32::NAN);
    }
    if tokens.is_empty() {
        bail!("a response without tokens");
    }
    if let Some(wrote) = answer["usage"]["completion_tokens"].as_u64().filter(|wrote| *wrote > tokens.len() as u64) {
        bail!("the server wrote {wrote} tokens and tells {}; its newer versions may tell all", tokens.len());
    }
    Ok(Response { tokens, log_probs, finished })
}

/// Ids and log-probabilities, the latter NaN where the server does not tell. `all` is every id, where it is a list.
fn tokens(choice: &Value, all: &Value) -> Result<(Vec<u32>, Vec<f32>)> {
    let told = &choice["logprobs"];
    // llama.cpp.
    if let Some(content) = told["content"].as_array() {
        let told = content.iter().map(|token| Some((id(&token["id"])?, number(&token["logprob"]))));
        let told: Vec<(u32, f32)> = told.collect::<Option<_>>().context("tokens without ids")?;
        let ids = ids_in(all).unwrap_or_else(|| told.iter().map(|(id, _)| *id).collect());
        let log_probs = beside(&ids, &told);
        return Ok((ids, log_probs));
    }
    // vLLM, by its own field or by tokens that are spelled `token_id:7`.
    let listed = ids_in(&choice["token_ids"]);
    let spelled = || {
        let tokens = told["tokens"].as_array()?;
        tokens.iter().map(|token| token.as_str()?.strip_prefix("token_id:")?.parse().ok()).collect()
    };
    let ids: Vec<u32> = listed.or_else(spelled).context(
        "the server tells no token ids; vLLM (from 0.10 on) and llama.cpp do, others have to return `token_ids`",
    )?;
    let told = told["token_logprobs"].as_array().filter(|told| told.len() == ids.len());
    let log_probs = told.map_or_else(|| vec![f32::NAN; ids.len()], |told| told.iter().map(number).collect());
    Ok((ids, log_probs))
}

/// The log-probability of each token: of the bytes that make up a character, llama.cpp tells the last token alone.
fn beside(ids: &[u32], told: &[(u32, f32)]) -> Vec<f32> {
    let mut log_probs = vec![f32::NAN; ids.len()];
    let mut left = told;
    for (token, log_prob) in ids.iter().zip(&mut log_probs).rev() {
        if let Some(((_, told), before)) = left.split_last().filter(|((id, _), _)| id == token) {
            (*log_prob, left) = (*told, before);
        }
    }
    log_probs
}

fn ids_in(list: &Value) -> Option<Vec<u32>> {
    list.as_array()?.iter().map(id).collect()
}

fn number(value: &Value) -> f32 {
    value.as_f64().map_or(f32::NAN, |value| value as f32)
}

fn id(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(choice: &Value) -> Result<Response> {
        response(&json!({ "choices": [choice] }), 100, &[2])
    }

    #[test]
    fn llama_cpp_keeps_the_end_to_itself() {
        let content = json!([{ "id": 7, "logprob": -0.5 }, { "id": 8, "logprob": -1.5 }]);
        let read = one(&json!({ "logprobs": { "content": content }, "finish_reason": "stop" })).unwrap();
        assert_eq!((read.tokens, read.finished), (vec![7, 8, 2], true));
        assert_eq!(read.log_probs[..2], [-0.5, -1.5]);
        assert!(read.log_probs[2].is_nan());
        let cut = one(&json!({ "logprobs": { "content": content }, "finish_reason": "length" })).unwrap();
        assert_eq!((cut.tokens, cut.finished), (vec![7, 8], false));
    }

    /// `≡` is the bytes of tokens 5 and 6, and of the first the log-probability is not told.
    #[test]
    fn llama_cpp_tells_a_character_by_its_last_token() {
        let content = json!([{ "id": 7, "logprob": -0.5 }, { "id": 6, "logprob": -1.5 }, { "id": 2, "logprob": -2.5 }]);
        let choice = json!({ "logprobs": { "content": content }, "finish_reason": "stop" });
        let read = |all: Value| {
            let answer = json!({
                "choices": [choice], "__verbose": { "tokens": all }, "usage": { "completion_tokens": 4 },
            });
            response(&answer, 100, &[2])
        };
        let whole = read(json!([7, 5, 6, 2])).unwrap();
        assert_eq!(whole.tokens, [7, 5, 6, 2]);
        assert!(whole.log_probs[1].is_nan());
        assert_eq!([whole.log_probs[0], whole.log_probs[2], whole.log_probs[3]], [-0.5, -1.5, -2.5]);
        let partly = read(Value::Null).unwrap_err().to_string();
        assert!(partly.contains("wrote 4 tokens and tells 3"), "{partly}");
    }

    #[test]
    fn vllm_lists_ids_or_spells_them() {
        let listed = json!({
            "token_ids": [7, 2], "logprobs": { "token_logprobs": [-0.5, -1.0], "tokens": ["a", "b"] },
            "finish_reason": "stop",
        });
        let read = one(&listed).unwrap();
        assert_eq!((read.tokens, read.log_probs, read.finished), (vec![7, 2], vec![-0.5, -1.0], true));
        let spelled = json!({
            "logprobs": { "tokens": ["token_id:7", "token_id:9"], "token_logprobs": [null, -1.0] },
            "finish_reason": "length",
        });
        let read = one(&spelled).unwrap();
        assert!(read.tokens == [7, 9] && read.log_probs[0].is_nan() && !read.finished);
    }

    #[test]
    fn answers_that_cannot_be_used_are_refused() {
        let refused = |choice: Value, why: &str| {
            let error = one(&choice).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        };
        refused(json!({ "text": "7", "finish_reason": "stop" }), "no token ids");
        refused(json!({ "token_ids": [100], "finish_reason": "stop" }), "another model");
        refused(json!({ "token_ids": [7], "finish_reason": "abort" }), "abort");
        refused(json!({ "token_ids": [], "finish_reason": "length" }), "without tokens");
        assert!(response(&json!({ "choices": [] }), 100, &[2]).is_err());
    }
}
