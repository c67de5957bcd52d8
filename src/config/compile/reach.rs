//! Routes that no request could reach, and pairs between which nothing would decide.
//!
//! The longest path on the best host wins, then the method. So only routes with one host and one path can be in each
//! other's way: they must share no method.

use http::Method;

use crate::config::diagnostic::{Problems, quoted};
use crate::config::key_path::KeyPath;
use crate::config::layers::Block;
use crate::route::{RouteSettings, differ_only_in_case};

pub(super) fn check(routes: &[Block<RouteSettings>], problems: &mut Problems) {
    if routes.is_empty() && !problems.has_error() {
        problems.error(&KeyPath::of("route"), "found nothing; a gateway has at least one `[[route]]`");
    }
    for (index, route) in routes.iter().enumerate() {
        let twins = routes
            .iter()
            .take(index)
            .filter(|other| other.value.host == route.value.host && other.value.path == route.value.path);
        for twin in twins {
            check_twins(route, &twin.value, problems);
        }
        let alike = routes
            .iter()
            .take(index)
            .find(|other| other.value.host == route.value.host && differ_only_in_case(&other.value.path, &route.value.path));
        if let Some(other) = alike {
            let found = format!("found a path that differs only in case from that of route {}; ", quoted(&other.value.name));
            problems.error(&route.path.key("path"), found + "requests for either would be refused as ambiguous");
        }
    }
}

fn check_twins(route: &Block<RouteSettings>, twin: &RouteSettings, problems: &mut Problems) {
    let name = quoted(&twin.name);
    let (path, message) = match (&route.value.methods, &twin.methods) {
        (None, None) => {
            ("path", format!("found the same host, path and methods as in route {name}; nothing could decide between them"))
        }
        (Some(_), None) => {
            ("methods", format!("found methods that route {name} serves already, all of them; this route is unreachable"))
        }
        (None, Some(_)) => {
            ("path", format!("found the same host and path as in route {name} and no `methods`; name those that it leaves"))
        }
        (Some(methods), Some(taken)) => match shared(methods, taken) {
            shared if shared.is_empty() => return,
            shared if shared.len() == methods.len() && methods.len() == taken.len() => {
                ("path", format!("found the same host, path and methods as in route {name}; nothing could decide between them"))
            }
            shared if shared.len() == methods.len() => {
                ("methods", format!("found methods that route {name} serves already, all of them; this route is unreachable"))
            }
            shared => (
                "methods",
                format!("found {}, which route {name} serves too; allowed: each method in one of them", shared.join(", ")),
            ),
        },
    };
    problems.error(&route.path.key(path), message);
}

fn shared(methods: &[Method], taken: &[Method]) -> Vec<String> {
    methods.iter().filter(|method| taken.contains(method)).map(ToString::to_string).collect()
}
