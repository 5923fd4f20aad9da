//! Labels from rollouts of a policy.

use anyhow::{Context as _, Result, bail};
use minform_core::config::Config;
use minform_core::event::{Event, Phase};
use minform_core::label::{Asked, Asks, Exhaustive, OmegaSearch, OmegaSettings, RolloutLabels, Rollouts};
use minform_core::policy::{NewToken, Policy};
use minform_text::data::Problem;
use minform_text::tokenizer::Tokenizer;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Row, Spent, lines, tell};
use crate::cli::{Label, LabelMethod};
use crate::commands::problems::Asking;
use crate::folder::Folder;
use crate::origin::fingerprint;
use crate::output;
use crate::part::Part;
use crate::run::Run;

/// The rows of problems that were worked on together.
#[derive(Debug, Serialize, Deserialize)]
struct Done {
    rows: Vec<Row>,
    spent: Spent,
}

/// Problems that are worked on together.
const TOGETHER: usize = 32;

/// One response in so many may be cut off without a word.
const FEW: usize = 20;

/// The policy and how it is asked.
pub(super) struct Labeller {
    pub(super) folder: Folder,
    pub(super) policy: Policy,
    asking: Asking,
}

impl Labeller {
    pub(super) fn open(options: &Label) -> Result<Self> {
        let model = options.model.as_ref().context("this method needs --model")?;
        let asking = Asking::open(&options.common, model, options.asked.template, false)?;
        let policy = asking.folder.policy(&asking.device)?.for_inference(asking.config.dtype);
        Ok(Self { folder: asking.folder.clone(), policy, asking })
    }

    pub(super) fn asked(&self, problem: &Problem) -> Result<Option<Asked>> {
        let Some(answer) = problem.answer.clone() else { return Ok(None) };
        let prompt = self.folder.tokenizer.encode(&self.asking.prompter.render(&problem.question)?)?;
        Ok(Some(Asked { prompt, answer }))
    }
}

pub(super) fn run(options: &Label, problems: &[Problem], config: &Config) -> Result<()> {
    let labeller = Labeller::open(options)?;
    let asked: Vec<Option<Asked>> = problems.iter().map(|problem| labeller.asked(problem)).collect::<Result<_>>()?;
    if asked.iter().all(Option::is_none) {
        bail!("no problem of {} has an answer, so no rollout can be graded", options.data.display());
    }
    let model = options.model.as_deref().map(fingerprint).transpose()?;
    let data = if options.data.exists() { fingerprint(&options.data)? } else { options.data.display().to_string() };
    let told = json!({
        "method": format!("{:?}", options.method), "model": model, "data": data, "limit": options.rows.limit,
        "samples": options.samples, "rollouts": options.rollouts, "searches": options.searches,
        "template": options.asked.template.map(|template| format!("{template:?}")),
        "sampling": config.sampling, "world": (!options.data.exists()).then_some(&config.world), "seed": config.seed,
        "dtype": config.dtype,
    });
    let Some(mut part) = Part::<Done>::open(&options.out, options.resume, options.overwrite, &told)? else {
        return output::line(format_args!("{} is complete; nothing is left to do", options.out.display()));
    };
    let known = part.pieces();
    let mut run = Run::without_folder("label", config);
    let phase = Phase::Label;
    let _ = run.hear(Event::PhaseStarted { phase, total: problems.len() });
    let mut tokens = 0;
    // Groups are the same wherever a stopped run goes on, and so is what is drawn for them.
    for (group, (problems, asked)) in problems.chunks(TOGETHER).zip(asked.chunks(TOGETHER)).enumerate() {
        if known.contains(&group) {
            continue;
        }
        let answered: Vec<(&Problem, &Asked)> =
            problems.iter().zip(asked).filter_map(|(problem, asked)| Some((problem, asked.as_ref()?))).collect();
        let questions: Vec<&Asked> = answered.iter().map(|(_, asked)| *asked).collect();
        let seed = minform_core::seed::mix_in(config.seed, group as u64);
        let mut rollouts = Rollouts::new(&labeller.policy, &labeller.folder.tokenizer, &config.sampling, seed);
        let done = group * TOGETHER;
        let mut hear = |_: NewToken| {
            tokens += 1;
            run.hear(Event::Progress { phase, done, tokens })
        };
        let labels = pollster::block_on(labels(options, &mut rollouts, &questions, &mut hear))?;
        let mut kept = Vec::new();
        for ((problem, _), labels) in answered.iter().zip(labels) {
            kept.extend(rows(problem, labels, &labeller.folder.tokenizer)?);
        }
        let Rollouts { rollouts, tokens, cut, crowded, .. } = rollouts;
        part.add(group, Done { rows: kept, spent: Spent { rollouts, tokens, cut, crowded } })?;
    }
    let _ = run.hear(Event::PhaseFinished { phase, tokens });
    run.finish()?;
    let spent = part.done().fold(Spent::default(), |sum, done| sum.and(done.spent));
    warn(&spent, config)?;
    let rows: Vec<&Row> = part.done().flat_map(|done| &done.rows).collect();
    part.finish(&lines(rows.iter().copied())?)?;
    tell(options, &rows, Some(spent))
}

