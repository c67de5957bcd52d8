//! Ending sessions and refresh tokens, and with them every token derived from them.
//!
//! Each operation ends its records and writes the revocation entry in one transaction, then shows the entry to this
//! gateway at once.

use uuid::Uuid;

use super::refresh_token::MOST_LIVING;
use super::{Authority, Denial, OwnToken};
use crate::revocation::Origin;
use crate::store::{Basis, Change, Committed, Digest, Ended, Entries, FoundRefreshToken, Revocation, Scope};

/// What is to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoke<'a> {
    /// The refresh token with this value, or that it once was.
    Value(&'a str),
    /// The refresh token of this id.
    Id(Uuid),
    /// All of a user's sessions.
    User(Uuid),
    /// A user's sessions in an application.
    UserInApplication(Uuid, Uuid),
    /// All sessions in an application.
    Application(Uuid),
    /// One session.
    Session(Uuid),
}

/// What a revocation ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Sessions.
    pub sessions: u64,
    /// Refresh tokens, those of the sessions among them.
    pub refresh_tokens: u64,
}

impl Authority {
    /// Revokes. With `owner`, only what is theirs: anything else is not found.
    ///
    /// # Errors
    /// [`Denial::NotFound`] where there is nothing of that name.
    pub async fn revoke(&self, what: Revoke<'_>, owner: Option<Uuid>) -> Result<Revoked, Denial> {
        match what {
            Revoke::Value(value) => {
                let found = self.store().refresh_token_by_value(Digest::of(value)).await?;
                self.revoke_found(found, owner).await
            }
            Revoke::Id(id) => {
                let found = self.store().refresh_token(id).await?;
                self.revoke_found(found, owner).await
            }
            _ if owner.is_some() => Err(Denial::NotFound),
            Revoke::User(user) => {
                self.require_user(user).await?;
                self.end(Ended::SessionsOf(user), Scope::User(user.to_string()), Some(user)).await
            }
            Revoke::UserInApplication(user, application) => {
                self.require_user(user).await?;
                self.require_application(application)?;
                let scope = Scope::UserInApplication(user.to_string(), application.to_string());
                self.end(Ended::SessionsOfUserInApplication(user, application), scope, Some(user)).await
            }
            Revoke::Application(application) => {
                self.require_application(application)?;
                self.end(Ended::SessionsOfApplication(application), Scope::Application(application.to_string()), None).await
            }
            Revoke::Session(session) => {
                let session = self.store().session(session).await?.ok_or(Denial::NotFound)?;
                self.end_session(session.id, session.user).await
            }
        }
    }

