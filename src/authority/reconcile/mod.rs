//! Signing a partner's user in (`POST /api/jwt/reconcile`): a verified third-party token becomes a session of a user here.
//!
//! First the proof, which costs a signature check and writes nothing; then one decision on what the store holds, committed
//! whole with the session. Where something of it has changed meanwhile it is decided anew, so that two first logins at once make one
//! user.

mod linking;
mod profile;
mod providers;
mod stranger;

use std::iter;
use std::sync::Arc;

use uuid::Uuid;

pub use providers::{ProviderError, Providers};

use super::claims::BY_RECONCILE;
use super::refresh_token::Device;
use super::settings::{Application, IdentityProvider};
use super::sign_in::{SignIn, SignedIn};
use super::{Authority, Denial, standing};
use crate::clock::Timestamp;
use crate::revocation::{Descent, Lineage};
use crate::store::{Basis, Change, Ended, Scope, Standing, StoreError, User};
use stranger::Stranger;

/// How often a decision is made anew because others decide about the same user at the same time.
const MOST_ROUNDS: usize = 20;

/// A third-party token that is to be reconciled.
#[derive(Debug)]
pub struct Reconcile<'a> {
    /// The application that is signed in to.
    pub application: Uuid,
    /// Whose token it is said to be.
    pub provider: Uuid,
    /// The token.
    pub token: &'a str,
    /// For a refresh token.
    pub device: Device,
    /// The caller wants to know who it is and no tokens.
    pub no_tokens: bool,
    /// Only a user who is linked already may sign in.
    pub no_link: bool,
}

/// What a decision is made on beside the store.
struct Case<'a> {
    provider: &'a IdentityProvider,
    application: &'a Arc<Application>,
    create_registration: bool,
    stranger: Stranger,
    no_link: bool,
}

