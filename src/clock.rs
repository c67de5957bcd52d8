//! Wall-clock time as a parameter.
//!
//! Everything that compares an instant (expiry, staleness, rotation) takes it from a [`Clock`] made at the rim, so
//! that tests move time by hand. Deadlines of sockets are durations and use the runtime's own timer instead.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// An instant, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The instant `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// The instant `seconds` seconds after the Unix epoch; saturates.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// This instant moved later by `by`; saturates.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The instant of a UUIDv7 (RFC 9562 section 5.7), to the millisecond; `None` for any other id.
    pub fn of_id(id: Uuid) -> Option<Self> {
        let (seconds, nanos) = Some(id).filter(|id| id.get_version_num() == 7)?.get_timestamp()?.to_unix();
        Some(Self(seconds.checked_mul(1000)?.checked_add(u64::from(nanos) / 1_000_000)?))
    }

    /// How long after `earlier` this instant is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// As HTTP writes it (`Thu, 01 Jan 1970 00:00:00 GMT`); after the year 9999, which that has no form for, the seconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const YEAR_10000: u64 = 253_402_300_800;
        match self.seconds() {
            seconds @ 0..YEAR_10000 => httpdate::HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds)).fmt(f),
            seconds => write!(f, "{seconds} s after 1970"),
        }
    }
}

/// Where the present instant comes from. Cloning shares the source.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicU64::new(start.0))))
    }

    /// The present instant. A machine clock before 1970 reads as the epoch.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
            }
            Source::Manual(millis) => Timestamp(millis.load(Ordering::Acquire)),
        }
    }

    /// Moves a manual clock later by `by`; the machine's clock is not moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(millis) = &self.0 {
            millis.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_clock_moves_only_by_hand_and_is_shared_by_clones() {
        let clock = Clock::manual(Timestamp::from_seconds(1000));
        let other = clock.clone();
        clock.advance(Duration::from_millis(1500));
        assert_eq!(other.now(), Timestamp::from_millis(1_001_500));
        assert_eq!(other.now().since(Timestamp::from_seconds(1000)), Duration::from_millis(1500));
    }
}
