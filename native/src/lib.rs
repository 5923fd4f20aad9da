//! `minform`: process reward models and min-form reinforcement learning of language models.
//!
//! This program reads files, chooses a device and shows progress. Every algorithm lives in the library crates.

mod checkpoint;
mod cli;
mod clock;
mod commands;
mod dashboard;
mod device;
mod figure;
mod folder;
mod log;
mod memory;
mod origin;
mod output;
mod parquet;
mod part;
mod presets;
mod progress;
mod rates;
mod report;
mod results;
mod rollouts;
mod run;
mod sealed;
mod settings;
mod tensorboard;

use std::process::ExitCode;

use clap::Parser as _;

/// Runs the command of the command line.
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // 128 + SIGINT, as a shell expects of a program stopped from the keyboard.
        Err(error) if run::was_stopped(&error) => ExitCode::from(130),
        Err(error) if output::is_unread(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
