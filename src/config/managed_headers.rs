//! The header names that only the gateway sets: removed from every request on every route.
//!
//! One list for `check`, which shows it, and for the pipeline, which removes by it.

use crate::config::Settings;

/// What a route's backend is told where the route names no headers, as oauth2-proxy's users know them.
pub(crate) const DEFAULT_IDENTITY_HEADERS: [(&str, &str); 4] = [
    ("X-Forwarded-User", "sub"),
    ("X-Forwarded-Email", "email"),
    ("X-Forwarded-Groups", "roles"),
    ("X-Forwarded-Preferred-Username", "preferred_username"),
];

/// What other gateways set and backends believe. A name that ends in `*` stands for all that begin so.
const FAMILIAR: [&str; 6] = ["remote-user", "remote-groups", "remote-email", "remote-name", "x-auth-request-*", "x-tollgate-*"];

/// A name as it is compared: lower case, everything that is not a letter or digit being `-`, so that the spellings
/// which CGI and WSGI backends cannot tell apart are one (`X_Forwarded_User`, `x.forwarded.user`).
pub(crate) fn folded(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

impl Settings {
    /// The managed names, folded (lower case, `-` for what is no letter or digit), sorted, each once: all routes'
    /// identity headers, the defaults, and those that backends of other gateways believe. A name that ends in `*`
    /// stands for all that begin with what precedes it.
    pub fn managed_header_names(&self) -> Vec<String> {
        let routes = self.routes.iter().flat_map(|route| &route.identity_headers).map(|(name, _)| folded(name.as_str()));
        let defaults = DEFAULT_IDENTITY_HEADERS.iter().map(|(name, _)| folded(name));
        let familiar = FAMILIAR.iter().map(|name| (*name).to_owned());
        let mut names: Vec<String> = routes.chain(defaults).chain(familiar).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}
