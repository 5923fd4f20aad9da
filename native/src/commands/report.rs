//! `minform report`: one page that compares runs.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use serde_json::json;

use crate::cli;
use crate::folder::write_file;
use crate::output;
use crate::report::{Recorded, page};

pub(crate) fn run(options: &cli::Report) -> Result<()> {
    if options.out.is_dir() {
        bail!("{} is a folder; name the page to write", options.out.display());
    }
    if options.out.exists() && !options.overwrite {
        bail!("{} is already there; choose another --out or pass --overwrite", options.out.display());
    }
    let mut named = BTreeSet::new();
    if let Some(twice) = options.runs.iter().find(|run| !named.insert(run.as_path())) {
        bail!("{} is named twice; name each run once", twice.display());
    }
    let runs: Vec<Recorded> = options.runs.iter().map(|folder| Recorded::open(folder)).collect::<Result<_>>()?;
    let title = runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(", ");
    write_file(&options.out, page(&title, &runs)?.as_bytes())?;
    match options.json {
        true => output::line(json!({ "report": options.out })),
        false => output::line(format_args!("report: {}", options.out.display())),
    }
}
