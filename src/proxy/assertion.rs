//! The signed assertion for backends: who calls, bound to the one request that the backend receives.
//!
//! Made when nothing of the request changes any more. It is there whole or the request is refused: a backend that asks for
//! it must never be tempted to do without.

use http::header::HOST;
use http::request::Parts;
use http::{HeaderName, HeaderValue};

use super::plan::RoutePlan;
use super::rejection::{Reason, Rejection};
use crate::authority::{AssertedRequest, Authority};
use crate::identity::Identity;

/// Managed like all of `X-Tollgate-`: none that a client sends gets this far.
pub(super) const X_TOLLGATE_ASSERTION: HeaderName = HeaderName::from_static("x-tollgate-assertion");

/// Who signs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signer<'a> {
    /// The authority of this gateway.
    Authority(Option<&'a Authority>),
    /// Nobody, because nothing is sent.
    Nobody,
}

impl Signer<'_> {
    /// Puts the assertion about `identity` on a request that is otherwise as the backend of `plan` receives it.
    pub(super) fn attach(self, head: &mut Parts, identity: &Identity, plan: &RoutePlan) -> Result<(), Rejection> {
        let Self::Authority(authority) = self else { return Ok(()) };
        let subject = identity.subject().ok_or(Reason::ClaimUnusable)?;
        let failed = || Rejection::detailed(Reason::Internal, "assertion_not_signed");
        let host = told_host(head);
        let host = plan.upstream.told_host(host.as_ref()).and_then(|host| host.to_str().ok()).ok_or_else(failed)?;
        let (path, query) = target(head);
        let request = AssertedRequest { method: head.method.as_str(), host, path, query };
        let signed = authority.ok_or_else(failed)?.assert(identity, subject, &plan.settings.upstream, request);
        let mut value = HeaderValue::try_from(signed.map_err(|_| failed())?).map_err(|_| failed())?;
        value.set_sensitive(true);
        head.headers.insert(X_TOLLGATE_ASSERTION, value);
        Ok(())
    }
}

/// The `Host` that a request goes out with, unless the upstream says another.
pub(super) fn told_host(head: &Parts) -> Option<HeaderValue> {
    let named = head.headers.get(HOST).cloned();
    named.or_else(|| HeaderValue::from_str(head.uri.authority()?.as_str()).ok())
}

/// Path and query of the target in origin form, as [`super::forward`] sends it.
fn target(head: &Parts) -> (&str, &str) {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    target.split_once('?').unwrap_or((target, ""))
}
