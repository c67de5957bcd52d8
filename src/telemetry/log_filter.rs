//! Which lines are logged: the operator's `level`, with the libraries below the gateway kept quiet.
//!
//! Their lines are for their authors, and h2's about malformed requests quote the path they came with, a token in its
//! query included.

use std::fmt;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// They say warnings at most, unless the operator names them.
const QUIET: [&str; 6] = ["h2", "hyper", "hyper_util", "rustls", "tokio_rustls", "notify"];
/// They never say more than `info`, even where they are named: below it they may quote what clients sent.
const QUOTING: [&str; 2] = ["h2", "hyper"];

/// The filter for `level`; nothing where that does not parse.
pub(super) fn filter(level: &str) -> Option<EnvFilter> {
    let asked = level.split(',').map(Directive::parse).collect::<Option<Vec<_>>>()?;
    let quiet = QUIET.iter().filter_map(|name| quieted(name, &asked));
    let all: Vec<_> = quiet.chain(asked.iter().copied().map(Directive::bounded)).map(|one| one.to_string()).collect();
    EnvFilter::try_new(all.join(",")).ok()
}

/// What is added for the library `name`: nothing where it is named, or where nothing is asked that reaches it.
fn quieted<'a>(name: &'a str, asked: &[Directive<'_>]) -> Option<Directive<'a>> {
    if asked.iter().any(|one| one.target == name) {
        return None;
    }
    // As the filter reads targets: as beginnings, of which the longest counts.
    let reaching = asked.iter().filter(|one| name.starts_with(one.target)).max_by_key(|one| one.target.len())?;
    Some(Directive { target: name, level: reaching.level.min(LevelFilter::WARN) })
}

/// One part of `level`; that for everything has no target.
#[derive(Clone, Copy)]
struct Directive<'a> {
    target: &'a str,
    level: LevelFilter,
}

impl<'a> Directive<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (target, level) = text.split_once('=').unwrap_or(("", text));
        Some(Self { target, level: level.parse().ok()? })
    }

    fn bounded(self) -> Self {
        let quotes = QUOTING.contains(&self.target.split(':').next().unwrap_or_default());
        Self { level: if quotes { self.level.min(LevelFilter::INFO) } else { self.level }, ..self }
    }
}

impl fmt::Display for Directive<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.target.is_empty() {
            write!(f, "{}=", self.target)?;
        }
        self.level.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Which of some lines are logged with `level`.
    fn logged(level: &str) -> String {
        let subscriber = tracing_subscriber::registry().with(filter(level).unwrap());
        tracing::subscriber::with_default(subscriber, || {
            let lines = [
                ("ours-debug", tracing::enabled!(target: "tollgate::issuer", Level::DEBUG)),
                ("ours-error", tracing::enabled!(target: "tollgate::issuer", Level::ERROR)),
                ("h2-debug", tracing::enabled!(target: "h2::server", Level::DEBUG)),
                ("h2-info", tracing::enabled!(target: "h2::server", Level::INFO)),
                ("h2-warn", tracing::enabled!(target: "h2::server", Level::WARN)),
                ("hyper-debug", tracing::enabled!(target: "hyper::proto::h1", Level::DEBUG)),
                ("util-debug", tracing::enabled!(target: "hyper_util::server", Level::DEBUG)),
                ("tls-debug", tracing::enabled!(target: "rustls::server", Level::DEBUG)),
                ("notify-info", tracing::enabled!(target: "notify::inotify", Level::INFO)),
            ];
            lines.iter().filter(|(_, enabled)| *enabled).map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
        })
    }

    #[test]
    fn no_level_makes_h2_or_hyper_quote_a_token_in_a_malformed_request() {
        for (level, expected) in [
            ("info", "ours-error h2-warn"),
            ("debug", "ours-debug ours-error h2-warn"),
            ("trace", "ours-debug ours-error h2-warn"),
            ("error", "ours-error"),
            ("off", ""),
            ("tollgate=debug", "ours-debug ours-error"),
            ("error,debug", "ours-debug ours-error h2-warn"),
            ("warn,h2=trace", "ours-error h2-info h2-warn"),
            ("warn,h2::server=trace", "ours-error h2-info h2-warn"),
            ("off,h2:=trace", "h2-info h2-warn"),
            ("off,h=trace", "h2-warn"),
            ("off,hyper=trace", ""),
            ("off,hyper::proto=trace", ""),
            ("off,hyper_util=debug", "util-debug"),
            ("warn,rustls=debug,notify=info", "ours-error h2-warn tls-debug notify-info"),
        ] {
            assert_eq!(logged(level), expected, "{level}");
        }
    }

    #[test]
    fn what_is_no_level_is_no_filter() {
        for level in ["loud", "info,loud", "h2=loud"] {
            assert!(filter(level).is_none(), "{level}");
        }
    }
}
