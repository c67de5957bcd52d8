//! Refreshing in place where nobody can say beforehand whose refresh token one is: it shows by its use.
//!
//! Called by [`super::renew`](mod@super::renew) for a remote authority. What the new access token says is held against the expired one, or somebody who
//! could plant a refresh token would sign the browser in as themselves.

use std::sync::Arc;

use super::rejection::{Reason, Rejection};
use super::renew::{Former, NOT_REFRESHED, Renewal};
use crate::authority::Renewed;
use crate::issuer::Verified;

/// Renews with the first refresh token that is good. Beside an expired access token it must be of its session; without one all
/// that came must be of one user.
pub(super) async fn renew_by_use(renewal: Renewal<'_>, former: &[Former<'_>]) -> Result<Arc<Renewed>, Rejection> {
    let mut good: Option<(Arc<Renewed>, Arc<Verified>)> = None;
    for value in renewal.refresh_tokens.tokens() {
        let found = match renewal.renew_with(value, former).await {
            Err(rejection) if rejection.reason == Reason::InvalidToken => continue,
            found => found?,
        };
        if !former.is_empty() {
            let continues = former.iter().any(|former| continues(&former.verified, &found.1));
            return if continues { Ok(found.0) } else { Err(Reason::ConflictingCookies.into()) };
        }
        match &good {
            Some((_, first)) if !first.is_same_caller(&found.1) => return Err(Reason::ConflictingCookies.into()),
            Some(_) => {}
            None => good = Some(found),
        }
    }
    good.map(|(renewed, _)| renewed).ok_or_else(|| Rejection::detailed(Reason::InvalidToken, NOT_REFRESHED))
}

/// Whether `renewed` goes on with the session of `former`, as far as both say.
fn continues(former: &Verified, renewed: &Verified) -> bool {
    let sessions = (former.lineage().session, renewed.lineage().session);
    former.is_same_caller(renewed) && !matches!(sessions, (Some(former), Some(renewed)) if former != renewed)
}
