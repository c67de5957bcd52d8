//! What of an authority and its surroundings does not go together: issuers of the same name, routes in its place.

use crate::authority::{AuthoritySettings, IdentityProvider, RemoteSettings, Usage};
use crate::config::compile::authority::api_paths::RESERVED;
use crate::config::compile::authority::cookie_domain;
use crate::config::compile::is_below;
use crate::config::diagnostic::{Problems, quoted};
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::config::source::Source;
use crate::issuer::IssuerSettings;
use crate::route::{HostPattern, RouteSettings};
use crate::upstream::UpstreamSettings;

/// A token says whose it is by `iss` alone.
pub(super) fn check_provider_issuers(issuer: &str, providers: &[Block<IdentityProvider>], problems: &mut Problems) {
    for provider in providers.iter().filter(|provider| &*provider.value.issuer == issuer) {
        let found = format!("{}, which is the authority's", quoted(issuer));
        problems.refuse(&provider.path.key("issuer"), found, "the `iss` of another party's tokens");
    }
}

/// What of an authority, here or remote, is seen from outside.
#[derive(Clone, Copy)]
pub(in crate::config::compile) struct Presence<'a> {
    /// `iss` of its tokens.
    issuer: &'a str,
    /// Where the API answers; none: anywhere.
    host: Option<&'a str>,
    cookie_domain: Option<&'a str>,
}

impl<'a> From<&'a AuthoritySettings> for Presence<'a> {
    fn from(of: &'a AuthoritySettings) -> Self {
        Self { issuer: &of.issuer, host: of.host.as_deref(), cookie_domain: of.cookie_domain.as_deref() }
    }
}

impl<'a> From<&'a RemoteSettings> for Presence<'a> {
    fn from(of: &'a RemoteSettings) -> Self {
        Self { issuer: &of.issuer, host: of.host.as_deref(), cookie_domain: of.cookie_domain.as_deref() }
    }
}

pub(in crate::config::compile) fn check(
    authority: Presence<'_>,
    source: &Source,
    issuers: &[Block<IssuerSettings>],
    routes: &[Block<RouteSettings>],
    problems: &mut Problems,
) {
    let path = KeyPath::of("authority");
    if let Some(twin) = issuers.iter().find(|other| *other.value.issuer == *authority.issuer) {
        let found = format!("{}, which is the issuer of {} too", quoted(authority.issuer), quoted(&twin.value.name));
        problems.refuse(&path.key("issuer"), found, "each `iss` once");
    }
    check_host(authority, source.has("route"), &path, problems);
    for route in routes {
        check_api_paths(authority, route, problems);
        check_cookies(authority, route, problems);
    }
}

fn check_host(authority: Presence<'_>, has_routes: bool, path: &KeyPath, problems: &mut Problems) {
    let path = &path.key("host");
    match (authority.host, authority.cookie_domain) {
        (None, _) if has_routes => {
            let message = "found nothing; beside routes the API needs a host, such as `host = \"auth.example.com\"`";
            problems.error(path, message);
        }
        (Some(host), Some(domain)) if !cookie_domain::covers(domain, &HostPattern::Exact(host.into())) => {
            let found = format!("{}, from which no browser takes cookies for `cookie_domain`", quoted(host));
            problems.refuse(path, found, format_args!("a host in {}", quoted(domain)));
        }
        _ => {}
    }
}

/// The API answers before any route, so that such a route would never be asked.
fn check_api_paths(authority: Presence<'_>, route: &Block<RouteSettings>, problems: &mut Problems) {
    let Some(host) = authority.host else { return };
    let shares_host = route.value.host.covers(&HostPattern::Exact(host.into()));
    let prefix = route.value.path.as_str();
    if let Some(reserved) = RESERVED.into_iter().find(|reserved| shares_host && is_below(prefix, reserved)) {
        let found = format!("{prefix}, which is the API's on {} ({reserved} and what is below)", quoted(host));
        problems.refuse(&route.path.key("path"), found, "another path, or another host for this route");
    }
}

/// The path of the API that `path` is or is below, where the API answers at one of these hosts.
pub(in crate::config::compile) fn reserved(authority: Presence<'_>, host: &HostPattern, path: &str) -> Option<&'static str> {
    let shares_host = match authority.host {
        Some(own) => host.covers(&HostPattern::Exact(own.into())),
        None => *host == HostPattern::Any,
    };
    RESERVED.into_iter().find(|reserved| shares_host && (is_below(path, reserved) || is_below(reserved, path)))
}

fn check_cookies(authority: Presence<'_>, route: &Block<RouteSettings>, problems: &mut Problems) {
    let Some(domain) = authority.cookie_domain else { return };
    let takes_cookies = route.value.application.is_some() && route.value.token_from.cookie;
    if takes_cookies && !cookie_domain::covers(domain, &route.value.host) {
        let found = format!(
            "{}, which the authority's cookies for {} never reach",
            quoted(&route.value.host.to_string()),
            quoted(domain)
        );
        let allowed = "a host in `cookie_domain`, or `token_from = [\"header\"]` where no cookie is meant";
        problems.refuse(&route.path.key("host"), found, allowed);
    }
}

pub(in crate::config::compile) fn check_reconcile(
    authority: &AuthoritySettings,
    route: &Block<RouteSettings>,
    issuers: &[Block<IssuerSettings>],
    problems: &mut Problems,
) {
    let provider = authority.identity_providers.iter().find(|provider| Some(provider.id) == route.value.reconcile);
    let (Some(provider), Some(application)) = (provider, route.value.application) else { return };
    let path = route.path.key("reconcile");
    if !provider.applications.iter().any(|entry| entry.id == application) {
        let found = format!("{}, which may not sign in to the route's application", quoted(&provider.name));
        problems.refuse(&path, found, "a provider that lists the application in its `applications`");
    }
    let accepted =
        issuers.iter().find(|issuer| issuer.value.issuer == provider.issuer && route.value.issuers.contains(&issuer.value.name));
    if let Some(issuer) = accepted {
        let found = format!("{}, whose `iss` is that of {} in `issuers`", quoted(&provider.name), quoted(&issuer.value.name));
        problems.refuse(&path, found, "one of the two: a token is reconciled, or is its caller's as it is");
    }
}

/// An answer that comes later than the grace would find its browser's refresh token replaced and no longer forgiven.
pub(in crate::config::compile) fn check_graces(
    authority: &AuthoritySettings,
    routes: &[Block<RouteSettings>],
    upstreams: &[Block<UpstreamSettings>],
    problems: &mut Problems,
) {
    let deadline = |route: &RouteSettings| {
        let of_upstream = upstreams.iter().find(|upstream| upstream.value.name == route.upstream);
        route.response_timeout.or(of_upstream.map(|upstream| upstream.value.response_timeout))
    };
    let renewing = routes.iter().filter(|route| route.value.application.is_some() && route.value.token_from.cookie);
    let Some((longest, route)) = renewing.filter_map(|route| Some((deadline(&route.value)?, route))).max_by_key(|it| it.0) else {
        return;
    };
    for (index, application) in authority.applications.iter().enumerate() {
        if let Usage::OneTime { grace } = application.usage
            && application.allow_token_refresh
            && grace < longest
        {
            let (grace, longest, name) = (grace.as_secs(), longest.as_secs(), quoted(&route.value.name));
            let path = KeyPath::of("application").item(index).key("one_time_grace");
            let found = format!("{grace} s, shorter than the {longest} s that an answer of route {name} may take");
            problems.refuse(&path, found, "at least as long, or a shorter `response_timeout` there");
        }
    }
}
