//! Steps: programs that run one after another, announced before and timed after.
//!
//! The first that fails ends everything with its exit code.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};

/// The steps so far, with what each took.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(String, f64, bool)>,
}

impl Steps {
    /// Runs a program to its end; its output goes straight through.
    pub(crate) fn run(&mut self, name: &str, command: &mut Command) -> Result<()> {
        let started = announce(name, command);
        let child = start(command)?;
        self.finish(name, started, child)
    }

    /// Runs a program to its end; shows and returns its standard output line by line.
    pub(crate) fn run_and_read(&mut self, name: &str, command: &mut Command) -> Result<Vec<String>> {
        let started = announce(name, command);
        let mut child = start(command.stdout(Stdio::piped()))?;
        let mut lines = Vec::new();
        for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()) {
            let line = line.context("cannot read the output")?;
            println!("{line}");
            lines.push(line);
        }
        self.finish(name, started, child)?;
        Ok(lines)
    }

    /// Lists every step with its time, if there was more than one.
    pub(crate) fn print_times(&self) {
        if self.done.len() < 2 {
            return;
        }
        eprintln!();
        for (name, seconds, good) in &self.done {
            eprintln!("{seconds:>8.1} s  {name}{}", if *good { "" } else { "  FAILED" });
        }
        eprintln!("{:>8.1} s  in all", self.done.iter().map(|(_, seconds, _)| seconds).sum::<f64>());
    }

    fn finish(&mut self, name: &str, started: Instant, mut child: Child) -> Result<()> {
        let status = child.wait().context("cannot wait for the program")?;
        let seconds = started.elapsed().as_secs_f64();
        self.done.push((name.into(), seconds, status.success()));
        eprintln!("{name}: {seconds:.1} s");
        if !status.success() {
            self.print_times();
            // A program ended by a signal has no code.
            std::process::exit(status.code().unwrap_or(1));
        }
        Ok(())
    }
}

/// `cargo` as it was called, with `arguments` separated by blanks, in the root of the project.
///
/// Without what cargo has told this program of its package: build scripts that watch it, as that of ring does, would run
/// again where cargo is called without.
pub(crate) fn cargo(arguments: &str) -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments);
    let told = ["CARGO_PKG_", "CARGO_MANIFEST_"];
    for (name, _) in std::env::vars_os() {
        if told.iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
    command
}

/// Any program with `arguments` separated by blanks, in the root of the project.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>, arguments: &str) -> Command {
    let mut command = Command::new(name);
    command.args(arguments.split_whitespace()).current_dir(root());
    command
}

/// `npm` with `arguments` separated by blanks, in the folder of the page.
pub(crate) fn npm(arguments: &str) -> Command {
    let name = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut command = program(name, arguments);
    command.current_dir(root().join("web"));
    command
}

/// The root of the project, two levels above this package.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn announce(name: &str, command: &Command) -> Instant {
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    eprintln!("\n== {name}: {program} {}", words.join(" "));
    Instant::now()
}

fn start(command: &mut Command) -> Result<Child> {
    command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))
}
