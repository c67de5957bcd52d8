//! Who may call a route: which issuers' tokens, under which rule, or anyone.

use std::sync::Arc;

use http::HeaderName;

use crate::config::compile::{Context, check_name, header, names, policy};
use crate::config::diagnostic::Problems;
use crate::config::file::{AnonymousFile, RouteFile};
use crate::config::key_path::KeyPath;
use crate::config::source::Source;
use crate::identity::ClaimSource;
use crate::route::Access;

/// Who may call, with what the backend is told about them.
pub(super) struct Callers {
    pub(super) access: Access,
    pub(super) issuers: Vec<Arc<str>>,
    pub(super) identity_headers: Vec<(HeaderName, ClaimSource)>,
}

pub(super) fn callers(file: &RouteFile, source: &Source, path: &KeyPath, context: &mut Context<'_>) -> Callers {
    if file.anonymous == AnonymousFile::Yes {
        refuse_beside_anonymous(file, path, context.problems);
        return Callers { access: Access::Anonymous, issuers: Vec::new(), identity_headers: Vec::new() };
    }
    let rule = policy::required(file.require.as_ref(), &path.key("require"), context.problems);
    let issuers = issuers(file, source, path, context.problems);
    let headers = &path.key("identity_headers");
    let identity_headers = header::identity_headers(file.identity_headers.as_ref(), headers, context.problems);
    check_issuer_header(&issuers, &identity_headers, headers, context.problems);
    let optional = file.anonymous == AnonymousFile::Optional;
    let access = if optional { Access::Optional(rule) } else { Access::Required(rule) };
    Callers { access, issuers: issuers.into_iter().map(Into::into).collect(), identity_headers }
}

fn refuse_beside_anonymous(file: &RouteFile, path: &KeyPath, problems: &mut Problems) {
    let settings = [
        ("require", file.require.is_some()),
        ("issuers", file.issuers.is_some()),
        ("identity_headers", file.identity_headers.is_some()),
        ("token_from", file.token_from.is_some()),
        ("authorization", file.authorization.is_some()),
        ("sign_in_url", file.sign_in_url.is_some()),
    ];
    for (name, _) in settings.into_iter().filter(|(_, present)| *present) {
        let message = "found it beside `anonymous = true`, where no credential is looked at; remove one of the two";
        problems.error(&path.key(name), message);
    }
}

/// The names of the route's issuers. The only issuer there is need not be named.
fn issuers<'a>(file: &'a RouteFile, source: &'a Source, path: &KeyPath, problems: &mut Problems) -> Vec<&'a str> {
    let path = path.key("issuers");
    let known: Vec<&str> = names(source, "issuer").map(|(_, name)| name).collect();
    let Some(named) = &file.issuers else {
        match known.len() {
            1 => {}
            0 if source.document.get("issuer").is_some() => {}
            0 => problems.error(&path, "found no `[[issuer]]` whose tokens it could take; add one, or set `anonymous = true`"),
            count => {
                let allowed = format!("one or more of {}", known.join(", "));
                problems.refuse(&path, format_args!("nothing, though {count} issuers are configured"), allowed);
            }
        }
        return if known.len() == 1 { known } else { Vec::new() };
    };
    if named.is_empty() {
        problems.refuse(&path, "no issuer", "at least one (`anonymous = true` for a route that anyone may call)");
    }
    for (index, name) in named.iter().enumerate() {
        let path = path.item(index);
        check_name(source, "issuer", name, &path, problems);
        if named.iter().take(index).any(|other| other == name) {
            problems.refuse(&path, format_args!("{name:?} a second time"), "each issuer once");
        }
    }
    named.iter().map(String::as_str).collect()
}

/// Two issuers may give one subject to different people, so that a backend must be told which one it was.
fn check_issuer_header(issuers: &[&str], headers: &[(HeaderName, ClaimSource)], path: &KeyPath, problems: &mut Problems) {
    if issuers.len() > 1 && !headers.iter().any(|(_, source)| *source == ClaimSource::Issuer) {
        let allowed = r#"a header with "iss" where several issuers are accepted, such as `X-Forwarded-Issuer = "iss"`"#;
        problems.refuse(path, "no header that says which issuer a subject is of", allowed);
    }
}
