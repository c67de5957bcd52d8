//! Where on a request a token may be, and taking it away before the request goes on. Called by the pipeline's
//! authentication and injection.
//!
//! It finds and removes; whether a token is any good is for the verifier. A header beats a cookie, a cookie a query
//! parameter; within a header and a query there is one token or a refusal.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};
use thiserror::Error;

/// The cookie, and the query parameter, that holds the access token.
pub const ACCESS_TOKEN: &str = "access_token";
/// The cookie that holds the refresh token.
pub const REFRESH_TOKEN: &str = "refresh_token";

/// Where a route looks for a token. A header always beats a cookie, a cookie a query parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFrom {
    /// `Authorization: Bearer` or `JWT`.
    pub header: bool,
    /// The `access_token` cookie.
    pub cookie: bool,
    /// The `access_token` query parameter (RFC 6750 section 2.3); removed before forwarding.
    pub query: bool,
}

impl Default for TokenFrom {
    fn default() -> Self {
        Self { header: true, cookie: false, query: false }
    }
}

/// Where a token was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `Authorization: Bearer` or `JWT`.
    Header,
    /// The `access_token` cookie.
    Cookie,
    /// The `access_token` query parameter.
    Query,
}

/// Tokens from one source, as they were sent: one, but for cookies of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented<'r> {
    /// Where they were.
    pub source: Source,
    tokens: [&'r str; MOST_COOKIES],
    count: usize,
}

impl<'r> Presented<'r> {
    /// The tokens, in the order in which they were sent; at least one.
    pub fn tokens(&self) -> impl Iterator<Item = &'r str> {
        self.tokens.into_iter().take(self.count)
    }

    fn none(source: Source) -> Self {
        Self { source, tokens: [""; MOST_COOKIES], count: 0 }
    }

    fn one(source: Source, token: &'r str) -> Self {
        let mut presented = Self::none(source);
        (presented.tokens[0], presented.count) = (token, 1);
        presented
    }
}

/// Why the credentials of a request cannot be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum CredentialFault {
    /// Two credentials in one header or query (RFC 6750 section 3.1, `invalid_request`): 400.
    #[error("more than one token")]
    Several,
    /// More cookies of one name than paths and domains explain: 400.
    #[error("too many cookies of one name")]
    TooManyCookies,
    /// A scheme of ours without exactly one token: 401.
    #[error("a malformed Authorization")]
    Malformed,
}

impl CredentialFault {
    /// The stable word for logs and metrics.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Several => "several_tokens",
            Self::TooManyCookies => "too_many_cookies",
            Self::Malformed => "malformed_authorization",
        }
    }
}

/// The tokens of a request at the first of `from`'s places that has any.
///
/// # Errors
/// The [`CredentialFault`].
pub fn find<'r>(
    headers: &'r HeaderMap,
    query: Option<&'r str>,
    from: &TokenFrom,
) -> Result<Option<Presented<'r>>, CredentialFault> {
    if let Some(value) = headers.get(AUTHORIZATION).filter(|_| from.header)
        && let Some(token) = token_of(value.as_bytes())?
    {
        return Ok(Some(Presented::one(Source::Header, token)));
    }
    if from.cookie {
        let cookies = cookies(headers, ACCESS_TOKEN)?;
        if cookies.count > 0 {
            return Ok(Some(cookies));
        }
    }
    let token = query.filter(|_| from.query).map(token_of_query).transpose()?.flatten();
    Ok(token.map(|token| Presented::one(Source::Query, token)))
}

/// The distinct values of the cookies called `name`, empty ones left out.
///
/// # Errors
/// [`CredentialFault::TooManyCookies`].
pub fn cookies<'r>(headers: &'r HeaderMap, name: &str) -> Result<Presented<'r>, CredentialFault> {
    let mut found = Presented::none(Source::Cookie);
    for value in cookie_values(headers, name) {
        if found.tokens().any(|known| known == value) {
            continue;
        }
        *found.tokens.get_mut(found.count).ok_or(CredentialFault::TooManyCookies)? = value;
        found.count += 1;
    }
    Ok(found)
}

/// Every value of the cookies called `name`, however many there are and however often; empty ones left out.
pub fn cookie_values<'r>(headers: &'r HeaderMap, name: &str) -> impl Iterator<Item = &'r str> {
    // Most requests to most routes have no cookie of ours.
    let lines = headers.get_all(COOKIE).into_iter().map(HeaderValue::as_bytes);
    let lines = lines.filter(move |line| memchr::memmem::find(line, name.as_bytes()).is_some());
    let values = lines.flat_map(crumbs).filter_map(move |crumb| value_of(crumb, name.as_bytes()));
    values.filter_map(|value| std::str::from_utf8(value).ok()).filter(|value| !value.is_empty())
}

