//! `[[route]]` blocks to [`RouteSettings`]; who may call one is in `access`.

use http::{Method, Uri};

use crate::config::compile::access::{callers, check_issuer};
use crate::config::compile::address::Address;
use crate::config::compile::authority::Applications;
use crate::config::compile::{Context, all, check_name, host, word};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::RouteFile;
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::config::source::Source;
use crate::route::{Authorization, HostPattern, Origin, PathPrefix, RETURN_TO, RouteSettings, TokenFrom};

const DEFAULT_MAX_BODY: u64 = 100 << 20;

pub(super) fn compile(
    block: &Block<RouteFile>,
    source: &Source,
    known: &Applications,
    context: &mut Context<'_>,
) -> Option<RouteSettings> {
    let Block { path, value: file } = block;
    let callers = callers(file, source, known, path, context);
    let problems = &mut *context.problems;
    check_name(source, "upstream", &file.upstream, &path.key("upstream"), problems);
    let host = match &file.host {
        Some(text) => host::pattern(text, &path.key("host"), problems),
        None => Some(HostPattern::Any),
    };
    let prefix = prefix(&file.path, &path.key("path"), problems);
    let methods = file.methods.as_deref().map(|names| methods(names, &path.key("methods"), problems));
    let token_from = token_from(file, &path.key("token_from"), problems);
    let authorization = authorization(file, path, problems);
    let origins = all(&file.origins, &path.key("origins"), |text, path| origin(text, path, problems));
    let sign_in_url = file.sign_in_url.as_deref().map(|text| sign_in_url(text, &path.key("sign_in_url"), problems));
    let allow_encoded_slash = allow_encoded_slash(&file.allow, &path.key("allow"), problems);
    let upgrades = upgrades(file.upgrades.as_deref(), &path.key("upgrades"), problems);
    Some(RouteSettings {
        name: file.name.as_str().into(),
        host: host?,
        path: prefix?,
        methods: if let Some(methods) = methods { Some(methods?) } else { None },
        upstream: file.upstream.as_str().into(),
        access: callers.access,
        application: callers.application,
        reconcile: callers.reconcile,
        issuers: callers.issuers,
        token_from: token_from?,
        identity_headers: callers.identity_headers,
        authorization: authorization?,
        assertion: file.assertion.unwrap_or(false),
        origins: origins?,
        sign_in_url: if let Some(url) = sign_in_url { Some(url?) } else { None },
        allow_encoded_slash: allow_encoded_slash?,
        max_body_bytes: file.max_body.map_or(Some(DEFAULT_MAX_BODY), |size| size.0),
        upgrades: upgrades?,
        response_timeout: file.response_timeout.map(|span| span.0),
        end_streams_at_expiry: file.end_streams_at_expiry.unwrap_or(false),
    })
}

/// What a route names, read also where another of its settings cannot be.
#[derive(serde::Deserialize)]
struct References {
    upstream: Option<String>,
    application: Option<String>,
    #[serde(default)]
    issuers: Vec<String>,
}

/// Reports broken references of the routes that could not be read whole, so that one pass finds all.
pub(super) fn check_references(source: &Source, problems: &mut Problems) {
    // A block that cannot even be read so far was reported before.
    let blocks = source.blocks::<References>("route", &mut Problems::default());
    for Block { path, value } in blocks {
        let upstream = value.upstream.iter().map(|name| ("upstream", name, path.key("upstream")));
        let application = value.application.iter().map(|name| ("application", name, path.key("application")));
        for (section, name, path) in upstream.chain(application).filter(|(_, _, path)| !problems.has_in(path)).collect::<Vec<_>>()
        {
            check_name(source, section, name, &path, problems);
        }
        let issuers = path.key("issuers");
        for (index, name) in value.issuers.iter().enumerate() {
            let path = issuers.item(index);
            if !problems.has_in(&path) {
                check_issuer(source, name, &path, problems);
            }
        }
    }
}

