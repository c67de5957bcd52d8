//! The head of a request that may be forwarded: made only from an authorized caller, with what the backend is told
//! about them already in it.

use std::sync::Arc;

use http::request::Parts;

use super::assertion::Signer;
use super::authenticate::Known;
use super::authorize::Authorized;
use super::inject::{IdentityHeaders, clear_authorization, set_authorization};
use super::plan::RoutePlan;
use super::record::X_REQUEST_ID;
use super::rejection::{Reason, Rejection};
use super::standing::Proofs;
use crate::identity::credential::{strip_cookies, strip_query};
use crate::telemetry::RequestId;

/// What [`super::forward`] sends. Its fields are private: there is no way here but through authorization.
#[derive(Debug)]
pub(super) struct AuthorizedRequest {
    head: Parts,
    proofs: Proofs,
}

impl AuthorizedRequest {
    /// Injects what the route says about the caller, and takes out what only the gateway needed.
    pub(super) fn inject(
        authorized: &Authorized,
        mut head: Parts,
        plan: &Arc<RoutePlan>,
        id: &RequestId,
        signer: Signer<'_>,
    ) -> Result<Self, Rejection> {
        match authorized.known() {
            Some(known) => {
                let told = IdentityHeaders::of(&known.verified.identity, &plan.settings.identity_headers);
                told.map_err(|_| Reason::ClaimUnusable)?.set(&mut head.headers);
                set_authorization(&mut head.headers, known.token.as_deref());
            }
            None => clear_authorization(&mut head.headers),
        }
        strip_cookies(&mut head.headers);
        if plan.settings.token_from.query {
            remove_query_token(&mut head)?;
        }
        head.headers.insert(X_REQUEST_ID, id.header());
        if let Some(known) = authorized.known().filter(|_| plan.settings.assertion) {
            signer.attach(&mut head, &known.verified.identity, plan)?;
        }
        let proofs = authorized.known().map(Known::proofs).unwrap_or_default();
        Ok(Self { head, proofs })
    }

    /// The head, and what a stream that outlasts it stands on.
    pub(super) fn into_parts(self) -> (Parts, Proofs) {
        (self.head, self.proofs)
    }
}

fn remove_query_token(head: &mut Parts) -> Result<(), Rejection> {
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    if let Some(stripped) = strip_query(target) {
        head.uri = stripped.parse().map_err(|_| Reason::BadTarget)?;
    }
    Ok(())
}
