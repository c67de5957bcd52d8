//! Routes that no request could reach, and pairs between which nothing would decide.
//!
//! What a conflict is, `route` defines; here it is found among all routes and said in the operator's words.

use http::Method;

use crate::config::diagnostic::{Problems, quoted};
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::route::{Conflict, Pattern, RouteSettings, conflict};

pub(super) fn check(routes: &[Block<RouteSettings>], has_authority: bool, problems: &mut Problems) {
    if routes.is_empty() && !has_authority && !problems.has_error() {
        problems.error(&KeyPath::of("route"), "found nothing; a gateway has at least one `[[route]]`");
    }
    for (index, route) in routes.iter().enumerate() {
        for other in routes.iter().take(index) {
            match conflict(pattern(&route.value), pattern(&other.value)) {
                Some(Conflict::Alike) => alike(route, &other.value, problems),
                Some(Conflict::CaseOnly) => case_only(route, &other.value, problems),
                None => {}
            }
        }
    }
}

fn pattern(route: &RouteSettings) -> Pattern<'_> {
    Pattern { host: &route.host, path: &route.path, methods: route.methods.as_deref() }
}

fn case_only(route: &Block<RouteSettings>, other: &RouteSettings, problems: &mut Problems) {
    let found = format!("{}, which differs from that of route {} only in capitals", route.value.path, quoted(&other.name));
    problems.refuse(&route.path.key("path"), found, "paths that stay apart when a server ignores case");
}

/// The later of two routes that share a method on one host and path.
fn alike(route: &Block<RouteSettings>, other: &RouteSettings, problems: &mut Problems) {
    let name = quoted(&other.name);
    let (methods, taken) = (route.value.methods.as_deref().unwrap_or_default(), other.methods.as_deref().unwrap_or_default());
    let shared: Vec<&str> = methods.iter().filter(|method| taken.contains(method)).map(Method::as_str).collect();
    let (key, message) = if shared.len() == methods.len() && methods.len() == taken.len() {
        ("path", format!("found the same host, path and methods as in route {name}; nothing could decide between them"))
    } else if shared.len() == methods.len() {
        ("methods", format!("found methods that route {name} serves already, all of them; this route is unreachable"))
    } else {
        ("methods", format!("found {}, which route {name} serves too; allowed: each method in one of them", shared.join(", ")))
    };
    problems.error(&route.path.key(key), message);
}
