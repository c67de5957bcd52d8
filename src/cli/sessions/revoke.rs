//! `tollgate sessions revoke`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Selection, no_session, said};
use crate::authority::{self, Authority, Denial, Revoked};
use crate::cli::opened_store::{Common, Stopped, failed};
use crate::cli::{Outcome, Streams, terminal, write_json};

/// End sessions, or one access token. One of user, application, session and token must be named; a user and an
/// application together are that user's sessions there.
///
/// Everything that was exchanged or refreshed from what ends is dead too. The application and the user stay open to
/// new sign-ins.
#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("what").required(true).multiple(true)
        .args(["user", "application", "session", "token", "token_file", "token_id"])),
    after_help = "\
Example:
  tollgate sessions revoke --config tollgate.toml --user ann@example.com --application orders
  tollgate sessions revoke --config tollgate.toml --token-file - < token.txt"
)]
pub(super) struct Revoke {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    selection: Selection,
    /// This access token, which is verified first; `-` reads it from standard input. Whoever sees the list of processes sees what is written here.
    #[arg(long, conflicts_with_all = ["user", "application", "session"])]
    token: Option<String>,
    /// As --token, read from a file; `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "application", "session", "token"])]
    token_file: Option<PathBuf>,
    /// The access token of this id (`jti`), which nobody can tell whether it was ever issued.
    #[arg(long, value_name = "ID", conflicts_with_all = ["user", "application", "session", "token", "token_file"])]
    token_id: Option<Uuid>,
}

/// More than any access token.
const LONGEST: u64 = 64 * 1024;

/// What was done, for programs and for people.
type Done = (Value, String);

impl Revoke {
    pub(super) async fn run_on(self, authority: &Authority, streams: &mut Streams<'_>) -> Stopped {
        match self.revoke(authority).await? {
            Ok((document, _)) if self.common.json => write_json(streams.out, &document)?,
            Ok((_, text)) => writeln!(streams.out, "{text}")?,
            Err(problem) => return failed(&problem, streams),
        }
        Ok(Outcome::Good)
    }

    async fn revoke(&self, authority: &Authority) -> io::Result<Result<Done, String>> {
        if let Some(id) = self.token_id {
            return Ok(by_id(authority, id).await);
        }
        Ok(match self.token()? {
            Some(Ok(token)) => by_token(authority, &token).await,
            Some(Err(problem)) => Err(problem),
            None => self.sessions(authority).await,
        })
    }

    fn token(&self) -> io::Result<Option<Result<String, String>>> {
        match (&self.token, &self.token_file) {
            (Some(token), _) => terminal::token(token).map(|token| Some(Ok(token))),
            (None, Some(file)) if file.as_os_str() == "-" => terminal::token("-").map(|token| Some(Ok(token))),
            (None, Some(file)) => Ok(Some(read(file).map_err(|error| format!("{}: {error}", file.display())))),
            (None, None) => Ok(None),
        }
    }

    async fn sessions(&self, authority: &Authority) -> Result<Done, String> {
        let selected = self.selection.find(authority).await?;
        let (what, about) = match (self.selection.session, selected.user.map(|user| user.id), selected.application) {
            (Some(session), ..) => (authority::Revoke::Session(session), format!("session {session}")),
            (None, Some(user), None) => (authority::Revoke::User(user), format!("user {user}")),
            (None, None, Some(id)) => (authority::Revoke::Application(id), format!("application {id}")),
            (None, Some(user), Some(id)) => {
                (authority::Revoke::UserInApplication(user, id), format!("user {user} in application {id}"))
            }
            (None, None, None) => return Err("name what is to be revoked".to_owned()),
        };
        let revoked = authority.revoke(what, None).await.map_err(|denial| match (denial, self.selection.session) {
            (Denial::NotFound, Some(session)) => no_session(session),
            (denial, _) => said(denial),
        })?;
        Ok(done(&about, revoked))
    }
}

fn done(about: &str, Revoked { sessions, refresh_tokens }: Revoked) -> Done {
    let document = json!({ "revoked": about, "sessions": sessions, "refresh_tokens": refresh_tokens });
    (document, format!("{about} is revoked; ended: sessions {sessions}, refresh tokens {refresh_tokens}"))
}

async fn by_token(authority: &Authority, token: &str) -> Result<Done, String> {
    let own = authority.verify_access_token(token);
    let own = own.map_err(|fault| format!("it is no access token of the authority that holds: {fault}"))?;
    authority.revoke_access_token(&own).await.map_err(said)?;
    Ok(token_done(own.id))
}

async fn by_id(authority: &Authority, id: Uuid) -> Result<Done, String> {
    if authority.refresh_token(id).await.map_err(said)?.is_some() {
        return Err(format!("{id} is the id of a refresh token; `tollgate sessions list` shows its session"));
    }
    authority.revoke_access_token_id(id).await.map_err(said)?;
    Ok(token_done(id))
}

fn token_done(id: Uuid) -> Done {
    let about = format!("access token {id}");
    (json!({ "revoked": about }), format!("{about} is refused from now on, with what was exchanged from it; its session goes on"))
}

/// The token in a file, as people save them.
fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(terminal::bare(&text).to_owned())
}
