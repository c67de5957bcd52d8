//! `GET /api/jwt/public-key` (jwt-api.md section 2.3): anonymous, and a credential that is sent is ignored.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::refusal::Refusal;
use crate::store::{KeyPurpose, KeyState};

/// The name in the map of the key that signs for applications without one of their own.
const DEFAULT: &str = "default";

pub(super) fn public_keys(api: &Shared, call: &Call) -> Result<Answer, Refusal> {
    let keys = named_keys(api);
    let wanted = call.query.text("kid").or_else(|| call.query.text("keyId"));
    let application = call.query.text("applicationId");
    let Some(name) = wanted.or(application) else {
        return Ok(Answer::json(StatusCode::OK, &json!({ "publicKeys": keys })));
    };
    let key = keys.get(name).ok_or(Refusal::NotFound)?;
    Ok(Answer::json(StatusCode::OK, &json!({ "publicKey": key })))
}

/// Every published key by its id, and the ones that sign by the application (or `default`) whose tokens they sign.
fn named_keys(api: &Shared) -> Map<String, Value> {
    let mut keys = Map::new();
    for key in api.authority.parts().keys.ring().published() {
        keys.insert(key.id.to_string(), (*key.pem).into());
        if key.purpose == KeyPurpose::Access && key.state == KeyState::Active {
            let name = key.application.map_or_else(|| DEFAULT.to_owned(), |id| id.to_string());
            keys.insert(name, (*key.pem).into());
        }
    }
    keys
}
