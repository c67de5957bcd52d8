//! The first stage: everything that belongs to one connection, and everything only the gateway may say, leaves the
//! request before any other stage reads it. Also for trailers and for the backend's answers.
//!
//! What would have to be repaired is refused: a [`SanitizeFault`] ends the request. The stage removes and joins; it
//! never adds. The client's address and scheme are read before it ([`super::forwarded`]), because it removes them.

use http::header::{CONTENT_LENGTH, COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};
use thiserror::Error;

use crate::peer::RequestLimits;
use crate::proxy::hop_by_hop::{self, Field};
use crate::proxy::managed::{Managed, ManagedHeaders};

/// Why a request ends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum SanitizeFault {
    /// CONNECT, TRACE or TRACK, or a method that is not in capitals: 405.
    #[error("the method is never forwarded")]
    Method,
    /// The target is longer than the listener takes: 414.
    #[error("the request-target is too long")]
    TargetTooLong,
    /// More header lines than the listener takes: 431.
    #[error("too many header fields")]
    TooManyHeaders,
    /// More bytes of headers than the listener takes: 431.
    #[error("the header fields are too large")]
    HeadersTooLarge,
    /// Two `Host` lines: 400.
    #[error("more than one Host")]
    SeveralHosts,
    /// Two `Authorization` lines: 400.
    #[error("more than one Authorization")]
    SeveralAuthorizations,
    /// `Content-Length` twice, with `Transfer-Encoding`, or not a number: 400.
    #[error("a bad Content-Length")]
    ContentLength,
    /// `Transfer-Encoding` that is not exactly `chunked`, or in HTTP/1.0: 400.
    #[error("a bad Transfer-Encoding")]
    TransferEncoding,
    /// `Connection` nominates a field that frames or routes the message: 400.
    #[error("Connection nominates a framing field")]
    NominatedFraming,
    /// `Connection` nominates more names than any honest client: 400.
    #[error("Connection nominates too many fields")]
    NominatedTooMany,
    /// The joined cookie is no header value: 400.
    #[error("a bad Cookie")]
    Cookie,
}

impl SanitizeFault {
    /// The stable word for logs and for `ambiguous_requests_total{kind}`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Method => "method_refused",
            Self::TargetTooLong => "target_too_long",
            Self::TooManyHeaders => "too_many_headers",
            Self::HeadersTooLarge => "headers_too_large",
            Self::SeveralHosts => "several_hosts",
            Self::SeveralAuthorizations => "several_authorizations",
            Self::ContentLength => "content_length",
            Self::TransferEncoding => "transfer_encoding",
            Self::NominatedFraming => "nominated_framing",
            Self::NominatedTooMany => "nominated_too_many",
            Self::Cookie => "bad_cookie",
        }
    }
}

/// What a clean request said about its connection.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sanitized {
    /// Identity header lines that were removed, for `identity_headers_stripped_total`.
    pub identity_headers: usize,
    /// The `Upgrade` value, where `Connection` says `upgrade` in HTTP/1.1; removed from the headers.
    pub upgrade: Option<HeaderValue>,
}

/// Cleans the head of a request.
///
/// # Errors
/// The [`SanitizeFault`]; the headers are then in no defined state.
pub fn sanitize(head: &mut Parts, managed: &ManagedHeaders, limits: &RequestLimits) -> Result<Sanitized, SanitizeFault> {
    refuse_method(&head.method)?;
    refuse_target(&head.uri, limits)?;
    let seen = Seen::look(&head.headers, managed, limits)?;
    seen.refuse_framing(&head.headers, head.version)?;
    let upgrade = remove_hop_by_hop(&mut head.headers, &seen)?.filter(|_| head.version == Version::HTTP_11);
    if seen.cookies > 1 {
        join_cookies(&mut head.headers)?;
    }
    seen.managed.iter().for_each(|name| drop(head.headers.remove(name)));
    if seen.has(Field::Trailer) {
        filter_trailer_names(&mut head.headers, managed);
    }
    Ok(Sanitized { identity_headers: seen.identity_headers, upgrade })
}

/// Cleans the trailers of a request (RFC 9110 section 6.5.1); returns how many identity lines it removed.
pub fn sanitize_trailers(trailers: &mut HeaderMap, managed: &ManagedHeaders) -> usize {
    let mut identity = 0;
    let forbidden = trailers.iter().filter_map(|(name, _)| {
        identity += usize::from(managed.reason(name.as_str()) == Some(Managed::Identity));
        (!may_be_trailer(name.as_str(), managed)).then(|| name.clone())
    });
    let forbidden: Vec<HeaderName> = forbidden.collect();
    forbidden.iter().for_each(|name| drop(trailers.remove(name)));
    identity
}

