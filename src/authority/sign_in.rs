//! Beginning a session: by password, or after whoever else proved who the user is.

use std::net::IpAddr;
use std::sync::Arc;

use super::claims::{Grant, expiry};
use super::refresh_token::{Device, NewRefreshToken, Origin};
use super::settings::Application;
use super::{Authority, Denial, SignedToken, ids, standing};
use crate::clock::Timestamp;
use crate::store::{Change, LoginName, Session, Standing, StoreError, User};

/// How often a session is begun anew because the user is changed meanwhile.
const MOST_ROUNDS: usize = 8;

/// How a session begins, once it is known who the user is.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The application that is signed in to.
    pub application: Option<Arc<Application>>,
    /// `authenticationType` of its first token.
    pub authentication_type: &'static str,
    /// The device, for a refresh token.
    pub device: Device,
    /// The caller wants to know who it is and no tokens.
    pub no_tokens: bool,
    /// It is done for a backend: its one token is marked so and ends then at the latest, and nothing renews the session.
    pub in_place: Option<Timestamp>,
}

/// A user by name and password.
#[derive(Debug)]
pub struct Login<'a> {
    /// Email address or username.
    pub name: &'a str,
    /// The password.
    pub password: &'a str,
    /// Whose guesses are counted.
    pub address: IpAddr,
}

/// A session that has begun.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The first access token.
    pub token: Option<SignedToken>,
    /// Renews the session.
    pub refresh_token: Option<NewRefreshToken>,
    /// Whether the user is registered with the application, or none was named.
    pub registered: bool,
}

impl Authority {
    /// The user of this name and password. Unknown names take as long, and are counted, as known ones.
    ///
    /// # Errors
    /// [`Denial::NotFound`] where there is none, or none that may sign in; [`Denial::TooMany`], [`Denial::Busy`],
    /// [`Denial::AccountExpired`].
    pub async fn authenticate(&self, login: &Login<'_>) -> Result<User, Denial> {
        let now = self.parts.clock.now();
        let user = self.store().user_by_name(LoginName::Either(login.name)).await?;
        // One account, whichever of its names it is guessed at by.
        let account = user.as_ref().map_or_else(|| login.name.to_owned(), |user| user.id.to_string());
        self.parts.attempts.allow(&account, login.address, now).map_err(|wait| Denial::TooMany(wait.0))?;
        let stored = user.as_ref().and_then(|user| user.password.as_deref());
        let is_right = self.parts.passwords.verify(login.password, stored).await.map_err(|_| {
            // Nothing was tried.
            self.parts.attempts.withdrawn(&account, login.address, now);
            Denial::Busy
        })?;
        let user = user.filter(|_| is_right).ok_or(Denial::NotFound)?;
        self.parts.attempts.succeeded(&account, login.address, now);
        match standing::may_sign_in(&user, now) {
            true => self.with_present_hash(user, login.password).await,
            false if user.active => Err(Denial::AccountExpired),
            false => Err(Denial::NotFound),
        }
    }

    /// The user, whose password is hashed anew where its hash was made with other parameters than are used now.
    async fn with_present_hash(&self, mut user: User, password: &str) -> Result<User, Denial> {
        let is_old = user.password.as_deref().is_some_and(|hash| self.parts.passwords.needs_rehash(hash));
        if !is_old {
            return Ok(user);
        }
        let Ok(hash) = self.parts.passwords.hash(password).await else { return Ok(user) };
        user.password = Some(hash);
        let id = user.id;
        // Another change that came first has its own hash, or will have one at the next sign-in.
        match self.store().commit(vec![Change::ReplaceUser(user)]).await {
            Ok(_) | Err(StoreError::Conflict) => self.store().user(id).await?.ok_or(Denial::NotFound),
            Err(error) => Err(error.into()),
        }
    }

