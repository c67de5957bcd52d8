//! One task for each webhook, under whatever configuration is in force.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::Webhook;
use super::courier::Courier;
use crate::authority::Authority;

/// The tasks that deliver events; they end when this is dropped.
#[derive(Debug, Default)]
pub struct Deliveries(Mutex<Vec<Delivery>>);

#[derive(Debug)]
struct Delivery {
    webhook: Arc<Webhook>,
    task: AbortHandle,
}

impl Deliveries {
    /// Delivers to the webhooks of `authority`, and to no others any more. Those whose settings are the same go on; an
    /// event that was on its way to another is sent again when its time is up.
    pub fn replace(&self, authority: &Authority, runtime: &Handle) {
        let (parts, wanted) = (authority.parts(), &authority.settings().webhooks);
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|delivery| {
            let stays = wanted.contains(&delivery.webhook);
            if !stays {
                delivery.task.abort();
                parts.metrics.events.forget(&delivery.webhook.name);
            }
            stays
        });
        for webhook in wanted {
            if !running.iter().any(|delivery| delivery.webhook == *webhook) {
                parts.metrics.events.show(&webhook.name);
                let courier = Courier::new(Arc::clone(webhook), Arc::clone(parts));
                let task = runtime.spawn(courier.run(parts.new_events.followed())).abort_handle();
                running.push(Delivery { webhook: Arc::clone(webhook), task });
            }
        }
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        let running = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        running.iter().for_each(|delivery| delivery.task.abort());
    }
}