/// Cleans the head of a backend's answer, a 101 too: what belongs to the connection to it does not reach the client
/// (Hono GHSA-79qm-7rj5-m7r9). Returns the `Upgrade` value where the answer is about an upgrade.
pub fn sanitize_response(headers: &mut HeaderMap) -> Option<HeaderValue> {
    let fields = headers.keys().fold(0, |bits, name| bits | hop_by_hop::field(name.as_str()).bit());
    let upgrades = fields & Field::Connection.bit() != 0 && hop_by_hop::remove_from_response(headers);
    let upgrade = headers.remove(UPGRADE).filter(|_| upgrades);
    if fields & (Field::HopByHop.bit() | Field::Te.bit()) != 0 {
        hop_by_hop::remove_plain(headers);
        headers.remove(TE);
    }
    // Chunks win over a length (RFC 9112 section 6.3), which would cut the answer short for the client.
    if headers.remove(TRANSFER_ENCODING).is_some() {
        headers.remove(CONTENT_LENGTH);
    }
    upgrade
}

/// Cleans the trailers of a backend's answer: an HTTP/2 client has to refuse the whole answer for one that is about the
/// connection (RFC 9113 section 8.2.2).
pub(super) fn sanitize_response_trailers(trailers: &mut HeaderMap) {
    let forbidden: Vec<HeaderName> = trailers.keys().filter(|name| !is_trailer_name(name.as_str())).cloned().collect();
    forbidden.iter().for_each(|name| drop(trailers.remove(name)));
}

fn refuse_method(method: &Method) -> Result<(), SanitizeFault> {
    match *method {
        Method::GET | Method::POST => Ok(()),
        Method::CONNECT | Method::TRACE => Err(SanitizeFault::Method),
        _ if method.as_str() == "TRACK" => Err(SanitizeFault::Method),
        // Methods are case-sensitive (RFC 9110 section 9.1), and backends exist that run their DELETE for `delete`: the
        // route that says who may delete must not be passed by in lower case.
        _ if method.as_str().bytes().any(|byte| byte.is_ascii_lowercase()) => Err(SanitizeFault::Method),
        _ => Ok(()),
    }
}

fn refuse_target(uri: &Uri, limits: &RequestLimits) -> Result<(), SanitizeFault> {
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    if target + authority > limits.target_bytes { Err(SanitizeFault::TargetTooLong) } else { Ok(()) }
}

/// What one pass over the headers saw.
#[derive(Default)]
struct Seen {
    fields: u16,
    hosts: usize,
    authorizations: usize,
    lengths: usize,
    codings: usize,
    cookies: usize,
    identity_headers: usize,
    managed: Vec<HeaderName>,
}

impl Seen {
    fn look(headers: &HeaderMap, managed: &ManagedHeaders, limits: &RequestLimits) -> Result<Self, SanitizeFault> {
        if headers.len() > limits.header_count {
            return Err(SanitizeFault::TooManyHeaders);
        }
        let (mut seen, mut bytes) = (Self::default(), 0);
        for (name, value) in headers {
            bytes += name.as_str().len() + value.len();
            seen.count(name, managed);
        }
        if bytes > limits.header_bytes { Err(SanitizeFault::HeadersTooLarge) } else { Ok(seen) }
    }

    fn count(&mut self, name: &HeaderName, managed: &ManagedHeaders) {
        let field = hop_by_hop::field(name.as_str());
        self.fields |= field.bit();
        match field {
            Field::Ordinary => self.count_managed(name, managed),
            Field::Host => self.hosts += 1,
            Field::Authorization => self.authorizations += 1,
            Field::ContentLength => self.lengths += 1,
            Field::TransferEncoding => self.codings += 1,
            Field::Cookie => self.cookies += 1,
            Field::Connection | Field::Te | Field::Trailer | Field::Upgrade | Field::HopByHop => {}
        }
    }

    fn count_managed(&mut self, name: &HeaderName, managed: &ManagedHeaders) {
        let Some(reason) = managed.reason(name.as_str()) else { return };
        self.identity_headers += usize::from(reason == Managed::Identity);
        if self.managed.last() != Some(name) {
            self.managed.push(name.clone());
        }
    }

