//! The fields that belong to one connection (RFC 9110 section 7.6.1) and those that `Connection` nominates. Called by
//! [`super::sanitize`](mod@super::sanitize) for both directions.
//!
//! Nominated fields go before the gateway adds its own, and no client `Connection` is passed on, so that nobody can
//! have the next hop drop an identity header (httpd CVE-2022-31813, Traefik CVE-2024-45410, CVE-2026-29054).

use http::header::CONNECTION;
use http::{HeaderMap, HeaderName};

use crate::proxy::sanitize::SanitizeFault;

/// What the sanitizer does with a field, by its plain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Field {
    Ordinary,
    Host,
    Authorization,
    Cookie,
    ContentLength,
    TransferEncoding,
    Connection,
    Te,
    Trailer,
    Upgrade,
    /// Removed without a look at it.
    HopByHop,
}

impl Field {
    pub(in crate::proxy) const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// The field of this lower-case name.
pub(in crate::proxy) fn field(name: &str) -> Field {
    match name {
        "host" => Field::Host,
        "authorization" => Field::Authorization,
        "cookie" => Field::Cookie,
        "content-length" => Field::ContentLength,
        "transfer-encoding" => Field::TransferEncoding,
        "connection" => Field::Connection,
        "te" => Field::Te,
        "trailer" => Field::Trailer,
        "upgrade" => Field::Upgrade,
        "keep-alive"
        | "proxy-connection"
        | "proxy-authorization"
        | "proxy-authenticate"
        | "proxy-authentication-info"
        | "http2-settings"
        | "proxy" => Field::HopByHop,
        _ => Field::Ordinary,
    }
}

/// Removes every [`Field::HopByHop`]. `Proxy` is one because CGI makes `HTTP_PROXY` of it (httpoxy).
pub(in crate::proxy) fn remove_plain(headers: &mut HeaderMap) {
    let present: Vec<HeaderName> = headers.keys().filter(|name| field(name.as_str()) == Field::HopByHop).cloned().collect();
    present.iter().for_each(|name| drop(headers.remove(name)));
}

/// Removes `Connection` and what it nominates from a request; says whether it has `upgrade`.
///
/// # Errors
/// Where a framing field is nominated, or too many are.
pub(in crate::proxy) fn remove_from_request(headers: &mut HeaderMap) -> Result<bool, SanitizeFault> {
    let nominated = Nominated::read(headers);
    if nominated.framing {
        return Err(SanitizeFault::NominatedFraming);
    }
    if nominated.names.len() > MOST_NOMINATED {
        return Err(SanitizeFault::NominatedTooMany);
    }
    Ok(nominated.remove(headers))
}

/// As [`remove_from_request`] for a backend's answer, where a nominated framing field stays: the answer would lose its
/// end without it.
pub(in crate::proxy) fn remove_from_response(headers: &mut HeaderMap) -> bool {
    Nominated::read(headers).remove(headers)
}

/// What the `Connection` lines of a message say.
#[derive(Default)]
struct Nominated {
    upgrade: bool,
    framing: bool,
    names: Vec<HeaderName>,
}

impl Nominated {
    fn read(headers: &HeaderMap) -> Self {
        let mut nominated = Self::default();
        for line in headers.get_all(CONNECTION) {
            for option in line.as_bytes().split(|&byte| byte == b',') {
                nominated.add(option.trim_ascii());
            }
        }
        nominated
    }

    fn add(&mut self, option: &[u8]) {
        if option.eq_ignore_ascii_case(b"keep-alive") || option.eq_ignore_ascii_case(b"close") || option.is_empty() {
            return;
        }
        // What is no name can nominate nothing.
        let Ok(name) = HeaderName::from_bytes(option) else { return };
        match field(name.as_str()) {
            Field::Upgrade => self.upgrade = true,
            Field::Host | Field::ContentLength | Field::TransferEncoding => self.framing = true,
            // HTTP/1.1 asks senders to nominate `TE`; both are looked at by themselves.
            Field::Te | Field::Trailer => {}
            _ if self.names.len() <= MOST_NOMINATED => self.names.push(name),
            _ => {}
        }
    }

    fn remove(self, headers: &mut HeaderMap) -> bool {
        headers.remove(CONNECTION);
        self.names.iter().for_each(|name| drop(headers.remove(name)));
        self.upgrade
    }
}

const MOST_NOMINATED: usize = 32;
