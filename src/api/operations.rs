//! Which operation a request is, by path and method.

use http::{Method, StatusCode};

use super::answer::Answer;
use super::call::Call;
use super::parameters::parse_id;
use super::refusal::Refusal;
use super::{
    Shared, introspect, issue, login, logout, public_key, reconcile, refresh, refresh_tokens, revoke, status, user, userinfo,
    validate, vend, well_known,
};
use crate::proxy::OwnRequest;

/// The paths that the API answers at, each with everything below it.
pub const PATHS: [&str; 12] = [
    "/api/jwt",
    "/api/login",
    "/api/logout",
    "/api/user",
    "/api/status",
    "/oauth2/introspect",
    "/oauth2/revoke",
    "/oauth2/userinfo",
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
    "/.well-known/tollgate-assertion.json",
    "/.well-known/tollgate-webhook.json",
];

/// Answers one request.
pub(super) async fn answer(api: &Shared, request: OwnRequest) -> Answer {
    let call = match Call::of(request) {
        Ok(call) => call,
        Err(refusal) => return refusal.render(),
    };
    match perform(api, call).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.render(),
    }
}

async fn perform(api: &Shared, call: Call) -> Result<Answer, Refusal> {
    if call.is_for_another_tenant(api.authority.settings().tenant_id) {
        return Err(Refusal::NotFound);
    }
    let path = call.path.clone();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    // `/api/user/` is nobody's, and not the user of the empty id.
    if segments.contains(&"") {
        return Err(Refusal::NotFound);
    }
    // Before the table, where a name such as `change-password` would fit in the place of an id.
    if let Some(allowed) = methods_of(&segments).filter(|allowed| !allowed.split(", ").any(|method| call.method == method)) {
        return Err(Refusal::Method(allowed));
    }
    // What may be asked for by GET may be by HEAD (RFC 9110 section 9.3.2); the server leaves the body out.
    let method = if call.method == Method::HEAD { Method::GET } else { call.method.clone() };
    match (segments.as_slice(), method.as_str()) {
        (["api", "jwt", "issue"], "GET") => issue::issue(api, &call).await,
        (["api", "jwt", "validate"], "GET") => validate::validate(api, &call).await,
        (["api", "jwt", "public-key"], "GET") => public_key::public_keys(api, &call),
        (["api", "jwt", "refresh"], "POST") => refresh::refresh(api, call).await,
        (["api", "jwt", "refresh"], "GET") => refresh_tokens::list(api, &call).await,
        (["api", "jwt", "refresh", id], "GET") => refresh_tokens::one(api, &call, id).await,
        (["api", "jwt", "refresh"], "DELETE") => refresh_tokens::revoke(api, call).await,
        (["api", "jwt", "refresh", id], "DELETE") => refresh_tokens::revoke_one(api, &call, id).await,
        (["api", "jwt", "reconcile"], "POST") => reconcile::reconcile(api, call).await,
        (["api", "jwt", "vend"], "POST") => vend::vend(api, call).await,
        (["api", "login"], "POST") => login::login(api, call).await,
        (["api", "login"], "PUT") => login::ping(api, call, None, None).await,
        (["api", "login", user], "PUT") => login::ping(api, call, Some(user), None).await,
        (["api", "login", user, application], "PUT") => login::ping(api, call, Some(user), Some(application)).await,
        (["api", "logout"], "POST") => logout::logout(api, call).await,
        (["api", "status"], "GET") => status::status(api, &call).await,
        (["api", "user"], "POST") => user::add(api, call, None).await,
        (["api", "user"], "GET") => user::by_name(api, &call).await,
        (["api", "user", "change-password"], "POST") => user::change_password(api, call).await,
        (["api", "user", "registration"], "POST") => user::add_registration(api, call, None).await,
        (["api", "user", "registration", id], "POST") => user::add_registration(api, call, Some(id)).await,
        (["api", "user", "registration", id], "PUT" | "PATCH") => user::replace_registration(api, call, id, None).await,
        (["api", "user", "registration", id, application], "GET") => user::registration(api, &call, id, application).await,
        (["api", "user", "registration", id, application], "PUT" | "PATCH") => {
            user::replace_registration(api, call, id, Some(application)).await
        }
        (["api", "user", "registration", id, application], "DELETE") => {
            user::remove_registration(api, &call, id, application).await
        }
        (["api", "user", id], "POST") => user::add(api, call, Some(id)).await,
        (["api", "user", id], "GET") => user::by_id(api, &call, id).await,
        (["api", "user", id], "PUT" | "PATCH") => user::replace(api, call, id).await,
        (["api", "user", id], "DELETE") => user::remove(api, &call, id).await,
        (["oauth2", "introspect"], "POST") => introspect::introspect(api, call).await,
        (["oauth2", "revoke"], "POST") => revoke::revoke(api, call).await,
        (["oauth2", "userinfo"], "GET" | "POST") => userinfo::userinfo(api, &call).await,
        ([".well-known", "jwks.json"], "GET") => Ok(well_known::key_set(api)),
        ([".well-known", "tollgate-webhook.json"], "GET") => Ok(well_known::webhook_keys(api)),
        ([".well-known", "openid-configuration"], "GET") => Ok(well_known::configuration(api, &call)),
        ([".well-known", "tollgate-assertion.json"], "GET") => Ok(well_known::assertion_keys(api)),
        (segments, _) => Err(methods_of(segments).map_or(Refusal::NotFound, Refusal::Method)),
    }
}