    /// Revokes one access token, and all that was exchanged from it; its session goes on.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn revoke_access_token(&self, token: &OwnToken) -> Result<(), Denial> {
        let scope = Scope::Token(token.id.to_string());
        let entry = self.entries().entry(scope, token.user, token.signed_in);
        self.commit_revoking(vec![Change::Revoke(entry)]).await.map(drop)
    }

    /// As [`Authority::revoke_access_token`], where no more is known of the token than its `jti`; whether there is one, nobody
    /// knows.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn revoke_access_token_id(&self, id: Uuid) -> Result<(), Denial> {
        let entry = self.revocation(Scope::Token(id.to_string()), Basis::SignIn, None);
        self.commit_revoking(vec![Change::Revoke(entry)]).await.map(drop)
    }

    /// Ends the session of the refresh token with this value, or all sessions of its user; nothing where there is none.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn sign_out(&self, value: &str, everywhere: bool) -> Result<(), Denial> {
        let Some(found) = self.store().refresh_token_by_value(Digest::of(value)).await? else { return Ok(()) };
        let user = found.token.user;
        if everywhere {
            self.end(Ended::SessionsOf(user), Scope::User(user.to_string()), Some(user)).await?;
        } else {
            self.end_session(found.session.id, user).await?;
        }
        Ok(())
    }

    /// A refresh token of a sign-in is its session; one made at an exchange ends alone.
    async fn revoke_found(&self, found: Option<FoundRefreshToken>, owner: Option<Uuid>) -> Result<Revoked, Denial> {
        let is_theirs = |found: &FoundRefreshToken| owner.is_none_or(|owner| found.token.user == owner);
        let found = found.filter(is_theirs).ok_or(Denial::NotFound)?;
        let user = found.token.user;
        match found.token.parent {
            None => self.end_session(found.session.id, user).await,
            Some(_) => {
                let id = found.token.id;
                self.end(Ended::RefreshToken(id), Scope::Token(id.to_string()), Some(user)).await
            }
        }
    }

    pub(super) async fn end_session(&self, session: Uuid, user: Uuid) -> Result<Revoked, Denial> {
        self.end(Ended::Session(session), Scope::Session(session.to_string()), Some(user)).await
    }

    async fn end(&self, ended: Ended, scope: Scope, user: Option<Uuid>) -> Result<Revoked, Denial> {
        let changes = vec![Change::End(ended), Change::Revoke(self.revocation(scope, Basis::SignIn, user))];
        self.commit_revoking(changes).await
    }

    /// An entry of this instant, or of the latest that a token signed here says.
    pub(super) fn revocation(&self, scope: Scope, basis: Basis, user: Option<Uuid>) -> Revocation {
        let instant = self.parts.latest.not_before(self.parts.clock.now());
        let ends = instant.plus(self.parts.keys.ring().longest_lifetime());
        let user = user.filter(|_| matches!(scope, Scope::Token(_) | Scope::Session(_))).map(|user| user.to_string());
        Revocation { issuer: self.settings.issuer.to_string(), scope, user, instant, basis, ends }
    }

    /// What the entries of what ends one by one say.
    pub(super) fn entries(&self) -> Entries {
        let instant = self.parts.latest.not_before(self.parts.clock.now());
        Entries { issuer: self.settings.issuer.to_string(), instant, lifetime: self.parts.keys.ring().longest_lifetime() }
    }

    /// Ends the user's oldest session where one more would be too many.
    pub(super) fn room_for_session(&self, user: Uuid) -> Change {
        Change::EndEach(Ended::OldestSessionsOf(user, MOST_LIVING - 1), self.entries())
    }

    /// Ends the user's oldest refresh token that was made at an exchange where one more would be too many.
    pub(super) fn room_for_exchanged(&self, user: Uuid) -> Change {
        Change::EndEach(Ended::OldestExchangedOf(user, MOST_LIVING - 1), self.entries())
    }

    /// Makes `changes`, and shows the revocations among them to this gateway before anybody is answered.
    ///
    /// An instant is taken before the commit that it is written by, and a token may be signed between the two on what was
    /// true until then. So an entry that compares instants is written once more, of an instant after the commit: whatever
    /// was decided on the former state is older than that.
    pub(super) async fn commit_revoking(&self, changes: Vec<Change>) -> Result<Revoked, Denial> {
        let committed = self.commit_ending(changes).await?;
        self.show(&committed);
        let revoked = Revoked { sessions: committed.sessions_ended, refresh_tokens: committed.refresh_tokens_ended };
        let after = self.parts.latest.not_before(self.parts.clock.now());
        let compares = |it: &Revocation| !matches!(it.scope, Scope::Token(_) | Scope::Session(_)) && it.instant < after;
        let revocations = committed.revocations.into_iter().map(|logged| logged.revocation);
        let again: Vec<Change> =
            revocations.filter(compares).map(|it| Change::Revoke(Revocation { instant: after, ..it })).collect();
        if again.is_empty() {
            return Ok(revoked);
        }
        match self.store().commit(again).await {
            Ok(committed) => self.show(&committed),
            // What was asked for is done and durable.
            Err(error) => tracing::warn!(%error, "a revocation could not be confirmed after its commit"),
        }
        Ok(revoked)
    }

    fn show(&self, committed: &Committed) {
        if !committed.revocations.is_empty() {
            self.parts.revocations.apply_own(&committed.revocations, Origin::Api);
        }
    }

    async fn require_user(&self, user: Uuid) -> Result<(), Denial> {
        self.store().user(user).await?.map(drop).ok_or(Denial::NotFound)
    }

    fn require_application(&self, application: Uuid) -> Result<(), Denial> {
        self.settings.application(application).map(drop).ok_or(Denial::NotFound)
    }
}