/// Whether an `Authorization` value is a credential of ours, good or bad; any other passes on anonymous routes.
pub fn is_ours(authorization: &HeaderValue) -> bool {
    values(authorization.as_bytes()).any(|value| our_scheme(value).is_some())
}

/// Removes `Authorization` where it [`is_ours`].
pub fn strip_authorization(headers: &mut HeaderMap) {
    if headers.get_all(AUTHORIZATION).iter().any(is_ours) {
        headers.remove(AUTHORIZATION);
    }
}

/// Removes our cookies; every other byte of `Cookie` stays as it was.
pub fn strip_cookies(headers: &mut HeaderMap) {
    let ours = |line: &HeaderValue| crumbs(line.as_bytes()).any(is_our_cookie);
    if !headers.get_all(COOKIE).iter().any(ours) {
        return;
    }
    let kept: Vec<&[u8]> =
        headers.get_all(COOKIE).iter().flat_map(|line| crumbs(line.as_bytes())).filter(|crumb| !is_our_cookie(crumb)).collect();
    match HeaderValue::from_bytes(kept.join(&b';').trim_ascii_start()) {
        Ok(value) if !value.is_empty() => drop(headers.insert(COOKIE, value)),
        _ => drop(headers.remove(COOKIE)),
    }
}

/// `target` (path and query) without its `access_token` parameters; `None` where it has none.
pub fn strip_query(target: &str) -> Option<String> {
    let (path, query) = target.split_once('?')?;
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_token_parameter(pair)).collect();
    if kept.len() == query.split('&').count() {
        return None;
    }
    Some(if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) })
}

/// The one token of an `Authorization` value with a scheme of ours; `None` for another scheme.
fn token_of(value: &[u8]) -> Result<Option<&str>, CredentialFault> {
    let Some(rest) = our_scheme(value) else {
        // Two lines that an intermediary joined: the backend might read the other one (Envoy #12089).
        let joined = values(value).any(|value| our_scheme(value).is_some());
        return if joined { Err(CredentialFault::Several) } else { Ok(None) };
    };
    let token = rest.trim_ascii();
    if memchr::memchr(b',', token).is_some() {
        return Err(CredentialFault::Several);
    }
    let one = !token.is_empty() && memchr::memchr2(b' ', b'\t', token).is_none();
    let token = std::str::from_utf8(token).ok().filter(|_| one);
    token.map(Some).ok_or(CredentialFault::Malformed)
}

/// What follows `Bearer` or `JWT`, in any case.
fn our_scheme(value: &[u8]) -> Option<&[u8]> {
    let value = value.trim_ascii_start();
    let end = memchr::memchr2(b' ', b'\t', value).unwrap_or(value.len());
    let (scheme, rest) = value.split_at_checked(end)?;
    (scheme.eq_ignore_ascii_case(b"bearer") || scheme.eq_ignore_ascii_case(b"jwt")).then_some(rest)
}

fn values(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b',')
}

fn crumbs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b';')
}

/// The value of `crumb` where it is called `name`, without a pair of quotes (RFC 6265 section 4.1.1).
fn value_of<'c>(crumb: &'c [u8], name: &[u8]) -> Option<&'c [u8]> {
    let equals = memchr::memchr(b'=', crumb)?;
    let (named, value) = (crumb.get(..equals)?.trim_ascii(), crumb.get(equals + 1..)?.trim_ascii());
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    (named == name).then_some(unquoted.unwrap_or(value))
}

/// With a value or without: some backends take a bare name for a cookie without one.
fn is_our_cookie(crumb: &[u8]) -> bool {
    let name = crumb.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii();
    [ACCESS_TOKEN, REFRESH_TOKEN].iter().any(|ours| name == ours.as_bytes())
}

fn token_of_query(query: &str) -> Result<Option<&str>, CredentialFault> {
    let mut tokens = query.split('&').filter(|pair| is_token_parameter(pair));
    let Some(first) = tokens.next() else { return Ok(None) };
    if tokens.next().is_some() {
        return Err(CredentialFault::Several);
    }
    Ok(first.split_once('=').map(|(_, token)| token).filter(|token| !token.is_empty()))
}

/// Backends decode names, so `access%5Ftoken` is one too.
fn is_token_parameter(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    if !name.contains('%') {
        return name == ACCESS_TOKEN;
    }
    decoded_name(name) == ACCESS_TOKEN.as_bytes()
}

fn decoded_name(name: &str) -> Vec<u8> {
    let mut pieces = name.split('%');
    let mut decoded = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        match piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => decoded.push(byte),
            None => decoded.extend_from_slice(b"%"),
        }
        decoded.extend_from_slice(piece.get(2..).unwrap_or_default().as_bytes());
    }
    decoded
}

/// Cookies of one name that one request may have: a browser sends one for each path and domain that set it.
const MOST_COOKIES: usize = 4;

#[cfg(test)]
mod tests;