/// Whether it is a place of a remote too: what stands in the place of an id is one, where [`methods_of`] takes any word that
/// may be the name of something else there; and it is no key set that only an embedded authority has.
pub(super) fn is_place(segments: &[&str]) -> bool {
    let ids = match segments {
        [".well-known", "tollgate-assertion.json" | "tollgate-webhook.json"] => return false,
        ["api", "jwt", "refresh", ids @ ..] | ["api", "login", ids @ ..] | ["api", "user", "registration", ids @ ..] => ids,
        ["api", "user", "change-password"] => &[],
        ["api", "user", ids @ ..] => ids,
        _ => &[],
    };
    ids.iter().all(|id| parse_id(id).is_some())
}

/// The methods that a place takes, where there is such a place.
pub(super) fn methods_of(segments: &[&str]) -> Option<&'static str> {
    match segments {
        ["api", "jwt", "issue" | "validate" | "public-key"]
        | ["api", "status"]
        | [".well-known", "jwks.json" | "openid-configuration" | "tollgate-assertion.json" | "tollgate-webhook.json"] => {
            Some("GET, HEAD")
        }
        ["api", "jwt", "refresh"] => Some("GET, HEAD, POST, DELETE"),
        ["api", "jwt", "refresh", _] => Some("GET, HEAD, DELETE"),
        ["api", "jwt", "reconcile" | "vend"] | ["api", "logout"] | ["oauth2", "introspect" | "revoke"] => Some("POST"),
        ["api", "login"] => Some("POST, PUT"),
        ["api", "login", _] | ["api", "login", _, _] => Some("PUT"),
        ["api", "user"] => Some("GET, HEAD, POST"),
        ["api", "user", "change-password" | "registration"] => Some("POST"),
        ["api", "user", "registration", _] => Some("POST, PUT, PATCH"),
        ["api", "user", "registration", _, _] => Some("GET, HEAD, PUT, PATCH, DELETE"),
        ["api", "user", _] => Some("GET, HEAD, POST, PUT, PATCH, DELETE"),
        ["oauth2", "userinfo"] => Some("GET, HEAD, POST"),
        _ => None,
    }
}

/// 200 without a body.
pub(super) fn done() -> Answer {
    Answer::empty(StatusCode::OK)
}
