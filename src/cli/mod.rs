//! The commands, one file each.

mod run;

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A reverse-proxy authentication gateway.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
}

/// Parses the command line and runs the command. Exit codes: 0 good, 2 bad usage or configuration, 1 anything else.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(run) => run.execute(),
    }
}

/// Writes to standard error; there is nowhere to report that this failed.
fn complain(problem: &dyn Display) {
    let _ = writeln!(std::io::stderr(), "{problem}");
}

/// Something failed that is neither usage nor configuration.
fn fail(problem: impl Display) -> ExitCode {
    complain(&format_args!("error: {problem}"));
    ExitCode::FAILURE
}
