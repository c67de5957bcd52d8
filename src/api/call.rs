//! One request to the API, taken apart.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName, Method};
use uuid::Uuid;

use super::fields::Fields;
use super::parameters::{Parameters, parse_id};
use super::refusal::Refusal;
use crate::identity::credential::{self, CredentialFault, Presented};
use crate::media_type;
use crate::proxy::cross_site::cookie_counts;
use crate::proxy::forwarded::ClientView;
use crate::proxy::{OwnBody, OwnBodyFault, OwnRequest};

/// Bytes of a body at most: a user's `data` is the largest thing in any.
const MOST_BODY: usize = 256 * 1024;
/// More distinct cookies of one name than this are not looked at, even where all are: each costs a look into the store.
const MOST_VALUES: usize = 64;
/// Names a tenant.
pub(super) const TENANT: HeaderName = HeaderName::from_static("x-fusionauth-tenantid");

/// A request to the API.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// As it was sent; it has no escapes that matter here, for ids and names need none.
    pub(super) path: String,
    pub(super) query: Parameters,
    pub(super) headers: HeaderMap,
    pub(super) client: ClientView<'static>,
    body: OwnBody,
}

/// What kind of body was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Absent,
    Json,
    Form,
    Other,
}

impl Call {
    pub(super) fn of(request: OwnRequest) -> Result<Self, Refusal> {
        let OwnRequest { head, body, client } = request;
        let query = Parameters::parse(head.uri.query().unwrap_or_default().as_bytes())?;
        Ok(Self { method: head.method, path: head.uri.path().to_owned(), query, headers: head.headers, client, body })
    }

    /// The request names a tenant, and not the one that is here. An empty value is none (jwt-api.md section 1.2).
    pub(super) fn is_for_another_tenant(&self, own: Option<Uuid>) -> bool {
        let named = self.headers.get(TENANT).map(|value| value.as_bytes().trim_ascii()).filter(|value| !value.is_empty());
        let is_own = |own: Uuid, named: &[u8]| std::str::from_utf8(named).ok().and_then(parse_id) == Some(own);
        matches!((own, named), (Some(own), Some(named)) if !is_own(own, named))
    }

    /// Whether cookies may do anything here: not where another site's page made the request.
    pub(super) fn cookies_count(&self) -> bool {
        cookie_counts(&self.method, false, &self.headers, &[], &self.client)
    }

    /// Whether cookies would do so if the request were of an unsafe method: for what is written by GET.
    pub(super) fn cookies_may_write(&self) -> bool {
        cookie_counts(&Method::POST, false, &self.headers, &[], &self.client)
    }

    /// The distinct values of the cookie `name`, where cookies count.
    pub(super) fn cookies(&self, name: &str) -> Result<Option<Presented<'_>>, CredentialFault> {
        if !self.cookies_count() {
            return Ok(None);
        }
        let found = credential::cookies(&self.headers, name)?;
        Ok(Some(found).filter(|found| found.tokens().next().is_some()))
    }

    /// As [`Call::cookies`], where what is planted must not hide what is real: up to [`MOST_VALUES`].
    pub(super) fn every_cookie(&self, name: &str) -> Vec<&str> {
        if self.cookies_count() { every_value(&self.headers, name) } else { Vec::new() }
    }

    /// Whether the request carries a cookie of this name at all.
    pub(super) fn has_cookie(&self, name: &str) -> bool {
        credential::cookie_values(&self.headers, name).next().is_some()
    }

    /// The client's address.
    pub(super) fn address(&self) -> IpAddr {
        self.client.ip
    }

    /// What the client says it is, for a device's description.
    pub(super) fn user_agent(&self) -> Option<&str> {
        self.headers.get(USER_AGENT)?.to_str().ok()
    }

    fn kind(&self) -> Kind {
        match media_type::named(&self.headers) {
            None => Kind::Absent,
            Some(_) if media_type::is_json(&self.headers) => Kind::Json,
            Some(named) if named.eq_ignore_ascii_case("application/x-www-form-urlencoded") => Kind::Form,
            Some(_) => Kind::Other,
        }
    }

    /// The members of a JSON body; none where there is no body. A body of any other type is refused, absent types too:
    /// a form or a script of another site can send those without asking (Fetch standard, "CORS-safelisted").
    pub(super) async fn json(&mut self) -> Result<Fields, Refusal> {
        let kind = self.kind();
        let bytes = self.bytes().await?;
        match kind {
            Kind::Json => Fields::parse(&bytes),
            _ if bytes.is_empty() => Fields::parse(b""),
            _ => Err(Refusal::MediaType("application/json")),
        }
    }

    /// As [`Call::json`], for what sets cookies: a body-less request of another type is refused too, as an empty form of
    /// another site is one. Without a type there is no form (seed 1 refreshes so, with the cookie alone).
    pub(super) async fn json_alone(&mut self) -> Result<Fields, Refusal> {
        match self.kind() {
            Kind::Json | Kind::Absent => self.json().await,
            Kind::Form | Kind::Other => Err(Refusal::MediaType("application/json")),
        }
    }

    /// The parameters of a form; none where there is no body.
    pub(super) async fn form(&mut self) -> Result<Parameters, Refusal> {
        let kind = self.kind();
        let bytes = self.bytes().await?;
        match kind {
            Kind::Form => Parameters::parse(&bytes),
            _ if bytes.is_empty() => Ok(Parameters::default()),
            _ => Err(Refusal::MediaType("application/x-www-form-urlencoded")),
        }
    }

    /// Whether the body, if there is one, is a form.
    pub(super) fn has_form(&self) -> bool {
        self.kind() == Kind::Form
    }

    async fn bytes(&mut self) -> Result<Bytes, Refusal> {
        read_whole(std::mem::replace(&mut self.body, OwnBody::empty())).await
    }
}

/// The distinct values of the cookie `name`, up to [`MOST_VALUES`].
pub(super) fn every_value<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
    let mut values = Vec::new();
    for value in credential::cookie_values(headers, name) {
        if values.len() < MOST_VALUES && !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

/// A whole body, at most [`MOST_BODY`] bytes.
pub(super) async fn read_whole(body: OwnBody) -> Result<Bytes, Refusal> {
    body.read(MOST_BODY).await.map_err(|fault| match fault {
        OwnBodyFault::TooLarge => Refusal::TooLarge(MOST_BODY),
        OwnBodyFault::Incomplete => super::errors::Errors::general("[incomplete]", "The body did not come whole.").into(),
    })
}
