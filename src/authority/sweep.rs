//! What has expired is removed from the store, a bounded while after nobody could use it any more.

use super::settings::Expiration;
use super::{Authority, Denial};
use crate::clock::Timestamp;
use crate::store::{Change, Expired};

impl Authority {
    /// Removes what has expired, and counts what is left.
    ///
    /// # Errors
    /// [`Denial::Store`].
    pub async fn sweep(&self) -> Result<(), Denial> {
        let removed = self.store().commit(self.expired()).await?;
        if removed.refresh_tokens_ended + removed.sessions_ended > 0 {
            let (refresh_tokens, sessions) = (removed.refresh_tokens_ended, removed.sessions_ended);
            tracing::info!(refresh_tokens, sessions, "removed what has expired");
        }
        if removed.events_swept > 0 {
            tracing::info!(events = removed.events_swept, "removed events for webhooks that are no more");
        }
        let left = self.store().count_refresh_tokens().await?;
        self.parts.metrics.refresh_tokens.set(i64::try_from(left).unwrap_or(i64::MAX));
        Ok(())
    }

    /// Refresh tokens of applications that the configuration does not have are let be: one that was taken out by mistake
    /// comes back with its sessions.
    fn expired(&self) -> Vec<Change> {
        let now = self.parts.clock.now();
        let before = |span| Timestamp::from_millis(now.since(Timestamp::from_millis(0)).saturating_sub(span).as_millis() as u64);
        let mut changes = Vec::new();
        let mut longest = self.settings.refresh_token_lifetime;
        for application in &self.settings.applications {
            let lifetime = self.settings.refresh_token_lifetime(application);
            longest = longest.max(lifetime);
            let made_before = match application.expiration {
                Expiration::SlidingWithMaximum(maximum) => Some(before(maximum)),
                Expiration::Fixed | Expiration::Sliding => None,
            };
            changes.push(Change::Sweep(Expired::RefreshTokens(application.id, before(lifetime), made_before)));
        }
        changes.push(Change::Sweep(Expired::ReplacedValues(before(longest))));
        changes.push(Change::Sweep(Expired::Sessions(before(self.settings.longest_token_lifetime()))));
        changes.push(Change::Sweep(Expired::Revocations(now)));
        let webhooks = self.settings.webhooks.iter().map(|webhook| webhook.key.clone());
        changes.push(Change::Sweep(Expired::EventsOfOthers(webhooks.collect())));
        changes
    }
}
