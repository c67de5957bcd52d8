//! Identity headers of a route: their names and what each says.
//!
//! A name must be one that the gateway may take from every client and set itself, so hop-by-hop, framing, routing and
//! credential headers are refused, in every spelling that a backend may read as theirs.

use std::collections::BTreeMap;

use http::HeaderName;

use crate::config::diagnostic::{Problems, quoted};
use crate::config::key_path::KeyPath;
use crate::identity::{ClaimSource, Pointer};

/// Headers that mean something to a server, a proxy or a browser already; folded names.
const TAKEN: [&str; 52] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-forwarded-method",
    "x-forwarded-path",
    "x-forwarded-prefix",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-forwarded-uri",
    "accept",
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "date",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "priority",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "server",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "traceparent",
    "tracestate",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
];

/// Beginnings of names that are taken as a whole.
const TAKEN_PREFIXES: [&str; 8] =
    ["accept-", "access-control-", "content-", "if-", "sec-", "x-tollgate-", "x-original-", "x-rewrite-"];

/// What a route's backend is told where the route names no headers, as oauth2-proxy's users know them.
const DEFAULTS: [(&str, &str); 4] = [
    ("X-Forwarded-User", "sub"),
    ("X-Forwarded-Email", "email"),
    ("X-Forwarded-Groups", "roles"),
    ("X-Forwarded-Preferred-Username", "preferred_username"),
];

/// The route's headers, or the defaults where it names none.
pub(super) fn identity_headers(
    configured: Option<&BTreeMap<String, String>>,
    path: &KeyPath,
    problems: &mut Problems,
) -> Vec<(HeaderName, ClaimSource)> {
    let Some(configured) = configured else { return defaults() };
    let mut headers = Vec::new();
    let mut seen = Vec::new();
    for (name, source) in configured {
        let path = path.key(name);
        let name = name_of(name, &mut seen, &path, problems);
        let source = source_of(source, &path, problems);
        headers.extend(name.zip(source));
    }
    if configured.is_empty() {
        let allowed = r#"at least one, such as { X-User-Id = "sub" } (leave it out for X-Forwarded-User and so on)"#;
        problems.refuse(path, "no header", allowed);
    }
    headers
}

fn defaults() -> Vec<(HeaderName, ClaimSource)> {
    let parsed = |(name, source): &(&str, &str)| Some((HeaderName::try_from(*name).ok()?, parse_source(source).ok()?));
    DEFAULTS.iter().filter_map(parsed).collect()
}

fn name_of(text: &str, seen: &mut Vec<String>, path: &KeyPath, problems: &mut Problems) -> Option<HeaderName> {
    let Ok(name) = HeaderName::try_from(text) else {
        problems.bad_key(path, format!("found {}; allowed: a header name such as `X-User-Id`", quoted(text)));
        return None;
    };
    let folded = folded(name.as_str());
    if TAKEN.contains(&folded.as_str()) || TAKEN_PREFIXES.iter().any(|prefix| folded.starts_with(prefix)) {
        let message =
            format!("found `{text}`, which has a meaning of its own; allowed: a name for identity, such as `X-User-Id`");
        problems.bad_key(path, message);
        return None;
    }
    if seen.contains(&folded) {
        problems.bad_key(path, format!("found `{text}`, which a backend may read as another of these names; allowed: each once"));
    }
    seen.push(folded);
    Some(name)
}

/// A name as CGI and WSGI backends read it, which cannot tell `X_User`, `x.user` and `X-User` apart.
fn folded(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

fn source_of(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<ClaimSource> {
    let source = parse_source(text);
    if let Err(reason) = source {
        problems.error(path, format!("found {}; {reason}", quoted(text)));
    }
    source.ok()
}

fn parse_source(text: &str) -> Result<ClaimSource, &'static str> {
    match text {
        "sub" => Ok(ClaimSource::Subject),
        "iss" => Ok(ClaimSource::Issuer),
        "roles" => Ok(ClaimSource::Roles),
        "scopes" => Ok(ClaimSource::Scopes),
        claim => Pointer::parse(claim).map(ClaimSource::Claim),
    }
}
