//! Problems and labelled steps from files, and how a question becomes a prompt.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use burn::tensor::Device;
use minform_core::config::Config;
use minform_core::seed;
use minform_text::data::{Problem, ProblemFormat, Rows, StepFormat, StepRow, read_problems, read_steps};
use minform_text::prompt::PromptTemplate;
use minform_text::prompter::Prompter;
use minform_text::world::{self, Split, World};
use rand::seq::SliceRandom as _;

use crate::cli::{self, Common, Template};
use crate::folder::Folder;
use crate::parquet::read_rows;
use crate::{device, settings};

/// How many left-out rows are named one by one.
const NAMED: usize = 5;

/// What a command that asks a model starts from.
pub(super) struct Asking {
    pub(super) config: Config,
    pub(super) device: Device,
    pub(super) folder: Folder,
    pub(super) prompter: Prompter,
}

impl Asking {
    /// `greedy` sets the sampling temperature to 0.
    pub(super) fn open(common: &Common, model: &Path, template: Option<Template>, greedy: bool) -> Result<Self> {
        let mut config = settings::load(&Config::default(), common)?;
        if greedy {
            config.sampling.temperature = 0.0;
        }
        let device = device::choose(&common.device, config.dtype)?;
        let folder = Folder::open(model)?;
        let prompter = prompter(template, &folder)?;
        Ok(Self { config, device, folder, prompter })
    }
}

/// How questions are put: by `template`, or as the model wants it.
pub(crate) fn prompter(template: Option<Template>, folder: &Folder) -> Result<Prompter> {
    match template {
        None => folder.prompter(false).context("--template pure does without"),
        Some(Template::Chat) => folder.prompter(true),
        Some(Template::Pure) => Ok(Prompter::Text(PromptTemplate::Pure)),
        Some(Template::Plain) => Ok(Prompter::Text(PromptTemplate::Plain)),
        Some(Template::Raw) => Ok(Prompter::raw()),
    }
}

/// Reads problems; rows left out are reported on standard error.
pub(crate) fn load_problems(path: &Path, picked: cli::Rows) -> Result<Vec<Problem>> {
    let name = path.display().to_string();
    let rows = read_problems(&name, &read_rows(path)?, ProblemFormat::Auto);
    keep(rows, &name, picked)
}

/// Problems of the embedded world if `data` is `world:N`, else of a file.
pub(crate) fn problems_of(data: &Path, picked: cli::Rows, config: &Config) -> Result<Vec<Problem>> {
    match world_problems(data, config)? {
        Some(problems) => Ok(problems.into_iter().map(|(problem, _)| problem).collect()),
        None => load_problems(data, picked),
    }
}

/// Held-out problems of the embedded world, if `data` is `world:N`.
pub(crate) fn world_problems(data: &Path, config: &Config) -> Result<Option<Vec<(Problem, world::Problem)>>> {
    let Some(count) = data.to_str().and_then(|data| data.strip_prefix("world:")) else { return Ok(None) };
    let count: usize = count.parse().with_context(|| format!("world:{count} names no number of problems"))?;
    let level = |number| world::Level::new(number).context("world.min_level and world.max_level");
    let levels = level(config.world.min_level)?..=level(config.world.max_level)?;
    let all = World { seed: config.seed }.problems(Split::Test, levels).take(count).enumerate();
    let problem = |(index, truth): (usize, world::Problem)| {
        let answer = Some(truth.answer().to_string());
        let question = truth.question().to_owned();
        (Problem { id: format!("world:{}", index + 1), question, answer, ..Problem::default() }, truth)
    };
    Ok(Some(all.map(problem).collect()))
}

/// Reads solutions with labelled steps.
pub(crate) fn load_steps(name: &str, bytes: &[u8], picked: cli::Rows) -> Result<Vec<StepRow>> {
    keep(read_steps(name, bytes, StepFormat::Auto), name, picked)
}

fn keep<T>(rows: Rows<T>, name: &str, picked: cli::Rows) -> Result<Vec<T>> {
    if picked.strict {
        return usable(rows.strict()?, name, picked.limit);
    }
    if !rows.skipped.is_empty() {
        let rows_word = if rows.skipped.len() == 1 { "row" } else { "rows" };
        eprintln!("warning: {} {rows_word} of {name} left out:", rows.skipped.len());
        rows.skipped.iter().take(NAMED).for_each(|skipped| eprintln!("  {skipped}"));
        if rows.skipped.len() > NAMED {
            eprintln!("  and {} more; --strict stops at the first", rows.skipped.len() - NAMED);
        }
    }
    usable(rows.rows, name, picked.limit)
}

fn usable<T>(mut kept: Vec<T>, name: &str, limit: Option<usize>) -> Result<Vec<T>> {
    kept.truncate(limit.unwrap_or(usize::MAX));
    if kept.is_empty() {
        bail!("{name} holds no usable row");
    }
    Ok(kept)
}

/// `count` items after `drawn` others: each epoch walks through a shuffled order of its own, drawn from the stream
/// `path` of the run's seed.
pub(super) fn draw<T: Clone>(items: &[T], run_seed: u64, path: &[u64], drawn: usize, count: usize) -> Vec<T> {
    let mut taken = Vec::with_capacity(count);
    while taken.len() < count && !items.is_empty() {
        let index = drawn + taken.len();
        let (epoch, place) = (index / items.len(), index % items.len());
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.shuffle(&mut seed::stream(run_seed, &[path, &[epoch as u64]].concat()));
        let rest = order[place..].iter().take(count - taken.len());
        taken.extend(rest.map(|item| items[*item].clone()));
    }
    taken
}
