//! Accuracy on held-out problems.

use minform_text::answer::grade;
use minform_text::steps::{Separators, split};
use minform_text::tokenizer::Tokenizer;

use super::rl::Problem;
use crate::config::Sampling;
use crate::event::{Evaluation, Event, Listener, Phase, emit};
use crate::policy::{Generator, NewToken, Policy, Response};
use crate::{Error, Result};

/// Held-out problems with answers, and how they are asked.
#[derive(Debug, Clone)]
pub struct HeldOut {
    /// Problems; those without an answer are not asked.
    pub problems: Vec<Problem>,
    /// Sampling of the sampled pass; the greedy pass differs in temperature only.
    pub sampling: Sampling,
    /// The same seed for every evaluation, so that policies meet the same luck.
    pub seed: u64,
}

/// Asks every problem once greedily and once as in training, grades the answers and reports both accuracies.
///
/// # Errors
/// No problem with an answer, a prompt that does not fit, a device failure, or [`Error::Stopped`].
pub async fn evaluate(
    policy: &Policy,
    tokenizer: &Tokenizer,
    held_out: &HeldOut,
    name: &str,
    step: usize,
    listener: &mut Listener<'_>,
) -> Result<Evaluation> {
    let asked: Vec<(&Problem, &str)> =
        held_out.problems.iter().filter_map(|problem| Some((problem, problem.answer.as_deref()?))).collect();
    if asked.is_empty() {
        return Err(Error::Empty("the list of held-out problems with answers"));
    }
    let prompts: Vec<Vec<u32>> =
        asked.iter().map(|(problem, _)| Ok(tokenizer.encode(&problem.prompt)?)).collect::<Result<_>>()?;
    let policy = policy.frozen();
    let generator = Generator::new(&policy.model, &policy.config);
    let phase = Phase::Evaluate;
    emit(listener, Event::PhaseStarted { phase, total: 2 * asked.len() })?;
    let (mut done, mut tokens) = (0, 0);
    let mut passes = Vec::new();
    for temperature in [0.0, held_out.sampling.temperature] {
        let sampling = Sampling { temperature, ..held_out.sampling.clone() };
        let mut written = |new: NewToken| {
            tokens += 1;
            done += usize::from(policy.config.eos_token_ids.contains(&new.token));
            listener(Event::Progress { phase, done, tokens })
        };
        let groups = generator.generate(&prompts, 1, &sampling, held_out.seed, &mut written).await?;
        passes.push(groups.into_iter().flatten().collect::<Vec<Response>>());
    }
    emit(listener, Event::PhaseFinished { phase, tokens })?;
    let separators = Separators::from_tokenizer(tokenizer);
    let eos = &policy.config.eos_token_ids;
    let count = asked.len() as f32;
    let steps: usize = passes[1].iter().map(|r| split(&r.tokens, &separators, eos).ends.len()).sum();
    let evaluation = Evaluation {
        name: name.into(),
        step,
        greedy: accuracy(&asked, &passes[0], tokenizer)?,
        sampled: accuracy(&asked, &passes[1], tokenizer)?,
        problems: asked.len(),
        length: passes[1].iter().map(|response| response.tokens.len()).sum::<usize>() as f32 / count,
        steps: steps as f32 / count,
        truncated: passes[1].iter().filter(|response| !response.finished).count() as f32 / count,
    };
    emit(listener, Event::Evaluation(evaluation.clone()))?;
    Ok(evaluation)
}

fn accuracy(asked: &[(&Problem, &str)], responses: &[Response], tokenizer: &Tokenizer) -> Result<f32> {
    let mut right = 0;
    for ((_, answer), response) in asked.iter().zip(responses) {
        right += usize::from(grade(&tokenizer.decode(&response.tokens)?, answer).correct);
    }
    Ok(right as f32 / asked.len() as f32)
}
