//! One entry of the table, as it is kept.

use super::fingerprint::Fingerprint;
use crate::clock::Timestamp;
use crate::store::{Basis, Revocation, ScopeKind};

/// An entry and its name take 48 bytes. A full shard keeps 13,900 of them in 16,384 places of 49 bytes, and the filter
/// has 17 to 34 bits to each: at capacity 60 to 62 bytes to an entry, a million in 60 MB.
const _: () = assert!(size_of::<(Fingerprint, Entry)>() <= 48);

/// What is kept of the revocations of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A token or session: all that carries the name is refused.
    Named { ends: Ends },
    /// As `Named`, of a user whose entry could stand for it.
    Owned { owner: Fingerprint, before: Before, ends: Ends },
    /// A user, an application or all: what carries the name is refused by its instants.
    Dated { sign_in: Before, issue: Before, ends: Ends },
}

impl Entry {
    /// The entry for `revocation`; `owner` names the user that it says.
    pub(super) fn new(revocation: &Revocation, owner: Option<Fingerprint>) -> Self {
        let (before, ends) = (Before::through(revocation.instant), Ends::at(revocation.ends));
        match (revocation.scope.kind(), owner, revocation.basis) {
            (ScopeKind::Token | ScopeKind::Session, Some(owner), _) => Self::Owned { owner, before, ends },
            (ScopeKind::Token | ScopeKind::Session, None, _) => Self::Named { ends },
            (_, _, Basis::SignIn) => Self::Dated { sign_in: before, issue: Before::NOTHING, ends },
            (_, _, Basis::Issue) => Self::Dated { sign_in: Before::NOTHING, issue: before, ends },
        }
    }

    pub(super) const fn ends(&self) -> Ends {
        match self {
            Self::Named { ends } | Self::Owned { ends, .. } | Self::Dated { ends, .. } => *ends,
        }
    }

    /// The latest instant of issue that it covers.
    pub(super) fn last_issue(&self) -> Option<Timestamp> {
        match self {
            Self::Dated { issue, .. } => issue.last(),
            Self::Named { .. } | Self::Owned { .. } => None,
        }
    }

    /// One that refuses what either refuses, for as long as either does.
    #[must_use]
    pub(super) fn merged(self, other: Self) -> Self {
        let ends = self.ends().max(other.ends());
        match (self, other) {
            (Self::Dated { sign_in, issue, .. }, Self::Dated { sign_in: other_sign_in, issue: other_issue, .. }) => {
                Self::Dated { sign_in: sign_in.max(other_sign_in), issue: issue.max(other_issue), ends }
            }
            (Self::Owned { owner, before, .. }, Self::Owned { owner: other_owner, before: other, .. })
                if owner == other_owner =>
            {
                Self::Owned { owner, before: before.max(other), ends }
            }
            // Of two users at once no user's entry can stand for it. A collision of kinds refuses by name.
            _ => Self::Named { ends },
        }
    }
}

/// The instants that an entry covers: all before this millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Before(u64);

impl Before {
    /// Covers none.
    pub(super) const NOTHING: Self = Self(0);

    /// Covers `instant` and all before it.
    pub(super) const fn through(instant: Timestamp) -> Self {
        Self(instant.millis().saturating_add(1))
    }

    /// The last instant that it covers.
    pub(super) const fn last(self) -> Option<Timestamp> {
        match self.0.checked_sub(1) {
            None => None,
            Some(last) => Some(Timestamp::from_millis(last)),
        }
    }

    /// Whether it covers `instant`; where that is known to the second only, all of the last covered second counts.
    pub(super) const fn covers(self, instant: Timestamp, whole_seconds: bool) -> bool {
        match self.0.checked_sub(1) {
            None => false,
            Some(last) if whole_seconds => instant.seconds() <= last / 1000,
            Some(last) => instant.millis() <= last,
        }
    }
}

/// When an entry is over, in whole seconds, never earlier than it was given; what is later than the year 2106 is never over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ends(u32);

impl Ends {
    pub(super) fn at(instant: Timestamp) -> Self {
        Self(u32::try_from(instant.millis().div_ceil(1000)).unwrap_or(u32::MAX))
    }

    pub(super) fn is_over(self, now: Timestamp) -> bool {
        self.0 != u32::MAX && now.millis() > u64::from(self.0) * 1000
    }
}
