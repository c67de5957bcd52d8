//! `tollgate sessions`: who is signed in, looked at and ended in the store that the gateways read.

mod list;
mod revoke;

use std::io;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use uuid::Uuid;

use crate::authority::{Authority, Denial};
use crate::cli::opened_store::{self, Stopped, failed};
use crate::cli::{Outcome, Streams, named};
use crate::clock::Clock;
use crate::store::User;

/// List sessions and end them, with every token that stems from them.
///
/// The gateways on the same store, if any run, follow within a second. Run it as the user that runs them. Exit code 0: done;
/// 1: there is nothing of that name, or it could not be done; 2: bad usage or a bad configuration.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Example:\n  tollgate sessions list --config tollgate.toml --user ann@example.com"
)]
pub(super) struct Sessions {
    #[command(subcommand)]
    command: SessionsCommand,
}

#[derive(Debug, Subcommand)]
enum SessionsCommand {
    List(list::List),
    Revoke(revoke::Revoke),
}

/// Whose sessions.
#[derive(Debug, Args)]
struct Selection {
    /// Of this user, by id, email address or username.
    #[arg(long)]
    user: Option<String>,
    /// In this application, by name or id.
    #[arg(long)]
    application: Option<String>,
    /// This one (`sid`).
    #[arg(long, value_name = "ID", conflicts_with_all = ["user", "application"])]
    session: Option<Uuid>,
}

/// A [`Selection`] whose names are known.
#[derive(Debug, Default)]
struct Selected {
    user: Option<User>,
    application: Option<Uuid>,
}

impl Selection {
    /// Looks the names up.
    ///
    /// # Errors
    /// What to say where there is nothing of a name.
    async fn find(&self, authority: &Authority) -> Result<Selected, String> {
        let application = self.application.as_deref().map(|name| named::application(authority.settings(), name)).transpose()?;
        let user = match &self.user {
            None => None,
            Some(name) => {
                let found = named::user(authority, name).await.map_err(said)?;
                Some(found.ok_or_else(|| format!("there is no user {name:?}"))?)
            }
        };
        Ok(Selected { user, application: application.map(|application| application.id) })
    }
}

impl Sessions {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> io::Result<Outcome> {
        opened_store::block_on(async {
            let clock = Clock::system();
            let opened = match opened_store::open(self.config(), &clock, streams).await {
                Ok(opened) => opened,
                Err(stopped) => return stopped,
            };
            match opened.store.authority(opened.authority, &clock).await {
                Ok(authority) => self.run_on(&authority, streams).await,
                Err(error) => failed(&error, streams),
            }
        })?
    }

    /// The configuration to read.
    fn config(&self) -> &PathBuf {
        match &self.command {
            SessionsCommand::List(list) => &list.common.config,
            SessionsCommand::Revoke(revoke) => &revoke.common.config,
        }
    }

    async fn run_on(self, authority: &Authority, streams: &mut Streams<'_>) -> Stopped {
        match self.command {
            SessionsCommand::List(list) => list.run_on(authority, streams).await,
            SessionsCommand::Revoke(revoke) => revoke.run_on(authority, streams).await,
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn said(denial: Denial) -> String {
    denial.to_string()
}

fn no_session(id: Uuid) -> String {
    format!("there is no session {id}, or it has ended")
}

#[cfg(test)]
mod tests;
