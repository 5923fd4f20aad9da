//! `minform eval`: accuracy on problems with known answers, and loss on reference solutions.

use anyhow::{Result, bail};
use minform_core::config::Config;
use minform_core::event::{Event, Phase};
use minform_core::policy::{Generator, NewToken, Policy, Response};
use minform_core::train::mean_loss;
use minform_text::answer::grade;
use minform_text::data::Problem;
use minform_text::prompter::Prompter;
use serde::Serialize;

use super::problems::{Asking, problems_of};
use super::sft::examples;
use crate::cli::Eval;
use crate::folder::Folder;
use crate::output;
use crate::run::Run;
use crate::settings::storage;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Found {
    accuracy: Option<f64>,
    problems: Option<usize>,
    nats_per_token: Option<f32>,
}

pub(crate) fn run(options: &Eval) -> Result<()> {
    let Asking { config, device, folder, prompter } =
        Asking::open(&options.common, &options.model, options.asked.template, options.greedy)?;
    let problems = problems_of(&options.data.data, options.data.rows, &config)?;
    let policy = folder.policy(&device)?.for_inference(storage(&config, options.stored));
    let loss = match examples(&problems, &prompter, &folder) {
        Ok(examples) => Some(pollster::block_on(mean_loss(&policy, &examples, config.sft.micro_batch_tokens))?),
        Err(error) if options.loss => return Err(error),
        Err(_) => None,
    };
    if options.loss {
        return print(options, loss, None);
    }
    let asked: Vec<&Problem> = problems.iter().filter(|problem| problem.answer.is_some()).collect();
    if asked.is_empty() {
        bail!("none of the {} problems read from {} has an answer", problems.len(), options.data.data.display());
    }
    let right = right_answers(&policy, &asked, &prompter, &folder, &config)?;
    print(options, loss, Some((right, asked.len())))
}

fn right_answers(
    policy: &Policy,
    problems: &[&Problem],
    prompter: &Prompter,
    folder: &Folder,
    config: &Config,
) -> Result<usize> {
    let prompts: Vec<Vec<u32>> = problems
        .iter()
        .map(|problem| Ok(folder.tokenizer.encode(&prompter.render(&problem.question)?)?))
        .collect::<Result<_>>()?;
    let mut run = Run::without_folder("eval", config);
    let phase = Phase::Evaluate;
    let _ = run.hear(Event::PhaseStarted { phase, total: prompts.len() });
    let (mut done, mut tokens) = (0, 0);
    let mut listen = |new: NewToken| {
        tokens += 1;
        done += usize::from(policy.config.eos_token_ids.contains(&new.token));
        run.hear(Event::Progress { phase, done, tokens })
    };
    let generator = Generator::new(&policy.model, &policy.config);
    let groups = pollster::block_on(generator.generate(&prompts, 1, &config.sampling, config.seed, &mut listen))?;
    let _ = run.hear(Event::PhaseFinished { phase, tokens });
    run.finish()?;
    let responses: Vec<&Response> = groups.iter().flatten().collect();
    let mut right = 0;
    for (problem, response) in problems.iter().zip(responses) {
        let text = folder.tokenizer.decode(&response.tokens)?;
        right += usize::from(problem.answer.as_ref().is_some_and(|answer| grade(&text, answer).correct));
    }
    Ok(right)
}

fn print(options: &Eval, loss: Option<f32>, right: Option<(usize, usize)>) -> Result<()> {
    let accuracy = right.map(|(right, of)| right as f64 / of as f64);
    if options.common.json {
        let found = Found { accuracy, problems: right.map(|(_, of)| of), nats_per_token: loss };
        output::line(serde_json::to_string(&found)?)?;
        return Ok(());
    }
    if let Some((right, of)) = right {
        output::line(format_args!("accuracy: {:.1} % ({right} of {of})", 100.0 * right as f64 / of as f64))?;
    }
    if let Some(loss) = loss {
        output::line(format_args!("loss of the reference solutions: {loss:.4} nats per token"))?;
    }
    Ok(())
}