fn prefix(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<PathPrefix> {
    let prefix = PathPrefix::parse(text);
    if let Err(reason) = prefix {
        problems.error(path, format!("found {}; {reason}", quoted(text)));
    }
    prefix.ok()
}

fn methods(names: &[String], path: &KeyPath, problems: &mut Problems) -> Option<Vec<Method>> {
    if names.is_empty() {
        problems.refuse(path, "no method", "at least one (leave `methods` out for all)");
    }
    all(names, path, |name, path| {
        // Methods are case-sensitive (RFC 9110 section 9.1): `get` would match nothing that a client sends.
        let upper = !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        let method = name.parse::<Method>().ok().filter(|method| upper && *method != Method::CONNECT && *method != Method::TRACE);
        if method.is_none() {
            problems.refuse(path, quoted(name), "a method in capitals, such as \"GET\", except CONNECT and TRACE");
        } else if names.iter().filter(|other| *other == name).count() > 1 {
            problems.refuse(path, format_args!("{} more than once", quoted(name)), "each method once");
        }
        method
    })
}

/// The authority's tokens may be in its cookie where nothing is said.
fn token_from(file: &RouteFile, path: &KeyPath, problems: &mut Problems) -> Option<TokenFrom> {
    let Some(places) = file.token_from.as_deref() else {
        let default = TokenFrom::default();
        return Some(TokenFrom { cookie: default.cookie || file.application.is_some(), ..default });
    };
    const PLACES: [(&str, &str); 3] = [("header", "header"), ("cookie", "cookie"), ("query", "query")];
    if places.is_empty() {
        problems.refuse(path, "no place", "at least one of \"header\", \"cookie\", \"query\"");
    }
    let places = all(places, path, |place, path| word(place, &PLACES, path, problems))?;
    let has = |place| places.contains(&place);
    Some(TokenFrom { header: has("header"), cookie: has("cookie"), query: has("query") })
}

fn authorization(file: &RouteFile, path: &KeyPath, problems: &mut Problems) -> Option<Authorization> {
    const WORDS: [(&str, Authorization); 3] =
        [("remove", Authorization::Remove), ("presented", Authorization::Presented), ("exchanged", Authorization::Exchanged)];
    word(file.authorization.as_deref().unwrap_or("remove"), &WORDS, &path.key("authorization"), problems)
}

fn origin(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<Origin> {
    let origin = Origin::parse(text);
    if let Err(reason) = origin {
        problems.error(path, format!("found {}; {reason}", quoted(text)));
    }
    origin.ok()
}

/// A path on the same host, or an absolute address. `//host` and `/\host` are read by browsers as another host. The place
/// to return to may stand in the query only, where nothing it says can change where the browser goes.
fn sign_in_url(written: &str, path: &KeyPath, problems: &mut Problems) -> Option<Uri> {
    let (place, query) = written.split_once('?').unwrap_or((written, ""));
    let text = &format!("{place}?{}", query.replace(RETURN_TO, ""));
    let plain = text.is_ascii() && !text.contains(['\\', '#', '"', '<', '>', '^', '`', '{', '|', '}']);
    let local = text.starts_with('/') && !text.starts_with("//");
    let parsed = |text: &str| if local { text.parse().ok() } else { Address::parse(text).map(|address| address.uri) };
    let plain = plain && !text.chars().any(|c| c.is_control() || c == ' ');
    let uri = parsed(text).filter(|_| plain).and_then(|_| parsed(written));
    if uri.is_none() {
        problems.refuse(
            path,
            quoted(written),
            r#"an http(s) address or a path, such as "https://login.example.com/?rd={return_to}" or "/sign-in""#,
        );
    }
    uri
}

fn allow_encoded_slash(words: &[String], path: &KeyPath, problems: &mut Problems) -> Option<bool> {
    let allowed = all(words, path, |text, path| word(text, &[("encoded_slash", ())], path, problems))?;
    Some(!allowed.is_empty())
}

/// RFC 9110 section 7.8. `h2c` would tunnel requests past everything the gateway checks.
fn upgrades(names: Option<&[String]>, path: &KeyPath, problems: &mut Problems) -> Option<Vec<String>> {
    let Some(names) = names else { return Some(vec!["websocket".to_owned()]) };
    all(names, path, |name, path| {
        let lower = name.to_ascii_lowercase();
        if lower == "h2c" || lower.starts_with("h2") || lower.starts_with("http/") || lower.starts_with("tls/") {
            let allowed =
                "protocols that carry no further requests, such as \"websocket\" (h2c would bypass the gateway's checks)";
            problems.refuse(path, quoted(name), allowed);
            return None;
        }
        let token = !lower.is_empty() && lower.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&b));
        if !token {
            problems.refuse(path, quoted(name), "a protocol name such as \"websocket\"");
        }
        token.then_some(lower)
    })
}
