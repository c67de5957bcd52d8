//! When the next fetch of keys is due: ahead of staleness after a good one, soon and then ever later after failures.
//!
//! Pure; `refresher` asks it. Every interval is jittered, so that a fleet of gateways does not ask an issuer in step.

use std::time::Duration;

use super::RefreshSettings;

/// The first retry comes after at most this, each further one after twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// A number from 0 to 1 that two gateways do not share; not for secrets.
pub(super) fn jitter() -> f64 {
    let bits = ahash::RandomState::new().hash_one(0_u8) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

/// After a good fetch: at 72 to 80 % of what the answer's headers allow, between the operator's bounds, and early enough
/// that one failure does not make the set too stale.
pub(super) fn refresh_in(freshness: Option<Duration>, settings: &RefreshSettings, jitter: f64) -> Duration {
    let longest = settings.max_interval.min(settings.max_stale / 2);
    let lifetime = freshness.map_or(longest, |freshness| freshness.mul_f64(0.8).min(longest));
    lifetime.mul_f64(0.1_f64.mul_add(-jitter, 1.0)).max(settings.min_interval)
}

/// After `failures` failed fetches in a row (at least 1): 0.5 to 1 s, doubled each time, never above a minute or the
/// longest interval between good fetches.
pub(super) fn retry_in(failures: u32, settings: &RefreshSettings, jitter: f64) -> Duration {
    let doubled = FIRST_RETRY.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
    let longest = LONGEST_RETRY.min(settings.max_interval.max(FIRST_RETRY));
    doubled.min(longest).mul_f64(0.5_f64.mul_add(jitter, 0.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn refreshes_ahead_of_staleness_within_the_operators_bounds() {
        let settings = RefreshSettings::default();
        let cases = [
            (Some(600), 0.0, 480),
            (Some(600), 1.0, 432),
            (Some(0), 0.0, 60),
            (Some(10), 1.0, 60),
            (Some(7200), 0.0, 900),
            (None, 0.0, 900),
            (None, 1.0, 810),
        ];
        for (freshness, jitter, expected) in cases {
            assert_eq!(refresh_in(freshness.map(seconds), &settings, jitter), seconds(expected), "{freshness:?} {jitter}");
        }
    }

    #[test]
    fn refreshes_well_before_the_set_is_too_stale() {
        let settings = RefreshSettings { max_stale: seconds(300), ..RefreshSettings::default() };
        assert_eq!(refresh_in(None, &settings, 0.0), seconds(150));
    }

    #[test]
    fn retries_from_one_second_doubling_to_a_minute() {
        let settings = RefreshSettings::default();
        let retries = |jitter| [1, 2, 3, 6, 7, 40, u32::MAX].map(|failures| retry_in(failures, &settings, jitter).as_millis());
        assert_eq!(retries(1.0), [1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000]);
        assert_eq!(retries(0.0), [500, 1000, 2000, 16_000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn jitter_differs_and_stays_within_its_range() {
        let drawn: Vec<f64> = (0..100).map(|_| jitter()).collect();
        assert!(drawn.iter().all(|jitter| (0.0..1.0).contains(jitter)));
        assert!(drawn.windows(2).any(|pair| (pair[0] - pair[1]).abs() > 0.01));
    }
}