impl Authority {
    /// Signs the user of a third-party token in.
    ///
    /// # Errors
    /// [`Denial::Unauthorized`] where the provider, the application or the token is none that counts here, or the token may
    /// not mean the user it would; [`Denial::NotFound`] where it means none; [`Denial::AccountExpired`];
    /// [`Denial::KeysUnavailable`].
    pub async fn reconcile(&self, request: Reconcile<'_>) -> Result<SignedIn, Denial> {
        let provider = self.providers.find(request.provider).ok_or(Denial::Unauthorized)?;
        let entry = provider.settings.applications.iter().find(|entry| entry.id == request.application);
        let entry = entry.ok_or(Denial::Unauthorized)?;
        let application = self.settings.application(entry.id).ok_or(Denial::Unauthorized)?;
        let claims = provider.verify(request.token).await?;
        self.check_lineage(&Lineage::of(&claims, &Descent::foreign(&claims)))?;
        let case = Case {
            provider: &provider.settings,
            application,
            create_registration: entry.create_registration,
            stranger: Stranger::of(&provider.settings, &claims)?,
            no_link: request.no_link,
        };
        let how = SignIn {
            application: Some(Arc::clone(application)),
            authentication_type: BY_RECONCILE,
            device: request.device,
            no_tokens: request.no_tokens,
        };
        for _ in 0..MOST_ROUNDS {
            match self.reconcile_once(&case, how.clone()).await {
                Err(Denial::Store(StoreError::Conflict | StoreError::Taken(_))) => {}
                done => return done,
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn reconcile_once(&self, case: &Case<'_>, how: SignIn) -> Result<SignedIn, Denial> {
        let mut found = self.user_meant(case).await?;
        let standing = self.store().standing(found.user.id, case.application.id).await?;
        if standing.user.as_ref().is_some_and(|user| user.version != found.user.version) {
            return Err(StoreError::Conflict.into());
        }
        let now = self.parts.clock.now();
        if !found.is_new && !standing::may_sign_in(&found.user, now) {
            return Err(if found.user.active { Denial::AccountExpired } else { Denial::NotFound });
        }
        check_closings(&standing, case.stranger.issued)?;
        self.check_own_entries(&found.user, case)?;
        self.refresh_user(&mut found, case, now);
        self.refresh_registration(&mut found, case, now)?;
        let changes = found.changes();
        if found.has_new_owner {
            return self.begin_session_alone(&found.user, how, changes).await;
        }
        self.begin_session_of(found.user, how, &standing, changes).await
    }

    /// Makes `changes`, by which an account becomes its owner's, together with the end of all that was begun in it before;
    /// then begins the owner's session. The session is no part of the one commit because what ends must be known here before
    /// anything is issued, and the token itself, being older than the entry, could not sign in in another round.
    async fn begin_session_alone(&self, user: &User, how: SignIn, mut changes: Vec<Change>) -> Result<SignedIn, Denial> {
        let entry = self.revocation(Scope::User(user.id.to_string()), Basis::SignIn, Some(user.id));
        changes.extend([Change::End(Ended::SessionsOf(user.id)), Change::Revoke(entry)]);
        self.commit_revoking(changes).await?;
        let user = self.store().user(user.id).await?.ok_or(Denial::NotFound)?;
        self.begin_session(user, how, Vec::new()).await
    }

    /// The token meets the revocations of the user it means as if the authority had issued it at its `iat`; whatever was
    /// restored from a backup too.
    fn check_own_entries(&self, user: &User, case: &Case<'_>) -> Result<(), Denial> {
        let (user, application) = (user.id.to_string(), case.application.id.to_string());
        let signed_in = case.stranger.issued.map_or(0, Timestamp::seconds);
        let lineage = Lineage {
            application: Some(&application),
            // The roles come from the registration now, so a role that was lost since is not in what is issued.
            issued: Timestamp::from_millis(u64::MAX),
            ..Lineage::foreign(&self.settings.issuer, &user, signed_in)
        };
        self.check_lineage(&lineage)
    }

    /// What the provider says of a user is what is kept.
    fn refresh_user(&self, found: &mut Meant, case: &Case<'_>, now: Timestamp) {
        let user = &mut found.user;
        let former = (user.profile.clone(), user.verified);
        profile::fill_user(&mut user.profile, &case.provider.claim_map, &case.stranger.claims);
        let vouched = case.stranger.email.as_ref().filter(|email| email.is_vouched);
        user.verified |= vouched.is_some_and(|email| user.email.as_deref() == Some(&*email.address));
        found.has_new_owner = !found.is_new && user.verified && !former.1;
        if found.has_new_owner {
            // Whoever used the account before may have typed in another's address.
            user.password = None;
            user.password_last_update = None;
            user.password_change_required = false;
        }
        if former != (user.profile.clone(), user.verified) {
            user.updated = now;
            found.is_changed = true;
        }
    }

    /// A user who is not registered is, with the default roles, where the provider's settings say so.
    fn refresh_registration(&self, found: &mut Meant, case: &Case<'_>, now: Timestamp) -> Result<(), Denial> {
        let Case { provider, application, stranger, .. } = case;
        let registrations = &mut found.user.registrations;
        match registrations.iter_mut().find(|registration| registration.application == application.id) {
            Some(registration) => {
                let former = registration.profile.clone();
                profile::fill_registration(&mut registration.profile, &provider.claim_map, &stranger.claims);
                if registration.profile != former {
                    registration.updated = now;
                    found.more.push(Change::ReplaceRegistration(found.user.id, registration.clone()));
                }
            }
            None if case.create_registration => {
                let mut registration = self.new_registration(None, application.id)?;
                registration.roles = application.default_roles();
                profile::fill_registration(&mut registration.profile, &provider.claim_map, &stranger.claims);
                registrations.push(registration.clone());
                if !found.is_new {
                    found.more.push(Change::AddRegistration(found.user.id, registration));
                }
            }
            None => {}
        }
        Ok(())
    }
}

/// The user that a token means, and what is to be changed before the session.
struct Meant {
    user: User,
    is_new: bool,
    is_changed: bool,
    /// The address of a user who is there is known to be theirs from now on, and was not before.
    has_new_owner: bool,
    /// After the user itself.
    more: Vec<Change>,
}

impl Meant {
    fn changes(&mut self) -> Vec<Change> {
        let of_user = match (self.is_new, self.is_changed) {
            (true, _) => Change::AddUser(self.user.clone()),
            (false, true) => Change::ReplaceUser(self.user.clone()),
            // Who was deactivated or removed since is not signed in by what was read before.
            (false, false) => Change::UserIsStill(self.user.id, self.user.version),
        };
        iter::once(of_user).chain(std::mem::take(&mut self.more)).collect()
    }
}

/// A token as old as a closing of its user, application or registration signs nobody in: whoever was shut out has it still. Its
/// `iat` is known to the second, and the second of the closing counts as before.
fn check_closings(standing: &Standing, issued: Option<Timestamp>) -> Result<(), Denial> {
    let closed = standing.user.as_ref().and_then(|user| user.closed);
    let closings = [closed, standing.application_closed, standing.registration_closed];
    let is_newer = |closed: Timestamp| issued.is_some_and(|issued| issued.seconds() > closed.seconds());
    if closings.into_iter().flatten().all(is_newer) { Ok(()) } else { Err(Denial::Unauthorized) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::example::user;

    #[test]
    fn a_token_of_the_second_of_a_closing_or_without_a_time_is_older() {
        let closed = Timestamp::from_millis(5_400);
        let by_user = Standing { user: Some(User { closed: Some(closed), ..user() }), ..open() };
        let by_application = Standing { application_closed: Some(closed), ..open() };
        let by_registration = Standing { registration_closed: Some(closed), ..open() };
        for standing in [by_user, by_application, by_registration] {
            for issued in [None, Some(Timestamp::from_seconds(4)), Some(Timestamp::from_seconds(5))] {
                assert_eq!(check_closings(&standing, issued), Err(Denial::Unauthorized), "{issued:?}");
            }
            assert_eq!(check_closings(&standing, Some(Timestamp::from_seconds(6))), Ok(()));
        }
        assert_eq!(check_closings(&open(), None), Ok(()));
    }

    #[test]
    fn a_user_who_is_left_alone_must_still_be_as_it_was_read() {
        let read = User { version: 7, ..user() };
        assert_eq!(Meant::there(read.clone()).changes(), [Change::UserIsStill(read.id, 7)]);
    }

    fn open() -> Standing {
        Standing { user: Some(user()), application_closed: None, registration_closed: None }
    }
}
