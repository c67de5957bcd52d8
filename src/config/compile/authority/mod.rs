//! `[authority]` with its `[[application]]`, `[[identity_provider]]`, `[[api_key]]` and `[[webhook]]` blocks to [`AuthoritySettings`].
//!
//! What concerns the authority and something else (routes, issuers) is checked in `beside`.

mod api_key;
mod api_paths;
mod application;
mod beside;
mod cookie_domain;
mod identity_provider;
mod remote;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::authority::{AuthoritySettings, PasswordSettings, RemoteSettings};
use crate::config::compile::{Context, each, host, word};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::AuthorityFile;
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::config::source::Source;
use crate::config::units::Span;
use crate::events::EventsSettings;
use crate::route::HostPattern;
use crate::token::Algorithm;

pub(super) use application::Applications;
pub(super) use beside::{Presence, check as check_beside, check_graces, check_reconcile, reserved};
pub(super) use remote::check_beside as check_beside_remote;

const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
const REFRESH_TOKEN_LIFETIME: Duration = Duration::from_secs(30 * DAY);
const VEND_MAX_LIFETIME: Duration = Duration::from_secs(3600);
const KEY_ROTATION: Duration = Duration::from_secs(90 * DAY);
const DAY: u64 = 24 * 3600;

/// The sections that mean something only beside an authority.
const PARTS: [&str; 4] = ["application", "identity_provider", "api_key", "webhook"];

/// Who issues the authority's tokens.
pub(super) enum Compiled {
    /// Nobody: tokens are only verified.
    Nobody,
    /// This gateway.
    Embedded(Box<AuthoritySettings>),
    /// Another server, whose events may be taken.
    Remote(Box<RemoteSettings>, Option<Block<EventsSettings>>),
}

/// `None`: refused.
pub(super) fn compile(source: &Source, known: &Applications, context: &mut Context<'_>) -> Option<Compiled> {
    if !source.has("authority") {
        for part in PARTS.into_iter().filter(|part| source.has(part)) {
            let message =
                format!("found `[[{part}]]` without `[authority]`, which it belongs to; add the one or remove the other");
            context.problems.error(&KeyPath::of(part), message);
        }
        return Some(Compiled::Nobody);
    }
    if source.has_in("authority", "remote_url") {
        return remote::compile(source, context).map(|(remote, events)| Compiled::Remote(Box::new(remote), events));
    }
    embedded(source, known, context).map(|settings| Compiled::Embedded(Box::new(settings)))
}

fn embedded(source: &Source, known: &Applications, context: &mut Context<'_>) -> Option<AuthoritySettings> {
    let block = source.section::<AuthorityFile>("authority", context.problems);
    let refresh = block.as_ref().map_or(REFRESH_TOKEN_LIFETIME, |block| refresh_token_lifetime(&block.value));
    let applications =
        each(source, "application", context, |block, context| application::compile(block, source, known, refresh, context));
    let providers =
        each(source, "identity_provider", context, |block, context| identity_provider::compile(block, source, known, context));
    let api_keys = each(source, "api_key", context, api_key::compile);
    unique(&applications, "application", "id", |it| it.id, |it| &it.name, context.problems);
    unique(&providers, "identity provider", "id", |it| it.id, |it| &it.name, context.problems);
    unique(&api_keys, "API key", "sha256", |it| it.sha256, |it| &it.name, context.problems);
    let webhooks = each(source, "webhook", context, webhook::compile);
    unique(&webhooks, "webhook", "url", |it| it.key.clone(), |it| &it.name, context.problems);
    unique(&webhooks, "webhook", "name", |it| it.name.clone(), |it| &it.name, context.problems);
    let Block { path, value: file } = block?;
    beside::check_provider_issuers(&file.issuer, &providers, context.problems);
    let settings = own(&file, &path, context.problems)?;
    let arcs = |block: Block<_>| Arc::new(block.value);
    Some(AuthoritySettings {
        applications: applications.into_iter().map(arcs).collect(),
        identity_providers: providers.into_iter().map(|block| block.value.into()).collect(),
        api_keys: api_keys.into_iter().map(|block| block.value.into()).collect(),
        webhooks: webhooks.into_iter().map(|block| block.value.into()).collect(),
        ..settings
    })
}

/// What `[authority]` itself says.
fn own(file: &AuthorityFile, path: &KeyPath, problems: &mut Problems) -> Option<AuthoritySettings> {
    remote::refuse_without_remote(file, path, problems);
    let seen = seen(file, path, problems);
    check_lifetimes(
        path,
        &[
            ("access_token_lifetime", file.access_token_lifetime),
            ("refresh_token_lifetime", file.refresh_token_lifetime),
            ("vend_max_lifetime", file.vend_max_lifetime),
        ],
        problems,
    );
    let algorithm = algorithm(file.signing_algorithm.as_deref(), &path.key("signing_algorithm"), problems);
    let Seen { issuer, host, cookie_domain, tenant_id } = seen?;
    Some(AuthoritySettings {
        issuer,
        host,
        algorithm: algorithm?,
        access_token_lifetime: file.access_token_lifetime.map_or(ACCESS_TOKEN_LIFETIME, |span| span.0),
        refresh_token_lifetime: refresh_token_lifetime(file),
        cookie_domain,
        own_list_shows_tokens: file.own_list_shows_tokens,
        vend_max_lifetime: file.vend_max_lifetime.map_or(VEND_MAX_LIFETIME, |span| span.0),
        tenant_id,
        key_rotation: file.signing_key_rotation.map_or(Some(KEY_ROTATION), |span| span.0),
        passwords: passwords(file),
        applications: Vec::new(),
        identity_providers: Vec::new(),
        api_keys: Vec::new(),
        webhooks: Vec::new(),
    })
}

