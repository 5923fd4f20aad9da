//! `minform credit`: the algorithm on numbers typed by hand.

use anyhow::{Result, bail};
use minform_credit::CreditForm;
use serde::Serialize;

use crate::cli::{Credit, Form};
use crate::output;

/// What the command prints, one entry per step.
#[derive(Debug, Serialize)]
struct Table<'a> {
    rewards: &'a [f32],
    weights: Vec<f32>,
    transformed: Vec<f32>,
    returns: Vec<f32>,
    outcome: f32,
}

pub(crate) fn run(options: &Credit) -> Result<()> {
    if let Some(bad) = options.rewards.iter().find(|reward| !reward.is_finite()) {
        bail!("--rewards: {bad} is not a finite number");
    }
    if !options.temperature.is_finite() || options.temperature <= 0.0 {
        bail!("--temperature must be positive, got {}; use --form exact-min for the limit 0", options.temperature);
    }
    if !(0.0..=1.0).contains(&options.gamma) {
        bail!("--gamma must lie between 0 and 1, got {}", options.gamma);
    }
    if options.gamma != 1.0 && !matches!(options.form, Form::Sum) {
        bail!("--gamma discounts the sum only; add --form sum or leave it at 1");
    }
    let form = match options.form {
        Form::SoftMin => CreditForm::SoftMin { temperature: options.temperature },
        Form::ExactMin => CreditForm::ExactMin,
        Form::Sum => CreditForm::Sum { gamma: options.gamma },
        Form::Mean => CreditForm::Mean,
    };
    let table = Table {
        rewards: &options.rewards,
        weights: form.weights(&options.rewards),
        transformed: form.transformed(&options.rewards),
        returns: form.returns(&options.rewards),
        outcome: form.outcome(&options.rewards),
    };
    if options.json {
        output::line(serde_json::to_string(&table)?)?;
        return Ok(());
    }
    output::line(format_args!(
        "{:>4}  {:>9}  {:>9}  {:>11}  {:>9}",
        "step", "reward", "weight", "transformed", "return"
    ))?;
    for (step, reward) in table.rewards.iter().enumerate() {
        let (weight, transformed, value) = (table.weights[step], table.transformed[step], table.returns[step]);
        output::line(format_args!("{:>4}  {reward:>9.4}  {weight:>9.4}  {transformed:>11.4}  {value:>9.4}", step + 1))?;
    }
    output::line(format_args!("outcome {:.4}", table.outcome))?;
    Ok(())
}
