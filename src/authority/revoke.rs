//! Ending sessions and refresh tokens, and with them every token derived from them.
//!
//! Each operation ends its records and writes the revocation entry in one transaction, then shows the entry to this
//! gateway at once.

use uuid::Uuid;

use super::{Authority, Denial};
use crate::revocation::Origin;
use crate::store::{Basis, Change, Committed, Digest, Ended, FoundRefreshToken, Logged, Revocation, Scope};

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
}

impl Authority {
    /// Revokes. With `owner`, only what is theirs: anything else is not found.
    ///
    /// # Errors
    /// [`Denial::NotFound`] where there is nothing of that name.
    pub async fn revoke(&self, what: Revoke<'_>, owner: Option<Uuid>) -> Result<(), Denial> {
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
        }
    }

    /// Ends the session of the refresh token with this value, or all sessions of its user; nothing where there is none.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn sign_out(&self, value: &str, everywhere: bool) -> Result<(), Denial> {
        let Some(found) = self.store().refresh_token_by_value(Digest::of(value)).await? else { return Ok(()) };
        let user = found.token.user;
        if everywhere {
            self.end(Ended::SessionsOf(user), Scope::User(user.to_string()), Some(user)).await
        } else {
            self.end_session(found.session.id, user).await
        }
    }

    /// A refresh token of a sign-in is its session; one made at an exchange ends alone.
    async fn revoke_found(&self, found: Option<FoundRefreshToken>, owner: Option<Uuid>) -> Result<(), Denial> {
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

    pub(super) async fn end_session(&self, session: Uuid, user: Uuid) -> Result<(), Denial> {
        self.end(Ended::Session(session), Scope::Session(session.to_string()), Some(user)).await
    }

    async fn end(&self, ended: Ended, scope: Scope, user: Option<Uuid>) -> Result<(), Denial> {
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

    /// Makes `changes`, and shows the revocations among them to this gateway before anybody is answered.
    ///
    /// An instant is taken before the commit that it is written by, and a token may be signed between the two on what was
    /// true until then. So an entry that compares instants is written once more, of an instant after the commit: whatever
    /// was decided on the former state is older than that.
    pub(super) async fn commit_revoking(&self, changes: Vec<Change>) -> Result<(), Denial> {
        let revocations: Vec<Revocation> = changes
            .iter()
            .filter_map(|change| if let Change::Revoke(revocation) = change { Some(revocation.clone()) } else { None })
            .collect();
        let committed = self.commit_ending(changes).await?;
        self.show(committed, revocations.clone());
        let after = self.parts.latest.not_before(self.parts.clock.now());
        let compares = |it: &Revocation| !matches!(it.scope, Scope::Token(_) | Scope::Session(_)) && it.instant < after;
        let again: Vec<Revocation> =
            revocations.into_iter().filter(compares).map(|it| Revocation { instant: after, ..it }).collect();
        if again.is_empty() {
            return Ok(());
        }
        match self.store().commit(again.iter().cloned().map(Change::Revoke).collect()).await {
            Ok(committed) => self.show(committed, again),
            // What was asked for is done and durable.
            Err(error) => tracing::warn!(%error, "a revocation could not be confirmed after its commit"),
        }
        Ok(())
    }

    fn show(&self, committed: Committed, revocations: Vec<Revocation>) {
        let logged = committed.revocations.into_iter().zip(revocations);
        let logged: Vec<Logged> = logged.map(|(number, revocation)| Logged { number, revocation }).collect();
        self.parts.revocations.apply_own(&logged, Origin::Api);
    }

    async fn require_user(&self, user: Uuid) -> Result<(), Denial> {
        self.store().user(user).await?.map(drop).ok_or(Denial::NotFound)
    }

    fn require_application(&self, application: Uuid) -> Result<(), Denial> {
        self.settings.application(application).map(drop).ok_or(Denial::NotFound)
    }
}
