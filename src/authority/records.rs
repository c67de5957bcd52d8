//! Looking things up, and noting that a user is there.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::{Authority, Denial, Signing};
use crate::store::{Change, Digest, RefreshToken, Session, SessionsOf, User};
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

/// Whose refresh tokens some values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owned<'v> {
    /// None of them is a refresh token here.
    ByNobody,
    /// One user's; the first that is.
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

    /// Whose refresh tokens these values are.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn only_good_refresh_token<'v>(&self, values: &[&'v str]) -> Result<Owned<'v>, Denial> {
        let mut good: Option<Owner<'v>> = None;
        for value in values {
            let Some(found) = self.store().refresh_token_by_value(Digest::of(value)).await? else { continue };
            let user = found.token.user;
            match good {
                Some(first) if user != first.user => return Ok(Owned::BySeveral),
                Some(_) => {}
                None => good = Some(Owner { user, session: found.session.id, value }),
            }
        }
        Ok(good.map_or(Owned::ByNobody, Owned::By))
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
