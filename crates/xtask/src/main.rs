//! The project's own commands, with nothing to install beyond rustup (and Node.js for the playground): `cargo xtask --help`.

mod book;
mod check;
mod dist;
mod files;
mod notebook;
mod peers;
mod rates;
mod setup;
mod steps;
mod web;

use anyhow::{Result, bail};

use crate::steps::Steps;

const HELP: &str = "\
Commands of the minform project

Usage: cargo xtask <command> [options]

  test [--fast]           Everything that must hold, cheapest first. --fast leaves out the playground, the
                          notebooks, the book and the documentation.
  test --device NAME      Scores, text and an update on a device such as vulkan or wgpu, held against the
                          processor; builds the program for it.
  test --workers          Training over worker processes, which the usual tests leave out for the time they take to
                          build.
  check                   Formatting, lints, and the tests of the crates without tensors.
  peers [--python PATH]   Speed of minform beside torch and transformers on this machine.
                          PATH is a Python with tests/peers/requirements.txt installed (default: python3).
  web [--open|--test]     The playground as a static folder, web/dist. --open serves it and shows it,
                          --test runs its tests, in Node.js and in Chromium.
  book [--open|--pages]   The book of the project, in target/book, with the playground in its pages and every link
                          within checked. --open serves it and shows it, --pages takes the playground as it was
                          built last.
  notebook [--test]       The Python package with the widget, in target/wheel. --test runs its tests and the teaching
                          notebooks, also in JupyterLab.
  wasm [BUILD ...]        Its WebAssembly files alone, with their sizes: credit, engine, webgpu (default: all).
  dist                    The program as it is handed out, in target/dist: a small binary, presets, manual pages,
                          completions, checksums.
  help                    This text.
";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut steps = Steps::default();
    if let Err(error) = run(&arguments, &mut steps) {
        eprintln!("error: {error:#}");
        std::process::exit(1);
    }
    steps.print_times();
}

fn run(arguments: &[&str], steps: &mut Steps) -> Result<()> {
    match arguments {
        [] | ["help" | "-h" | "--help", ..] | [_, "-h" | "--help"] => print!("{HELP}"),
        ["test"] => check::test(steps, false)?,
        ["test", "--fast"] => check::test(steps, true)?,
        ["test", "--device", name] => check::device(steps, name)?,
        ["test", "--workers"] => check::workers(steps)?,
        ["check"] => check::check(steps)?,
        ["peers"] => peers::compare(steps, "python3")?,
        ["peers", "--python", python] => peers::compare(steps, python)?,
        ["web"] => web::web(steps, false)?,
        ["web", "--open"] => web::web(steps, true)?,
        ["web", "--test"] => web::web(steps, false).and_then(|()| web::test(steps))?,
        ["book"] => book::book(steps, false)?,
        ["book", "--open"] => book::book(steps, true)?,
        ["book", "--pages"] => book::pages(steps)?,
        ["notebook"] => notebook::package(steps)?,
        ["notebook", "--test"] => notebook::package(steps).and_then(|()| notebook::test(steps))?,
        ["dist"] => dist::dist(steps)?,
        ["wasm", names @ ..] => web::wasm(steps, names)?,
        other => bail!("{:?} is no command of this project; see `cargo xtask --help`", other.join(" ")),
    }
    Ok(())
}
