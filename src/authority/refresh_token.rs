//! Refresh tokens: making one, when it expires, which of its values was presented.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::settings::{Application, Expiration, Usage};
use super::{Authority, Denial, ids};
use crate::clock::Timestamp;
use crate::store::{Digest, FoundRefreshToken, Match, RefreshToken};

/// What a refresh token's value is sealed as.
const PURPOSE: &str = "refresh token";

/// A refresh token on its way to its owner.
#[derive(Clone, Debug)]
pub struct NewRefreshToken {
    /// Its value.
    pub value: String,
    /// Its id.
    pub id: Uuid,
    /// How long it lives, for the cookie.
    pub lifetime: Duration,
}

/// What is known of the device that a refresh token is for.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// The name that a reconcile gives it (seed 2, `device`).
    pub name: Option<String>,
    /// `metaData` of the request.
    pub meta_data: Map<String, Value>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

impl Device {
    /// `metaData` with the access that is being made.
    fn accessed(mut self, now: Timestamp) -> Map<String, Value> {
        note_access(&mut self.meta_data, self.address, now);
        self.meta_data
    }
}

/// Notes in `metaData.device` when and from where it was last used.
pub(super) fn note_access(meta_data: &mut Map<String, Value>, address: Option<IpAddr>, now: Timestamp) {
    let device = meta_data.entry("device").or_insert_with(|| json!({}));
    let Some(device) = device.as_object_mut() else { return };
    device.insert("lastAccessedInstant".into(), now.millis().into());
    if let Some(address) = address {
        device.insert("lastAccessedAddress".into(), address.to_string().into());
    }
}

/// A user's sessions, and the refresh tokens made at exchanges in them, at most so many of each; one more ends the oldest.
pub(super) const MOST_LIVING: usize = 1000;

/// Which session a new refresh token renews, and where its lifetime counts from.
pub(super) struct Origin {
    /// The id that it gets: the session's where it is made at the sign-in, as `sid` names the refresh token to
    /// the API's users.
    pub(super) id: Uuid,
    pub(super) session: Uuid,
    pub(super) user: Uuid,
    pub(super) parent: Option<Uuid>,
    pub(super) start: Timestamp,
}

impl Authority {
    /// A new refresh token for `application`, and its record.
    pub(super) fn make_refresh_token(
        &self,
        application: &Application,
        origin: &Origin,
        device: Device,
        now: Timestamp,
    ) -> Result<(NewRefreshToken, RefreshToken), Denial> {
        let (value, id) = (ids::secret()?, origin.id);
        let record = RefreshToken {
            id,
            session: origin.session,
            user: origin.user,
            application: application.id,
            parent: origin.parent,
            digest: Digest::of(&value),
            sealed: self.seal_value(id, &value)?,
            start: origin.start,
            inserted: now,
            device: device.name.clone(),
            meta_data: device.accessed(now),
            version: 0,
        };
        let lifetime = self.settings.refresh_token_lifetime(application);
        Ok((NewRefreshToken { value, id, lifetime }, record))
    }

    pub(super) fn seal_value(&self, id: Uuid, value: &str) -> Result<Vec<u8>, Denial> {
        Ok(self.parts.sealer.seal(PURPOSE, id.as_bytes(), value.as_bytes())?)
    }

    /// The current value of a refresh token.
    ///
    /// # Errors
    /// [`Denial::Defect`] where it cannot be read.
    pub fn open_value(&self, token: &RefreshToken) -> Result<String, Denial> {
        let opened = self.parts.sealer.open(PURPOSE, token.id.as_bytes(), &token.sealed)?;
        String::from_utf8(opened.expose().to_vec()).map_err(|_| Denial::Defect("a sealed refresh token is not text"))
    }

    /// Whether `token` has expired under the policy that its application has now (jwt-api.md section 4.3).
    pub(super) fn has_expired(&self, found: &FoundRefreshToken, application: &Application, now: Timestamp) -> bool {
        let lifetime = self.settings.refresh_token_lifetime(application);
        has_expired(&found.token, found.session.signed_in, application.expiration, lifetime, now)
    }
}

