//! `tollgate sessions list`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use clap::Args;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Selection, no_session, said};
use crate::authority::Authority;
use crate::cli::opened_store::{Common, Stopped, failed};
use crate::cli::terminal::harmless;
use crate::cli::{Outcome, Streams, write_json};
use crate::clock::Timestamp;
use crate::store::{RefreshToken, Session, SessionsOf, User};

/// Show sessions, newest first: whose, how and when signed in, and the refresh tokens that renew them. No token is shown.
///
/// Without a selection: everybody's. With an application: sessions that were signed in there, or have a refresh token for it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  tollgate sessions list --config tollgate.toml --user ann@example.com --json")]
pub(super) struct List {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    selection: Selection,
    /// Show at most so many.
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
}

/// More refresh tokens than a user can have.
const ALL_OF_A_USER: usize = 10_000;

/// A session with what else is shown of it.
struct Shown {
    session: Session,
    user: Option<User>,
    refresh_tokens: Vec<RefreshToken>,
}

impl List {
    pub(super) async fn run_on(self, authority: &Authority, streams: &mut Streams<'_>) -> Stopped {
        let shown = match self.sessions(authority).await {
            Ok(sessions) => with_owners(authority, sessions).await,
            Err(problem) => return failed(&problem, streams),
        };
        let shown = match shown {
            Ok(shown) => shown,
            Err(problem) => return failed(&problem, streams),
        };
        if self.common.json {
            let sessions: Vec<Value> = shown.iter().map(|shown| shown.document(authority)).collect();
            write_json(streams.out, &json!({ "sessions": sessions }))?;
        } else if shown.is_empty() {
            writeln!(streams.out, "no sessions")?;
        } else {
            shown.iter().try_for_each(|shown| streams.out.write_all(harmless(&shown.text(authority)).as_bytes()))?;
        }
        Ok(Outcome::Good)
    }

    async fn sessions(&self, authority: &Authority) -> Result<Vec<Session>, String> {
        if let Some(id) = self.selection.session {
            let found = authority.session(id).await.map_err(said)?;
            return found.map(|session| vec![session]).ok_or_else(|| no_session(id));
        }
        let selected = self.selection.find(authority).await?;
        let of = match (selected.user.map(|user| user.id), selected.application) {
            (None, None) => SessionsOf::All,
            (Some(user), None) => SessionsOf::User(user),
            (None, Some(application)) => SessionsOf::Application(application),
            (Some(user), Some(application)) => SessionsOf::UserInApplication(user, application),
        };
        authority.sessions(of, usize::from(self.limit)).await.map_err(said)
    }
}

/// Each user is read once.
async fn with_owners(authority: &Authority, sessions: Vec<Session>) -> Result<Vec<Shown>, String> {
    let mut owners: HashMap<Uuid, (Option<User>, Vec<RefreshToken>)> = HashMap::new();
    for session in &sessions {
        if let Entry::Vacant(unread) = owners.entry(session.user) {
            let user = authority.user(session.user).await.map_err(said)?;
            let tokens = authority.refresh_tokens_of(session.user, ALL_OF_A_USER).await.map_err(said)?;
            unread.insert((user, tokens));
        }
    }
    let shown = sessions.into_iter().map(|session| {
        let (user, tokens) = owners.get(&session.user).cloned().unwrap_or_default();
        let refresh_tokens = tokens.into_iter().filter(|token| token.session == session.id).collect();
        Shown { session, user, refresh_tokens }
    });
    Ok(shown.collect())
}

impl Shown {
    fn document(&self, authority: &Authority) -> Value {
        let session = &self.session;
        let refresh_tokens: Vec<Value> = self.refresh_tokens.iter().map(|token| token_document(token, authority)).collect();
        json!({
            "id": session.id,
            "user": session.user,
            "user_name": self.user_name(),
            "application": session.application,
            "application_name": session.application.map(|id| application_name(id, authority)),
            "authentication_type": session.authentication_type,
            "signed_in": session.signed_in.seconds(),
            "refresh_tokens": refresh_tokens,
        })
    }

    fn text(&self, authority: &Authority) -> String {
        let Session { id, user, application, authentication_type, signed_in } = &self.session;
        let name = self.user_name().unwrap_or("-");
        let application = application.map_or_else(|| "-".to_owned(), |id| application_name(id, authority));
        let mut text = one_line(&format!("{id}  {user}  {name}  {application}  {authentication_type}  {signed_in}"));
        for token in &self.refresh_tokens {
            let application = application_name(token.application, authority);
            let device = device(token).unwrap_or("-");
            let used = last_use(token).unwrap_or(token.inserted);
            text += &one_line(&format!("  refresh token {}  {application}  {device}  last used {used}", token.id));
        }
        text
    }

    fn user_name(&self) -> Option<&str> {
        let user = self.user.as_ref()?;
        user.email.as_deref().or(user.username.as_deref())
    }
}

/// A name with a line break in it would look like another session.
fn one_line(text: &str) -> String {
    text.replace('\n', "\\n") + "\n"
}

fn application_name(id: Uuid, authority: &Authority) -> String {
    authority.settings().application(id).map_or_else(|| id.to_string(), |application| application.name.to_string())
}

fn token_document(token: &RefreshToken, authority: &Authority) -> Value {
    json!({
        "id": token.id,
        "application": token.application,
        "application_name": application_name(token.application, authority),
        "device": device(token),
        "made": token.inserted.seconds(),
        "last_used": last_use(token).map(Timestamp::seconds),
        "exchanged": token.parent.is_some(),
    })
}

fn device(token: &RefreshToken) -> Option<&str> {
    token.device.as_deref().or_else(|| token.meta_data.get("device")?.get("name")?.as_str())
}

fn last_use(token: &RefreshToken) -> Option<Timestamp> {
    token.meta_data.get("device")?.get("lastAccessedInstant")?.as_u64().map(Timestamp::from_millis)
}
