//! One file per command: read input, call the core, write output.

mod bench;
mod credit;
mod demo;
mod eval;
mod experiment;
mod generate;
mod import;
mod info;
mod label;
mod prm_eval;
mod prm_score;
mod prm_train;
mod problems;
mod reference;
mod report;
mod scored_row;
mod scoring;
mod search;
mod serve;
mod sft;
mod shell;
mod train;
mod worker;

use anyhow::Result;

use crate::cli::{Cli, Command, Prm};

/// Runs the command of the command line.
pub(crate) fn dispatch(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Demo(options) => demo::run(&options),
        Command::Sft(options) => sft::run(&options),
        Command::Prm(Prm::Train(options)) => prm_train::run(&options),
        Command::Prm(Prm::Score(options)) => prm_score::run(&options),
        Command::Prm(Prm::Eval(options)) => prm_eval::run(&options),
        Command::Label(options) => label::run(&options),
        Command::Search(options) => search::run(&options),
        Command::Generate(options) => generate::run(&options),
        Command::Serve(options) => serve::run(&options),
        Command::Worker(options) => worker::run(&options),
        Command::Train(options) => train::run(&options),
        Command::Experiment(options) => experiment::run(&options),
        Command::Eval(options) => eval::run(&options),
        Command::Report(options) => report::run(&options),
        Command::Credit(options) => credit::run(&options),
        Command::Import(options) => import::run(&options),
        Command::Info(options) => info::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { folder } => shell::man(&folder),
        Command::Reference { folder } => reference::run(&folder),
    }
}
