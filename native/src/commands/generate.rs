//! `minform generate`: solutions from a model.

use std::io::Write as _;

use anyhow::Result;
use minform_core::event::{Event, Phase};
use minform_core::policy::{Generator, NewToken};
use minform_text::data::Problem;
use serde_json::json;

use super::problems::{Asking, problems_of};
use crate::cli::Generate;
use crate::folder::Folder;
use crate::output;
use crate::run::{self, Run};
use crate::settings::storage;

pub(crate) fn run(options: &Generate) -> Result<()> {
    let Asking { config, device, folder, prompter } =
        Asking::open(&options.common, &options.model, options.asked.template, options.greedy)?;
    let problems = match (&options.prompt, &options.data) {
        (Some(prompt), _) => vec![question(prompt)],
        (None, Some(path)) => problems_of(path, options.rows, &config)?,
        (None, None) => Vec::new(),
    };
    let policy = folder.policy(&device)?.for_inference(storage(&config, options.stored));
    let prompts: Vec<Vec<u32>> = problems
        .iter()
        .map(|problem| Ok(folder.tokenizer.encode(&prompter.render(&problem.question)?)?))
        .collect::<Result<_>>()?;
    let generator = Generator::new(&policy.model, &policy.config);
    let (samples, seed) = (options.samples as usize, config.seed);
    // One answer is shown as it is written; many are shown by a bar and printed when all are done.
    let stream = prompts.len() * samples == 1 && !options.common.json;
    let mut run = Run::without_folder("generate", &config);
    let mut shown = Streamed::default();
    let mut tokens = 0;
    let phase = Phase::Generate;
    if !stream {
        let _ = run.hear(Event::PhaseStarted { phase, total: prompts.len() * samples });
    }
    let mut done = 0;
    let mut listen = |new: NewToken| {
        tokens += 1;
        if stream {
            shown.push(&folder, new.token);
            return run::flow();
        }
        done += usize::from(policy.config.eos_token_ids.contains(&new.token));
        run.hear(Event::Progress { phase, done, tokens })
    };
    let responses = pollster::block_on(generator.generate(&prompts, samples, &config.sampling, seed, &mut listen))?;
    if stream {
        output::line("")?;
        eprintln!("{tokens} tokens, {:.1} tokens/s", tokens as f64 / run.seconds());
        return Ok(());
    }
    let _ = run.hear(Event::PhaseFinished { phase, tokens });
    run.finish()?;
    for (problem, group) in problems.iter().zip(&responses) {
        for (sample, response) in group.iter().enumerate() {
            let text = folder.tokenizer.decode(&response.tokens)?;
            if options.common.json {
                let row = json!({"id": problem.id, "question": problem.question, "sample": sample, "response": text,
                    "tokens": response.tokens.len(), "finished": response.finished, "answer": problem.answer});
                output::line(row)?;
            } else {
                output::line(format_args!("# {}\n\n{text}\n", problem.question))?;
            }
        }
    }
    Ok(())
}

fn question(text: &str) -> Problem {
    Problem { id: "prompt".into(), question: text.into(), ..Problem::default() }
}

/// Text already shown of the ids received; an incomplete character waits for its rest.
#[derive(Default)]
struct Streamed {
    ids: Vec<u32>,
    shown: usize,
}

impl Streamed {
    fn push(&mut self, folder: &Folder, id: u32) {
        self.ids.push(id);
        let text = folder.tokenizer.decode(&self.ids).unwrap_or_default();
        if text.ends_with('\u{fffd}') {
            return;
        }
        if let Some(new) = text.get(self.shown..) {
            let mut out = std::io::stdout();
            let _ = write!(out, "{new}").and_then(|()| out.flush());
            self.shown = text.len();
        }
    }
}
