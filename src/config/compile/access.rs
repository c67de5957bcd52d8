//! Who may call a route: which issuers' tokens, under which rule, or anyone.

use std::sync::Arc;

use http::HeaderName;
use uuid::Uuid;

use crate::authority::{AUTHORITY_ISSUER, VEND_ISSUER};
use crate::config::compile::authority::Applications;
use crate::config::compile::{Context, check_name, header, names, policy};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::{AnonymousFile, RouteFile};
use crate::config::key_path::KeyPath;
use crate::config::source::Source;
use crate::identity::ClaimSource;
use crate::route::Access;

/// Who may call, with what the backend is told about them.
pub(super) struct Callers {
    pub(super) access: Access,
    pub(super) application: Option<Uuid>,
    pub(super) reconcile: Option<Uuid>,
    pub(super) issuers: Vec<Arc<str>>,
    pub(super) identity_headers: Vec<(HeaderName, ClaimSource)>,
}

pub(super) fn callers(
    file: &RouteFile,
    source: &Source,
    known: &Applications,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Callers {
    if file.anonymous == AnonymousFile::Yes {
        refuse_beside_anonymous(file, path, context.problems);
        return Callers {
            access: Access::Anonymous,
            application: None,
            reconcile: None,
            issuers: Vec::new(),
            identity_headers: Vec::new(),
        };
    }
    let application = application(file, source, known, &path.key("application"), context.problems);
    let issuers = issuers(file, source, path, context.problems);
    let registered = file.application.is_some() && issuers == [AUTHORITY_ISSUER];
    let rule = policy::required(file.require.as_ref(), registered, &path.key("require"), context.problems);
    let headers = &path.key("identity_headers");
    let identity_headers = header::identity_headers(file.identity_headers.as_ref(), headers, context.problems);
    check_issuer_header(&issuers, &identity_headers, headers, context.problems);
    let optional = file.anonymous == AnonymousFile::Optional;
    let access = if optional { Access::Optional(rule) } else { Access::Required(rule) };
    let reconcile = reconcile(file, source, &path.key("reconcile"), context.problems);
    check_exchanged(file, known, &path.key("authorization"), context.problems);
    Callers { access, application, reconcile, issuers: issuers.into_iter().map(Into::into).collect(), identity_headers }
}

fn refuse_beside_anonymous(file: &RouteFile, path: &KeyPath, problems: &mut Problems) {
    let settings = [
        ("require", file.require.is_some()),
        ("application", file.application.is_some()),
        ("issuers", file.issuers.is_some()),
        ("reconcile", file.reconcile.is_some()),
        ("identity_headers", file.identity_headers.is_some()),
        ("token_from", file.token_from.is_some()),
        ("authorization", file.authorization.is_some()),
        ("assertion", file.assertion.is_some()),
        ("sign_in_url", file.sign_in_url.is_some()),
        ("end_streams_at_expiry", file.end_streams_at_expiry.is_some()),
    ];
    for (name, _) in settings.into_iter().filter(|(_, present)| *present) {
        let message = "found it beside `anonymous = true`, where no credential is looked at; remove one of the two";
        problems.error(&path.key(name), message);
    }
}

/// The application whose tokens of the authority the route takes.
fn application(file: &RouteFile, source: &Source, known: &Applications, path: &KeyPath, problems: &mut Problems) -> Option<Uuid> {
    let name = file.application.as_deref()?;
    if !source.has("authority") {
        problems.error(path, "found it without `[authority]`, whose tokens it would take; add the one or remove the other");
        return None;
    }
    known.id(name, source, path, problems)
}

/// The identity provider whose tokens the route takes for users of its application.
fn reconcile(file: &RouteFile, source: &Source, path: &KeyPath, problems: &mut Problems) -> Option<Uuid> {
    let name = file.reconcile.as_deref()?;
    if file.application.is_none() {
        let allowed = "`application` beside it, whose users the provider's tokens are reconciled to";
        problems.refuse(path, format_args!("{} without `application`", quoted(name)), allowed);
    }
    check_name(source, "identity_provider", name, path, problems);
    let (index, _) = names(source, "identity_provider").find(|(_, known)| *known == name)?;
    let block = source.document.get("identity_provider")?.items().get(index)?;
    // What is wrong with it is reported where the provider is compiled.
    Uuid::try_parse(block.get("id")?.text()?).ok()
}

/// A token can be exchanged only where the authority issues for an application whose keys are its own.
fn check_exchanged(file: &RouteFile, known: &Applications, path: &KeyPath, problems: &mut Problems) {
    if file.authorization.as_deref() != Some("exchanged") {
        return;
    }
    match file.application.as_deref() {
        None => problems.refuse(path, "\"exchanged\" without `application`", "`application`, for which tokens are exchanged"),
        Some(name) if known.is_shared(name) => {
            let found = format_args!("\"exchanged\" for {}, whose tokens a shared secret signs", quoted(name));
            problems.refuse(path, found, "\"remove\" or \"presented\", or an application with a key pair");
        }
        Some(_) => {}
    }
}

/// The names of the route's issuers, the authority first. The only issuer there is need not be named.
fn issuers<'a>(file: &'a RouteFile, source: &'a Source, path: &KeyPath, problems: &mut Problems) -> Vec<&'a str> {
    let path = path.key("issuers");
    let own = file.application.as_ref().map(|_| AUTHORITY_ISSUER);
    let Some(named) = &file.issuers else {
        return if own.is_some() { own.into_iter().collect() } else { only_issuer(source, &path, problems) };
    };
    if named.is_empty() {
        problems.refuse(&path, "no issuer", "at least one (`anonymous = true` for a route that anyone may call)");
    }
    for (index, name) in named.iter().enumerate() {
        let path = path.item(index);
        check_issuer(source, name, &path, problems);
        if name == AUTHORITY_ISSUER && own.is_none() && source.has("authority") {
            let allowed = "`application` beside it, which says for whom its tokens must be made";
            problems.refuse(&path, format_args!("{name:?} without `application`"), allowed);
        }
        if named.iter().take(index).any(|other| other == name) {
            problems.refuse(&path, format_args!("{name:?} a second time"), "each issuer once");
        }
    }
    let others = named.iter().map(String::as_str).filter(|name| own.is_none() || *name != AUTHORITY_ISSUER);
    own.into_iter().chain(others).collect()
}

/// The only issuer there is, on a route that names none.
fn only_issuer<'a>(source: &'a Source, path: &KeyPath, problems: &mut Problems) -> Vec<&'a str> {
    let known: Vec<&str> = names(source, "issuer").map(|(_, name)| name).collect();
    let issuers = format!("one or more of {}", known.join(", "));
    match known.len() {
        0 if source.has("authority") => {
            let allowed = "`application`, the name of the one whose users it is for (or `anonymous = true`)";
            problems.refuse(path, "neither `application` nor `issuers`", allowed);
        }
        _ if source.has("authority") => {
            problems.refuse(
                path,
                "neither `application` nor `issuers`",
                format_args!("`application`, or {issuers} in `issuers`"),
            );
        }
        1 => return known,
        0 if source.document.get("issuer").is_some() => {}
        0 => problems.error(path, "found no `[[issuer]]` whose tokens it could take; add one, or set `anonymous = true`"),
        count => problems.refuse(path, format_args!("nothing, though {count} issuers are configured"), issuers),
    }
    Vec::new()
}

/// Whether there is an issuer of this name: a block, or the authority with its vended tokens.
pub(super) fn check_issuer(source: &Source, name: &str, path: &KeyPath, problems: &mut Problems) {
    if name != AUTHORITY_ISSUER && name != VEND_ISSUER {
        check_name(source, "issuer", name, path, problems);
    } else if !source.has("authority") {
        problems.error(path, format!("found {}, which is there only with an `[authority]`", quoted(name)));
    }
}

/// Two issuers may give one subject to different people, so that a backend must be told which one it was.
fn check_issuer_header(issuers: &[&str], headers: &[(HeaderName, ClaimSource)], path: &KeyPath, problems: &mut Problems) {
    if issuers.len() > 1 && !headers.iter().any(|(_, source)| *source == ClaimSource::Issuer) {
        let allowed = r#"a header with "iss" where several issuers are accepted, such as `X-Forwarded-Issuer = "iss"`"#;
        problems.refuse(path, "no header that says which issuer a subject is of", allowed);
    }
}
