//! What there is to be told of.

use crate::store::Room;

/// Of events of one kind only so many wait for a webhook that cannot be reached.
const ROOM: Room = Room { events: 100_000, bytes: 256 * 1024 * 1024 };
/// Revocations fill what refreshes have to leave free: to lose one leaves a token alive somewhere.
const RESERVE: Room = Room { events: 200_000, bytes: 512 * 1024 * 1024 };

/// What there is to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Refresh tokens ended before their time.
    Revoke,
    /// A refresh token was used.
    Refresh,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Revoke, Self::Refresh];

    /// Its `type`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Revoke => "jwt.refresh-token.revoke",
            Self::Refresh => "jwt.refresh",
        }
    }

    /// What may wait for one webhook when another of this kind is added.
    pub(super) const fn room(self) -> Room {
        match self {
            Self::Revoke => RESERVE,
            Self::Refresh => ROOM,
        }
    }
}
