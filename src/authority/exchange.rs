//! Single sign-on: an access token for one application becomes one for another (`GET /api/jwt/issue`).
//!
//! Same user, same session, same expiry; the roles of the target. What the presented token came from goes along, so that
//! a revocation of any of it reaches the new one.

use super::claims::{BY_EXCHANGE, Grant};
use super::refresh_token::{Device, Origin};
use super::settings::{Application, SingleSignOn};
use super::{Authority, Denial, NewRefreshToken, OwnToken, SignedToken, ids, standing};
use crate::clock::Timestamp;
use crate::store::{Change, Digest, FoundRefreshToken, Match, Session, StoreError};
use uuid::Uuid;

/// The most exchanges in a row: a token remembers all that it came from.
const MOST_LINKS: usize = 16;

/// What an exchange gives.
#[derive(Clone, Debug)]
pub struct Exchanged {
    /// The token; of no application where the user is not registered with the one that was asked for.
    pub token: SignedToken,
    /// A refresh token of the same session, where one was presented and all conditions hold.
    pub refresh_token: Option<NewRefreshToken>,
}

impl Authority {
    /// Exchanges `presented`, which is verified and was asked for its revocation.
    ///
    /// # Errors
    /// [`Denial::Field`] where there is no such application, [`Denial::Unauthorized`] where it may not be entered with
    /// this token.
    pub async fn exchange(
        &self,
        presented: &OwnToken,
        application: Uuid,
        refresh_token: Option<&str>,
    ) -> Result<Exchanged, Denial> {
        let target = self.settings.application(application);
        let target = target
            .ok_or_else(|| Denial::Field("invalid", "applicationId", format!("No application has the id [{application}].")))?;
        let now = self.parts.clock.now();
        let (token, _) = self.exchange_access(presented, target, false).await?;
        let refresh_token = match refresh_token.filter(|_| token.registered) {
            Some(value) => self.child(value, presented, target, now).await?,
            None => None,
        };
        Ok(Exchanged { token, refresh_token })
    }

    /// The access token of an exchange, with the version of the user that it was decided on.
    pub(super) async fn exchange_access(
        &self,
        presented: &OwnToken,
        target: &Application,
        for_backend: bool,
    ) -> Result<(SignedToken, u64), Denial> {
        if presented.for_backend || presented.derived_from.len() >= MOST_LINKS {
            return Err(Denial::Unauthorized);
        }
        // Before the reading, as at a refresh.
        let now = self.issue_instant(presented.user, Some(target.id));
        let (session, standing) = self.store().standing_in(presented.session, presented.user, target.id).await?;
        let session = session.ok_or(Denial::Unauthorized)?;
        check_entry(target, presented, &session)?;
        let user = standing::admit(standing, presented.signed_in, now)?;
        let from_applications: Vec<Uuid> = session
            .application
            .into_iter()
            .chain(presented.from_applications.iter().copied())
            .chain(presented.application)
            .collect();
        let derived_from: Vec<String> = presented.derived_from.iter().cloned().chain([presented.id.to_string()]).collect();
        let grant = Grant {
            id: ids::at(now)?,
            now,
            expires: presented.expires,
            session: presented.session,
            signed_in: presented.signed_in,
            authentication_type: BY_EXCHANGE,
            derived_from: &derived_from,
            for_backend,
            from_applications: &from_applications,
        };
        Ok((self.sign(&user, Some(target), &grant)?, user.version))
    }

    /// A refresh token for `target` made on the strength of the one with this value: only where that is the current, live
    /// one of the same session, and both applications let refresh tokens expire alike. Anything else gets none.
    async fn child(
        &self,
        value: &str,
        presented: &OwnToken,
        target: &Application,
        now: Timestamp,
    ) -> Result<Option<NewRefreshToken>, Denial> {
        let found = self.store().refresh_token_by_value(Digest::of(value)).await?;
        let Some(parent) = found.filter(|found| self.may_have_child(found, presented, target, now)) else { return Ok(None) };
        let parent = parent.token;
        let (session, user, start) = (parent.session, parent.user, parent.start);
        let origin = Origin { id: ids::at(now)?, session, user, parent: Some(parent.id), start };
        let device = Device { name: parent.device, meta_data: parent.meta_data, address: None };
        let (token, record) = self.make_refresh_token(target, &origin, device, now)?;
        let changes = vec![self.room_for_exchanged(user), Change::AddRefreshToken(record)];
        match self.commit_revoking(changes).await {
            Ok(_) => Ok(Some(token)),
            // The session ended meanwhile, and with it whatever the new token would have renewed.
            Err(Denial::Store(StoreError::Conflict)) => Err(Denial::Unauthorized),
            Err(denial) => Err(denial),
        }
    }

    fn may_have_child(&self, parent: &FoundRefreshToken, presented: &OwnToken, target: &Application, now: Timestamp) -> bool {
        let Some(application) = self.settings.application(parent.token.application) else { return false };
        let is_live = parent.matched == Match::Current && !self.has_expired(parent, application, now);
        let is_own = parent.token.session == presented.session && parent.token.user == presented.user;
        // Its tokens will name all that it was made from, and a token remembers so many ids.
        let is_near = parent.ancestors.len() + 2 < MOST_LINKS;
        is_live && is_own && is_near && target.generate_refresh_tokens && target.expiration == application.expiration
    }
}

/// Whether `target` may be entered from the presented token's application.
fn check_entry(target: &Application, presented: &OwnToken, session: &Session) -> Result<(), Denial> {
    // Made by an exchange for an application that the user is not registered with: good for nothing more.
    if presented.application.is_none() && presented.authentication_type == BY_EXCHANGE {
        return Err(Denial::Unauthorized);
    }
    let is_listed = |from: Option<Uuid>| match &target.single_sign_on {
        SingleSignOn::Open => true,
        SingleSignOn::Closed => from == Some(target.id),
        SingleSignOn::From(list) => from.is_some_and(|from| from == target.id || list.contains(&from)),
    };
    // Also the application of the sign-in: else a listed one in between would open what is closed.
    if is_listed(presented.application) && is_listed(session.application) { Ok(()) } else { Err(Denial::Unauthorized) }
}
