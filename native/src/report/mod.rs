//! The report of one run, or of several compared: one HTML file that opens without a network.

mod figures;
mod tables;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, bail};
use minform_core::config::Config;
use minform_core::event::{Event, Phase, Sample};

use crate::clock::Spent;
use crate::log::{Timed, read_log};
use crate::origin::Origin;
use crate::run::LOG;
use crate::settings::kept;

const STYLE: &str = include_str!("style.css");
const EXPORT: &str = include_str!("export.js");

/// How many samples of each end of a run are shown.
const SHOWN: usize = 4;

/// What is known of a run.
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) config: Config,
    /// How the run came about, where it says so.
    pub(crate) origin: Option<Origin>,
    pub(crate) history: Vec<Timed>,
    pub(crate) spent: BTreeMap<Phase, Spent>,
}

impl Recorded {
    /// Reads a run folder, also of a run that is still going on.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            bail!("{} is not a folder; name run folders", folder.display());
        }
        if !folder.join(LOG).exists() {
            bail!("{} is not a run: it holds no {LOG}{}", folder.display(), hint(folder));
        }
        let spent = std::fs::read(folder.join("time.json")).ok();
        Ok(Self {
            name: folder.display().to_string(),
            config: kept(folder)?,
            origin: Origin::read(folder).ok(),
            history: read_log(&folder.join(LOG))?,
            spent: spent.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default(),
        })
    }
}

/// The runs of an experiment lie deeper.
fn hint(folder: &Path) -> String {
    match folder.join("seed-0").is_dir() {
        true => format!("; name runs of this experiment, such as {}", folder.join("seed-0").join("ARM").display()),
        false => String::new(),
    }
}

/// The page for the given runs.
pub(crate) fn page(title: &str, runs: &[Recorded]) -> Result<String> {
    let mut page = String::new();
    write!(page, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">")?;
    write!(page, "<meta name=\"viewport\" content=\"width=device-width\"><title>{}</title>", escape(title))?;
    write!(page, "<style>{STYLE}</style><h1>{}</h1>", escape(title))?;
    tables::runs(&mut page, runs)?;
    if runs.len() > 1 {
        tables::differences(&mut page, runs)?;
    }
    write!(page, "<h2>Curves</h2>")?;
    for figure in figures::figures(runs) {
        let buttons =
            ["csv", "svg", "png"].map(|kind| format!("<button data-save=\"{kind}\">{kind}</button>")).concat();
        write!(
            page,
            "<figure data-name=\"{}\">{}<script type=\"text/csv\">{}</script><figcaption>{buttons}</figcaption></figure>",
            figure.slug(),
            figure.svg()?,
            figure.csv().replace('<', "(")
        )?;
    }
    tables::accuracy(&mut page, runs)?;
    tables::judges(&mut page, runs)?;
    tables::guards(&mut page, runs)?;
    tables::times(&mut page, runs)?;
    for run in runs {
        samples(&mut page, run)?;
    }
    for run in runs {
        let toml = toml::to_string_pretty(&run.config)?;
        write!(page, "<details><summary>Configuration of {}</summary>", escape(&run.name))?;
        write!(page, "<pre>{}</pre></details>", escape(&toml))?;
    }
    write!(page, "<script>{EXPORT}</script>")?;
    Ok(page)
}

/// The first and the last few samples, so that a reader sees what changed.
fn samples(page: &mut String, run: &Recorded) -> Result<()> {
    let all: Vec<&Sample> = run
        .history
        .iter()
        .filter_map(|timed| match &timed.event {
            Event::Sample(sample) => Some(sample),
            _ => None,
        })
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    write!(page, "<h2>Samples of {}</h2>", escape(&run.name))?;
    write!(page, "<p>A double red edge marks a step scored below 0, a blue edge one above.</p>")?;
    let last = all.len().saturating_sub(SHOWN).max(SHOWN.min(all.len()));
    for sample in all.iter().take(SHOWN).chain(&all[last..]) {
        write!(
            page,
            "<div class=\"sample\"><b>update {}</b> {}<br>{}",
            sample.step,
            verdict(sample),
            escape(&sample.prompt)
        )?;
        for (index, step) in sample.steps.iter().enumerate() {
            let score = sample.scores.get(index).copied();
            let class = score.map_or("", |score| if score < 0.0 { "bad" } else { "good" });
            let shown = score.map_or(String::new(), |score| format!("{score:+.2}"));
            write!(page, "<div class=\"step {class}\">{}<span class=\"score\">{shown}</span></div>", escape(step))?;
        }
        write!(page, "</div>")?;
    }
    Ok(())
}

fn verdict(sample: &Sample) -> &'static str {
    match sample.verified {
        Some(true) => "(answer right)",
        Some(false) => "(answer wrong)",
        None => "(answer not checked)",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
