//! A party that signs what is no token: its keys, apart from any issuer's, so that what signs the one cannot sign the other.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::metrics::IssuerMetrics;
use super::registry::Issuer;
use super::{Archive, IssuerSettings, Keys, RegistryProblem};
use crate::clock::Clock;

/// The keys of one signatory.
#[derive(Debug)]
pub struct Signatory(Arc<Issuer>);

impl Signatory {
    /// The signatory with the keys of `settings`, of which nothing else counts; they are those of `previous` where nothing
    /// about them has changed. Starts nothing.
    ///
    /// # Errors
    /// Where its keys cannot be read.
    pub fn build(
        settings: IssuerSettings,
        previous: Option<&Self>,
        clock: &Clock,
        metrics: &Arc<IssuerMetrics>,
    ) -> Result<Self, RegistryProblem> {
        Issuer::build(settings, previous.map(|previous| &previous.0), clock, metrics).map(Self)
    }

    /// Begins to fetch its keys on `runtime`, where they are fetched at all and that has not begun; what is fetched is saved
    /// in `archive`.
    pub fn start(&self, runtime: &Handle, archive: Option<&Archive>) {
        archive.iter().for_each(|archive| self.0.keys().keep_in(archive));
        self.0.keys().start(runtime);
    }

    /// Its keys.
    pub fn keys(&self) -> &Arc<Keys> {
        self.0.keys()
    }
}
