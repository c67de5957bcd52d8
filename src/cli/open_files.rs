//! How many files the process may have open: raised as far as the system lets it, and held against what the
//! configuration lets in.
//!
//! Every connection is an open file. The soft limit is 1024 on many systems, for the sake of programs that use
//! `select`; this one does not, so it takes the hard limit. Where accepting runs out of files, clients wait without a
//! word: that the configuration promises more than the system gives is therefore said at the start.

use std::io;

use crate::config::Settings;
use crate::listener::ListenerSettings;
use crate::upstream::UpstreamSettings;

/// Raises the soft limit to the hard one and warns when that is too low for `settings`.
pub(super) fn allow(settings: &Settings) {
    let wanted = wanted(&settings.listeners, &settings.upstreams);
    match raise() {
        Ok(allowed) if allowed >= wanted => tracing::debug!(allowed, wanted, "open files"),
        Ok(allowed) => tracing::warn!(
            allowed,
            wanted,
            "the limit of open files is below what `connections` of the listeners and `max_connections` of the upstreams add up to"
        ),
        Err(error) => tracing::warn!(%error, wanted, "the limit of open files is not known"),
    }
}

/// What the process may have open from now on.
fn raise() -> io::Result<u64> {
    rlimit::increase_nofile_limit(rlimit::INFINITY)
}

/// All connections that may be open at once; an upstream's bound is that of each of its servers.
fn wanted(listeners: &[ListenerSettings], upstreams: &[UpstreamSettings]) -> u64 {
    let clients = listeners.iter().map(|listener| listener.limits.connections);
    let servers = upstreams.iter().map(|upstream| upstream.max_connections.saturating_mul(upstream.servers.len()));
    let all = clients.chain(servers).fold(0, usize::saturating_add);
    u64::try_from(all).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let (_, hard) = rlimit::Resource::NOFILE.get().unwrap();
        assert_eq!(raise().unwrap(), hard);
        assert_eq!(rlimit::Resource::NOFILE.get().unwrap(), (hard, hard));
    }

    #[test]
    fn every_listener_and_every_server_counts() {
        let text = "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\nlimits.connections = 7\n\
                    [[listener]]\nname = \"b\"\naddress = \"127.0.0.1:2\"\nlimits.connections = 20\n\
                    [[upstream]]\nname = \"u\"\nservers = [\"http://127.0.0.1:3\", \"http://127.0.0.1:4\"]\nmax_connections = 100\n\
                    [[route]]\nname = \"r\"\npath = \"/\"\nupstream = \"u\"\nanonymous = true\n";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tollgate.toml");
        std::fs::write(&file, text).unwrap();
        let settings = crate::config::load(&file, []).unwrap();
        assert_eq!(wanted(&settings.listeners, &settings.upstreams), 227);
    }
}