/// A maximum counts from the sign-in: one that was made at an exchange must not begin it anew.
fn has_expired(token: &RefreshToken, signed_in: Timestamp, policy: Expiration, lifetime: Duration, now: Timestamp) -> bool {
    let past_maximum = match policy {
        Expiration::SlidingWithMaximum(maximum) => token.inserted.min(signed_in).plus(maximum) < now,
        Expiration::Fixed | Expiration::Sliding => false,
    };
    past_maximum || token.start.plus(lifetime) < now
}

/// What is to be done about a refresh token that is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presented {
    /// It is good, and stays.
    Good,
    /// It is good, and is replaced now.
    Rotates,
    /// It was replaced and may still be in use in good faith: it gets the value that replaced it.
    Replaced,
    /// It was replaced and its successor used, long ago: somebody has a copy, and the session ends.
    Reused,
}

/// Judges the value of a refresh token that has not expired (jwt-api.md's decision table, "one-time use").
pub(super) fn judge(matched: Match, usage: Usage, now: Timestamp) -> Presented {
    match (matched, usage) {
        (Match::Current, Usage::Reusable) => Presented::Good,
        (Match::Current, Usage::OneTime { .. }) => Presented::Rotates,
        // Nobody has used what replaced it: the answer that carried it may have been lost.
        (Match::Previous { .. }, _) => Presented::Replaced,
        (Match::Spent { replaced }, Usage::OneTime { grace }) if now <= replaced.plus(grace) => Presented::Replaced,
        (Match::Spent { .. }, _) => Presented::Reused,
    }
}

/// Where the lifetime counts from after a use.
pub(super) fn start_after_use(token: &RefreshToken, policy: Expiration, now: Timestamp) -> Timestamp {
    match policy {
        Expiration::Fixed => token.start,
        Expiration::Sliding | Expiration::SlidingWithMaximum(_) => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn one_time_values_are_replaced_forgiven_and_then_reuse() {
        let usage = Usage::OneTime { grace: SECOND * 60 };
        assert_eq!(judge(Match::Current, usage, at(0)), Presented::Rotates);
        // As long as the new value has not been used, whatever the grace.
        assert_eq!(judge(Match::Previous { replaced: at(0) }, usage, at(100_000)), Presented::Replaced);
        assert_eq!(judge(Match::Spent { replaced: at(0) }, usage, at(60)), Presented::Replaced);
        assert_eq!(judge(Match::Spent { replaced: at(0) }, usage, at(60).plus(Duration::from_millis(1))), Presented::Reused);
        assert_eq!(judge(Match::Current, Usage::Reusable, at(0)), Presented::Good);
    }

    #[test]
    fn a_lifetime_ends_strictly_after_its_last_instant_and_a_maximum_is_not_moved_by_use() {
        let token = |start, inserted| RefreshToken {
            id: Uuid::nil(),
            session: Uuid::nil(),
            user: Uuid::nil(),
            application: Uuid::nil(),
            parent: None,
            digest: Digest([0; 32]),
            sealed: Vec::new(),
            start: at(start),
            inserted: at(inserted),
            device: None,
            meta_data: Map::new(),
            version: 0,
        };
        let lifetime = SECOND * 100;
        for policy in [Expiration::Fixed, Expiration::Sliding] {
            assert!(!has_expired(&token(0, 0), at(0), policy, lifetime, at(100)));
            assert!(has_expired(&token(0, 0), at(0), policy, lifetime, at(100).plus(Duration::from_millis(1))));
            assert!(!has_expired(&token(500, 0), at(0), policy, lifetime, at(600)));
        }
        let maximum = Expiration::SlidingWithMaximum(SECOND * 300);
        assert!(!has_expired(&token(250, 200), at(0), maximum, lifetime, at(300)));
        assert!(has_expired(&token(250, 200), at(0), maximum, lifetime, at(301)), "sliding does not move the end");
    }
}
