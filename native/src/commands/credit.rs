//! `minform credit`: the algorithm on numbers typed by hand.

use anyhow::{Result, bail};
use minform_credit::CreditForm;
use serde_json::json;

use crate::cli::{Credit, Form};

pub(crate) fn run(options: &Credit) -> Result<()> {
    if let Some(bad) = options.rewards.iter().find(|reward| !reward.is_finite()) {
        bail!("--rewards: {bad} is not a finite number");
    }
    if !options.temperature.is_finite() || options.temperature <= 0.0 {
        bail!("--temperature must be positive, got {}; use --form exact-min for the limit 0", options.temperature);
    }
    let form = match options.form {
        Form::SoftMin => CreditForm::SoftMin { temperature: options.temperature },
        Form::ExactMin => CreditForm::ExactMin,
        Form::Sum => CreditForm::Sum { gamma: options.gamma },
        Form::Mean => CreditForm::Mean,
    };
    let weights = form.weights(&options.rewards);
    let transformed = form.transformed(&options.rewards);
    let returns = form.returns(&options.rewards);
    let outcome = form.outcome(&options.rewards);
    if options.json {
        let object = json!({
            "rewards": options.rewards,
            "weights": weights,
            "transformed": transformed,
            "returns": returns,
            "outcome": outcome,
        });
        println!("{object}");
        return Ok(());
    }
    println!("{:>4}  {:>9}  {:>9}  {:>11}  {:>9}", "step", "reward", "weight", "transformed", "return");
    for (step, reward) in options.rewards.iter().enumerate() {
        let (weight, transformed, value) = (weights[step], transformed[step], returns[step]);
        println!("{:>4}  {reward:>9.4}  {weight:>9.4}  {transformed:>11.4}  {value:>9.4}", step + 1);
    }
    println!("outcome {outcome:.4}");
    Ok(())
}
