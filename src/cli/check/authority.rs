//! The authority and its parts in the words of `tollgate check`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::authority::{
    ApiKey, Application, AuthoritySettings, IdentityProvider, Permissions, RemoteApplication, RemoteSettings, Signing,
    SingleSignOn, Usage, Webhook,
};
use crate::store::{Location, StoreSettings};

/// One line for each part: what it is, its name, what it says.
pub(super) fn lines(settings: &AuthoritySettings) -> Vec<(&'static str, &Arc<str>, String)> {
    let own = [("authority", &settings.issuer, authority(settings))].into_iter();
    let applications = settings.applications.iter().map(|it| ("application", &it.name, application(it, settings)));
    let providers = settings.identity_providers.iter().map(|it| ("identity provider", &it.name, provider(it, settings)));
    let keys = settings.api_keys.iter().map(|it| ("API key", &it.name, permissions(it)));
    let webhooks = settings.webhooks.iter().map(|it| ("webhook", &it.name, webhook(it)));
    own.chain(applications).chain(providers).chain(keys).chain(webhooks).collect()
}

/// The same for a remote authority.
pub(super) fn remote_lines(settings: &RemoteSettings) -> Vec<(&'static str, &Arc<str>, String)> {
    let own = [("authority", &settings.issuer, remote(settings))].into_iter();
    own.chain(settings.applications.iter().map(|it| ("application", &it.name, it.id.to_string()))).collect()
}

pub(super) fn remote_document(settings: &RemoteSettings) -> Value {
    let named = |it: &Arc<RemoteApplication>| json!({ "name": &*it.name, "is": it.id.to_string() });
    json!({
        "issuer": &*settings.issuer,
        "is": remote(settings),
        "applications": settings.applications.iter().map(named).collect::<Vec<_>>(),
    })
}

fn remote(settings: &RemoteSettings) -> String {
    let seen = seen(settings.host.as_deref(), settings.cookie_domain.as_deref());
    format!("{}, passed on to {}", seen.0, settings.keys.url.to_string().trim_end_matches('/')) + &seen.1
}

/// Where the API answers, and where cookies go.
fn seen(host: Option<&str>, cookie_domain: Option<&str>) -> (String, String) {
    let host = host.unwrap_or("any host");
    (format!("on {host}"), cookie_domain.map_or_else(String::new, |domain| format!(", cookies for {domain}")))
}

pub(super) fn document(settings: &AuthoritySettings) -> Value {
    let named = |name: &Arc<str>, is: String| json!({ "name": &**name, "is": is });
    json!({
        "issuer": &*settings.issuer,
        "is": authority(settings),
        "applications": settings.applications.iter().map(|it| named(&it.name, application(it, settings))).collect::<Vec<_>>(),
        "identity_providers":
            settings.identity_providers.iter().map(|it| named(&it.name, provider(it, settings))).collect::<Vec<_>>(),
        "api_keys": settings.api_keys.iter().map(|it| named(&it.name, permissions(it))).collect::<Vec<_>>(),
        "webhooks": settings.webhooks.iter().map(|it| named(&it.name, webhook(it))).collect::<Vec<_>>(),
    })
}

/// Without its path, which some receivers' addresses keep a secret in.
fn webhook(settings: &Webhook) -> String {
    let events: Vec<_> = settings.events.iter().map(|kind| kind.word()).collect();
    let tokens = if settings.include_tokens { ", with tokens" } else { "" };
    let authority = settings.url.authority().map_or("", |authority| authority.as_str());
    format!("to {authority} ({}{tokens})", events.join(", "))
}

pub(super) fn location(store: &StoreSettings) -> String {
    let Location::Sqlite(file) = &store.location;
    file.display().to_string()
}

fn authority(settings: &AuthoritySettings) -> String {
    let (host, cookies) = seen(settings.host.as_deref(), settings.cookie_domain.as_deref());
    format!("{host} ({}{cookies})", settings.algorithm)
}

fn application(settings: &Application, authority: &AuthoritySettings) -> String {
    let access = shown(authority.access_token_lifetime(Some(settings)));
    let refresh = shown(authority.refresh_token_lifetime(settings));
    let once = if matches!(settings.usage, Usage::OneTime { .. }) { ", one-time" } else { "" };
    let entered = match &settings.single_sign_on {
        SingleSignOn::Open => String::new(),
        SingleSignOn::Closed => ", no single sign-on".to_owned(),
        SingleSignOn::From(ids) => format!(", single sign-on from {}", names(ids.iter().copied(), authority)),
    };
    let signing = match &settings.signing {
        Signing::Authority => String::new(),
        Signing::Own(algorithm) => format!(", {algorithm} with a key of its own"),
        Signing::Secret(algorithm, _) => format!(", {algorithm} with a shared secret"),
    };
    format!("{} (tokens for {access}, refresh tokens for {refresh}{once}{entered}{signing})", settings.id)
}

fn provider(settings: &IdentityProvider, authority: &AuthoritySettings) -> String {
    let audiences = settings.audiences.as_ref().map_or_else(|| "anyone".to_owned(), |audiences| audiences.join(", "));
    let applications = names(settings.applications.iter().map(|application| application.id), authority);
    format!("{} for {audiences} (signs in to {applications})", settings.issuer)
}

fn names(ids: impl Iterator<Item = uuid::Uuid>, authority: &AuthoritySettings) -> String {
    let names: Vec<_> = ids.filter_map(|id| authority.application(id)).map(|application| application.name.as_ref()).collect();
    names.join(", ")
}

fn permissions(settings: &ApiKey) -> String {
    let Permissions::Only(paths) = &settings.permissions else { return "everything".to_owned() };
    let paths: Vec<_> = paths
        .iter()
        .map(|(path, methods)| {
            let methods: Vec<_> = methods.iter().map(http::Method::as_str).collect();
            format!("{} {path}", methods.join(","))
        })
        .collect();
    if paths.is_empty() { "nothing".to_owned() } else { paths.join(", ") }
}

/// A lifetime in its largest whole unit.
fn shown(lifetime: Duration) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "d"), (3600, "h"), (60, "m")];
    let seconds = lifetime.as_secs();
    let unit = UNITS.into_iter().find(|(size, _)| seconds >= *size && seconds.is_multiple_of(*size));
    unit.map_or_else(|| format!("{seconds}s"), |(size, unit)| format!("{}{unit}", seconds / size))
}
