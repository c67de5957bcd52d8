//! Tokens that an operator makes for a user, without the user: for tests, for a look at what a user sees, for repairs.
//!
//! A minted token is an access token like any other, of a session of its own that no refresh token renews: it is revoked as
//! others are, and ends with the user's other sessions.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::claims::{BY_MINT, Grant, expiry};
use super::settings::Application;
use super::{Authority, Denial, SignedToken, ids, standing};
use crate::store::{Change, Session, User};

/// Shorter ones would be over before they are used.
const SHORTEST: Duration = Duration::from_secs(1);

/// A token that was minted.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The token.
    pub token: SignedToken,
    /// Its session.
    pub session: Uuid,
}

impl Authority {
    /// Makes an access token for `user` at `application`, or one that is good for no application, that lives so long.
    ///
    /// # Errors
    /// [`Denial::Field`] where the lifetime is none that such a token may have, or the user is not registered with the
    /// application; [`Denial::Unauthorized`] where the user is inactive, [`Denial::AccountExpired`], [`Denial::NotFound`] where
    /// the user is gone.
    pub async fn mint(&self, user: User, application: Option<&Arc<Application>>, lifetime: Duration) -> Result<Minted, Denial> {
        let longest = self.lifetime(application);
        if lifetime < SHORTEST || lifetime > longest {
            let reason = format!("It must be from 1 to {} seconds, as access tokens live there.", longest.as_secs());
            return Err(Denial::Field("invalid", "lifetime", reason));
        }
        let standing = self.closings(&user, application).await?;
        let user = standing.user.as_ref().ok_or(Denial::NotFound)?;
        let now = self.parts.clock.now();
        match standing::may_sign_in(user, now) {
            true => {}
            false if user.active => return Err(Denial::AccountExpired),
            false => return Err(Denial::Unauthorized),
        }
        if let Some(application) = application.filter(|application| user.registration(application.id).is_none()) {
            let reason = format!("The user is not registered with {}.", application.name);
            return Err(Denial::Field("invalid", "application", reason));
        }
        let signed_in = self.sign_in_instant(&standing);
        let session = Session {
            id: ids::at(signed_in)?,
            user: user.id,
            application: application.map(|application| application.id),
            authentication_type: BY_MINT.to_owned(),
            signed_in,
        };
        let grant = Grant {
            id: ids::at(now)?,
            now,
            expires: expiry(now, lifetime),
            session: session.id,
            signed_in,
            authentication_type: BY_MINT,
            derived_from: &[],
            for_backend: false,
            from_applications: &[],
        };
        let token = self.sign(user, application.map(|application| &**application), &grant)?;
        let session_id = session.id;
        // A change of the user or of a registration meanwhile refuses this one, and the command is given again.
        let changes =
            vec![Change::UserIsStill(user.id, user.version), self.room_for_session(user.id), Change::AddSession(session)];
        self.commit_revoking(changes).await?;
        Ok(Minted { token, session: session_id })
    }
}
