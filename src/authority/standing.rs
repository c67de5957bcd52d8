//! Whether a user may go on with a session at an application.

use uuid::Uuid;

use super::{Authority, Denial};
use crate::clock::Timestamp;
use crate::store::{Standing, User};

/// The user of `standing`, where a session that was signed in at `signed_in` still is one.
///
/// # Errors
/// [`Denial::Unauthorized`] where the user is gone, inactive or expired, or where the user, the application or the
/// registration was closed to sign-ins as old as this.
pub(super) fn admit(standing: Standing, signed_in: Timestamp, now: Timestamp) -> Result<User, Denial> {
    let Standing { user, application_closed, registration_closed } = standing;
    let user = user.filter(|user| may_sign_in(user, now)).ok_or(Denial::Unauthorized)?;
    let closings = [user.closed, application_closed, registration_closed];
    if closings.into_iter().flatten().any(|closed| signed_in <= closed) {
        return Err(Denial::Unauthorized);
    }
    Ok(user)
}

/// Whether the account is open.
pub(super) fn may_sign_in(user: &User, now: Timestamp) -> bool {
    user.active && user.expiry.is_none_or(|expiry| now < expiry)
}

impl Authority {
    /// An instant of issue for a token of `user` at `application` that is decided on what is read after this: now, or just after
    /// the latest entry about lost roles, so that what is issued in the very millisecond of one is issued after it.
    pub(super) fn issue_instant(&self, user: Uuid, application: Option<Uuid>) -> Timestamp {
        let now = self.parts.clock.now();
        let (user, application) = (user.to_string(), application.map(|id| id.to_string()));
        let table = self.parts.revocations.table();
        let lost = table.last_issue(&self.settings.issuer, &user, application.as_deref(), now);
        lost.map_or(now, |lost| now.max(Timestamp::from_millis(lost.millis() + 1)))
    }

    /// An instant for a new sign-in: now, or just after the latest closing that it must not be older than, so that a
    /// sign-in in the very millisecond of a revocation is a new one.
    pub(super) fn sign_in_instant(&self, standing: &Standing) -> Timestamp {
        let closed = standing.user.as_ref().and_then(|user| user.closed);
        let closings = [closed, standing.application_closed, standing.registration_closed];
        let earliest = closings.into_iter().flatten().max().map(|closed| Timestamp::from_millis(closed.millis() + 1));
        self.parts.clock.now().max(earliest.unwrap_or(Timestamp::from_millis(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::example::user;

    const NOW: Timestamp = Timestamp::from_seconds(1000);

    fn standing(user: User) -> Standing {
        Standing { user: Some(user), application_closed: None, registration_closed: None }
    }

    #[test]
    fn a_session_as_old_as_a_closing_is_over_and_a_newer_one_is_not() {
        let closed = Timestamp::from_millis(5);
        let by_user = standing(User { closed: Some(closed), ..user() });
        let by_application = Standing { application_closed: Some(closed), ..standing(user()) };
        let by_registration = Standing { registration_closed: Some(closed), ..standing(user()) };
        for standing in [by_user, by_application, by_registration] {
            assert_eq!(admit(standing.clone(), closed, NOW), Err(Denial::Unauthorized));
            assert!(admit(standing, Timestamp::from_millis(6), NOW).is_ok());
        }
    }

    #[test]
    fn a_user_who_is_gone_inactive_or_expired_goes_on_with_nothing() {
        let signed_in = Timestamp::from_seconds(1);
        let gone = Standing { user: None, application_closed: None, registration_closed: None };
        let inactive = standing(User { active: false, ..user() });
        let expired = standing(User { expiry: Some(NOW), ..user() });
        for standing in [gone, inactive, expired] {
            assert_eq!(admit(standing, signed_in, NOW), Err(Denial::Unauthorized));
        }
        assert!(
            admit(standing(User { expiry: Some(NOW.plus(std::time::Duration::from_millis(1))), ..user() }), signed_in, NOW)
                .is_ok()
        );
    }
}
