//! `tollgate explain`: which route, issuer, key and rule would decide a request or a token, and why, without serving or
//! fetching anything.

mod keys;
mod request;
mod shown;
mod token;

use std::fmt::Display;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use http::Method;
use serde_json::Value;

use self::request::{Address, Fault};
use crate::authority::issuers_without_keys;
use crate::cli::terminal::{self, harmless};
use crate::cli::{Outcome, Streams, write_json};
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::gateway::{self, Options};
use crate::proxy::Snapshot;

/// Say which route, issuer, key and rule would decide a request or a token, and why.
///
/// Nothing listens, nothing is fetched, and no store is opened. Keys are those in files of the configuration; for an issuer
/// whose keys the gateway fetches, and for the authority, whose keys are in the store, give them with --jwks. What was
/// revoked is not known. The request is one of HTTP/1.1, of a client that is no trusted proxy.
///
/// Exit code 0: explained, whatever the answer; 2: bad configuration or usage.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  tollgate explain --config tollgate.toml --url https://orders.example.com/admin --token - < token.txt

Without --url only the token is judged, with what its caller may do on each route.")]
pub(super) struct Explain {
    /// The configuration.
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,
    /// The address that is asked for; its path is judged as it stands.
    #[arg(long, required_unless_present = "token")]
    url: Option<String>,
    /// The method.
    #[arg(long, short = 'X', default_value = "GET", requires = "url")]
    method: Method,
    /// A header of the request, as `Name: value`; may be repeated.
    #[arg(long, short = 'H', value_name = "HEADER", requires = "url")]
    header: Vec<String>,
    /// The bearer token, or `-` to read it from standard input, which keeps it out of the shell's history.
    #[arg(long)]
    token: Option<String>,
    /// A file with a JSON Web Key Set, in place of keys that the gateway would fetch or has in its store; `ISSUER=FILE` where
    /// those are several issuers'. The authority is the issuer `authority`.
    #[arg(long, value_name = "FILE")]
    jwks: Vec<String>,
    /// The listener that the request comes to; by default the first that speaks the address's scheme.
    #[arg(long, requires = "url")]
    listener: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// An explanation, for people and for programs.
struct Explained {
    text: String,
    document: Value,
}

/// Why there is none.
enum Stopped {
    /// The configuration or the arguments are wrong.
    Refused(String),
    Failed(io::Error),
}

impl Stopped {
    fn refused(problem: impl Display) -> Self {
        Self::Refused(problem.to_string())
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Explain {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        self.run_at(&Clock::system(), streams)
    }

    fn run_at(&self, clock: &Clock, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        match self.explained(clock) {
            Ok(explained) if self.json => write_json(streams.out, &explained.document)?,
            Ok(explained) => write!(streams.out, "{}", harmless(&explained.text))?,
            Err(Stopped::Refused(problem)) => {
                writeln!(streams.err, "tollgate: {problem}")?;
                return Ok(Outcome::Refused);
            }
            Err(Stopped::Failed(error)) => return Err(error),
        }
        Ok(Outcome::Good)
    }

    fn explained(&self, clock: &Clock) -> Result<Explained, Stopped> {
        let loaded = config::load_at(&self.config, std::env::vars_os(), clock.now());
        let mut settings = loaded.map_err(Stopped::refused)?;
        // Whoever explains need not be able to read the store; that a token was revoked is not known without it.
        settings.issuers.extend(settings.authority.iter().flat_map(issuers_without_keys));
        for given in &self.jwks {
            keys::replace(&mut settings.issuers, given).map_err(Stopped::Refused)?;
        }
        let snapshot = gateway::rehearse(&settings, &Options::rehearsal(clock)?).map_err(Stopped::refused)?;
        let token = self.token.as_deref().map(terminal::token).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        match (&self.url, token) {
            (Some(url), token) => {
                let explained = self.request(url, token.as_deref(), &settings, &snapshot);
                runtime.block_on(explained).map_err(Stopped::Refused)
            }
            (None, token) => {
                let token = token.unwrap_or_default();
                let judged = runtime.block_on(token::judge(&token, snapshot.verifier(), &settings.routes));
                Ok(Explained { text: judged.text(), document: judged.document() })
            }
        }
    }

    async fn request(
        &self,
        url: &str,
        token: Option<&str>,
        settings: &Settings,
        snapshot: &Arc<Snapshot>,
    ) -> Result<Explained, Fault> {
        let address = Address::parse(url)?;
        let listener = request::listener(&settings.listeners, self.listener.as_deref(), &address)?;
        let head = request::head(&self.method, &address, &self.header, token)?;
        let explanation = snapshot.explain(&request::peer(listener, &address), head).await;
        let title = format!("{} {url} at listener {:?}", self.method, listener.name);
        Ok(Explained { text: format!("{title}\n\n{}", shown::text(&explanation)), document: shown::document(&explanation) })
    }
}

#[cfg(test)]
mod tests;
