//! `/api/user` and what is below it: users, their passwords, their registrations (jwt-api.md section 2.15).

mod members;
mod password;
mod registration;

pub(super) use password::change_password;
pub(super) use registration::{add_registration, registration, remove_registration, replace_registration};

use http::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use self::members::Extent;
use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::operations::done;
use super::parameters::{not_an_id, parse_id};
use super::refusal::Refusal;
use crate::authority::{Denial, user_document};
use crate::store::{LoginName, StoreError, User};

const ENDPOINT: &str = "/api/user";

/// How often a change is decided anew because somebody else changed the same record.
const MOST_ROUNDS: usize = 8;

fn shown(user: &User) -> Answer {
    Answer::json(StatusCode::OK, &json!({ "user": user_document(user) }))
}

fn user_id(text: &str) -> Result<Uuid, Refusal> {
    parse_id(text).ok_or_else(|| not_an_id("userId"))
}

fn is_conflict(refused: &Denial) -> bool {
    *refused == Denial::Store(StoreError::Conflict)
}

/// `POST /api/user[/{id}]`.
pub(super) async fn add(api: &Shared, mut call: Call, id: Option<&str>) -> Result<Answer, Refusal> {
    api.api_key(&call, ENDPOINT, &Method::POST)?;
    let id = id.map(user_id).transpose()?;
    let mut fields = call.json().await?;
    let user = members::new_user(api, &mut fields, id).await?;
    let id = user.id;
    api.authority.add_user(user).await?;
    let user = api.authority.user(id).await?.ok_or(Refusal::NotFound)?;
    Ok(shown(&user))
}

/// `GET /api/user/{id}`.
pub(super) async fn by_id(api: &Shared, call: &Call, id: &str) -> Result<Answer, Refusal> {
    api.api_key(call, ENDPOINT, &Method::GET)?;
    let user = api.authority.user(user_id(id)?).await?.ok_or(Refusal::NotFound)?;
    Ok(shown(&user))
}

/// `GET /api/user?email=`, `?username=`, `?loginId=`.
pub(super) async fn by_name(api: &Shared, call: &Call) -> Result<Answer, Refusal> {
    api.api_key(call, ENDPOINT, &Method::GET)?;
    let query = &call.query;
    let name = query.text("email").map(LoginName::Email).or(query.text("username").map(LoginName::Username));
    let name = name.or(query.text("loginId").map(LoginName::Either));
    let name = name.ok_or_else(|| Refusal::field("missing", "email", "One of email, username and loginId is required."))?;
    let user = api.authority.user_by_name(name).await?.ok_or(Refusal::NotFound)?;
    Ok(shown(&user))
}

/// `PUT` (whole) and `PATCH` (merge) of `/api/user/{id}`.
pub(super) async fn replace(api: &Shared, mut call: Call, id: &str) -> Result<Answer, Refusal> {
    api.api_key(&call, ENDPOINT, &call.method)?;
    let id = user_id(id)?;
    let reactivates = call.method == Method::PUT && call.query.flag("reactivate");
    let extent = if call.method == Method::PATCH { Extent::Merge } else { Extent::Whole };
    let mut fields = call.json().await?;
    for _ in 0..MOST_ROUNDS {
        let former = api.authority.user(id).await?.ok_or(Refusal::NotFound)?;
        let mut user = former.clone();
        if reactivates {
            user.active = true;
        } else {
            members::read(api, &mut fields, &mut user, extent).await?;
        }
        match api.authority.replace_user(&former, user, None).await {
            Err(refused) if is_conflict(&refused) => {}
            replaced => return Ok(shown(&replaced?)),
        }
    }
    Err(StoreError::Conflict.into())
}

/// `DELETE /api/user/{id}`: deactivates, or removes where the query says `hardDelete=true`.
pub(super) async fn remove(api: &Shared, call: &Call, id: &str) -> Result<Answer, Refusal> {
    api.api_key(call, ENDPOINT, &Method::DELETE)?;
    let id = user_id(id)?;
    if call.query.flag("hardDelete") {
        api.authority.remove_user(id).await?;
        return Ok(done());
    }
    for _ in 0..MOST_ROUNDS {
        let former = api.authority.user(id).await?.ok_or(Refusal::NotFound)?;
        let user = User { active: false, ..former.clone() };
        match api.authority.replace_user(&former, user, None).await {
            Err(refused) if is_conflict(&refused) => {}
            replaced => return replaced.map(|_| done()).map_err(Into::into),
        }
    }
    Err(StoreError::Conflict.into())
}