/// What an authority is seen by, here or remote.
struct Seen {
    issuer: Arc<str>,
    host: Option<Box<str>>,
    cookie_domain: Option<Box<str>>,
    tenant_id: Option<Uuid>,
}

fn seen(file: &AuthorityFile, path: &KeyPath, problems: &mut Problems) -> Option<Seen> {
    if file.issuer.is_empty() || file.issuer.trim() != file.issuer {
        problems.refuse(&path.key("issuer"), quoted(&file.issuer), "the `iss` of its tokens, without spaces around it");
    }
    let host = file.host.as_deref().map(|text| exact_host(text, &path.key("host"), problems));
    let domain = file.cookie_domain.as_deref();
    let domain = domain.map(|text| cookie_domain::compile(text, &path.key("cookie_domain"), problems));
    let tenant_id = file.tenant_id.as_deref().map(|text| id(text, &path.key("tenant_id"), problems));
    Some(Seen {
        issuer: file.issuer.as_str().into(),
        host: if let Some(host) = host { Some(host?) } else { None },
        cookie_domain: if let Some(domain) = domain { Some(domain?) } else { None },
        tenant_id: if let Some(id) = tenant_id { Some(id?) } else { None },
    })
}

fn refresh_token_lifetime(file: &AuthorityFile) -> Duration {
    file.refresh_token_lifetime.map_or(REFRESH_TOKEN_LIFETIME, |span| span.0)
}

fn passwords(file: &AuthorityFile) -> PasswordSettings {
    let default = PasswordSettings::default();
    PasswordSettings {
        min_length: file.password_min_length.map_or(default.min_length, |count| count.to_usize()),
        concurrent: file.password_hashes_at_once.map_or(default.concurrent, |count| count.to_usize()),
        attempts: file.login_attempts.map_or(default.attempts, |count| count.get()),
        attempts_window: file.login_attempts_window.map_or(default.attempts_window, |span| span.0),
        ..default
    }
}

/// Tokens count in whole seconds.
fn check_lifetimes(path: &KeyPath, lifetimes: &[(&str, Option<Span>)], problems: &mut Problems) {
    for (key, span) in lifetimes {
        if let Some(Span(lifetime)) = span.filter(|span| span.0 < Duration::from_secs(1)) {
            problems.refuse(&path.key(key), format_args!("{} ms", lifetime.as_millis()), "at least \"1s\"");
        }
    }
}

pub(super) fn exact_host(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<Box<str>> {
    match host::pattern(text, path, problems)? {
        HostPattern::Exact(host) => Some(host),
        _ => {
            problems.refuse(path, quoted(text), r#"one host, such as "auth.example.com""#);
            None
        }
    }
}

/// The algorithm of the authority's own key pair.
fn algorithm(text: Option<&str>, path: &KeyPath, problems: &mut Problems) -> Option<Algorithm> {
    let pairs = Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric());
    let words: Vec<_> = pairs.map(|algorithm| (algorithm.name(), algorithm)).collect();
    let text = text.unwrap_or("ES256");
    if Algorithm::from_name(text).is_some_and(Algorithm::is_symmetric) {
        let allowed = "an algorithm with a public key, such as \"ES256\" (an application may have HS256 for itself alone)";
        problems.refuse(path, quoted(text), allowed);
        return None;
    }
    word(text, &words, path, problems)
}

/// A UUID in its one canonical form, so that no two spellings are one.
fn id(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok().filter(|id| !id.is_nil() && id.as_hyphenated().to_string().eq_ignore_ascii_case(text));
    if id.is_none() {
        problems.refuse(path, quoted(text), r#"a UUID such as "3c219e58-ed0e-4b18-ad48-f4f92793ae32""#);
    }
    id
}

/// No two blocks have the same value of `key`.
fn unique<T, K: PartialEq>(
    blocks: &[Block<T>],
    what: &str,
    key: &str,
    value: impl Fn(&T) -> K,
    name: impl Fn(&T) -> &str,
    problems: &mut Problems,
) {
    for (index, block) in blocks.iter().enumerate() {
        let own = value(&block.value);
        if let Some(twin) = blocks.iter().take(index).find(|other| value(&other.value) == own) {
            let found = format!("the {key} of {what} {} a second time", quoted(name(&twin.value)));
            problems.refuse(&block.path.key(key), found, format_args!("each {what} has its own"));
        }
    }
}
