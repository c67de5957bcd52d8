//! Routes whose backends get signed assertions: whether there is anything to sign them, and to say.

use crate::config::diagnostic::Problems;
use crate::config::layers::Block;
use crate::route::RouteSettings;
use crate::upstream::{UpstreamHost, UpstreamSettings};

/// Who could sign.
#[derive(Clone, Copy)]
pub(super) enum Signs {
    /// The embedded authority.
    Authority,
    /// Nobody here: a remote authority issues the tokens.
    Remote,
    /// Nobody.
    Nobody,
}

pub(super) fn check(
    routes: &[Block<RouteSettings>],
    upstreams: &[Block<UpstreamSettings>],
    signs: Signs,
    problems: &mut Problems,
) {
    for Block { path, value: route } in routes.iter().filter(|route| route.value.assertion) {
        let path = &path.key("assertion");
        match signs {
            Signs::Authority => {}
            Signs::Nobody => {
                problems.error(path, "found it without `[authority]`, whose key signs assertions; add the one or remove the other");
            }
            Signs::Remote => problems.error(
                path,
                "found it beside `authority.remote_url`; a remote authority signs no assertions, so remove the one or embed the other",
            ),
        }
        let upstream = upstreams.iter().find(|upstream| upstream.value.name == route.upstream);
        if upstream.is_some_and(|upstream| tells_several_hosts(&upstream.value)) {
            let message = "found it for an upstream of several servers with `host = \"server\"`, where the `Host` that it must say \
                           is not known when it is signed; allowed: one server, or another `host`";
            problems.error(path, message);
        }
    }
}

fn tells_several_hosts(upstream: &UpstreamSettings) -> bool {
    upstream.host == UpstreamHost::Server && upstream.servers.len() > 1
}
