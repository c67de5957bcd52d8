//! `GET /api/status`: 200 when the store answers, else 503; details for an API key alone.

use http::{Method, StatusCode};
use serde_json::json;

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::operations::done;
use super::refusal::Refusal;

pub(super) async fn status(api: &Shared, call: &Call) -> Result<Answer, Refusal> {
    api.authority.check_store().await?;
    match api.api_key(call, "/api/status", &Method::GET) {
        Ok(_) => Ok(Answer::json(StatusCode::OK, &json!({ "store": "ok", "version": env!("CARGO_PKG_VERSION") }))),
        Err(_) => Ok(done()),
    }
}
