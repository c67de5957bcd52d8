//! `POST /api/logout` (jwt-api.md section 2.13): always 200.

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::operations::done;
use super::refusal::Refusal;
use crate::identity::credential::{ACCESS_TOKEN, REFRESH_TOKEN};
use crate::proxy::cookies;

pub(super) async fn logout(api: &Shared, mut call: Call) -> Result<Answer, Refusal> {
    // One client sends the query form as text/plain without a body.
    let mut fields = call.json().await?;
    let (everywhere, in_body) = (fields.flag("global"), fields.text("refreshToken"));
    fields.check()?;
    let everywhere = everywhere.unwrap_or_else(|| call.query.flag("global"));
    let named = in_body.as_deref().or_else(|| call.query.text("refreshToken"));
    for value in values(&call, named) {
        api.authority.sign_out(value, everywhere).await?;
    }
    let has_cookies = call.has_cookie(ACCESS_TOKEN) || call.has_cookie(REFRESH_TOKEN);
    if has_cookies && call.cookies_count() {
        return Ok(done().with_cookies(cookies::cleared(api.cookie_domain(), &call.client)));
    }
    Ok(done())
}

/// What is named beats the cookie here. Of several cookies every one ends: a session that somebody planted is no loss.
fn values<'c>(call: &'c Call, named: Option<&'c str>) -> Vec<&'c str> {
    named.map_or_else(|| call.every_cookie(REFRESH_TOKEN), |value| vec![value])
}
