//! How long an event waits after it was sent in vain.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(600);

/// After so many attempts in vain. Doubles each time; by up to a half shorter, as `random` says, so that what failed
/// together does not come back together.
pub(super) fn after(attempts: u64, random: u32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let longest = SHORTEST.saturating_mul(1 << doublings).min(LONGEST);
    longest - longest.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
}

/// A random number; where the system gives none, the waits are the longest.
pub(super) fn random() -> u32 {
    let mut bytes = [0; 4];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        return 0;
    }
    u32::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_ten_minutes_and_are_shortened_by_half_at_most() {
        for (attempts, seconds) in [(0, 1), (1, 1), (2, 2), (3, 4), (10, 512), (11, 600), (u64::MAX, 600)] {
            let longest = Duration::from_secs(seconds);
            assert_eq!(after(attempts, 0), longest, "{attempts}");
            let shortest = after(attempts, u32::MAX);
            assert!(shortest >= longest / 2 - Duration::from_millis(1) && shortest <= longest / 2, "{attempts}: {shortest:?}");
        }
    }
}
