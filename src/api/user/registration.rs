//! `/api/user/registration`.

use http::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::members::{self, Extent};
use super::{MOST_ROUNDS, is_conflict, user_id};
use crate::api::Shared;
use crate::api::answer::Answer;
use crate::api::call::Call;
use crate::api::fields::Fields;
use crate::api::login;
use crate::api::operations::done;
use crate::api::parameters::{not_an_id, parse_id};
use crate::api::refusal::Refusal;
use crate::authority::{SignIn, registration_document};
use crate::store::{Registration, StoreError};

const ENDPOINT: &str = "/api/user/registration";

/// `POST /api/user/registration[/{userId}]`: registers a user, a new one where the request has a `user`.
pub(in crate::api) async fn add_registration(api: &Shared, mut call: Call, user: Option<&str>) -> Result<Answer, Refusal> {
    api.api_key(&call, ENDPOINT, &Method::POST)?;
    let user = user.map(user_id).transpose()?;
    let mut fields = call.json().await?;
    let registration = new_registration(api, &mut fields)?;
    if fields.has("user") {
        return add_both(api, &call, fields, user, registration).await;
    }
    let user = user.ok_or_else(|| Refusal::field("missing", "userId", "It is required in the path, or a user in the body."))?;
    let application = registration.application;
    api.authority.register(user, registration).await?;
    shown(api, user, application).await
}

fn new_registration(api: &Shared, fields: &mut Fields) -> Result<Registration, Refusal> {
    let application = fields.id("registration.applicationId");
    let application = fields.required("registration.applicationId", application);
    let id = fields.id("registration.id");
    let mut registration = api.authority.new_registration(id, application.unwrap_or_default())?;
    members::read_registration(fields, &mut registration, Extent::Whole);
    fields.check()?;
    let known = api.authority.application_with_roles(registration.application, &registration.roles)?;
    if !fields.has("registration.roles") {
        registration.roles = known.default_roles();
    }
    Ok(registration)
}

/// A new user with a registration, signed in to the application.
async fn add_both(
    api: &Shared,
    call: &Call,
    mut fields: Fields,
    id: Option<Uuid>,
    registration: Registration,
) -> Result<Answer, Refusal> {
    let mut user = members::new_user(api, &mut fields, id).await?;
    let device = login::device(&mut fields, call);
    fields.check()?;
    let application = api.authority.settings().application(registration.application).cloned();
    user.registrations = vec![registration.clone()];
    let how = SignIn { application, authentication_type: "USER_CREATE", device, no_tokens: false, in_place: None };
    let signed_in = api.authority.add_user_signed_in(user, how).await?;
    let mut body = login::signed_in_document(&signed_in);
    body["registration"] = registration_document(&registration);
    Ok(Answer::json(StatusCode::OK, &body))
}

fn ids(user: &str, application: &str) -> Result<(Uuid, Uuid), Refusal> {
    Ok((user_id(user)?, parse_id(application).ok_or_else(|| not_an_id("applicationId"))?))
}

async fn shown(api: &Shared, user: Uuid, application: Uuid) -> Result<Answer, Refusal> {
    let user = api.authority.user(user).await?.ok_or(Refusal::NotFound)?;
    let registration = user.registration(application).ok_or(Refusal::NotFound)?;
    Ok(Answer::json(StatusCode::OK, &json!({ "registration": registration_document(registration) })))
}

/// `GET /api/user/registration/{userId}/{applicationId}`.
pub(in crate::api) async fn registration(api: &Shared, call: &Call, user: &str, application: &str) -> Result<Answer, Refusal> {
    api.api_key(call, ENDPOINT, &Method::GET)?;
    let (user, application) = ids(user, application)?;
    shown(api, user, application).await
}

/// `PUT` (whole) and `PATCH` (merge) of a registration; the user is in the path, the application in the path or the body.
pub(in crate::api) async fn replace_registration(
    api: &Shared,
    mut call: Call,
    user: &str,
    application: Option<&str>,
) -> Result<Answer, Refusal> {
    api.api_key(&call, ENDPOINT, &call.method)?;
    let extent = if call.method == Method::PATCH { Extent::Merge } else { Extent::Whole };
    let mut fields = call.json().await?;
    let in_body = fields.id("registration.applicationId");
    fields.check()?;
    let in_path = application.map(|text| parse_id(text).ok_or_else(|| not_an_id("applicationId"))).transpose()?;
    let application = in_path.or(in_body);
    let application = application.ok_or_else(|| Refusal::field("missing", "registration.applicationId", "It is required."))?;
    let user = user_id(user)?;
    for _ in 0..MOST_ROUNDS {
        let found = api.authority.user(user).await?.ok_or(Refusal::NotFound)?;
        let former = found.registration(application).ok_or(Refusal::NotFound)?;
        let mut registration = former.clone();
        members::read_registration(&mut fields, &mut registration, extent);
        fields.check()?;
        api.authority.application_with_roles(application, &registration.roles)?;
        match api.authority.replace_registration(user, former, registration).await {
            Err(refused) if is_conflict(&refused) => {}
            Err(refused) => return Err(refused.into()),
            Ok(()) => return shown(api, user, application).await,
        }
    }
    Err(StoreError::Conflict.into())
}

/// `DELETE /api/user/registration/{userId}/{applicationId}`.
pub(in crate::api) async fn remove_registration(
    api: &Shared,
    call: &Call,
    user: &str,
    application: &str,
) -> Result<Answer, Refusal> {
    api.api_key(call, ENDPOINT, &Method::DELETE)?;
    let (user, application) = ids(user, application)?;
    api.authority.unregister(user, application).await?;
    Ok(done())
}
