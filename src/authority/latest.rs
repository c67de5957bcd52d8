//! The latest instant that tokens signed here say of themselves.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Timestamp;

/// The latest instant that tokens signed by this process say of themselves, sign-in or issue. A revocation is no older,
/// so that it ends what was signed before it although the clock was set back meanwhile, or the sign-in was moved just
/// after a former revocation of the same millisecond.
#[derive(Debug, Default)]
pub struct Latest(AtomicU64);

impl Latest {
    /// A token with this instant is being signed.
    pub(super) fn note(&self, instant: Timestamp) {
        self.0.fetch_max(instant.millis(), Ordering::AcqRel);
    }

    /// `now`, or the latest instant where that is later.
    pub(super) fn not_before(&self, now: Timestamp) -> Timestamp {
        now.max(Timestamp::from_millis(self.0.load(Ordering::Acquire)))
    }
}
