//! Users and registrations: making, changing, closing, removing (jwt-api.md section 2.15).
//!
//! What takes something away from a user (a deactivation, another password, a role, a registration) writes the
//! revocation that ends their tokens in the same transaction.

use std::sync::Arc;

use uuid::Uuid;

use super::passwords::{MAX_PASSWORD_BYTES, Unhashed};
use super::settings::Application;
use super::{Authority, Denial, SignIn, SignedIn, ids, standing};
use crate::store::{Basis, Change, Ended, LoginName, Registration, Scope, StoreError, Unique, User};

impl Authority {
    /// The user of a name.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn user_by_name(&self, name: LoginName<'_>) -> Result<Option<User>, Denial> {
        Ok(self.store().user_by_name(name).await?)
    }

    /// A user as new ones are: active, nameless, of this id or a made-up one.
    ///
    /// # Errors
    /// [`Denial::Defect`].
    pub fn new_user(&self, id: Option<Uuid>) -> Result<User, Denial> {
        let now = self.parts.clock.now();
        Ok(User {
            id: if let Some(id) = id { id } else { ids::at(now)? },
            email: None,
            username: None,
            verified: false,
            active: true,
            password: None,
            password_change_required: false,
            password_last_update: None,
            expiry: None,
            profile: serde_json::Map::new(),
            inserted: now,
            updated: now,
            last_login: None,
            closed: None,
            version: 0,
            registrations: Vec::new(),
        })
    }

    /// Sets a password.
    ///
    /// # Errors
    /// [`Denial::Field`] where it is too weak, [`Denial::Busy`].
    pub async fn set_password(&self, user: &mut User, password: &str, field: &'static str) -> Result<(), Denial> {
        let least = self.settings.passwords.min_length;
        if password.chars().count() < least {
            return Err(Denial::Field("tooShort", field, format!("It must have at least {least} characters.")));
        }
        let hash = self.parts.passwords.hash(password).await.map_err(|unhashed| match unhashed {
            Unhashed::Busy(_) => Denial::Busy,
            Unhashed::TooLong => Denial::Field("tooLong", field, format!("It must have at most {MAX_PASSWORD_BYTES} bytes.")),
        })?;
        user.password = Some(hash);
        user.password_last_update = Some(self.parts.clock.now());
        Ok(())
    }

    /// Adds `user` with its registrations.
    ///
    /// # Errors
    /// [`Denial::Field`] where the id or a name is taken.
    pub async fn add_user(&self, user: User) -> Result<(), Denial> {
        self.store().commit(vec![Change::AddUser(user)]).await.map_err(taken)?;
        Ok(())
    }

    /// As [`Authority::add_user`], and begins the user's first session.
    ///
    /// # Errors
    /// As [`Authority::add_user`] and [`Authority::begin_session`].
    pub async fn add_user_signed_in(&self, user: User, how: SignIn) -> Result<SignedIn, Denial> {
        let added = vec![Change::AddUser(user.clone())];
        self.begin_session(user, how, added).await.map_err(taken_denial)
    }

    /// Makes `user`, read before as `former`, what it is now. A deactivation ends its sessions; so does another password
    /// (but for the session `spared`).
    ///
    /// # Errors
    /// [`Denial::Field`] where a name is taken; a conflict where the user has changed since.
    pub async fn replace_user(&self, former: &User, mut user: User, spared: Option<Uuid>) -> Result<User, Denial> {
        let now = self.parts.clock.now();
        let is_deactivated = standing::may_sign_in(former, now) && !standing::may_sign_in(&user, now);
        let has_another_password = former.password != user.password;
        user.updated = now;
        let id = user.id;
        let mut changes = vec![Change::ReplaceUser(user)];
        match spared.filter(|_| !is_deactivated) {
            _ if !is_deactivated && !has_another_password => {}
            None => changes.extend(self.all_sessions_end(id)),
            // An entry for the user would end the spared one too.
            Some(session) => changes.push(Change::EndEach(Ended::OtherSessionsOf(id, session), self.entries())),
        }
        self.commit_revoking(changes).await.map_err(taken_denial)?;
        self.store().user(id).await?.ok_or(Denial::NotFound)
    }

    fn all_sessions_end(&self, user: Uuid) -> [Change; 2] {
        let entry = self.revocation(Scope::User(user.to_string()), Basis::SignIn, Some(user));
        [Change::End(Ended::SessionsOf(user)), Change::Revoke(entry)]
    }

    /// Removes a user with all that is theirs.
    ///
    /// # Errors
    /// [`Denial::NotFound`].
    pub async fn remove_user(&self, user: Uuid) -> Result<(), Denial> {
        let entry = self.revocation(Scope::User(user.to_string()), Basis::SignIn, Some(user));
        // In this order, so that the entry reaches the latest sign-in of those that end.
        let changes = vec![Change::RemoveUser(user), Change::Revoke(entry)];
        self.commit_revoking(changes).await.map(drop).map_err(gone)
    }

    /// A registration as new ones are.
    ///
    /// # Errors
    /// [`Denial::Defect`].
    pub fn new_registration(&self, id: Option<Uuid>, application: Uuid) -> Result<Registration, Denial> {
        let now = self.parts.clock.now();
        Ok(Registration {
            id: if let Some(id) = id { id } else { ids::at(now)? },
            application,
            roles: Vec::new(),
            username: None,
            profile: serde_json::Map::new(),
            inserted: now,
            updated: now,
            last_login: None,
            version: 0,
        })
    }

    /// The application of this id, all of whose roles `roles` are.
    ///
    /// # Errors
    /// [`Denial::Field`].
    pub fn application_with_roles(&self, id: Uuid, roles: &[String]) -> Result<&Arc<Application>, Denial> {
        let unknown = || Denial::Field("invalid", "registration.applicationId", format!("No application has the id [{id}]."));
        let application = self.settings.application(id).ok_or_else(unknown)?;
        match roles.iter().find(|role| !application.has_role(role)) {
            Some(role) => Err(Denial::Field("invalid", "registration.roles", format!("The application has no role [{role}]."))),
            None => Ok(application),
        }
    }

    /// Registers a user.
    ///
    /// # Errors
    /// [`Denial::Field`] where the user is registered there already, [`Denial::NotFound`].
    pub async fn register(&self, user: Uuid, registration: Registration) -> Result<(), Denial> {
        match self.store().commit(vec![Change::AddRegistration(user, registration)]).await {
            Ok(_) => Ok(()),
            Err(StoreError::Conflict) => Err(Denial::NotFound),
            Err(StoreError::Taken(_)) => {
                Err(Denial::Field("duplicate", "registration", "The user is registered with the application already.".into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a registration, read before as `former`, what it is now. The loss of a role ends the tokens that say it.
    ///
    /// # Errors
    /// A conflict where it has changed since.
    pub async fn replace_registration(
        &self,
        user: Uuid,
        former: &Registration,
        mut registration: Registration,
    ) -> Result<(), Denial> {
        let has_lost_a_role = former.roles.iter().any(|role| !registration.roles.contains(role));
        registration.updated = self.parts.clock.now();
        let scope = Scope::UserInApplication(user.to_string(), registration.application.to_string());
        let mut changes = vec![Change::ReplaceRegistration(user, registration)];
        if has_lost_a_role {
            changes.push(Change::Revoke(self.revocation(scope, Basis::Issue, Some(user))));
        }
        self.commit_revoking(changes).await.map(drop)
    }

    /// Ends a registration, with the user's sessions in the application.
    ///
    /// # Errors
    /// [`Denial::NotFound`].
    pub async fn unregister(&self, user: Uuid, application: Uuid) -> Result<(), Denial> {
        let scope = Scope::UserInApplication(user.to_string(), application.to_string());
        let changes = vec![
            Change::RemoveRegistration(user, application),
            Change::End(Ended::SessionsOfUserInApplication(user, application)),
            Change::Revoke(self.revocation(scope, Basis::SignIn, Some(user))),
        ];
        self.commit_revoking(changes).await.map(drop).map_err(gone)
    }
}

/// Says which name is taken.
pub(super) fn taken(error: StoreError) -> Denial {
    let field = match error {
        StoreError::Taken(Unique::Email) => "user.email",
        StoreError::Taken(Unique::Username) => "user.username",
        StoreError::Taken(Unique::Id) => "user.id",
        error => return error.into(),
    };
    Denial::Field("duplicate", field, "Another user has it.".to_owned())
}

fn taken_denial(denial: Denial) -> Denial {
    if let Denial::Store(error) = denial { taken(error) } else { denial }
}

/// A conflict is a record that is not there.
fn gone(denial: Denial) -> Denial {
    if denial == Denial::Store(StoreError::Conflict) { Denial::NotFound } else { denial }
}
