//! `[[identity_provider]]` blocks to [`IdentityProvider`].

use std::collections::BTreeMap;

use crate::authority::{IdentityProvider, Linking, ProviderApplication};
use crate::config::compile::address::is_host_name;
use crate::config::compile::authority::{Applications, id};
use crate::config::compile::key_source::Keys;
use crate::config::compile::{Context, all, issuer, key_source, word};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::IdentityProviderFile;
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::config::schema;
use crate::config::source::Source;
use crate::token::Algorithm;

const LINKINGS: [(&str, Linking); 6] = [
    ("email", Linking::Email),
    ("existing-email", Linking::ExistingEmail),
    ("username", Linking::Username),
    ("existing-username", Linking::ExistingUsername),
    ("anonymous", Linking::Anonymous),
    ("disabled", Linking::Disabled),
];

/// Members of a user that a claim may fill; the last two take any number of claims.
const MEMBERS: [&str; 10] = [
    "birthDate",
    "firstName",
    "lastName",
    "fullName",
    "middleName",
    "mobilePhone",
    "imageUrl",
    "timezone",
    "UserData",
    "RegistrationData",
];

pub(super) fn compile(
    block: &Block<IdentityProviderFile>,
    source: &Source,
    known: &Applications,
    context: &mut Context<'_>,
) -> Option<IdentityProvider> {
    let Block { path, value: file } = block;
    let id = id(&file.id, &path.key("id"), context.problems);
    check_texts(file, path, context.problems);
    let audiences = audiences(file, path, context.problems);
    let algorithms = algorithms(file, path, context.problems);
    let keys = key_source::compile(&Keys::of_provider(file), algorithms.as_deref().unwrap_or_default(), path, context);
    let problems = &mut *context.problems;
    check_default_key(file, path, problems);
    let refresh = issuer::refresh(&file.keys, &path.key("keys"), problems);
    let domains = all(&file.domains, &path.key("domains"), |text, path| domain(text, path, problems));
    let linking = word(file.linking.as_deref().unwrap_or("email"), &LINKINGS, &path.key("linking"), problems);
    check_claim_map(&file.claim_map, &path.key("claim_map"), problems);
    let applications = applications(file, source, known, &path.key("applications"), problems);
    let or = |text: &Option<String>, default: &str| text.clone().unwrap_or_else(|| default.to_owned());
    Some(IdentityProvider {
        id: id?,
        name: file.name.as_str().into(),
        issuer: file.issuer.as_str().into(),
        audiences,
        algorithms: algorithms?,
        source: keys?,
        refresh,
        header_key_parameter: or(&file.header_key_parameter, "kid"),
        default_key: file.default_key.clone(),
        unique_identity_claim: or(&file.unique_identity_claim, "email"),
        email_claim: or(&file.email_claim, "email"),
        email_verified_claim: or(&file.email_verified_claim, "email_verified"),
        username_claim: or(&file.username_claim, "preferred_username"),
        domains: domains?,
        trust_email: file.trust_email,
        linking: linking?,
        claim_map: file.claim_map.clone(),
        applications: applications?,
    })
}

fn check_texts(file: &IdentityProviderFile, path: &KeyPath, problems: &mut Problems) {
    if file.issuer.is_empty() || file.issuer.trim() != file.issuer {
        problems.refuse(&path.key("issuer"), quoted(&file.issuer), "the exact `iss` of its tokens, without spaces around it");
    }
    let names = [
        ("header_key_parameter", &file.header_key_parameter),
        ("unique_identity_claim", &file.unique_identity_claim),
        ("email_claim", &file.email_claim),
        ("email_verified_claim", &file.email_verified_claim),
        ("username_claim", &file.username_claim),
    ];
    for (key, _) in names.into_iter().filter(|(_, text)| text.as_deref() == Some("")) {
        problems.refuse(&path.key(key), "\"\"", "the name of a member");
    }
}

/// `None`: any.
fn audiences(file: &IdentityProviderFile, path: &KeyPath, problems: &mut Problems) -> Option<Vec<String>> {
    let (list, any) = (path.key("audiences"), path.key("insecure_any_audience"));
    match (file.audiences.is_empty(), file.insecure_any_audience) {
        (true, false) => {
            let allowed = "at least one value, of which a token's `aud` must contain one (`insecure_any_audience = true` takes \
                           tokens that were made for others)";
            problems.refuse(&list, "no audience", allowed);
        }
        (false, true) => problems.refuse(&any, "it beside `audiences`", "only one of the two"),
        (true, true) => {
            problems.warn(&any, "a token that this provider made for anyone signs its user in here");
            return None;
        }
        (false, false) => {}
    }
    for (index, _) in file.audiences.iter().enumerate().filter(|(_, audience)| audience.is_empty()) {
        problems.refuse(&list.item(index), "\"\"", "a value of a token's `aud`");
    }
    Some(file.audiences.clone())
}

/// The configured ones, or every one with public keys: a key has one algorithm in any case.
fn algorithms(file: &IdentityProviderFile, path: &KeyPath, problems: &mut Problems) -> Option<Vec<Algorithm>> {
    match &file.algorithms {
        Some(names) => issuer::algorithms(names, &path.key("algorithms"), problems),
        None => Some(Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric()).collect()),
    }
}

/// Where the keys' ids are in the configuration, the default is one of them.
fn check_default_key(file: &IdentityProviderFile, path: &KeyPath, problems: &mut Problems) {
    let (Some(key), Some(files)) = (&file.default_key, &file.public_key_files) else { return };
    if key.is_empty() || !files.contains_key(key) {
        let suggestion = schema::suggestion(key, files.keys().map(String::as_str).filter(|id| !id.is_empty()));
        problems.error(&path.key("default_key"), format!("found {}, which is no key id here; {suggestion}", quoted(key)));
    }
}

fn domain(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<String> {
    let domain = text.to_ascii_lowercase();
    if !is_host_name(&domain) {
        problems.refuse(path, quoted(text), r#"a mail domain such as "partner.example""#);
        return None;
    }
    Some(domain)
}

fn check_claim_map(map: &BTreeMap<String, String>, path: &KeyPath, problems: &mut Problems) {
    let mut seen: Vec<&str> = Vec::new();
    for (claim, member) in map {
        let path = path.key(claim);
        if !MEMBERS.contains(&member.as_str()) {
            let suggestion = schema::suggestion(member, MEMBERS);
            problems.error(&path, format!("found {}, which is no member of a user; {suggestion}", quoted(member)));
        } else if seen.contains(&member.as_str()) && !member.ends_with("Data") {
            problems.refuse(&path, format_args!("{} a second time", quoted(member)), "one claim for each member");
        }
        seen.push(member);
    }
}

fn applications(
    file: &IdentityProviderFile,
    source: &Source,
    known: &Applications,
    path: &KeyPath,
    problems: &mut Problems,
) -> Option<Vec<ProviderApplication>> {
    if file.applications.is_empty() {
        problems.refuse(path, "no application", "the names of those that it may sign in to");
    }
    let compiled = file.applications.iter().enumerate().map(|(index, application)| {
        let path = path.item(index);
        if file.applications.iter().take(index).any(|other| other.name == application.name) {
            problems.refuse(&path, format_args!("{} a second time", quoted(&application.name)), "each application once");
        }
        let id = known.id(&application.name, source, &path, problems)?;
        Some(ProviderApplication { id, create_registration: application.create_registration })
    });
    let compiled: Vec<_> = compiled.collect();
    compiled.into_iter().collect()
}
