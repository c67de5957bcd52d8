//! `[[webhook]]` blocks to [`Webhook`].

use std::time::Duration;

use crate::authority::{EventKind, Webhook};
use crate::config::compile::address::Address;
use crate::config::compile::{Context, all, certificate};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::WebhookFile;
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::config::schema;
use crate::config::units::Span;

const TIMEOUT: Duration = Duration::from_secs(10);
/// So long a session's later events would wait behind one.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Metric labels and log fields.
const LONGEST_NAME: usize = 100;

pub(super) fn compile(block: &Block<WebhookFile>, context: &mut Context<'_>) -> Option<Webhook> {
    let Block { path, value: file } = block;
    let address = address(file, path, context.problems);
    let events = events(&file.events, &path.key("events"), context.problems);
    let roots = certificate::roots(file.ca_file.as_deref(), path.key("ca_file"), context);
    let timeout = file.timeout.map_or(TIMEOUT, |Span(timeout)| timeout);
    if timeout > LONGEST_TIMEOUT {
        context.problems.refuse(&path.key("timeout"), format_args!("{} s", timeout.as_secs()), "at most \"60s\"");
    }
    let address = address?;
    if file.ca_file.is_some() && !address.secure {
        let message = "found it beside an address without TLS; allowed: only beside an https:// address";
        context.problems.error(&path.key("ca_file"), message);
    }
    let name = name(file, &address, path, context.problems);
    let (key, url) = (Webhook::key(&address.uri), address.uri);
    Some(Webhook { name, key, url, events: events?, include_tokens: file.include_tokens, roots: roots?, timeout })
}

/// The name in its own right, else the address's host.
fn name(file: &WebhookFile, address: &Address, path: &KeyPath, problems: &mut Problems) -> std::sync::Arc<str> {
    let name = file.name.as_deref().unwrap_or(&address.host);
    if name.len() > LONGEST_NAME {
        problems.refuse(&path.key("name"), format_args!("a name of {} bytes", name.len()), "at most 100 bytes");
    }
    name.into()
}

/// Over plain HTTP whoever sits on the way learns who is signed out, and can keep it from the receiver.
fn address(file: &WebhookFile, path: &KeyPath, problems: &mut Problems) -> Option<Address> {
    let url = path.key("url");
    let Some(address) = Address::parse(&file.url) else {
        // What is no address may hold a password.
        let allowed = r#"one such as "https://events.example.com/tollgate", without user name, password and fragment"#;
        problems.refuse(&url, "no such address", allowed);
        return None;
    };
    if !address.secure && !address.is_loopback() {
        if !file.insecure_plain_http {
            let allowed = "https (plain http on loopback, or elsewhere with `insecure_plain_http = true`)";
            problems.refuse(&url, quoted(&file.url), allowed);
            return None;
        }
        let message = format!("events to {} can be read and kept back by anyone on the way", quoted(&file.url));
        problems.warn(&path.key("insecure_plain_http"), message);
    }
    Some(address)
}

fn events(names: &[String], path: &KeyPath, problems: &mut Problems) -> Option<Vec<EventKind>> {
    let known = || EventKind::ALL.map(EventKind::word);
    if names.is_empty() {
        problems.refuse(path, "no event", format_args!("at least one of {}", known().join(", ")));
        return None;
    }
    let mut seen = Vec::new();
    all(names, path, |name, path| {
        let Some(kind) = EventKind::ALL.into_iter().find(|kind| kind.word() == name) else {
            problems.error(path, format!("found {}, which is no event; {}", quoted(name), schema::suggestion(name, known())));
            return None;
        };
        if seen.contains(&kind) {
            problems.refuse(path, format_args!("{} a second time", quoted(name)), "each event once");
        }
        seen.push(kind);
        Some(kind)
    })
}
