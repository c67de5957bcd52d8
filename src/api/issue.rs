//! `GET /api/jwt/issue` (jwt-api.md section 2.1).

use http::StatusCode;
use serde_json::json;

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::credentials::presented;
use super::refusal::Refusal;
use crate::identity::credential::{REFRESH_TOKEN, Source};

pub(super) async fn issue(api: &Shared, call: &Call) -> Result<Answer, Refusal> {
    let presented = api.user(call).await?;
    let application = call.query.id("applicationId")?;
    let application = application.ok_or_else(|| Refusal::field("missing", "applicationId", "It is required."))?;
    let exchanged = api.authority.exchange(&presented, application, refresh_token(call)).await?;
    let status = if exchanged.token.registered { StatusCode::OK } else { StatusCode::ACCEPTED };
    let mut body = json!({ "token": exchanged.token.token });
    if let Some(refresh_token) = exchanged.refresh_token {
        body["refreshToken"] = refresh_token.value.into();
    }
    Ok(Answer::json(status, &body))
}

/// The cookie, before the query; of several cookies none, for then nobody can say which. None either where a cookie is part
/// of the proof and another site's page may have made the request: that would write a refresh token at each.
fn refresh_token(call: &Call) -> Option<&str> {
    let may_write = call.cookies_may_write();
    match call.cookies(REFRESH_TOKEN) {
        Ok(Some(cookies)) => {
            let mut values = cookies.tokens();
            values.next().filter(|_| may_write && values.next().is_none())
        }
        Ok(None) => call.query.text("refreshToken").filter(|_| may_write || is_token_in_header(call)),
        Err(_) => None,
    }
}

fn is_token_in_header(call: &Call) -> bool {
    presented(call).is_ok_and(|found| found.is_some_and(|found| found.source == Source::Header))
}
