//! Where an issuer's keys come from: exactly one place, of the kind that its algorithms need.
//!
//! Refuses a secret beside public keys (a verifier that takes both can be made to use a public key as the secret, RFC
//! 8725 section 2.1), secrets shorter than their hash, and addresses that anyone on the way could answer for.

use std::collections::BTreeMap;

use http::Uri;

use crate::config::compile::address::Address;
use crate::config::compile::{Context, certificate};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::{EventsFile, IdentityProviderFile, IssuerFile};
use crate::config::files::{Audience, Content};
use crate::config::key_path::KeyPath;
use crate::issuer::{KeyFile, KeySource, Remote};
use crate::secret::Secret;
use crate::token::{Algorithm, KeySet, KeySetError};

const SOURCES: &str = "`jwks_url`, `discovery_url`, `jwks_file`, `public_key_files`, `fusionauth_url`, `secret_file` or `secret`";
const PUBLIC_SOURCES: &str = "`jwks_url`, `discovery_url`, `jwks_file` or `public_key_files`";

const EVENTS_SOURCES: &str = "`jwks_url`, `jwks_file`, `public_key_files` or `secret_file`";

/// What a block says about its keys.
pub(super) struct Keys<'a> {
    /// What such a block is, for messages.
    party: &'static str,
    /// The places that it may name.
    sources: &'static str,
    jwks_url: Option<&'a str>,
    discovery_url: Option<&'a str>,
    jwks_file: Option<&'a str>,
    public_key_files: Option<&'a BTreeMap<String, String>>,
    fusionauth_url: Option<&'a str>,
    fusionauth_applications: Option<&'a [String]>,
    secret_file: Option<&'a str>,
    secret: Option<&'a str>,
    ca_file: Option<&'a str>,
    insecure_http_keys: bool,
}

impl<'a> Keys<'a> {
    pub(super) fn of_issuer(file: &'a IssuerFile) -> Self {
        Self {
            party: "an issuer",
            sources: SOURCES,
            jwks_url: file.jwks_url.as_deref(),
            discovery_url: file.discovery_url.as_deref(),
            jwks_file: file.jwks_file.as_deref(),
            public_key_files: file.public_key_files.as_ref(),
            fusionauth_url: file.fusionauth_url.as_deref(),
            fusionauth_applications: file.fusionauth_applications.as_deref(),
            secret_file: file.secret_file.as_deref(),
            secret: file.secret.as_deref(),
            ca_file: file.ca_file.as_deref(),
            insecure_http_keys: file.insecure_http_keys,
        }
    }

    /// Events are signed with other keys than tokens, or with these.
    pub(super) fn of_events(file: &'a EventsFile) -> Self {
        Self {
            party: "events",
            sources: EVENTS_SOURCES,
            jwks_url: file.jwks_url.as_deref(),
            discovery_url: None,
            jwks_file: file.jwks_file.as_deref(),
            public_key_files: file.public_key_files.as_ref(),
            fusionauth_url: None,
            fusionauth_applications: None,
            secret_file: file.secret_file.as_deref(),
            secret: None,
            ca_file: file.ca_file.as_deref(),
            insecure_http_keys: file.insecure_http_keys,
        }
    }

    /// Whether any place is named.
    pub(super) fn are_anywhere(&self) -> bool {
        !configured(self).is_empty()
    }

    /// A provider has public keys only.
    pub(super) fn of_provider(file: &'a IdentityProviderFile) -> Self {
        Self {
            party: "a provider",
            sources: PUBLIC_SOURCES,
            jwks_url: file.jwks_url.as_deref(),
            discovery_url: file.discovery_url.as_deref(),
            jwks_file: file.jwks_file.as_deref(),
            public_key_files: file.public_key_files.as_ref(),
            fusionauth_url: None,
            fusionauth_applications: None,
            secret_file: None,
            secret: None,
            ca_file: file.ca_file.as_deref(),
            insecure_http_keys: file.insecure_http_keys,
        }
    }
}

pub(super) fn compile(file: &Keys<'_>, algorithms: &[Algorithm], path: &KeyPath, context: &mut Context<'_>) -> Option<KeySource> {
    check_companions(file, path, context);
    let configured = configured(file);
    let source = match *configured.as_slice() {
        [source] => source,
        [] => {
            context.problems.error(path, format!("found no place for keys to come from; allowed: one of {}", file.sources));
            return None;
        }
        [first, second, ..] => {
            context.problems.refuse(
                &path.key(second),
                format_args!("it beside `{first}`"),
                format_args!("only one of {}", file.sources),
            );
            return None;
        }
    };
    // Keys are not tried with algorithms that are refused anyway.
    let algorithms = if fit(file, source, algorithms, path, context) { algorithms } else { &[] };
    let path = path.key(source);
    match source {
        "jwks_url" => remote(file.jwks_url?, file, &path, context).map(KeySource::JwksUrl),
        "discovery_url" => remote(file.discovery_url?, file, &path, context).map(KeySource::Discovery),
        "fusionauth_url" => fusionauth(file, &path, context),
        "jwks_file" => key_set(file.jwks_file?, algorithms, &path, context),
        "public_key_files" => public_keys(file.public_key_files?, algorithms, &path, context),
        "secret_file" => {
            let secret = context.files.secret(file.secret_file?, &path, context.problems)?;
            check_secret(secret, algorithms, &path, context)
        }
        _ => check_secret(Secret::new(file.secret?.into()), algorithms, &path, context),
    }
}

