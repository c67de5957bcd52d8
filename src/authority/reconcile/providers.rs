//! The identity providers of one configuration, each with keys of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use uuid::Uuid;

use crate::authority::{Denial, IdentityProvider};
use crate::clock::Clock;
use crate::issuer::{Archive, IssuerMetrics, IssuerSettings, Party, PartySettings, RegistryProblem, Verified, VerifyError};

/// As for issuers whose block does not say.
const TYPES: [&str; 2] = ["JWT", "at+jwt"];
const LEEWAY: Duration = Duration::from_secs(30);
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Every identity provider. Looked up by id alone: a token's `iss` chooses none.
#[derive(Debug, Default)]
pub struct Providers(Vec<Provider>);

#[derive(Debug)]
pub(in crate::authority) struct Provider {
    pub(in crate::authority) settings: Arc<IdentityProvider>,
    pub(in crate::authority) party: Party,
}

/// An identity provider whose keys cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("identity provider `{name}`: {problem}")]
pub struct ProviderError {
    /// Its configured name.
    pub name: Arc<str>,
    /// Why not.
    pub problem: RegistryProblem,
}

impl Providers {
    /// The providers of `settings`; those whose keys come from where they did in `previous` keep them. Fetches nothing.
    ///
    /// # Errors
    /// The first provider whose keys cannot be read.
    pub fn build(
        settings: &[Arc<IdentityProvider>],
        previous: Option<&Self>,
        clock: &Clock,
        metrics: &Arc<IssuerMetrics>,
    ) -> Result<Self, ProviderError> {
        let build_one = |settings: &Arc<IdentityProvider>| {
            let former = previous.and_then(|previous| previous.find(settings.id)).map(|provider| &provider.party);
            let party = Party::build(party(settings), former, clock, metrics);
            let party = party.map_err(|problem| ProviderError { name: Arc::clone(&settings.name), problem })?;
            Ok(Provider { settings: Arc::clone(settings), party })
        };
        settings.iter().map(build_one).collect::<Result<_, _>>().map(Self)
    }

    /// Begins to fetch keys on `runtime`; what is fetched is saved in `archive`, and what is there is believed until then.
    pub fn start(&self, runtime: &Handle, archive: &Archive) {
        self.0.iter().for_each(|provider| provider.party.start(runtime, archive));
    }

    pub(in crate::authority) fn find(&self, id: Uuid) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.settings.id == id)
    }
}

impl Provider {
    /// Proves `token` as this provider's.
    pub(in crate::authority) async fn verify(&self, token: &str) -> Result<Verified, Denial> {
        self.party.verify(token).await.map_err(|error| {
            tracing::debug!(provider = %self.settings.name, reason = error.reason(), "a token was not reconciled");
            match error {
                VerifyError::Refused { .. } => Denial::Unauthorized,
                VerifyError::KeysUnavailable { retry_after, .. } => Denial::KeysUnavailable(retry_after),
            }
        })
    }
}

fn party(settings: &IdentityProvider) -> PartySettings {
    PartySettings {
        issuer: IssuerSettings {
            name: Arc::clone(&settings.name),
            issuer: Arc::clone(&settings.issuer),
            audiences: settings.audiences.clone().unwrap_or_default(),
            algorithms: settings.algorithms.clone(),
            source: settings.source.clone(),
            refresh: settings.refresh.clone(),
            roles_claim: None,
            scope_claim: None,
            max_lifetime: None,
            leeway: LEEWAY,
            types: TYPES.map(str::to_owned).to_vec(),
            require_type: false,
            max_token_bytes: MAX_TOKEN_BYTES,
            is_authority: false,
        },
        any_audience: settings.audiences.is_none(),
        key_parameter: settings.header_key_parameter.clone(),
        default_key: settings.default_key.clone(),
    }
}
