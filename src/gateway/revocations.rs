//! The revocations of a store in this gateway's table: all of them before any listener accepts, and from then on as the log
//! grows, whether there is an authority or not.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::opened_store::OpenedStore;
use crate::clock::Clock;
use crate::revocation::{self, Followed};
use crate::store::{Change, Expired, Store, StoreError};

/// How often ended entries are removed from the log.
const SWEEP: Duration = Duration::from_secs(60);

/// The tasks that follow the log and keep it short; they end when it is dropped.
#[derive(Debug)]
pub(super) struct RevocationLog([AbortHandle; 2]);

impl RevocationLog {
    /// Reads the whole log into `followed`, then follows it on `runtime`.
    pub(super) async fn open(
        opened: &OpenedStore,
        followed: &Arc<Followed>,
        clock: &Clock,
        runtime: &Handle,
    ) -> Result<Self, StoreError> {
        let (store, followed) = (Arc::clone(&opened.store), Arc::clone(followed));
        revocation::load(&*store, &followed, clock.now()).await?;
        let sweep = sweep(Arc::clone(&store), clock.clone());
        let follow = revocation::follow(store, followed, clock.clone(), Arc::new(Notify::new()));
        Ok(Self([runtime.spawn(follow).abort_handle(), runtime.spawn(sweep).abort_handle()]))
    }
}

impl Drop for RevocationLog {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

/// A store without an authority has nobody else who does it.
async fn sweep(store: Arc<dyn Store>, clock: Clock) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if let Err(error) = store.commit(vec![Change::Sweep(Expired::Revocations(clock.now()))]).await {
            tracing::debug!(%error, "ended revocations could not be removed; it is tried again");
        }
    }
}
