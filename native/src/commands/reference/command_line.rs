//! Every command with its options.

use clap::{Arg, Command, CommandFactory as _};

use super::{cell, head, row};
use crate::cli::Cli;

const INTRODUCTION: &str = "\
# Command line

Made by `minform reference` from what the program knows of its own command line; `minform COMMAND --help` says the same.

";

pub(super) fn page() -> String {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let commands = listed(&program);
    let mut page = INTRODUCTION.to_owned() + &head(&["command", "does"]);
    for command in &commands {
        let name = name(command);
        page += &row(&[&format!("[`{name}`](#{})", name.replace(' ', "-")), &about(command)]);
    }
    commands.iter().for_each(|command| page += &section(command));
    page
}

/// The commands that do something themselves, in their order.
fn listed(command: &Command) -> Vec<&Command> {
    let shown: Vec<&Command> = command.get_subcommands().filter(|command| !command.is_hide_set()).collect();
    if shown.is_empty() { vec![command] } else { shown.into_iter().flat_map(listed).collect() }
}

fn name(command: &Command) -> String {
    command.get_bin_name().unwrap_or(command.get_name()).to_owned()
}

fn about(command: &Command) -> String {
    cell(&command.get_about().map(ToString::to_string).unwrap_or_default())
}

fn section(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let mut section = format!("\n## {}\n\n{}.\n\n```text\n{usage}\n```\n", name(command), about(command));
    if let Some(examples) = command.get_after_help() {
        let examples = examples.to_string();
        let lines = examples.lines().skip(1).map(|line| line.strip_prefix("  ").unwrap_or(line));
        section += &format!("\n```sh\n{}\n```\n", lines.collect::<Vec<_>>().join("\n"));
    }
    section += "\n";
    section += &head(&["argument", "default", "meaning"]);
    let told = |argument: &&Arg| !argument.is_hide_set() && !matches!(argument.get_id().as_str(), "help" | "version");
    command.get_arguments().filter(told).for_each(|argument| section += &argument_row(argument));
    section
}

fn argument_row(argument: &Arg) -> String {
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    let takes_value = argument.get_action().takes_values();
    let meaning = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let choices = argument.get_possible_values();
    let choices = choices.iter().filter(|choice| takes_value && !choice.is_hide_set());
    let choices = choices.map(|choice| {
        let help = choice.get_help().map(|help| format!(": {}", cell(&help.to_string()))).unwrap_or_default();
        format!("<br>`{}`{help}", choice.get_name())
    });
    let needed = if argument.is_required_set() { "needed" } else { "" };
    let default = if takes_value && !defaults.is_empty() { defaults.join(", ") } else { needed.to_owned() };
    row(&[&format!("`{}`", written(argument)), &default, &(cell(&meaning) + &choices.collect::<String>())])
}

/// An argument as it is typed.
fn written(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let values: Vec<String> = names.iter().map(|name| format!("<{name}>")).collect();
    let value = if argument.get_action().takes_values() { values.join(" ") } else { String::new() };
    match argument.get_long() {
        Some(long) if value.is_empty() => format!("--{long}"),
        Some(long) => format!("--{long} {value}"),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_section_and_every_option_a_meaning() {
        let page = page();
        for command in ["demo", "prm train", "prm score", "train", "credit", "man"] {
            assert!(page.contains(&format!("\n## minform {command}\n")), "{command}");
        }
        assert!(!page.contains("reference`](#"), "a hidden command is shown");
        let silent: Vec<&str> = page.lines().filter(|line| line.starts_with("| `") && line.ends_with("|  |")).collect();
        assert!(silent.is_empty(), "{silent:#?}");
    }
}
