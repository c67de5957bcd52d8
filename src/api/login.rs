//! `POST /api/login` and the ping `PUT /api/login` (jwt-api.md section 2.14).

use std::net::IpAddr;
use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Shared;
use super::answer::Answer;
use super::call::Call;
use super::credentials::Caller;
use super::fields::Fields;
use super::parameters::{not_an_id, parse_id};
use super::refusal::Refusal;
use crate::authority::{Application, Device, Login, SignIn, SignedIn, user_document};
use crate::proxy::cookies;

const ENDPOINT: &str = "/api/login";
/// The longest name of a device, in bytes.
const MOST_DEVICE: usize = 255;
/// The longest `metaData`, in bytes of JSON: it is kept with each refresh token.
const MOST_META_DATA: usize = 4096;
/// As much of the client's `User-Agent` is kept; the rest is cut off, for whoever signs in did not choose it.
const MOST_USER_AGENT: usize = 512;

pub(super) async fn login(api: &Shared, mut call: Call) -> Result<Answer, Refusal> {
    let mut fields = call.json_alone().await?;
    let (name, password) = (fields.text("loginId"), fields.text("password"));
    for (field, value) in [("loginId", &name), ("password", &password)] {
        if value.as_deref().map_or(!fields.has(field), str::is_empty) {
            fields.refuse("blank", field, "It is required.");
        }
    }
    let application = fields.id("applicationId");
    let no_tokens = fields.flag("noJWT").unwrap_or(false);
    let device = device(&mut fields, &call);
    fields.check()?;
    let application = application.map(|id| known_application(api, id)).transpose()?;
    let vouched = may_sign_in_users(api, &call, application.as_deref())?;
    let address = device.address.filter(|_| vouched).unwrap_or(call.address());
    let (name, password) = (name.unwrap_or_default(), password.unwrap_or_default());
    let user = api.authority.authenticate(&Login { name: &name, password: &password, address }).await?;
    if user.password_change_required {
        let body = json!({ "changePasswordReason": "Administrative" });
        return Ok(Answer::json(StatusCode::NON_AUTHORITATIVE_INFORMATION, &body));
    }
    let device = Device { address: Some(address), ..device };
    let how = SignIn { application, authentication_type: "PASSWORD", device, no_tokens, in_place: None };
    let signed_in = api.authority.begin_session(user, how, Vec::new()).await?;
    Ok(signed_in_answer(api, &call, &signed_in))
}

fn known_application(api: &Shared, id: Uuid) -> Result<Arc<Application>, Refusal> {
    let known = api.authority.settings().application(id).map(Arc::clone);
    known.ok_or_else(|| Refusal::field("invalid", "applicationId", &format!("No application has the id [{id}].")))
}

/// An API key always may, and vouches for the address in the body; without one only an application that says so.
fn may_sign_in_users(api: &Shared, call: &Call, application: Option<&Application>) -> Result<bool, Refusal> {
    match api.api_key(call, ENDPOINT, &Method::POST) {
        Ok(_) => Ok(true),
        Err(_) if application.is_some_and(|application| !application.login_requires_api_key) => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// What the request says about the device: `device`, `metaData` and where it is.
pub(super) fn device(fields: &mut Fields, call: &Call) -> Device {
    let name = device_name(fields, "device").or_else(|| device_name(fields, "metaData.device.name"));
    let mut meta_data = fields.object("metaData").unwrap_or_default();
    if serde_json::to_vec(&meta_data).map_or(true, |json| json.len() > MOST_META_DATA) {
        fields.refuse("tooLong", "metaData", &format!("It is longer than {MOST_META_DATA} bytes of JSON."));
    }
    if let (Some(agent), false) = (call.user_agent(), meta_data.contains_key("device")) {
        let agent = agent.get(..MOST_USER_AGENT).unwrap_or(agent);
        meta_data.insert("device".into(), json!({ "description": agent }));
    }
    let address = fields.text("ipAddress");
    let parsed = address.as_deref().map(str::parse::<IpAddr>);
    if matches!(parsed, Some(Err(_))) {
        fields.refuse("invalid", "ipAddress", "It is no IP address.");
    }
    Device { name, meta_data, address: parsed.and_then(Result::ok) }
}

fn device_name(fields: &mut Fields, path: &str) -> Option<String> {
    let name = fields.text(path)?;
    if name.len() > MOST_DEVICE {
        fields.refuse("tooLong", path, &format!("It is longer than {MOST_DEVICE} bytes."));
    }
    Some(name)
}

/// The user who signed in, and the tokens.
pub(super) fn signed_in_document(signed_in: &SignedIn) -> Value {
    let mut body = json!({ "user": user_document(&signed_in.user) });
    if let Some(token) = &signed_in.token {
        body["token"] = token.token.as_str().into();
        body["tokenExpirationInstant"] = token.expires.millis().into();
    }
    if let Some(refresh_token) = &signed_in.refresh_token {
        body["refreshToken"] = refresh_token.value.as_str().into();
        body["refreshTokenId"] = json!(refresh_token.id);
    }
    body
}

/// The LoginResponse with its cookies: 200, or 202 where the user is not registered.
pub(super) fn signed_in_answer(api: &Shared, call: &Call, signed_in: &SignedIn) -> Answer {
    let body = signed_in_document(signed_in);
    let status = if signed_in.registered { StatusCode::OK } else { StatusCode::ACCEPTED };
    let answer = Answer::json(status, &body);
    if !call.cookies_count() {
        return answer;
    }
    let domain = api.cookie_domain();
    let access = signed_in.token.as_ref().map(|token| cookies::access_token(&token.token, domain, &call.client));
    let refresh = signed_in.refresh_token.as_ref();
    let refresh = refresh.map(|token| cookies::refresh_token(&token.value, token.lifetime, domain, &call.client));
    answer.with_cookies(api.metrics.cookies_to_set(access.into_iter().chain(refresh)))
}

/// Notes that a user is there still. Never a token or a cookie, or a stolen token would renew itself for ever.
pub(super) async fn ping(api: &Shared, mut call: Call, user: Option<&str>, application: Option<&str>) -> Result<Answer, Refusal> {
    let mut fields = call.json().await?;
    let (in_body, application_in_body) = (fields.id("userId"), fields.id("applicationId"));
    fields.check()?;
    let id = |text: Option<&str>, name| text.map(|text| parse_id(text).ok_or_else(|| not_an_id(name))).transpose();
    let user = id(user, "userId")?.or(in_body);
    let application = id(application.filter(|text| *text != "null"), "applicationId")?.or(application_in_body);
    let (user, application) = match api.caller(&call, ENDPOINT, &Method::PUT).await? {
        Caller::Key(_) => {
            (user.ok_or_else(|| Refusal::field("missing", "userId", "It is required with an API key."))?, application)
        }
        Caller::User(token) => (token.user, token.application),
    };
    if let Some(id) = application {
        known_application(api, id)?;
    }
    let user = api.authority.note_sign_in(user, application).await?;
    let registered = application.is_none_or(|id| user.registration(id).is_some());
    let status = if registered { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(Answer::json(status, &json!({ "user": user_document(&user) })))
}
