//! Which user a partner's token means.
//!
//! A link decides. Without one the provider's linking strategy does, and a name in a token is worth no more than the
//! provider's right to say it: an address names a user who is there only where it is vouched for ([`Email::is_vouched`]).

use super::stranger::Email;
use super::{Case, Meant};
use crate::authority::{Authority, Denial, Linking};
use crate::store::{Change, Link, LoginName, User};

impl Authority {
    pub(super) async fn user_meant(&self, case: &Case<'_>) -> Result<Meant, Denial> {
        let linked = self.store().linked_user(case.provider.id, &case.stranger.subject).await?;
        if let Some(user) = linked {
            // The link is by an address that anybody may have typed in, and the account is known to be its owner's.
            let is_risky = case.stranger.is_open_address && user.verified;
            return if is_risky { Err(Denial::Unauthorized) } else { Ok(Meant::there(user)) };
        }
        if case.no_link {
            return Err(Denial::NotFound);
        }
        match case.provider.linking {
            Linking::Email => self.by_email(case, true).await,
            Linking::ExistingEmail => self.by_email(case, false).await,
            Linking::Username => self.by_username(case, true).await,
            Linking::ExistingUsername => self.by_username(case, false).await,
            Linking::Anonymous => self.linked(Meant::new(self.new_user(None)?), case),
            Linking::Disabled => Err(Denial::NotFound),
        }
    }

    async fn by_email(&self, case: &Case<'_>, may_create: bool) -> Result<Meant, Denial> {
        let email = case.stranger.email.as_ref().ok_or(Denial::Unauthorized)?;
        if !may_create && !email.is_vouched {
            // Whether there is such a user is not for everybody to ask.
            return Err(Denial::Unauthorized);
        }
        match self.store().user_by_name(LoginName::Email(&email.address)).await? {
            Some(user) if email.is_vouched && has_owner(&user) => self.linked(Meant::there(user), case),
            Some(_) => Err(Denial::Unauthorized),
            None if may_create => {
                let mut user = self.new_user(None)?;
                take_email(&mut user, email);
                self.linked(Meant::new(user), case)
            }
            None => Err(Denial::NotFound),
        }
    }

    /// Only where the operator chose it: whatever the provider calls its users, they are.
    async fn by_username(&self, case: &Case<'_>, may_create: bool) -> Result<Meant, Denial> {
        let name = case.stranger.usable_username().ok_or(Denial::Unauthorized)?;
        match self.store().user_by_name(LoginName::Username(name)).await? {
            Some(user) => self.linked(Meant::there(user), case),
            None if may_create => {
                let mut user = self.new_user(None)?;
                user.username = Some(name.to_owned());
                if let Some(email) = case.stranger.email.as_ref().filter(|email| email.is_vouched)
                    && self.store().user_by_name(LoginName::Email(&email.address)).await?.is_none()
                {
                    take_email(&mut user, email);
                }
                self.linked(Meant::new(user), case)
            }
            None => Err(Denial::NotFound),
        }
    }

    fn linked(&self, mut meant: Meant, case: &Case<'_>) -> Result<Meant, Denial> {
        meant.more.push(Change::AddLink(Link {
            provider: case.provider.id,
            subject: case.stranger.subject.clone(),
            user: meant.user.id,
            inserted: self.parts.clock.now(),
        }));
        Ok(meant)
    }
}

impl Meant {
    pub(super) fn there(user: User) -> Self {
        Self { user, is_new: false, is_changed: false, has_new_owner: false, more: Vec::new() }
    }

    fn new(user: User) -> Self {
        Self { user, is_new: true, is_changed: false, has_new_owner: false, more: Vec::new() }
    }
}

fn take_email(user: &mut User, email: &Email) {
    user.email = Some(email.address.clone());
    user.verified = email.is_vouched;
}

/// Whether somebody answers for the user's having the address: it was verified, or the user was made with a password by whoever
/// holds an API key. One that another provider's token merely claimed it for may be an impostor's, waiting for the owner to
/// come and be let in to the same account.
fn has_owner(user: &User) -> bool {
    user.verified || user.password.is_some()
}