    /// Begins a session of `user`, who has been proved; `changes` are made with it.
    ///
    /// # Errors
    /// [`Denial::NotFound`] where the user is gone, was deactivated or has another password since the proof;
    /// [`Denial::Store`], also where a user that is made with it has a name or an id that is taken.
    pub async fn begin_session(&self, user: User, how: SignIn, changes: Vec<Change>) -> Result<SignedIn, Denial> {
        for _ in 0..MOST_ROUNDS {
            match self.begin_once(user.clone(), how.clone(), changes.clone()).await {
                Err(Denial::Store(StoreError::Conflict)) => {}
                done => return done,
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn begin_once(&self, user: User, how: SignIn, mut changes: Vec<Change>) -> Result<SignedIn, Denial> {
        let standing = self.closings(&user, how.application.as_ref()).await?;
        if adds(&changes, &user) {
            return self.begin_session_of(user, how, &standing, changes).await;
        }
        // Checking a password takes a while, in which whoever has it may have been shut out, or lost a role.
        let present = self.store().user(user.id).await?.filter(|present| present.password == user.password);
        let present = present.filter(|present| present.password_change_required == user.password_change_required);
        let present = present.filter(|present| standing::may_sign_in(present, self.parts.clock.now()));
        let present = present.ok_or(Denial::NotFound)?;
        changes.insert(0, Change::UserIsStill(present.id, present.version));
        self.begin_session_of(present, how, &standing, changes).await
    }

    /// As [`Authority::begin_session`], once, later than the closings of `standing`, which were found to let the user in.
    pub(super) async fn begin_session_of(
        &self,
        user: User,
        how: SignIn,
        standing: &Standing,
        mut changes: Vec<Change>,
    ) -> Result<SignedIn, Denial> {
        let application = how.application.as_ref();
        let signed_in = self.sign_in_instant(standing);
        // After the sign-in, so that nothing is issued before it.
        let now = self.issue_instant(user.id, application.map(|application| application.id));
        let session = Session {
            id: ids::at(signed_in)?,
            user: user.id,
            application: application.map(|application| application.id),
            authentication_type: how.authentication_type.to_owned(),
            signed_in,
        };
        let registered = application.is_none_or(|application| user.registration(application.id).is_some());
        let registered_at = application.filter(|_| registered);
        changes.push(Change::NoteSignIn(user.id, registered_at.map(|application| application.id), now));
        if how.no_tokens {
            self.store().commit(changes).await?;
            return Ok(SignedIn { user, token: None, refresh_token: None, registered });
        }
        let grant = Grant {
            id: ids::at(now)?,
            now,
            expires: self.end_of_first(application, how.in_place, now),
            session: session.id,
            signed_in,
            authentication_type: how.authentication_type,
            derived_from: &[],
            for_backend: how.in_place.is_some(),
            // Where the user is not registered there, the token says it nowhere else.
            from_applications: session.application.as_slice(),
        };
        let token = self.sign(&user, application.map(|application| &**application), &grant)?;
        let origin = Origin { id: session.id, session: session.id, user: user.id, parent: None, start: signed_in };
        changes.extend([self.room_for_session(user.id), Change::AddSession(session)]);
        let renewable = registered_at.filter(|application| application.generate_refresh_tokens && how.in_place.is_none());
        let made = renewable.map(|application| self.make_refresh_token(application, &origin, how.device, now)).transpose()?;
        let (refresh_token, record) = made.unzip();
        changes.extend(record.map(Change::AddRefreshToken));
        self.commit_revoking(changes).await?;
        Ok(SignedIn { user, token: Some(token), refresh_token, registered })
    }

    /// When a session's first token ends.
    fn end_of_first(&self, application: Option<&Arc<Application>>, at_most: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let usual = expiry(now, self.lifetime(application));
        at_most.map_or(usual, |at_most| usual.min(at_most))
    }

    /// What the sign-in must be later than.
    pub(super) async fn closings(&self, user: &User, application: Option<&Arc<Application>>) -> Result<Standing, Denial> {
        match application {
            // Read again: the user may have been closed since.
            Some(application) => Ok(self.store().standing(user.id, application.id).await?),
            None => {
                let user = self.store().user(user.id).await?;
                Ok(Standing { user, application_closed: None, registration_closed: None })
            }
        }
    }
}

/// Whether `changes` make `user`.
fn adds(changes: &[Change], user: &User) -> bool {
    changes.iter().any(|change| matches!(change, Change::AddUser(added) if added.id == user.id))
}
