//! `tollgate run`: serve a configuration until told to stop.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Notify;

use super::open_files;
use super::signals::{Asked, Signals};
use super::{Outcome, Streams};
use crate::clock::Clock;
use crate::config;
use crate::gateway::{Gateway, Options, StartError};
use crate::telemetry::{self, LogSink};

/// Serve a configuration file until SIGTERM or SIGINT.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Signals:
  SIGTERM, SIGINT   stop accepting, let requests finish until the drain deadline, exit 0; a second one exits at once with code 1
  SIGHUP            read the configuration again (also done when a file of it changes)

Example:
  tollgate run --config /etc/tollgate/tollgate.toml")]
pub(super) struct Run {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,
    /// Bind beside a running gateway that holds the same addresses; stop that one afterwards.
    #[arg(long)]
    take_over: bool,
}

impl Run {
    /// Serves until told to stop.
    pub(super) fn run(self, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        let settings = match config::load(&self.config, std::env::vars_os()) {
            Ok(settings) => settings,
            Err(diagnostics) => {
                writeln!(streams.err, "{diagnostics}")?;
                return Ok(Outcome::Refused);
            }
        };
        let (log, _written_at_the_end) = LogSink::start(io::stdout())?;
        let log_level = telemetry::install(&settings.log, &log);
        open_files::allow(&settings);
        let options = Options { take_over: self.take_over, clock: Clock::system(), log, log_level: Some(log_level) };
        match Gateway::start(settings, options) {
            Ok(gateway) => self.follow(gateway),
            Err(error) => {
                writeln!(streams.err, "error: {error}")?;
                Ok(if matches!(error, StartError::Build(_)) { Outcome::Refused } else { Outcome::Failed })
            }
        }
    }

    /// Handles signals until one says stop.
    fn follow(&self, gateway: Gateway) -> io::Result<Outcome> {
        let reload = Arc::new(Notify::new());
        gateway.follow(&self.config, Arc::clone(&reload));
        let mut signals = gateway.block_on(async { Signals::listen() })?;
        gateway.block_on(async {
            while signals.next().await == Asked::Reload {
                reload.notify_one();
            }
        });
        tracing::info!("draining");
        gateway.on_control(async move {
            while signals.next().await == Asked::Reload {}
            tracing::warn!("second signal: ending at once");
            std::process::exit(1);
        });
        gateway.shutdown();
        tracing::info!("stopped");
        Ok(Outcome::Good)
    }
}
