//! What the authority would be asked for while a request waits, foreseen without asking it: for `explain`, which looks at no
//! store. What comes of it nobody can say without the store.

use std::sync::Arc;

use http::request::Parts;

use super::plan::RoutePlan;
use super::snapshot::Snapshot;
use crate::authority::AUTHORITY_ISSUER;
use crate::identity::credential::{self, Presented, REFRESH_TOKEN, Source};
use crate::issuer::{Past, Verified};
use crate::route::Authorization;
use crate::token::RawToken;

const EXCHANGED: &str = "the gateway exchanges it for the route's application, where that may be entered with it and its user may go on; \
                         who is registered there, with which roles, is in the store";
const RECONCILED: &str =
    "it may be a token of the route's identity provider, which the gateway reconciles to a user in the store";
const RENEWED: &str = "the gateway renews the session with the refresh_token cookie that came, where the store knows it as good";

/// What would be done for the tokens that came, none of which is what the backend is told as it is; nothing where the
/// answer can be found without the store.
pub(super) async fn of_tokens(
    snapshot: &Arc<Snapshot>,
    plan: &RoutePlan,
    head: &Parts,
    presented: &Presented<'_>,
) -> Option<&'static str> {
    plan.settings.application?;
    let mut foreseen = None;
    for token in presented.tokens() {
        foreseen = foreseen.or(of_token(snapshot, plan, token).await);
        if presented.source == Source::Cookie && foreseen.is_none() && may_renew(plan, head) {
            let past = snapshot.verifier.look_back(token).await;
            foreseen = (!matches!(past, Past::Nothing)).then_some(RENEWED);
        }
    }
    foreseen
}

/// What would be done where no token came.
pub(super) fn of_none(plan: &RoutePlan, head: &Parts) -> Option<&'static str> {
    may_renew(plan, head).then_some(RENEWED)
}

async fn of_token(snapshot: &Snapshot, plan: &RoutePlan, token: &str) -> Option<&'static str> {
    match snapshot.verifier.verify(token).await {
        // What a remote authority is asked is said where it would be.
        Ok(verified) => (snapshot.remote.is_none() && needs_exchange(plan, &verified)).then_some(EXCHANGED),
        Err(_) => may_reconcile(snapshot, plan, token).then_some(RECONCILED),
    }
}

fn needs_exchange(plan: &RoutePlan, verified: &Verified) -> bool {
    let claims = verified.identity.claims.document();
    let is_own = &*verified.identity.issuer_name == AUTHORITY_ISSUER && claims.contains_key("applicationId");
    let is_as_it_should_be = plan.is_for_audience(claims.get("aud")) && plan.settings.authorization != Authorization::Exchanged;
    is_own && !verified.is_by_shared_secret() && !is_as_it_should_be
}

/// Of a provider only its name is known here: a token of an issuer that no route takes may be its.
fn may_reconcile(snapshot: &Snapshot, plan: &RoutePlan, token: &str) -> bool {
    const MAX_TOKEN_BYTES: usize = 16 * 1024;
    let is_strange = |raw: RawToken<'_>| snapshot.verifier.registry().find(raw.issuer()).is_none();
    plan.settings.reconcile.is_some() && RawToken::parse(token, MAX_TOKEN_BYTES).is_ok_and(is_strange)
}

fn may_renew(plan: &RoutePlan, head: &Parts) -> bool {
    plan.settings.application.is_some()
        && plan.settings.token_from.cookie
        && credential::cookie_values(&head.headers, REFRESH_TOKEN).next().is_some()
}
