//! The commands, one file each.
//!
//! A command takes its arguments and writes to what it is given; only [`main`] knows the process's streams. The exit code
//! is 0 where all is good, 2 for bad usage or a bad configuration, 1 for anything else.

mod check;
mod demo;
mod explain;
mod hash_key;
mod keys;
mod named;
mod open_files;
mod opened_store;
mod operator;
mod run;
mod sessions;
mod signals;
mod store;
mod terminal;
mod token;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A reverse-proxy authentication gateway: verifies the token on every request and tells the backend who is calling.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, arg_required_else_help = true, after_help = EXAMPLE)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// From nothing to a gateway that serves.
const EXAMPLE: &str = "Example:
  tollgate demo
  tollgate check tollgate.toml
  tollgate run --config tollgate.toml";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Check(check::Check),
    Demo(demo::Demo),
    Explain(explain::Explain),
    Keys(keys::Keys),
    Sessions(sessions::Sessions),
    Store(store::Store),
    HashKey(hash_key::HashKey),
    Token(token::Token),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Good,
    /// The configuration or the arguments are wrong.
    Refused,
    /// Anything else went wrong; it has been said.
    Failed,
}

/// Where a command writes: what was asked for, and what is said about it.
struct Streams<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

impl Command {
    fn run(self, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        match self {
            Self::Run(command) => command.run(streams),
            Self::Check(command) => command.run(streams),
            Self::Demo(command) => command.run(streams),
            Self::Explain(command) => command.run(streams),
            Self::Keys(command) => command.run(streams),
            Self::Sessions(command) => command.run(streams),
            Self::Store(command) => command.run(streams),
            Self::HashKey(command) => command.run(streams),
            Self::Token(command) => command.run(streams),
        }
    }
}

/// Runs the command that the process's arguments name.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(message) => {
            // Help that was asked for is no error, and nobody is left to tell of a closed stream.
            let code = message.exit_code();
            message.print().ok();
            return ExitCode::from(u8::try_from(code).unwrap_or(2));
        }
    };
    // Not locked: a gateway's log writes to the same streams while its command runs.
    let mut streams = Streams { out: &mut io::stdout(), err: &mut io::stderr() };
    match arguments.command.run(&mut streams) {
        Ok(outcome) => outcome.into(),
        // A reader such as `head` that has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(streams.err, "tollgate: {error}").ok();
            Outcome::Failed.into()
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Good => Self::SUCCESS,
            Outcome::Failed => Self::from(1),
            Outcome::Refused => Self::from(2),
        }
    }
}

/// Writes a document for programs.
fn write_json(out: &mut dyn Write, document: &serde_json::Value) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent_and_every_command_has_an_example() {
        let mut arguments = Arguments::command();
        arguments.build();
        arguments.clone().debug_assert();
        let whole = arguments.render_long_help().to_string();
        assert!(whole.contains("Example:\n  tollgate demo\n"), "{whole}");
        for command in arguments.get_subcommands().filter(|command| command.get_name() != "help") {
            let nested: Vec<_> = command.get_subcommands().filter(|inner| inner.get_name() != "help").cloned().collect();
            let leaves = nested.into_iter().chain([command.clone()]);
            for mut leaf in leaves {
                let help = leaf.render_long_help().to_string();
                assert!(help.contains("Example:\n  tollgate "), "{help}");
            }
        }
    }

    #[test]
    fn bad_usage_is_exit_code_2() {
        for arguments in [
            &["tollgate"][..],
            &["tollgate", "chekc"],
            &["tollgate", "check"],
            &["tollgate", "token", "inspect"],
            &["tollgate", "token", "mint", "--config", "t.toml"],
            &["tollgate", "explain"],
            &["tollgate", "keys", "list"],
            &["tollgate", "sessions", "list"],
            &["tollgate", "sessions", "revoke", "--config", "t.toml"],
            &["tollgate", "sessions", "revoke", "--config", "t.toml", "--user", "a", "--token-file", "-"],
            &["tollgate", "sessions", "revoke", "--config", "t.toml", "--session", "a"],
            &["tollgate", "store", "migrate"],
            &["tollgate", "store", "migrate", "--config", "t.toml", "--store", "t.db"],
        ] {
            assert_eq!(Arguments::try_parse_from(arguments).unwrap_err().exit_code(), 2, "{arguments:?}");
        }
    }
}
