//! `minform report`: one page that compares runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::json;

use crate::cli;
use crate::folder::write_file;
use crate::output;
use crate::report::{Recorded, page};

pub(crate) fn run(options: &cli::Report) -> Result<()> {
    if options.out.exists() && !options.overwrite {
        bail!("{} is already there; choose another --out or pass --overwrite", options.out.display());
    }
    let named: BTreeSet<&Path> = options.runs.iter().map(PathBuf::as_path).collect();
    if named.len() < options.runs.len() {
        bail!("a run is named twice; name each once");
    }
    let runs: Vec<Recorded> = options.runs.iter().map(|folder| Recorded::open(folder)).collect::<Result<_>>()?;
    let title = runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(", ");
    write_file(&options.out, page(&title, &runs)?.as_bytes())?;
    match options.json {
        true => output::line(json!({ "report": options.out })),
        false => output::line(format_args!("report: {}", options.out.display())),
    }
}
