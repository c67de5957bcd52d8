//! `[authority]` with `remote_url`, and `[[application]]` beside it, to [`RemoteSettings`].
//!
//! What a remote decides by itself is refused here, or an operator would believe that it is in force.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use crate::authority::{AUTHORITY_ISSUER, RemoteApplication, RemoteSettings, VEND_ISSUER};
use crate::config::compile::address::Address;
use crate::config::compile::authority::{Seen, check_lifetimes, id, refresh_token_lifetime, seen, unique};
use crate::config::compile::events::Party;
use crate::config::compile::{Context, certificate, each, events, issuer, names};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::{ApplicationFile, AuthorityFile, KeysFile, SingleSignOnFile};
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::config::source::Source;
use crate::events::EventsSettings;
use crate::issuer::Remote;
use crate::route::RouteSettings;
use crate::token::Algorithm;
use crate::upstream::{ServerAddress, TrustRoots, UpstreamHost, UpstreamSettings, UpstreamTls};

const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);
const LEEWAY: Duration = Duration::from_secs(10);
/// Below the times after which servers close an unused connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_CONNECTIONS: usize = 256;
const MAX_IDLE: usize = 32;
/// What the remote alone decides, with whose credentials alone it is asked.
const PARTS: [&str; 3] = ["identity_provider", "api_key", "webhook"];

pub(super) fn compile(source: &Source, context: &mut Context<'_>) -> Option<(RemoteSettings, Option<Block<EventsSettings>>)> {
    for part in PARTS.into_iter().filter(|part| source.has(part)) {
        let message = format!("found `[[{part}]]` beside `authority.remote_url`; allowed: only at the remote authority itself");
        context.problems.error(&KeyPath::of(part), message);
    }
    let block = source.section::<AuthorityFile>("authority", context.problems);
    let applications = each(source, "application", context, |block, context| application(block, context.problems));
    unique(&applications, "application", "id", |it| it.id, |it| &it.name, context.problems);
    let Block { path, value: file } = block?;
    refuse_embedded(&file, &path, context.problems);
    let settings = own(&file, &path, context)?;
    let events = its_events(&file, &settings, &path, source, context);
    let applications = applications.into_iter().map(|block| Arc::new(block.value)).collect();
    Some((RemoteSettings { applications, ..settings }, events))
}

fn own(file: &AuthorityFile, path: &KeyPath, context: &mut Context<'_>) -> Option<RemoteSettings> {
    let seen = seen(file, path, context.problems);
    check_lifetimes(
        path,
        &[("refresh_token_lifetime", file.refresh_token_lifetime), ("max_lifetime", file.max_lifetime)],
        context.problems,
    );
    let timeout = file.timeout.map_or(TIMEOUT, |span| span.0);
    let keys_path = path.key("keys");
    let refresh = issuer::refresh(file.keys.as_ref().unwrap_or(&KeysFile::default()), &keys_path, context.problems);
    let algorithms = match &file.algorithms {
        Some(names) => algorithms(names, &path.key("algorithms"), context.problems),
        None => Some(pairs().collect()),
    };
    let address = address(file.remote_url.as_deref().unwrap_or_default(), &path.key("remote_url"), context.problems)?;
    let roots = roots(file, address.secure, path, context);
    let Seen { issuer, host, cookie_domain, tenant_id } = seen?;
    let roots = roots?;
    Some(RemoteSettings {
        issuer,
        host,
        cookie_domain,
        refresh_token_lifetime: refresh_token_lifetime(file),
        tenant_id,
        timeout,
        max_lifetime: file.max_lifetime.map_or(MAX_LIFETIME, |span| span.0),
        leeway: LEEWAY,
        algorithms: algorithms?,
        upstream: upstream(&address, &roots, timeout)?,
        keys: Remote { url: address.uri, roots },
        refresh,
        applications: Vec::new(),
    })
}

/// Whoever sits on the way would have every caller's credential.
fn address(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<Address> {
    let address = Address::parse(text).filter(|it| it.is_bare() && (it.secure || it.is_loopback()));
    if address.is_none() {
        let allowed =
            r#"scheme, host and port without a path, such as "https://fusionauth.example.com" (http on loopback alone)"#;
        problems.refuse(path, quoted(text), allowed);
    }
    address
}

fn roots(file: &AuthorityFile, secure: bool, path: &KeyPath, context: &mut Context<'_>) -> Option<TrustRoots> {
    if !secure && file.ca_file.is_some() {
        context.problems.error(&path.key("ca_file"), "found it beside an address without TLS; allowed: only beside https://");
    }
    certificate::roots(file.ca_file.as_deref(), path.key("ca_file"), context)
}

fn upstream(address: &Address, roots: &TrustRoots, timeout: Duration) -> Option<UpstreamSettings> {
    let host = HeaderValue::from_str(address.uri.authority()?.as_str()).ok()?;
    let tls = || UpstreamTls { roots: roots.clone(), server_name: None, client_certificate: None };
    Some(UpstreamSettings {
        name: AUTHORITY_ISSUER.into(),
        servers: vec![ServerAddress { host: address.host.clone(), port: address.port_or_default() }],
        tls: address.secure.then(tls),
        connect_timeout: timeout,
        response_timeout: timeout,
        idle_timeout: IDLE_TIMEOUT,
        max_connections: MAX_CONNECTIONS,
        max_idle: MAX_IDLE,
        host: UpstreamHost::Fixed(host),
        title_case_headers: false,
    })
}

fn pairs() -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric())
}

