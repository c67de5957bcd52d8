//! `[issuer.events]` tables to [`EventsSettings`], and what of them and their surroundings does not go together.

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::compile::key_source::Keys;
use crate::config::compile::{Context, authority, check_name, is_below, issuer, key_source};
use crate::config::diagnostic::{Problems, quoted};
use crate::config::file::{EventsFile, IssuerFile};
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::config::source::Source;
use crate::events::{EventsSettings, Place, Signers};
use crate::issuer::IssuerSettings;
use crate::route::{HostPattern, PathPrefix, RouteSettings};
use crate::token::Algorithm;

/// What the admin listener answers itself, with what is below.
const ADMIN_PATHS: [&str; 4] = ["/metrics", "/livez", "/readyz", "/status"];

/// Whose tokens the events are about.
pub(super) struct Party<'a> {
    pub(super) name: &'a str,
    pub(super) issuer: &'a str,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) leeway: Duration,
    /// What signs the tokens is known to others than the party: a shared secret.
    pub(super) shares_its_key: bool,
}

/// The events of an issuer that has such a table.
pub(super) fn of_issuer(block: &Block<IssuerFile>, source: &Source, context: &mut Context<'_>) -> Option<Block<EventsSettings>> {
    let Block { path, value: file } = block;
    let events = file.events.as_ref()?;
    let party = Party {
        name: &file.name,
        issuer: &file.issuer,
        max_lifetime: file.max_lifetime.map(|span| span.0),
        leeway: issuer::leeway_of(file),
        shares_its_key: file.secret.is_some() || file.secret_file.is_some(),
    };
    let path = path.key("events");
    compile(events, &party, &path, source, context).map(|value| Block { path, value })
}

/// The events of any party.
pub(super) fn compile(
    file: &EventsFile,
    party: &Party<'_>,
    path: &KeyPath,
    source: &Source,
    context: &mut Context<'_>,
) -> Option<EventsSettings> {
    let max_lifetime = party.max_lifetime;
    if max_lifetime.is_none() {
        let message = "found events of an issuer without `max_lifetime`, which says how long a revocation must be remembered; \
                       set it to the longest that its access tokens live";
        context.problems.error(path, message);
    }
    let place = place(file, path, source, context.problems);
    let at = event_path(&file.path, &path.key("path"), context.problems);
    let signers = signers(file, party, path, context);
    Some(EventsSettings {
        name: party.name.into(),
        issuer: party.issuer.into(),
        max_lifetime: max_lifetime?,
        leeway: party.leeway,
        path: at?,
        place: place?,
        signers: signers?,
    })
}

fn place(file: &EventsFile, path: &KeyPath, source: &Source, problems: &mut Problems) -> Option<Place> {
    let Some(listener) = &file.listener else {
        if file.host.is_some() {
            problems.error(&path.key("host"), "found a host for the admin listener, which has none; allowed: beside `listener`");
        }
        return Some(Place::Admin);
    };
    check_name(source, "listener", listener, &path.key("listener"), problems);
    let host = match &file.host {
        Some(text) => HostPattern::Exact(authority::exact_host(text, &path.key("host"), problems)?),
        None => HostPattern::Any,
    };
    Some(Place::Listener(listener.as_str().into(), host))
}

