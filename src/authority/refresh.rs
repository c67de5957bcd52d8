//! Renewing a session (`POST /api/jwt/refresh`): one access token for a refresh token, which a one-time policy replaces.
//!
//! Decided on what was read and written with the version it was read at: of any number of simultaneous uses one
//! replaces the value, the others find it replaced and get the same new one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::claims::{BY_REFRESH, Grant, expiry};
use super::events::Refresh;
use super::refresh_token::{Presented, judge, note_access, start_after_use};
use super::settings::Application;
use super::{Authority, Denial, NewRefreshToken, SignedToken, ids, standing};
use crate::clock::Timestamp;
use crate::store::{Change, Digest, FoundRefreshToken, RefreshToken, Standing, StoreError, User};

/// How often a decision is made anew because others use the same refresh token at the same time.
const MOST_ROUNDS: usize = 100;

/// A renewed session.
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// The new access token.
    pub token: SignedToken,
    /// The refresh token that is to be used from now on.
    pub refresh_token: NewRefreshToken,
}

impl Authority {
    /// Renews the session of the refresh token with this value, for `lifetime` if that is shorter than usual.
    ///
    /// # Errors
    /// [`Denial::RefreshToken`] where it is none that is good; [`Denial::Field`] where `lifetime` is longer than usual.
    pub async fn refresh(&self, value: &str, lifetime: Option<Duration>, address: Option<IpAddr>) -> Result<Refreshed, Denial> {
        self.refresh_beside(value, lifetime, address, &[]).await
    }

    /// As [`Authority::refresh`], where these access tokens were sent along: each verified, with its user. Only whoever is told
    /// of the refresh sees the first that is the same user's.
    ///
    /// # Errors
    /// As [`Authority::refresh`].
    pub async fn refresh_beside(
        &self,
        value: &str,
        lifetime: Option<Duration>,
        address: Option<IpAddr>,
        beside: &[(Uuid, &str)],
    ) -> Result<Refreshed, Denial> {
        let digest = Digest::of(value);
        // Of a user who is not known yet nothing was lost.
        let mut after = Timestamp::from_millis(0);
        let mut is_first = true;
        for _ in 0..MOST_ROUNDS {
            // Before the reading: a token is no younger than what was known when it was decided on, so that the revocation
            // of something that has changed since reaches it.
            let now = self.parts.clock.now().max(after);
            let found = self.store().renewal(digest).await?.ok_or(Denial::RefreshToken)?;
            after = self.issue_instant(found.0.token.user, Some(found.0.token.application));
            if after > now.max(self.parts.clock.now()) {
                continue;
            }
            match self.refresh_once(found, value, lifetime, (address, beside), (now, is_first)).await {
                Err(Denial::Store(StoreError::Conflict)) => is_first = false,
                done => return done,
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn refresh_once(
        &self,
        (found, standing): (FoundRefreshToken, Standing),
        value: &str,
        lifetime: Option<Duration>,
        (address, beside): (Option<IpAddr>, &[(Uuid, &str)]),
        (now, is_first): (Timestamp, bool),
    ) -> Result<Refreshed, Denial> {
        let application = self.settings.application(found.token.application).filter(|it| it.allow_token_refresh);
        let application = application.ok_or(Denial::RefreshToken)?;
        if self.has_expired(&found, application, now) {
            return Err(Denial::RefreshToken);
        }
        let judged = judge(found.matched, application.usage, now);
        if judged == Presented::Reused {
            return Err(self.end_reused(&found).await?);
        }
        let user = standing::admit(standing, found.session.signed_in, now).map_err(|_| Denial::RefreshToken)?;
        let token = self.renew(&found, &user, application, lifetime, now)?;
        let original = beside.iter().find(|(user, _)| *user == found.token.user).map(|(_, token)| *token);
        let refresh = Refresh { used: &found.token, value, token: &token.token, original, address };
        let told = self.refresh_events(&refresh, now)?;
        let value = match judged {
            Presented::Rotates => self.rotate(found.token.clone(), application, told, address, now).await?,
            Presented::Good if is_first => {
                self.note_use(found.token.clone(), application, told, address, now).await?;
                value.to_owned()
            }
            // Another use was noted a moment ago, and the token is there still.
            Presented::Good => {
                self.tell(told).await?;
                value.to_owned()
            }
            Presented::Replaced | Presented::Reused => {
                self.tell(told).await?;
                self.open_value(&found.token)?
            }
        };
        let lifetime = self.settings.refresh_token_lifetime(application);
        Ok(Refreshed { token, refresh_token: NewRefreshToken { value, id: found.token.id, lifetime } })
    }

    /// The access token.
    fn renew(
        &self,
        found: &FoundRefreshToken,
        user: &User,
        application: &Arc<Application>,
        lifetime: Option<Duration>,
        now: Timestamp,
    ) -> Result<SignedToken, Denial> {
        let usual = self.lifetime(Some(application));
        if lifetime.is_some_and(|lifetime| lifetime > usual) {
            let reason = format!("It must not be more than {} seconds.", usual.as_secs());
            return Err(Denial::Field("tooLarge", "timeToLiveInSeconds", reason));
        }
        let ancestors = found.ancestors.iter().rev();
        let derived_from: Vec<String> =
            ancestors.clone().map(|it| it.id).chain([found.token.id]).map(|id| id.to_string()).collect();
        let from_applications: Vec<Uuid> =
            found.session.application.into_iter().chain(ancestors.map(|it| it.application)).chain([application.id]).collect();
        let grant = Grant {
            id: ids::at(now)?,
            now,
            expires: expiry(now, lifetime.unwrap_or(usual)),
            session: found.session.id,
            signed_in: found.session.signed_in,
            authentication_type: BY_REFRESH,
            derived_from: &derived_from,
            for_backend: false,
            from_applications: &from_applications,
        };
        self.sign(user, Some(application), &grant)
    }

    /// Replaces the value; whoever is first.
    async fn rotate(
        &self,
        mut token: RefreshToken,
        application: &Application,
        told: Vec<Change>,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<String, Denial> {
        let value = ids::secret()?;
        token.digest = Digest::of(&value);
        token.sealed = self.seal_value(token.id, &value)?;
        token.start = start_after_use(&token, application.expiration, now);
        note_access(&mut token.meta_data, address, now);
        let changes = [Change::RotateRefreshToken(token, now)].into_iter().chain(told);
        self.commit_telling(changes.collect()).await?;
        Ok(value)
    }

    async fn note_use(
        &self,
        mut token: RefreshToken,
        application: &Application,
        told: Vec<Change>,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), Denial> {
        token.start = start_after_use(&token, application.expiration, now);
        note_access(&mut token.meta_data, address, now);
        let changes = [Change::UseRefreshToken(token)].into_iter().chain(told);
        self.commit_telling(changes.collect()).await?;
        Ok(())
    }

    /// A use that changes nothing is told of all the same.
    async fn tell(&self, told: Vec<Change>) -> Result<(), Denial> {
        if !told.is_empty() {
            self.commit_telling(told).await?;
        }
        Ok(())
    }

    /// Somebody has a copy, and nobody can say who: the session ends for both (RFC 9700 section 4.14.2).
    async fn end_reused(&self, found: &FoundRefreshToken) -> Result<Denial, Denial> {
        tracing::warn!(user = %found.token.user, session = %found.session.id, "a replaced refresh token was used again");
        self.end_session(found.session.id, found.token.user).await?;
        self.parts.metrics.reused.inc();
        Ok(Denial::RefreshToken)
    }
}
