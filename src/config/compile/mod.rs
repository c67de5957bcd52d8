//! From the shapes of the file to checked settings, one file for each section.
//!
//! Called by `load`. Every step reports what it refuses to [`Problems`] and goes on, so that one pass finds everything;
//! what comes out is used only when nothing was refused.

mod access;
mod address;
mod assertion;
mod authority;
mod certificate;
mod events;
mod header;
mod host;
mod issuer;
mod key_source;
mod listener;
mod policy;
mod process;
mod reach;
mod route;
mod store;
mod upstream;

use std::collections::HashMap;

use crate::authority::{AUTHORITY_ISSUER, AuthoritySettings, RemoteSettings, VEND_ISSUER};
use crate::clock::Timestamp;
use crate::config::Settings;
use crate::config::compile::authority::{Applications, Compiled};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::document::Node;
use crate::config::files::Files;
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::config::schema;
use crate::config::source::Source;
use crate::events::EventsSettings;

/// What every step needs.
pub(crate) struct Context<'a> {
    pub(crate) files: Files,
    pub(crate) problems: &'a mut Problems,
    /// The present instant, for the validity of certificates.
    pub(crate) now: Timestamp,
}

/// The settings of `source`, unless something was refused.
pub(crate) fn compile(source: &Source, context: &mut Context<'_>) -> Option<Settings> {
    for section in ["listener", "issuer", "upstream", "route", "application", "identity_provider", "api_key", "webhook"] {
        unique_names(source, section, context.problems);
    }
    own_names(source, context.problems);
    let known = Applications::of(source);
    let has_authority = source.has("authority");
    let listeners = each(source, "listener", context, |block, context| listener::compile(block, has_authority, context));
    let mut events = Vec::new();
    let mut issuers = each(source, "issuer", context, |block, context| {
        events.extend(events::of_issuer(block, source, context));
        issuer::compile(block, context)
    });
    let mut upstreams = each(source, "upstream", context, upstream::compile);
    let routes = each(source, "route", context, |block, context| route::compile(block, source, &known, context));
    let (authority, remote) = issuing(source, &known, &mut events, context);
    let store = store::compile(source, context);
    route::check_references(source, context.problems);
    listener::check_addresses(source, &listeners, context.problems);
    issuer::check_unique(&issuers, context.problems);
    reach::check(&routes, has_authority, context.problems);
    let signs = match (has_authority, &remote) {
        (_, Some(_)) => assertion::Signs::Remote,
        (true, None) => assertion::Signs::Authority,
        (false, None) => assertion::Signs::Nobody,
    };
    assertion::check(&routes, &upstreams, signs, context.problems);
    if let Some(Some(authority)) = &authority {
        authority::check_beside(authority.into(), source, &issuers, &routes, context.problems);
        routes.iter().for_each(|route| authority::check_reconcile(authority, route, &issuers, context.problems));
        authority::check_graces(authority, &routes, &upstreams, context.problems);
    }
    if let Some(remote) = &remote {
        authority::check_beside(remote.into(), source, &issuers, &routes, context.problems);
        authority::check_beside_remote(source, &routes, context.problems);
        issuers.push(Block { path: KeyPath::of("authority"), value: remote.issuer() });
        upstreams.push(Block { path: KeyPath::of("authority"), value: remote.upstream.clone() });
    }
    let admin = process::admin(source, &listeners, context.problems);
    if let Some(admin) = admin {
        let own = authority.as_ref().and_then(Option::as_ref).map(authority::Presence::from);
        let presence = own.or_else(|| remote.as_ref().map(authority::Presence::from));
        events::check(&events, &routes, presence, admin, context.problems);
    }
    let workers = process::workers(source, context.problems);
    let token_cache = process::token_cache(source, context.problems);
    let log = process::log(source, context);
    let refused = context.problems.has_error();
    let settings = Settings {
        listeners: values(listeners),
        admin: admin?,
        workers: workers?,
        token_cache: token_cache?,
        log: log?,
        issuers: values(issuers),
        events: values(events),
        authority: authority?,
        remote,
        store: store?,
        upstreams: values(upstreams),
        routes: values(routes),
        files: Vec::new(),
        warnings: Vec::new(),
    };
    (!refused).then_some(settings)
}