fn configured(file: &Keys<'_>) -> Vec<&'static str> {
    let all = [
        ("jwks_url", file.jwks_url.is_some()),
        ("discovery_url", file.discovery_url.is_some()),
        ("jwks_file", file.jwks_file.is_some()),
        ("public_key_files", file.public_key_files.is_some()),
        ("fusionauth_url", file.fusionauth_url.is_some()),
        ("secret_file", file.secret_file.is_some()),
        ("secret", file.secret.is_some()),
    ];
    all.into_iter().filter_map(|(name, present)| present.then_some(name)).collect()
}

/// Settings that mean something only beside an address.
pub(super) fn check_companions(file: &Keys<'_>, path: &KeyPath, context: &mut Context<'_>) {
    let fetched = file.jwks_url.is_some() || file.discovery_url.is_some() || file.fusionauth_url.is_some();
    let companions = [("ca_file", file.ca_file.is_some()), ("insecure_http_keys", file.insecure_http_keys)];
    for (name, _) in companions.into_iter().filter(|(_, present)| *present && !fetched) {
        let message = format!("found it in {} whose keys are not fetched; allowed: beside an address", file.party);
        context.problems.error(&path.key(name), message);
    }
    if file.fusionauth_applications.is_some() && file.fusionauth_url.is_none() {
        let message = "found it without `fusionauth_url`; allowed: only beside it";
        context.problems.error(&path.key("fusionauth_applications"), message);
    }
}

/// Whether every algorithm is of the kind that the source's keys have.
fn fit(file: &Keys<'_>, source: &str, algorithms: &[Algorithm], path: &KeyPath, context: &mut Context<'_>) -> bool {
    let shared = matches!(source, "secret" | "secret_file");
    let allowed = if shared && file.sources == EVENTS_SOURCES {
        "HS256, HS384, HS512 (events have a secret or public keys, never both)"
    } else if shared {
        "HS256, HS384, HS512 (an issuer has a secret or public keys, never both)"
    } else if file.sources == PUBLIC_SOURCES {
        "RS, PS, ES algorithms and EdDSA (a provider has public keys, never a secret)"
    } else if file.sources == EVENTS_SOURCES {
        "RS, PS, ES algorithms and EdDSA (an HS algorithm needs `secret_file`)"
    } else {
        "RS, PS, ES algorithms and EdDSA (an HS algorithm needs `secret_file`, in an issuer of its own)"
    };
    let misfits: Vec<_> = algorithms.iter().enumerate().filter(|(_, algorithm)| algorithm.is_symmetric() != shared).collect();
    for (index, algorithm) in &misfits {
        let path = path.key("algorithms").item(*index);
        context.problems.refuse(&path, format_args!("{algorithm} beside `{source}`"), allowed);
    }
    misfits.is_empty()
}

/// A secret is the key of exactly one algorithm.
fn check_secret(secret: Secret, algorithms: &[Algorithm], path: &KeyPath, context: &mut Context<'_>) -> Option<KeySource> {
    let [algorithm] = algorithms else {
        if !algorithms.is_empty() {
            let allowed = "exactly one of HS256, HS384, HS512 (one key, one algorithm)";
            context.problems.refuse(&path.parent().key("algorithms"), format_args!("{} algorithms", algorithms.len()), allowed);
        }
        return None;
    };
    check_length(&secret, *algorithm, path, context.problems)?;
    usable(KeySet::from_secret(&secret, algorithms).map(drop), "the secret", algorithms, path, context)?;
    Some(KeySource::Secret(secret))
}

/// A secret is at least as long as the hash of its algorithm (RFC 7518 section 3.2).
pub(super) fn check_length(secret: &Secret, algorithm: Algorithm, path: &KeyPath, problems: &mut Problems) -> Option<()> {
    let (needed, length) = (hash_bytes(algorithm), secret.expose().len());
    if length < needed {
        let allowed = format!("at least {needed} random bytes, such as those of `openssl rand -base64 {needed}`");
        problems.refuse(path, format_args!("a secret of {length} bytes"), allowed);
        return None;
    }
    Some(())
}

fn hash_bytes(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::HS384 => 48,
        Algorithm::HS512 => 64,
        _ => 32,
    }
}