    fn has(&self, field: Field) -> bool {
        self.fields & field.bit() != 0
    }

    fn refuse_framing(&self, headers: &HeaderMap, version: Version) -> Result<(), SanitizeFault> {
        match (self.hosts, self.authorizations) {
            (0 | 1, 0 | 1) => {}
            (0 | 1, _) => return Err(SanitizeFault::SeveralAuthorizations),
            _ => return Err(SanitizeFault::SeveralHosts),
        }
        match (self.lengths, self.codings) {
            (0, 0) => Ok(()),
            (1, 0) => refuse_length(headers),
            (0, 1) => refuse_coding(headers, version),
            (0, _) => Err(SanitizeFault::TransferEncoding),
            _ => Err(SanitizeFault::ContentLength),
        }
    }
}

/// Pingora CVE-2026-2835: `+5`, an empty value, a list.
fn refuse_length(headers: &HeaderMap) -> Result<(), SanitizeFault> {
    let value = headers.get(CONTENT_LENGTH).map_or(&b""[..], HeaderValue::as_bytes);
    let good = matches!(value.len(), 1..=19) && value.iter().all(u8::is_ascii_digit);
    if good { Ok(()) } else { Err(SanitizeFault::ContentLength) }
}

fn refuse_coding(headers: &HeaderMap, version: Version) -> Result<(), SanitizeFault> {
    let chunked = headers.get(TRANSFER_ENCODING).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if chunked && version == Version::HTTP_11 { Ok(()) } else { Err(SanitizeFault::TransferEncoding) }
}

fn remove_hop_by_hop(headers: &mut HeaderMap, seen: &Seen) -> Result<Option<HeaderValue>, SanitizeFault> {
    let upgrades = seen.has(Field::Connection) && hop_by_hop::remove_from_request(headers)?;
    let upgrade = if seen.has(Field::Upgrade) { sole_upgrade(headers).filter(|_| upgrades) } else { None };
    if seen.has(Field::Te) {
        keep_te_trailers(headers);
    }
    if seen.has(Field::TransferEncoding) {
        headers.remove(TRANSFER_ENCODING);
    }
    if seen.has(Field::HopByHop) {
        hop_by_hop::remove_plain(headers);
    }
    Ok(upgrade)
}

/// Several `Upgrade` lines are none.
fn sole_upgrade(headers: &mut HeaderMap) -> Option<HeaderValue> {
    let several = headers.get_all(UPGRADE).iter().nth(1).is_some();
    headers.remove(UPGRADE).filter(|_| !several)
}

fn keep_te_trailers(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(TE).iter();
    let sole = lines.next().filter(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"));
    if sole.is_none() || lines.next().is_some() {
        headers.remove(TE);
    }
}

/// HTTP/2 may send a cookie in crumbs; they are one line again before anyone reads it (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) -> Result<(), SanitizeFault> {
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let joined = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])).map_err(|_| SanitizeFault::Cookie)?;
    headers.insert(COOKIE, joined);
    Ok(())
}

/// `Trailer` announces only what [`sanitize_trailers`] lets through.
fn filter_trailer_names(headers: &mut HeaderMap, managed: &ManagedHeaders) {
    let lines = headers.get_all(TRAILER).iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    let names = lines.filter_map(|name| std::str::from_utf8(name.trim_ascii()).ok());
    let kept: Vec<&str> = names.filter(|name| HeaderName::try_from(*name).is_ok() && may_be_trailer(name, managed)).collect();
    match HeaderValue::try_from(kept.join(", ")) {
        Ok(value) if !value.is_empty() => drop(headers.insert(TRAILER, value)),
        _ => drop(headers.remove(TRAILER)),
    }
}

fn may_be_trailer(name: &str, managed: &ManagedHeaders) -> bool {
    let name = name.to_ascii_lowercase();
    is_trailer_name(&name) && managed.reason(&name).is_none()
}

fn is_trailer_name(name: &str) -> bool {
    hop_by_hop::field(name) == Field::Ordinary && !NEVER_TRAILERS.contains(&name)
}

/// Fields that route, frame, authenticate or decide before the body (RFC 9110 section 6.5.1).
const NEVER_TRAILERS: [&str; 9] = [
    "content-encoding",
    "content-range",
    "content-type",
    "cache-control",
    "expect",
    "max-forwards",
    "range",
    "set-cookie",
    "www-authenticate",
];

#[cfg(test)]
mod tests;
