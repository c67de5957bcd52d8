//! The endpoints that the gateway answers itself: FusionAuth's JWT API and what a gateway with no other identity server
//! needs to have users (jwt-api.md).
//!
//! One file per operation or family: it reads the request, asks who calls, has `authority` do the work, and words the
//! answer. Put into the pipeline by `gateway` as [`Endpoints`]; it knows neither routes nor the store's kind.

mod answer;
mod call;
mod credentials;
mod errors;
mod fields;
mod introspect;
mod issue;
mod login;
mod logout;
mod oauth_client;
mod operations;
mod parameters;
mod public_key;
mod reconcile;
mod refresh;
mod refresh_tokens;
mod refusal;
mod relay;
mod relayed_cookies;
mod revoke;
mod status;
mod user;
mod userinfo;
mod validate;
mod vend;
mod well_known;

use std::sync::Arc;

pub use operations::PATHS;
pub use relay::Relay;

use crate::authority::Authority;
use crate::issuer::Verifier;
use crate::proxy::{Answering, Endpoints, Metrics, OwnRequest};

/// The API of one configuration.
#[derive(Clone, Debug)]
pub struct Api(Arc<Shared>);

/// What every operation works with.
#[derive(Debug)]
struct Shared {
    authority: Arc<Authority>,
    /// Proves tokens, as it does for routes.
    verifier: Verifier,
    metrics: Metrics,
}

impl Api {
    /// The API of `authority`, whose tokens `verifier` proves.
    pub fn new(authority: Arc<Authority>, verifier: Verifier, metrics: Metrics) -> Self {
        Self(Arc::new(Shared { authority, verifier, metrics }))
    }
}

impl Shared {
    /// The domain whose hosts share the cookies.
    fn cookie_domain(&self) -> Option<&str> {
        self.authority.settings().cookie_domain.as_deref()
    }
}

impl Endpoints for Api {
    fn answer(&self, request: OwnRequest) -> Answering {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { operations::answer(&shared, request).await.into_response() })
    }
}