/// Reports why there is no key to verify with; refused algorithms are reason enough and were reported.
fn usable(
    keys: Result<(), KeySetError>,
    what: &str,
    algorithms: &[Algorithm],
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Option<()> {
    match keys {
        Ok(()) => Some(()),
        Err(_) if algorithms.is_empty() => None,
        Err(reason) => {
            context.problems.error(path, format!("{what} is of no use for {}: {reason}", listed(algorithms)));
            None
        }
    }
}

fn listed(algorithms: &[Algorithm]) -> String {
    algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(", ")
}

fn remote(text: &str, file: &Keys<'_>, path: &KeyPath, context: &mut Context<'_>) -> Option<Remote> {
    let url = key_address(text, file, path, context);
    let ca_path = path.parent().key("ca_file");
    let roots = certificate::roots(file.ca_file, ca_path, context);
    Some(Remote { url: url?, roots: roots? })
}

/// Keys that come over plain HTTP are whoever's who sits on the way.
fn key_address(text: &str, file: &Keys<'_>, path: &KeyPath, context: &mut Context<'_>) -> Option<Uri> {
    let Some(address) = Address::parse(text) else {
        context.problems.refuse(path, quoted(text), r#"an address such as "https://issuer.example/jwks.json""#);
        return None;
    };
    if !address.secure && !address.is_loopback() {
        if !file.insecure_http_keys {
            let allowed = "https (plain http on loopback, or elsewhere with `insecure_http_keys = true`)";
            context.problems.refuse(path, quoted(text), allowed);
            return None;
        }
        let path = path.parent().key("insecure_http_keys");
        context.problems.warn(&path, format!("keys from {} can be replaced by anyone on the way", quoted(text)));
    }
    Some(address.uri)
}

fn fusionauth(file: &Keys<'_>, path: &KeyPath, context: &mut Context<'_>) -> Option<KeySource> {
    let text = file.fusionauth_url?;
    let remote = remote(text, file, path, context);
    if text.contains('?') {
        context.problems.refuse(path, quoted(text), r#"the base address, such as "https://fusionauth.example.com""#);
    }
    let applications = file.fusionauth_applications.unwrap_or_default();
    let ids_path = path.parent().key("fusionauth_applications");
    for (index, id) in applications.iter().enumerate().filter(|(_, id)| !is_uuid(id)) {
        context.problems.refuse(&ids_path.item(index), quoted(id), "an application's id, a UUID");
    }
    Some(KeySource::FusionAuth(remote?, applications.to_vec()))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

fn key_file(name: &str, path: &KeyPath, context: &mut Context<'_>) -> Option<KeyFile> {
    let Content { path: file, bytes } = context.files.read(name, Audience::Anyone, path, context.problems)?;
    Some(KeyFile { path: file, content: bytes.to_vec() })
}

fn shown(file: &KeyFile) -> String {
    format!("file {}", quoted(&file.path.to_string_lossy()))
}

/// A set of which some keys can be used; those that should not be in it are warned of.
fn key_set(name: &str, algorithms: &[Algorithm], path: &KeyPath, context: &mut Context<'_>) -> Option<KeySource> {
    let file = key_file(name, path, context)?;
    let loaded = KeySet::from_jwks(&file.content, algorithms);
    for skipped in loaded.iter().flat_map(|loaded| &loaded.skipped).filter(|skipped| skipped.why.is_exposure()) {
        let id = skipped.key_id.as_deref().unwrap_or_default();
        context.problems.warn(path, format!("{} has the key {}: {}", shown(&file), quoted(id), skipped.why));
    }
    usable(loaded.map(drop), &shown(&file), algorithms, path, context)?;
    Some(KeySource::JwksFile(file))
}

/// The key id `""` stands for a key without id, which is then the only one.
fn public_keys(
    files: &BTreeMap<String, String>,
    algorithms: &[Algorithm],
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Option<KeySource> {
    if files.is_empty() {
        context.problems.refuse(
            path,
            "no key",
            r#"files by key id, such as { "kid-1" = "one.pem" }; the id "" where there is none"#,
        );
        return None;
    }
    if files.len() > 1 && files.contains_key("") {
        context.problems.refuse(
            &path.key(""),
            "a key without id beside others",
            "an id for each key, or one key with the id \"\"",
        );
        return None;
    }
    let read: Vec<_> = files.iter().map(|(id, name)| public_key(id, name, algorithms, &path.key(id), context)).collect();
    read.into_iter().collect::<Option<Vec<_>>>().map(KeySource::PublicKeyFiles)
}

fn public_key(
    id: &str,
    name: &str,
    algorithms: &[Algorithm],
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Option<(Option<String>, KeyFile)> {
    let file = key_file(name, path, context)?;
    let id = (!id.is_empty()).then_some(id);
    let loaded = KeySet::from_pems(&[(id, &file.content)], algorithms);
    usable(loaded.map(drop), &shown(&file), algorithms, path, context)?;
    Some((id.map(str::to_owned), file))
}
