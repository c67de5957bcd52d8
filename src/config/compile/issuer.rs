//! `[[issuer]]` blocks to [`IssuerSettings`]; where their keys come from is in `key_source`.

use std::time::Duration;

use crate::config::compile::key_source::Keys;
use crate::config::compile::{Context, all, key_source};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::{IssuerFile, KeysFile};
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::config::schema;
use crate::config::units::Size;
use crate::identity::Pointer;
use crate::issuer::{IssuerSettings, RefreshSettings};
use crate::token::Algorithm;

const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);
const LONGEST_LEEWAY: Duration = Duration::from_secs(60);
const DEFAULT_MAX_TOKEN_BYTES: usize = 16 * 1024;
/// A plain `typ` (RFC 7519 section 5.1) and that of access tokens (RFC 9068 section 2.1).
const DEFAULT_TYPES: [&str; 2] = ["JWT", "at+jwt"];

pub(super) fn compile(block: &Block<IssuerFile>, context: &mut Context<'_>) -> Option<IssuerSettings> {
    let Block { path, value: file } = block;
    check_texts(file, path, context.problems);
    let algorithms = algorithms(&file.algorithms, &path.key("algorithms"), context.problems);
    let source = key_source::compile(&Keys::of_issuer(file), algorithms.as_deref().unwrap_or_default(), path, context);
    let roles_claim = claim(file.roles_claim.as_deref(), &path.key("roles_claim"), context.problems);
    let scope_claim = claim(file.scope_claim.as_deref(), &path.key("scope_claim"), context.problems);
    let refresh = refresh(&file.keys, &path.key("keys"), context.problems);
    Some(IssuerSettings {
        name: file.name.as_str().into(),
        issuer: file.issuer.as_str().into(),
        audiences: file.audiences.clone(),
        algorithms: algorithms?,
        source: source?,
        refresh,
        roles_claim: roles_claim?,
        scope_claim: scope_claim?,
        max_lifetime: file.max_lifetime.map(|span| span.0),
        leeway: leeway(file, path, context.problems),
        types: types(file),
        require_type: file.require_type,
        is_authority: false,
        max_token_bytes: file.max_token_bytes.map_or(DEFAULT_MAX_TOKEN_BYTES, Size::to_usize),
    })
}

fn check_texts(file: &IssuerFile, path: &KeyPath, problems: &mut Problems) {
    if file.issuer.is_empty() || file.issuer.trim() != file.issuer {
        problems.refuse(&path.key("issuer"), quoted(&file.issuer), "the exact `iss` of its tokens, without spaces around it");
    }
    if file.audiences.is_empty() {
        let allowed = "at least one value, of which a token's `aud` must contain one (else tokens meant for others are taken)";
        problems.refuse(&path.key("audiences"), "no audience", allowed);
    }
    for (index, _) in file.audiences.iter().enumerate().filter(|(_, audience)| audience.is_empty()) {
        problems.refuse(&path.key("audiences").item(index), "\"\"", "a value of a token's `aud`");
    }
}

pub(super) fn algorithms(names: &[String], path: &KeyPath, problems: &mut Problems) -> Option<Vec<Algorithm>> {
    if names.is_empty() {
        let allowed = format!("at least one of {}", algorithm_names().join(", "));
        problems.refuse(path, "no algorithm", allowed);
        return None;
    }
    let mut seen = Vec::new();
    all(names, path, |name, path| {
        let Some(algorithm) = Algorithm::from_name(name) else {
            problems.error(path, format!("found {}; {}", quoted(name), schema::suggestion(name, algorithm_names())));
            return None;
        };
        if seen.contains(&algorithm) {
            problems.refuse(path, format_args!("{} a second time", quoted(name)), "each algorithm once");
        }
        seen.push(algorithm);
        Some(algorithm)
    })
}

fn algorithm_names() -> [&'static str; Algorithm::ALL.len()] {
    Algorithm::ALL.map(Algorithm::name)
}

/// The outer `None`: refused; the inner: not configured.
#[expect(clippy::option_option, reason = "refused, absent and present are three things")]
fn claim(text: Option<&str>, path: &KeyPath, problems: &mut Problems) -> Option<Option<Pointer>> {
    let Some(text) = text else { return Some(None) };
    match Pointer::parse(text) {
        Ok(pointer) => Some(Some(pointer)),
        Err(reason) => {
            problems.error(path, format!("found {}; {reason}", quoted(text)));
            None
        }
    }
}

/// As the file has it, or the default.
pub(super) fn leeway_of(file: &IssuerFile) -> Duration {
    file.leeway.map_or(DEFAULT_LEEWAY, |span| span.0)
}

fn leeway(file: &IssuerFile, path: &KeyPath, problems: &mut Problems) -> Duration {
    let leeway = leeway_of(file);
    if leeway > LONGEST_LEEWAY {
        let allowed = "at most \"60s\" (a longer one keeps expired tokens alive; set the clocks instead)";
        problems.refuse(&path.key("leeway"), format_args!("{} s", leeway.as_secs()), allowed);
    }
    leeway
}

/// `typ` values without `application/`, as they are compared (RFC 7515 section 4.1.9).
fn types(file: &IssuerFile) -> Vec<String> {
    let short = |text: &String| match text.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest.to_owned(),
        _ => text.clone(),
    };
    file.types.as_ref().map_or_else(|| DEFAULT_TYPES.map(str::to_owned).to_vec(), |types| types.iter().map(short).collect())
}

pub(super) fn refresh(file: &KeysFile, path: &KeyPath, problems: &mut Problems) -> RefreshSettings {
    let default = RefreshSettings::default();
    let settings = RefreshSettings {
        min_interval: file.min_interval.map_or(default.min_interval, |span| span.0),
        max_interval: file.max_interval.map_or(default.max_interval, |span| span.0),
        max_stale: file.max_stale.map_or(default.max_stale, |span| span.0),
        unknown_key_interval: file.unknown_key_interval.map_or(default.unknown_key_interval, |span| span.0),
        timeout: file.timeout.map_or(default.timeout, |span| span.0),
        max_bytes: file.max_bytes.map_or(default.max_bytes, Size::to_usize),
    };
    let ordered = [
        ("min_interval", settings.min_interval, "max_interval", settings.max_interval),
        ("max_interval", settings.max_interval, "max_stale", settings.max_stale),
    ];
    for (lower, low, higher, high) in ordered {
        if low > high {
            let found = format!("{} s, longer than `{higher}` ({} s)", low.as_secs(), high.as_secs());
            problems.refuse(&path.key(lower), found, format_args!("at most `{higher}`"));
        }
    }
    settings
}

/// A token's `iss` names one issuer, so no two have the same.
pub(super) fn check_unique(issuers: &[Block<IssuerSettings>], problems: &mut Problems) {
    for (index, issuer) in issuers.iter().enumerate() {
        if let Some(twin) = issuers.iter().take(index).find(|other| other.value.issuer == issuer.value.issuer) {
            let found = format!("{}, which is the issuer of {} too", quoted(&issuer.value.issuer), quoted(&twin.value.name));
            problems.refuse(&issuer.path.key("issuer"), found, "each `iss` once");
        }
    }
}