/// Below the root: `/` would take every path.
fn event_path(text: &str, path: &KeyPath, problems: &mut Problems) -> Option<PathPrefix> {
    match PathPrefix::parse(text) {
        Ok(prefix) if !prefix.as_str().is_empty() => Some(prefix),
        Ok(_) => {
            problems.refuse(path, quoted(text), r#"a path of its own, such as "/events/corp""#);
            None
        }
        Err(reason) => {
            problems.error(path, format!("found {}; {reason}", quoted(text)));
            None
        }
    }
}

/// The keys of the events. A secret that also signs tokens is in too many hands: whoever verifies tokens with it could end
/// anybody's.
fn signers(file: &EventsFile, party: &Party<'_>, path: &KeyPath, context: &mut Context<'_>) -> Option<Signers> {
    let keys = Keys::of_events(file);
    if keys.are_anywhere() {
        return own(file, &keys, party, path, context).map(|own| Signers::Own(Box::new(own)));
    }
    key_source::check_companions(&keys, path, context);
    if file.algorithms.is_some() {
        let message = "found algorithms without keys of the events' own; the issuer's keys have the issuer's `algorithms`";
        context.problems.error(&path.key("algorithms"), message);
    }
    if party.shares_its_key {
        let message = "found no keys, and the issuer's is a shared secret, with which whoever verifies tokens could sign events; \
                       allowed: a `secret_file` of the events' own, or public keys";
        context.problems.error(path, message);
        return None;
    }
    Some(Signers::Issuer)
}

/// Keys apart from the issuer's, in the shape that keys are fetched and kept in.
fn own(
    file: &EventsFile,
    keys: &Keys<'_>,
    party: &Party<'_>,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Option<IssuerSettings> {
    let algorithms = match &file.algorithms {
        Some(names) => issuer::algorithms(names, &path.key("algorithms"), context.problems),
        None if file.secret_file.is_some() => Some(vec![Algorithm::HS256]),
        None => Some(Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric()).collect()),
    };
    let source = key_source::compile(keys, algorithms.as_deref().unwrap_or_default(), path, context);
    let refresh = issuer::refresh(&file.keys, &path.key("keys"), context.problems);
    Some(IssuerSettings {
        name: party.name.into(),
        issuer: party.issuer.into(),
        audiences: Vec::new(),
        algorithms: algorithms?,
        source: source?,
        refresh,
        roles_claim: None,
        scope_claim: None,
        max_lifetime: None,
        leeway: party.leeway,
        types: Vec::new(),
        require_type: false,
        max_token_bytes: 0,
        is_authority: false,
    })
}

/// No place is another's: events' of another party, a route's, the API's, the admin listener's own.
pub(super) fn check(
    events: &[Block<EventsSettings>],
    routes: &[Block<RouteSettings>],
    authority: Option<authority::Presence<'_>>,
    admin: Option<SocketAddr>,
    problems: &mut Problems,
) {
    for (index, Block { path, value }) in events.iter().enumerate() {
        let is_twin = |other: &&Block<EventsSettings>| is_same_place(&other.value, value);
        if let Some(twin) = events.iter().take(index).find(is_twin) {
            let found = format!("{}, where events of {} are taken", value.path, quoted(&twin.value.name));
            problems.refuse(&path.key("path"), found, "a path of its own for each party");
        }
        match &value.place {
            Place::Admin => check_admin(value, path, admin, problems),
            Place::Listener(_, host) => check_listener(value, host, path, routes, authority, problems),
        }
    }
}

/// In any case of letters: what ignores it would take one party's events for another's.
fn is_same_place(one: &EventsSettings, other: &EventsSettings) -> bool {
    let is_same_address = match (&one.place, &other.place) {
        (Place::Listener(one, _), Place::Listener(other, _)) => one == other,
        (one, other) => one == other,
    };
    is_same_address && one.path.as_str().eq_ignore_ascii_case(other.path.as_str())
}

fn check_admin(events: &EventsSettings, path: &KeyPath, admin: Option<SocketAddr>, problems: &mut Problems) {
    if admin.is_none() {
        let message = "found no `listener`, and the admin listener is off; name the listener that events come to";
        problems.error(&path.key("listener"), message);
    }
    if let Some(taken) = ADMIN_PATHS.into_iter().find(|taken| is_below(events.path.as_str(), taken)) {
        let found = format!("{}, which the admin listener answers itself ({taken})", events.path);
        problems.refuse(&path.key("path"), found, "another path");
    }
}

fn check_listener(
    events: &EventsSettings,
    host: &HostPattern,
    path: &KeyPath,
    routes: &[Block<RouteSettings>],
    authority: Option<authority::Presence<'_>>,
    problems: &mut Problems,
) {
    let at = events.path.as_str();
    let is_hidden = |route: &&Block<RouteSettings>| is_below(route.value.path.as_str(), at) && route.value.host.covers(host);
    if let Some(route) = routes.iter().find(is_hidden) {
        let found = format!("{at}, which hides route {} ({})", quoted(&route.value.name), route.value.path);
        problems.refuse(&path.key("path"), found, "a path that no route has, nor is above one");
    }
    if let Some(reserved) = authority.and_then(|authority| authority::reserved(authority, host, at)) {
        let found = format!("{at}, which is the authority's API's ({reserved} and what is below)");
        problems.refuse(&path.key("path"), found, "another path, or another host");
    }
}
