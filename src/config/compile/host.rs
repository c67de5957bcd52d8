//! Host patterns of routes and names of certificates.

use crate::config::compile::address::is_host_name;
use crate::config::diagnostic::{Problems, quoted};
use crate::config::key_path::KeyPath;
use crate::route::{HostPattern, canonical_host};

const FORMS: &str =
    r#"a host name such as "app.example.com", or "*.example.com" for all names below, without scheme, port and trailing dot"#;

/// The pattern `text`, lower case.
pub(super) fn pattern(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<HostPattern> {
    let pattern = parse(&text.to_ascii_lowercase());
    if pattern.is_none() {
        problems.refuse(path, quoted(text), FORMS);
    }
    pattern
}

/// In the form that requests' hosts are compared in.
fn parse(text: &str) -> Option<HostPattern> {
    let canonical = |text: &str| canonical_host(text).is_ok_and(|host| host == text);
    match text.strip_prefix("*.") {
        Some(base) => (is_host_name(base) && canonical(base)).then(|| HostPattern::Below(base.into())),
        None => ((is_host_name(text) || text.starts_with('[')) && canonical(text)).then(|| HostPattern::Exact(text.into())),
    }
}

/// The DNS name `text` of a certificate, exact or wildcard, lower case.
pub(super) fn certificate_name(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<String> {
    pattern(text, path, problems).map(|_| text.to_ascii_lowercase())
}
