//! The same numbers for hosts without JavaScript: text in, text out, so that nothing crosses but bytes.
//!
//! A request and its answer are JSON objects; an answer with `error` says why there is no other.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use burn::tensor::Device;
use minform_core::model::{Loaded, ModelFiles};
use minform_credit::{self as credit, CreditForm};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;

use super::judge::{Judge, Scores};
use crate::credit::{Aggregate, Baseline, Form, Row, RowCredit, group_credit};
use crate::text::split_steps_at;

thread_local! {
    static JUDGE: RefCell<Option<Judge>> = const { RefCell::new(None) };
}

/// What can be asked.
#[derive(Debug, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
enum Request {
    /// Credit of the responses to one question.
    Credit { rows: Vec<Row>, form: Form, baseline: Baseline },
    /// Step scores by the reward model that was loaded.
    Score { problem: String, steps: Vec<String> },
    /// What the scores of a solution say of it.
    Judge { scores: Vec<f32>, threshold: f32, temperature: f32 },
    /// The steps of a text.
    Split { text: String, separator: String },
}

/// Credit of one response, with what the form makes of its rewards.
#[derive(Debug, Serialize)]
struct Credited {
    weights: Vec<f32>,
    transformed: Vec<f32>,
    #[serde(flatten)]
    credit: RowCredit,
}

/// Answers one request.
#[wasm_bindgen(js_name = answerText)]
pub fn answer_text(request: &str) -> String {
    written(serde_json::from_str(request).map_err(|error| error.to_string()).and_then(answer))
}

/// Reads the reward model that later requests ask. The answer has no field but `error`, if it is none.
#[wasm_bindgen(js_name = loadText)]
pub fn load_text(config: Vec<u8>, tokenizer: Vec<u8>, weights: Vec<u8>) -> String {
    written(load(config, tokenizer, weights).map(|()| json!({})))
}

fn answer(request: Request) -> Result<Value, String> {
    match request {
        Request::Credit { rows, form, baseline } => credited(rows, form, baseline),
        Request::Score { problem, steps } => value(&scored(&problem, &steps)?),
        Request::Judge { scores, threshold, temperature } => {
            let of = |how: Aggregate| how.at(temperature).value(&scores);
            Ok(json!({
                "first_error": credit::first_error(&scores, threshold),
                "min": of(Aggregate::Min),
                "soft_min": of(Aggregate::SoftMin),
                "product": of(Aggregate::Product),
                "last": of(Aggregate::Last),
                "mean": of(Aggregate::Mean),
                "sum": of(Aggregate::Sum),
            }))
        }
        Request::Split { text, separator } => value(&split_steps_at(&text, &separator).map_err(text_of)?),
    }
}

fn credited(rows: Vec<Row>, form: Form, baseline: Baseline) -> Result<Value, String> {
    let rewards: Vec<Vec<f32>> = rows.iter().map(|row| row.rewards.clone()).collect();
    let credits = group_credit(rows, form, baseline).map_err(text_of)?;
    let form = CreditForm::from(form);
    let with_form = |(rewards, credit): (&Vec<f32>, RowCredit)| Credited {
        weights: form.weights(rewards),
        transformed: form.transformed(rewards),
        credit,
    };
    value(&rewards.iter().zip(credits).map(with_form).collect::<Vec<_>>())
}

fn scored(problem: &str, steps: &[String]) -> Result<Scores, String> {
    JUDGE.with_borrow_mut(|judge| {
        let judge = judge.as_mut().ok_or("there is no reward model yet")?;
        at_once(judge.read(problem, steps, &mut |_, _| true)).map_err(text_of)
    })
}

fn load(config: Vec<u8>, tokenizer: Vec<u8>, weights: Vec<u8>) -> Result<(), String> {
    let named = [("config.json", config), ("tokenizer.json", tokenizer), ("model.safetensors", weights)];
    let files = ModelFiles::read(named.map(|(name, bytes)| (name.to_owned(), bytes)).into()).map_err(text_of)?;
    let tokenizer = files.tokenizer.clone();
    let loaded = at_once(files.load(&Device::flex(), &mut |_| true)).map_err(text_of)?;
    let Loaded::Prm(prm) = loaded else { return Err("this model has no head that judges steps".into()) };
    JUDGE.set(Some(Judge::of(&prm, &tokenizer).map_err(text_of)?));
    Ok(())
}

/// The processor is never waited for: work that pauses there can go on at once.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    let (mut work, mut context) = (pin!(work), Context::from_waker(Waker::noop()));
    loop {
        if let Poll::Ready(result) = work.as_mut().poll(&mut context) {
            return result;
        }
    }
}

fn value(answer: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(answer).map_err(text_of)
}

fn written(answer: Result<Value, String>) -> String {
    answer.unwrap_or_else(|error| json!({ "error": error })).to_string()
}

fn text_of(error: impl std::fmt::Display) -> String {
    error.to_string()
}