/// The embedded authority (the outer `None`: refused), or the remote one, whose events are added.
#[expect(clippy::option_option, reason = "refused, absent and present are three things")]
fn issuing(
    source: &Source,
    known: &Applications,
    events: &mut Vec<Block<EventsSettings>>,
    context: &mut Context<'_>,
) -> (Option<Option<AuthoritySettings>>, Option<RemoteSettings>) {
    match authority::compile(source, known, context) {
        Some(Compiled::Embedded(authority)) => (Some(Some(*authority)), None),
        Some(Compiled::Remote(remote, its_events)) => {
            events.extend(its_events);
            (Some(None), Some(*remote))
        }
        Some(Compiled::Nobody) => (Some(None), None),
        None => (None, None),
    }
}

/// Compiles every block of a list of tables.
fn each<S: serde::de::DeserializeOwned, T>(
    source: &Source,
    section: &str,
    context: &mut Context<'_>,
    mut compile: impl FnMut(&Block<S>, &mut Context<'_>) -> Option<T>,
) -> Vec<Block<T>> {
    let blocks = source.blocks::<S>(section, context.problems);
    let compiled = blocks.into_iter().map(|block| (compile(&block, context), block.path));
    compiled.filter_map(|(value, path)| Some(Block { path, value: value? })).collect()
}

fn values<T>(blocks: Vec<Block<T>>) -> Vec<T> {
    blocks.into_iter().map(|block| block.value).collect()
}

/// The names of a list of tables as the file has them, those of refused tables too, so that one mistake is not
/// reported once more wherever the block is named.
fn names<'a>(source: &'a Source, section: &str) -> impl Iterator<Item = (usize, &'a str)> {
    let blocks = source.document.get(section).map_or(&[][..], Node::items);
    blocks.iter().enumerate().filter_map(|(index, block)| Some((index, block.get("name")?.text()?)))
}

fn unique_names(source: &Source, section: &str, problems: &mut Problems) {
    let mut seen = HashMap::new();
    for (index, name) in names(source, section) {
        let path = KeyPath::of(section).item(index).key("name");
        if name.is_empty() || name.chars().any(char::is_control) {
            problems.refuse(&path, quoted(name), "a name of at least one character, without control characters");
        } else if seen.insert(name, index).is_some() {
            problems.refuse(
                &path,
                format_args!("{} a second time", quoted(name)),
                format_args!("each {section} has a name of its own"),
            );
        }
    }
}

/// Names that stand for something else already: a block of the same name could not be told from it.
fn own_names(source: &Source, problems: &mut Problems) {
    let taken = [
        ("issuer", "unknown", "metrics count tokens of no configured issuer under this one"),
        ("issuer", AUTHORITY_ISSUER, "routes call the gateway's own authority so"),
        ("issuer", VEND_ISSUER, "routes call the authority's vended tokens so"),
        ("route", "none", "metrics count requests that match no route under this one"),
        ("route", AUTHORITY_ISSUER, "metrics count requests to the authority's API under this one"),
        ("route", "events-in", "metrics count events from identity servers under this one"),
        ("application", "none", "metrics count tokens without an application under this one"),
    ];
    for (section, taken, meaning) in taken {
        for (index, _) in names(source, section).filter(|(_, name)| *name == taken) {
            let path = KeyPath::of(section).item(index).key("name");
            problems.refuse(&path, quoted(taken), format_args!("another name ({meaning})"));
        }
    }
}

/// Whether the file has a `section` of this name; reports the nearest where it has not.
fn check_name(source: &Source, section: &str, name: &str, path: &KeyPath, problems: &mut Problems) {
    if names(source, section).any(|(_, known)| known == name) {
        return;
    }
    let suggestion = schema::suggestion(name, names(source, section).map(|(_, known)| known));
    problems.error(path, format!("found {}, which is no {section}; {suggestion}", quoted(name)));
}

/// The value of a word out of `words`.
fn word<T: Copy>(text: &str, words: &[(&str, T)], path: &KeyPath, problems: &mut Problems) -> Option<T> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        let allowed: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        problems.refuse(path, quoted(text), allowed.join(", "));
    }
    found
}

/// `compile` of every item of a list; nothing where any item is refused.
fn all<T>(items: &[String], path: &KeyPath, mut compile: impl FnMut(&str, &KeyPath) -> Option<T>) -> Option<Vec<T>> {
    let compiled: Vec<_> = items.iter().enumerate().map(|(index, item)| compile(item, &path.item(index))).collect();
    compiled.into_iter().collect()
}

/// Whether `path` is `top` or below it, in any case of letters: servers that ignore it would serve the one for the other.
fn is_below(path: &str, top: &str) -> bool {
    let begins = path.get(..top.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(top));
    begins && path.get(top.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
