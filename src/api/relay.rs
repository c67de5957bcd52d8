//! The API of a remote authority, reached through this gateway: a caller's request goes on with the caller's own credential, and
//! what the browser is to keep comes back as cookies of this gateway's domain.
//!
//! Only what jwt-api.md has is passed on: FusionAuth answers at many more places, to the same keys. What a page of another
//! site sends has no cookies here either; FusionAuth knows no such rule.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};

use super::call::{TENANT, every_value, read_whole};
use super::operations::{is_place, methods_of};
use super::refusal::Refusal;
use super::relayed_cookies::ours;
use crate::authority::RemoteAuthority;
use crate::identity::credential::{ACCESS_TOKEN, REFRESH_TOKEN};
use crate::media_type;
use crate::proxy::cross_site::cookie_counts;
use crate::proxy::forwarded::ClientView;
use crate::proxy::{Answering, Endpoints, OwnRequest};

/// When to come again while the remote is out of reach.
const RETRY: Duration = Duration::from_secs(2);
/// What goes on of a request, beside cookies.
const ASKED: [HeaderName; 3] = [AUTHORIZATION, CONTENT_TYPE, TENANT];
/// What comes back of an answer, beside cookies.
const ANSWERED: [HeaderName; 4] = [CONTENT_TYPE, WWW_AUTHENTICATE, RETRY_AFTER, CACHE_CONTROL];
/// These sign in, and take JSON alone: a form or a script of another site can send other types without asking.
const SETS_COOKIES: [&str; 3] = ["/api/login", "/api/jwt/reconcile", "/api/jwt/refresh"];

/// The API of a remote authority.
#[derive(Clone, Debug)]
pub struct Relay(Arc<RemoteAuthority>);

impl Relay {
    /// Passes requests on to `remote`.
    pub const fn new(remote: Arc<RemoteAuthority>) -> Self {
        Self(remote)
    }
}

impl Endpoints for Relay {
    fn answer(&self, request: OwnRequest) -> Answering {
        let remote = Arc::clone(&self.0);
        Box::pin(async move {
            let answer = pass_on(&remote, request).await;
            answer.unwrap_or_else(|refusal| refusal.render().into_response())
        })
    }
}

async fn pass_on(remote: &RemoteAuthority, OwnRequest { head, body, client }: OwnRequest) -> Result<Response<Bytes>, Refusal> {
    check_place(&head)?;
    check_type(&head)?;
    let body = read_whole(body).await?;
    let request = onward(&head, body, &client)?;
    let answer = remote.pass_on(request).await.map_err(|_| Refusal::Unavailable(RETRY))?;
    let counts = cookie_counts(&head.method, false, &head.headers, &[], &client);
    let mut answer = back(answer)?;
    if counts {
        let kept = answer.1.get_all(SET_COOKIE);
        let (settings, client) = (remote.settings(), &client);
        let cookies = ours(kept.iter(), settings.refresh_token_lifetime, settings.cookie_domain.as_deref(), client);
        answer.0.headers_mut().extend(cookies.into_iter().map(|cookie| (SET_COOKIE, cookie)));
    }
    Ok(answer.0)
}

/// Operations of jwt-api.md, with ids where it has ids: `/api/user/search` is no user.
fn check_place(head: &Parts) -> Result<(), Refusal> {
    let segments: Vec<&str> = head.uri.path().split('/').skip(1).collect();
    let allowed = methods_of(&segments).filter(|_| is_place(&segments)).ok_or(Refusal::NotFound)?;
    if allowed.split(", ").any(|method| head.method == method) { Ok(()) } else { Err(Refusal::Method(allowed)) }
}

fn check_type(head: &Parts) -> Result<(), Refusal> {
    let sets_cookies = head.method == Method::POST && SETS_COOKIES.contains(&head.uri.path());
    let is_bad = media_type::named(&head.headers).is_some() && !media_type::is_json(&head.headers);
    if sets_cookies && is_bad { Err(Refusal::MediaType("application/json")) } else { Ok(()) }
}

/// The request as the remote gets it. `HEAD` is asked as `GET`: the server here leaves the body out.
fn onward(head: &Parts, body: Bytes, client: &ClientView<'_>) -> Result<Request<Bytes>, Refusal> {
    let method = if head.method == Method::HEAD { Method::GET } else { head.method.clone() };
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let request = Request::builder().method(method).uri(target).body(body);
    let mut request = request.map_err(|error| Refusal::Internal(error.to_string()))?;
    let headers = request.headers_mut();
    headers.extend(taken(&head.headers, &ASKED));
    headers.extend(cookies(head, client).map(|value| (COOKIE, value)));
    headers.extend(forwarded(client));
    Ok(request)
}

fn taken<'h>(headers: &'h HeaderMap, names: &'h [HeaderName]) -> impl Iterator<Item = (HeaderName, HeaderValue)> + 'h {
    names.iter().flat_map(|name| headers.get_all(name).iter().map(|value| (name.clone(), value.clone())))
}

/// Our two cookies, each where it counts. What is written by GET needs no less than what is written by POST: a refresh token is
/// used by both.
fn cookies(head: &Parts, client: &ClientView<'_>) -> Option<HeaderValue> {
    let counts = |method: &Method| cookie_counts(method, false, &head.headers, &[], client);
    let named = [(ACCESS_TOKEN, counts(&head.method)), (REFRESH_TOKEN, counts(&head.method) && counts(&Method::POST))];
    let named = named.into_iter().filter(|(_, counts)| *counts);
    let pairs =
        named.flat_map(|(name, _)| every_value(&head.headers, name).into_iter().map(move |value| format!("{name}={value}")));
    let line = pairs.collect::<Vec<_>>().join("; ");
    let mut value = HeaderValue::try_from(line).ok().filter(|value| !value.is_empty())?;
    value.set_sensitive(true);
    Some(value)
}

/// How the client sees this server; FusionAuth makes addresses and `Secure` of it (jwt-api.md section 8).
fn forwarded(client: &ClientView<'_>) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let usual = if client.secure { 443 } else { 80 };
    let host = if client.port == usual { client.host.to_string() } else { format!("{}:{}", client.host, client.port) };
    let told = [
        ("x-forwarded-for", client.ip.to_string()),
        ("x-forwarded-proto", if client.secure { "https" } else { "http" }.to_owned()),
        ("x-forwarded-host", host),
        ("x-forwarded-port", client.port.to_string()),
    ];
    told.into_iter().filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::try_from(value).ok()?)))
}

/// The answer as the client gets it, without cookies, and the headers that it came with. A redirection would lead past this
/// gateway.
fn back(answer: Response<Bytes>) -> Result<(Response<Bytes>, HeaderMap), Refusal> {
    let (head, body) = answer.into_parts();
    if head.status.is_redirection() || head.status.is_informational() {
        tracing::warn!(status = head.status.as_u16(), "the remote authority redirects where its API should answer");
        return Err(Refusal::Unavailable(RETRY));
    }
    let mut answer = Response::new(body);
    *answer.status_mut() = head.status;
    answer.headers_mut().extend(taken(&head.headers, &ANSWERED));
    if head.status == StatusCode::NO_CONTENT {
        answer.headers_mut().remove(CONTENT_TYPE);
    }
    Ok((answer, head.headers))
}