/// Its keys are public; a shared secret is nobody's proof.
fn algorithms(names: &[String], path: &KeyPath, problems: &mut Problems) -> Option<Vec<Algorithm>> {
    let algorithms = issuer::algorithms(names, path, problems)?;
    for (index, algorithm) in algorithms.iter().enumerate().filter(|(_, algorithm)| algorithm.is_symmetric()) {
        problems.refuse(&path.item(index), algorithm, "RS, PS, ES algorithms and EdDSA, whose keys the remote publishes");
    }
    Some(algorithms)
}

fn its_events(
    file: &AuthorityFile,
    settings: &RemoteSettings,
    path: &KeyPath,
    source: &Source,
    context: &mut Context<'_>,
) -> Option<Block<EventsSettings>> {
    let (events, path) = (file.events.as_ref()?, path.key("events"));
    let party = Party {
        name: AUTHORITY_ISSUER,
        issuer: &settings.issuer,
        max_lifetime: Some(settings.max_lifetime),
        leeway: settings.leeway,
        shares_its_key: false,
    };
    events::compile(events, &party, &path, source, context).map(|value| Block { path, value })
}

fn application(block: &Block<ApplicationFile>, problems: &mut Problems) -> Option<RemoteApplication> {
    let Block { path, value: file } = block;
    let others = [
        ("roles", !file.roles.is_empty()),
        ("single_sign_on", file.single_sign_on != SingleSignOnFile::Open),
        ("generate_refresh_tokens", file.generate_refresh_tokens.is_some()),
        ("allow_token_refresh", file.allow_token_refresh.is_some()),
        ("login_requires_api_key", file.login_requires_api_key.is_some()),
        ("refresh_token_usage", file.refresh_token_usage.is_some()),
        ("one_time_grace", file.one_time_grace.is_some()),
        ("refresh_token_expiration", file.refresh_token_expiration.is_some()),
        ("refresh_token_maximum_lifetime", file.refresh_token_maximum_lifetime.is_some()),
        ("access_token_lifetime", file.access_token_lifetime.is_some()),
        ("refresh_token_lifetime", file.refresh_token_lifetime.is_some()),
        ("signing_algorithm", file.signing_algorithm.is_some()),
        ("signing_secret", file.signing_secret.is_some()),
        ("signing_secret_file", file.signing_secret_file.is_some()),
    ];
    refuse(
        &others,
        path,
        "found it beside `authority.remote_url`; allowed: `id` and `name`, the rest is the remote's to decide",
        problems,
    );
    Some(RemoteApplication { id: id(&file.id, &path.key("id"), problems)?, name: file.name.as_str().into() })
}

fn refuse_embedded(file: &AuthorityFile, path: &KeyPath, problems: &mut Problems) {
    let others = [
        ("signing_algorithm", file.signing_algorithm.is_some()),
        ("signing_key_rotation", file.signing_key_rotation.is_some()),
        ("access_token_lifetime", file.access_token_lifetime.is_some()),
        ("vend_max_lifetime", file.vend_max_lifetime.is_some()),
        ("own_list_shows_tokens", file.own_list_shows_tokens),
        ("password_min_length", file.password_min_length.is_some()),
        ("password_hashes_at_once", file.password_hashes_at_once.is_some()),
        ("login_attempts", file.login_attempts.is_some()),
        ("login_attempts_window", file.login_attempts_window.is_some()),
    ];
    refuse(&others, path, "found it beside `remote_url`; allowed: only for an authority in this gateway", problems);
}

/// What only a remote authority has.
pub(super) fn refuse_without_remote(file: &AuthorityFile, path: &KeyPath, problems: &mut Problems) {
    let others = [
        ("ca_file", file.ca_file.is_some()),
        ("timeout", file.timeout.is_some()),
        ("max_lifetime", file.max_lifetime.is_some()),
        ("algorithms", file.algorithms.is_some()),
        ("keys", file.keys.is_some()),
        ("events", file.events.is_some()),
    ];
    refuse(&others, path, "found it without `remote_url`; allowed: only for a remote authority", problems);
}

fn refuse(settings: &[(&str, bool)], path: &KeyPath, message: &str, problems: &mut Problems) {
    for (key, _) in settings.iter().filter(|(_, present)| *present) {
        problems.error(&path.key(key), message);
    }
}

/// What goes with an authority here and with no remote one.
pub(in crate::config::compile) fn check_beside(source: &Source, routes: &[Block<RouteSettings>], problems: &mut Problems) {
    for (index, _) in names(source, "upstream").filter(|(_, name)| *name == AUTHORITY_ISSUER) {
        let path = KeyPath::of("upstream").item(index).key("name");
        problems.refuse(&path, quoted(AUTHORITY_ISSUER), "another name (metrics call the remote authority so)");
    }
    for Block { path, value } in routes.iter().filter(|route| route.value.issuers.iter().any(|name| **name == *VEND_ISSUER)) {
        let found = format!("{} on route {}, beside `authority.remote_url`", quoted(VEND_ISSUER), quoted(&value.name));
        problems.refuse(&path.key("issuers"), found, "an `[[issuer]]` for tokens that the remote vends");
    }
}
