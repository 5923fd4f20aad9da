//! `minform reference`: pages of the book that say what the code says of its command line, settings and events.

mod command_line;
mod schema;
mod settings;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::folder::write_file;

/// Writes the pages into `folder`, in place of those that are there.
pub(crate) fn run(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let pages =
        [("cli.md", command_line::page()), ("configuration.md", settings::page()?), ("events.md", schema::events())];
    pages.iter().try_for_each(|(name, page)| write_file(&folder.join(name), page.as_bytes()))
}

/// A text inside a cell of a table.
fn cell(text: &str) -> String {
    text.trim().replace("[`", "`").replace("`]", "`").replace('|', "\\|").replace('\n', " ")
}

/// A row of a table.
fn row(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// The head of a table.
fn head(names: &[&str]) -> String {
    row(names) + &row(&vec!["---"; names.len()])
}
