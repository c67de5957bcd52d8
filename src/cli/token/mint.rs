//! `tollgate token mint`: an access token for a user, and a line in the log that says who made it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use uuid::Uuid;

use crate::authority::{Application, Authority, Denial, Minted};
use crate::cli::opened_store::{self, Stopped, failed, refused};
use crate::cli::operator::Operator;
use crate::cli::{Outcome, Streams, named, write_json};
use crate::clock::Clock;
use crate::config;
use crate::telemetry::{self, LogSettings, LogSink};

/// Make an access token for a user, as a sign-in would. Whoever has it is that user until it expires.
///
/// The token alone is printed to standard output. A line on standard error says who made it, for whom and why, never the
/// token; keep it where your audits look. The token is revoked with the user's other sessions. Run it as the user that runs
/// the gateway.
///
/// Exit code 0: made; 1: refused or failed; 2: bad usage or configuration.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  tollgate token mint --config tollgate.toml --user ann@example.com --application orders --reason 'ticket 4711'")]
pub(super) struct Mint {
    /// The configuration file, which has an authority and a store.
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,
    /// The user, by id, email address or username.
    #[arg(long)]
    user: String,
    /// The application, by name or id, that the user is registered with. Without one the token is good for no route.
    #[arg(long)]
    application: Option<String>,
    /// How long it lives; at most as long as access tokens do there. [default: 15m, or less where those live shorter]
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    lifetime: Option<Duration>,
    /// Why, for the log.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
    /// Print JSON: the token, its id, when it expires.
    #[arg(long)]
    json: bool,
}

const DEFAULT_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// Characters of a reason.
const LONGEST_REASON: usize = 300;

fn lifetime(text: &str) -> Result<Duration, &'static str> {
    config::duration(text).ok_or("give a duration such as 30s, 15m or 1h")
}

/// It goes into a line of the log.
fn reason(text: &str) -> Result<String, &'static str> {
    let fits = text.chars().count() <= LONGEST_REASON && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err("give one line of at most 300 characters") }
}

impl Mint {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        opened_store::block_on(async {
            let clock = Clock::system();
            let opened = match opened_store::open(&self.config, &clock, streams).await {
                Ok(opened) => opened,
                Err(stopped) => return stopped,
            };
            let (log, _written_at_the_end) = LogSink::start(io::stderr())?;
            // Whatever level is configured: the line must be there.
            telemetry::install(&LogSettings { level: "warn,tollgate::audit=info".into(), ..opened.settings.log }, &log);
            match opened.store.authority(opened.authority, &clock).await {
                Ok(authority) => self.run_on(&authority, &Operator::of_this_process(), streams).await,
                Err(error) => failed(&error, streams),
            }
        })?
    }

    async fn run_on(&self, authority: &Authority, by: &Operator, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        let application = match self.application(authority) {
            Ok(application) => application,
            Err(problem) => return failed(&problem, streams),
        };
        let user = match named::user(authority, &self.user).await {
            Ok(Some(user)) => user,
            Ok(None) => return failed(&format!("there is no user {:?}", self.user), streams),
            Err(denial) => return denied(&denial, streams),
        };
        let id = user.id;
        let longest = authority.settings().access_token_lifetime(application.map(|application| &**application));
        let lifetime = self.lifetime.unwrap_or(DEFAULT_LIFETIME.min(longest));
        match authority.mint(user, application, lifetime).await {
            Ok(minted) => {
                self.audit(&minted, id, application, by);
                self.print(&minted, streams)
            }
            Err(denial) => denied(&denial, streams),
        }
    }

    fn application<'a>(&self, authority: &'a Authority) -> Result<Option<&'a Arc<Application>>, String> {
        self.application.as_deref().map(|name| named::application(authority.settings(), name)).transpose()
    }

    /// Said before the token is shown, so that none is without its line.
    fn audit(&self, minted: &Minted, user: Uuid, application: Option<&Arc<Application>>, by: &Operator) {
        tracing::info!(
            target: "tollgate::audit",
            uid = by.uid,
            by = by.name,
            behind_sudo = by.behind_sudo,
            %user,
            application = application.map(|application| &*application.name),
            token_id = %minted.token.id,
            session = %minted.session,
            expires = %minted.token.expires,
            reason = self.reason,
            "a token was minted"
        );
    }

    fn print(&self, minted: &Minted, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        let token = &minted.token;
        match self.json {
            true => {
                let document = json!({ "token": token.token, "id": token.id, "expires": token.expires.seconds() });
                write_json(streams.out, &document)?;
            }
            false => writeln!(streams.out, "{}", token.token)?,
        }
        Ok(Outcome::Good)
    }
}

fn denied(denial: &Denial, streams: &mut Streams<'_>) -> Stopped {
    match denial {
        Denial::Field(_, "lifetime", reason) => refused(&format!("--lifetime: {reason}"), streams),
        Denial::Field(_, _, reason) => failed(reason, streams),
        Denial::Unauthorized => failed(&"the user is inactive", streams),
        Denial::AccountExpired => failed(&"the user's account has expired", streams),
        Denial::NotFound => failed(&"the user has just been removed", streams),
        other => failed(other, streams),
    }
}

#[cfg(test)]
mod tests;
