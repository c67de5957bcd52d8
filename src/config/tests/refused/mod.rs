//! Every refusal, by section. The texts are changes to a good configuration, so that nothing else can be the reason.

mod api_key;
mod application;
mod assertion;
mod authority;
mod authority_routes;
mod environment;
mod events;
mod identity;
mod identity_provider;
mod issuer;
mod keys;
mod listener;
mod remote_authority;
mod route;
mod rule;
mod store;
mod upstream;
mod webhook;
mod whole;

use crate::config::tests::{AUTHORITY, Bench, GOOD, REMOTE};

/// A line of the good configuration's only listener, issuer, upstream and route each.
const LISTENER: &str = r#"address = "127.0.0.1:8443""#;
const ISSUER: &str = r#"jwks_file = "jwks.json""#;
const UPSTREAM: &str = r#"servers = ["http://127.0.0.1:9001"]"#;
const ROUTE: &str = r#"upstream = "up""#;

/// With `to` in place of `from` it is refused with this message alone.
#[track_caller]
fn changed(from: &str, to: &str, message: &str) {
    refused(&[(from, to)], "", &[], &[message]);
}

/// With more lines after the `anchor` it is refused with this message alone.
#[track_caller]
fn with_line(anchor: &str, lines: &str, message: &str) {
    changed(anchor, &format!("{anchor}\n{lines}"), message);
}

/// With `more` at its end it is refused with this message alone.
#[track_caller]
fn with_more(more: &str, message: &str) {
    refused(&[], more, &[], &[message]);
}

/// Loading the good configuration with `changes` (from, to), `more` at its end and `environment` over it is refused
/// with exactly these `messages`, source lines left out.
#[track_caller]
fn refused(changes: &[(&str, &str)], more: &str, environment: &[(&str, &str)], messages: &[&str]) {
    refused_of(GOOD, changes, more, environment, messages);
}

/// As [`refused`], with changes to the configuration that has an authority.
#[track_caller]
fn refused_beside(changes: &[(&str, &str)], more: &str, messages: &[&str]) {
    refused_of(AUTHORITY, changes, more, &[], messages);
}

/// As [`refused`], with changes to the configuration that has a remote authority.
#[track_caller]
fn refused_remote(changes: &[(&str, &str)], more: &str, messages: &[&str]) {
    refused_of(REMOTE, changes, more, &[], messages);
}

#[track_caller]
fn refused_of(good: &str, changes: &[(&str, &str)], more: &str, environment: &[(&str, &str)], messages: &[&str]) {
    let mut text = good.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text.push_str(more);
    let refusal = Bench::new().refusal(&text, environment);
    let found: Vec<&str> = refusal.split("\n\n").filter_map(|one| one.lines().next()).collect();
    assert_eq!(found, messages);
}
