//! What a gateway is given beside its configuration.

use std::io;

use crate::clock::Clock;
use crate::telemetry::{LogLevel, LogSink};

/// What a gateway is given beside its configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bind beside another process that holds the addresses.
    pub take_over: bool,
    /// What time it is.
    pub clock: Clock,
    /// Where access lines go.
    pub log: LogSink,
    /// The filter of the process's log, changed by a reload; absent where the process has another.
    pub log_level: Option<LogLevel>,
}

impl Options {
    /// For a gateway that is built and never serves: it logs nothing.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn rehearsal(clock: &Clock) -> io::Result<Self> {
        let (log, _) = LogSink::start(io::sink())?;
        Ok(Self { take_over: false, clock: clock.clone(), log, log_level: None })
    }
}
