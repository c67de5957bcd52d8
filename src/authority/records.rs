//! Looking things up, and noting that a user is there.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::refresh_token::{Presented, judge};
use super::{Application, Authority, Denial, Signing};
use crate::clock::Timestamp;
use crate::store::{Change, Digest, FoundRefreshToken, RefreshToken, Session, SessionsOf, User};
use crate::token::Algorithm;

/// How long what a probe of the store found is believed.
const PROBED_FOR: Duration = Duration::from_secs(1);

/// Whose refresh token a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'v> {
    /// The user.
    pub user: Uuid,
    /// The session that it renews.
    pub session: Uuid,
    /// The value.
    pub value: &'v str,
}

/// A value that is a refresh token here.
struct Candidate<'v> {
    owner: Owner<'v>,
    is_good: bool,
    /// Its session is one of those that are asked for.
    is_named: bool,
    signed_in: Timestamp,
}

impl<'v> Candidate<'v> {
    fn of(authority: &Authority, value: &'v str, found: &FoundRefreshToken, sessions: &[&str], now: Timestamp) -> Self {
        let session = found.session.id;
        let application = authority.settings.application(found.token.application).filter(|it| it.allow_token_refresh);
        let is_live = |application: &Application| {
            !authority.has_expired(found, application, now) && judge(found.matched, application.usage, now) != Presented::Reused
        };
        Self {
            owner: Owner { user: found.token.user, session, value },
            is_good: application.is_some_and(|application| is_live(application)),
            is_named: sessions.contains(&&*session.to_string()),
            signed_in: found.session.signed_in,
        }
    }
}

/// Whose refresh tokens some values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owned<'v> {
    /// None of them is a refresh token here.
    ByNobody,
    /// One user's; the one to use.
    By(Owner<'v>),
    /// Several users'.
    BySeveral,
}

impl Authority {
    /// The user of this id.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn user(&self, id: Uuid) -> Result<Option<User>, Denial> {
        Ok(self.store().user(id).await?)
    }

    /// A user's refresh tokens, newest first.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn refresh_tokens_of(&self, user: Uuid, most: usize) -> Result<Vec<RefreshToken>, Denial> {
        Ok(self.store().refresh_tokens_of(user, most).await?)
    }

    /// The session of this id, unless it has ended.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn session(&self, id: Uuid) -> Result<Option<Session>, Denial> {
        Ok(self.store().session(id).await?)
    }

    /// Sessions that have not ended, newest first.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn sessions(&self, of: SessionsOf, most: usize) -> Result<Vec<Session>, Denial> {
        Ok(self.store().sessions(of, most).await?)
    }

    /// The refresh token of this id.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn refresh_token(&self, id: Uuid) -> Result<Option<RefreshToken>, Denial> {
        Ok(self.store().refresh_token(id).await?.map(|found| found.token))
    }

    /// The refresh token with this value, or that it once was.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn refresh_token_by_value(&self, value: &str) -> Result<Option<RefreshToken>, Denial> {
        Ok(self.store().refresh_token_by_value(Digest::of(value)).await?.map(|found| found.token))
    }

    /// Whose refresh tokens these values are, and which of them is to be used: those that are good now before those that have
    /// expired, were replaced long ago or are of no use at their application; then one of `sessions`, where any of these is named;
    /// then the newest sign-in.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn only_good_refresh_token<'v>(&self, values: &[&'v str], sessions: &[&str]) -> Result<Owned<'v>, Denial> {
        let now = self.parts.clock.now();
        let mut found = Vec::new();
        for value in values {
            let known = self.store().refresh_token_by_value(Digest::of(value)).await?;
            found.extend(known.map(|known| Candidate::of(self, value, &known, sessions, now)));
        }
        let is_any_good = found.iter().any(|it| it.is_good);
        found.retain(|it| it.is_good || !is_any_good);
        let Some(first) = found.first() else { return Ok(Owned::ByNobody) };
        if found.iter().any(|it| it.owner.user != first.owner.user) {
            return Ok(Owned::BySeveral);
        }
        // Of two that are alike the first that was sent.
        found.sort_by_key(|it| std::cmp::Reverse((it.is_named, it.signed_in)));
        Ok(found.first().map_or(Owned::ByNobody, |it| Owned::By(it.owner)))
    }

    /// Notes that a user has signed in elsewhere, and shows the user.
    ///
    /// # Errors
    /// [`Denial::NotFound`].
    pub async fn note_sign_in(&self, user: Uuid, application: Option<Uuid>) -> Result<User, Denial> {
        let found = self.store().user(user).await?.ok_or(Denial::NotFound)?;
        let application = application.filter(|id| found.registration(*id).is_some());
        self.store().commit(vec![Change::NoteSignIn(user, application, self.parts.clock.now())]).await?;
        self.store().user(user).await?.ok_or(Denial::NotFound)
    }

    /// Whether the store takes writes. That costs one, so whoever asks within a second is told what was found.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn check_store(&self) -> Result<(), Denial> {
        let mut probed = self.parts.probed.lock().await;
        if let Some((at, found)) = &*probed
            && at.elapsed() < PROBED_FOR
        {
            return Ok(found.clone()?);
        }
        let found = self.store().check().await;
        *probed = Some((Instant::now(), found.clone()));
        Ok(found?)
    }

    /// The algorithms that sign access tokens which others can verify.
    pub fn algorithms(&self) -> Vec<&'static str> {
        let own = self.settings.applications.iter().filter_map(|application| match application.signing {
            Signing::Own(algorithm) => Some(algorithm),
            Signing::Authority | Signing::Secret(..) => None,
        });
        let mut names: Vec<_> = [self.settings.algorithm].into_iter().chain(own).map(Algorithm::name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