/// Says what keeps labels from meaning what they should.
fn warn(spent: &Spent, config: &Config) -> Result<()> {
    let most = config.sampling.max_new_tokens;
    if spent.rollouts == 0 {
        bail!("no beginning leaves room for sampling.max_new_tokens = {most} in the model's context; lower it");
    }
    if spent.crowded > 0 {
        eprintln!(
            "warning: {} beginnings leave no room for sampling.max_new_tokens = {most} in the model's context and were \
             not gone on from; lower it",
            spent.crowded
        );
    }
    if spent.cut * FEW > spent.rollouts {
        eprintln!(
            "warning: {} of {} responses ran into sampling.max_new_tokens = {most} and count as wrong answers; raise it",
            spent.cut, spent.rollouts
        );
    }
    Ok(())
}

/// The labelled solutions of each problem.
async fn labels(
    options: &Label,
    rollouts: &mut Rollouts<'_>,
    problems: &[&Asked],
    hear: &mut dyn FnMut(NewToken) -> std::ops::ControlFlow<()>,
) -> Result<Vec<Vec<RolloutLabels>>> {
    if options.method == LabelMethod::Omega {
        let settings = OmegaSettings { searches: options.searches, ..OmegaSettings::default() };
        let mut searches = vec![OmegaSearch::new(settings); problems.len()];
        let pairs = problems.iter().zip(&mut searches);
        let mut asks: Vec<(&Asked, &mut dyn Asks)> =
            pairs.map(|(asked, search)| (*asked, search as &mut dyn Asks)).collect();
        rollouts.satisfy(&mut asks, options.rollouts, hear).await?;
        return Ok(searches.iter().map(OmegaSearch::labels).collect());
    }
    let beginnings: Vec<(&Asked, Vec<u32>)> = problems.iter().map(|asked| (*asked, Vec::new())).collect();
    let solutions = rollouts.complete(&beginnings, options.samples, hear).await?;
    let mut searches: Vec<Vec<Exhaustive>> =
        solutions.into_iter().map(|group| group.into_iter().map(Exhaustive::new).collect()).collect();
    let pairs = problems.iter().zip(&mut searches);
    let mut asks: Vec<(&Asked, &mut dyn Asks)> = pairs
        .flat_map(|(asked, group)| group.iter_mut().map(move |search| (*asked, search as &mut dyn Asks)))
        .collect();
    rollouts.satisfy(&mut asks, options.rollouts, hear).await?;
    Ok(searches.iter().map(|group| group.iter().map(Exhaustive::labels).collect()).collect())
}

fn rows(problem: &Problem, labels: Vec<RolloutLabels>, tokenizer: &Tokenizer) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (index, labels) in labels.into_iter().enumerate().filter(|(_, labels)| !labels.steps.is_empty()) {
        let texts: Vec<String> = texts(&labels.steps, tokenizer)?;
        rows.push(Row::of_rollouts(format!("{}/{index}", problem.id), problem, labels, texts));
    }
    Ok(rows)
}

/// The steps without what ends them.
pub(super) fn texts(steps: &[Vec<u32>], tokenizer: &Tokenizer) -> Result<Vec<String>> {
    steps.iter().map(|step| Ok(tokenizer.decode(step)?.trim().to_owned())).collect()
}
