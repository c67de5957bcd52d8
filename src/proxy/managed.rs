//! The header names that only the gateway may set: identity headers and the forwarding family. Built once per
//! configuration, asked for every inbound header and trailer.
//!
//! A name is its fold class: lower case, every character that is not a letter or digit equal. Backends that make
//! variables of header names cannot tell the members of a class apart (oauth2-proxy CVE-2025-64484: `X_Forwarded_User`;
//! Traefik CVE-2026-88011: `X.Authenticated.User`), so none of them passes.

use http::HeaderName;

/// Why a name is managed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Managed {
    /// It says who the caller is.
    Identity,
    /// It says where the request came from or what it was; rebuilt whole.
    Forwarding,
    /// It folds to a field that frames the message.
    Framing,
}

/// The managed names of one configuration.
#[derive(Debug)]
pub struct ManagedHeaders {
    /// By length: the folded names of that length.
    exact: Vec<Vec<(Box<[u8]>, Managed)>>,
    prefixes: Vec<(&'static [u8], Managed)>,
    /// By class of the first character: the lengths that occur, so that ordinary names cost one look.
    lengths: [u64; FIRST_CLASSES],
}

impl ManagedHeaders {
    /// The names that are managed whatever the routes say, and `configured`: the names of all routes' identity headers.
    pub fn new<'a>(configured: impl IntoIterator<Item = &'a HeaderName>) -> Self {
        let mut managed = Self { exact: Vec::new(), prefixes: Vec::new(), lengths: [0; FIRST_CLASSES] };
        for name in configured {
            managed.add(name.as_str(), Managed::Identity);
        }
        IDENTITY.iter().for_each(|name| managed.add(name, Managed::Identity));
        FORWARDING.iter().for_each(|name| managed.add(name, Managed::Forwarding));
        FRAMING.iter().for_each(|name| managed.add(name, Managed::Framing));
        for (prefix, kind) in PREFIXES {
            managed.prefixes.push((prefix.as_bytes(), kind));
            managed.allow_lengths(prefix.as_bytes(), prefix.len()..64);
        }
        managed
    }

    /// Why `name` is managed; `None` for an ordinary name.
    pub fn reason(&self, name: &str) -> Option<Managed> {
        let name = name.as_bytes();
        let lengths = self.lengths.get(first_class(name)).copied().unwrap_or_default();
        if lengths & length_bit(name.len()) == 0 {
            return None;
        }
        self.exact_reason(name).or_else(|| self.prefix_reason(name))
    }

    /// Every managed name and prefix (ending in `*`) with its reason, folded, for `check` to list.
    pub fn list(&self) -> impl Iterator<Item = (String, Managed)> {
        let exact = self.exact.iter().flatten().map(|(name, kind)| (String::from_utf8_lossy(name).into_owned(), *kind));
        exact.chain(self.prefixes.iter().map(|(prefix, kind)| (format!("{}*", String::from_utf8_lossy(prefix)), *kind)))
    }

    fn exact_reason(&self, name: &[u8]) -> Option<Managed> {
        let same_length = self.exact.get(name.len())?;
        same_length.iter().find(|(folded, _)| folds_to(name, folded)).map(|(_, kind)| *kind)
    }

    fn prefix_reason(&self, name: &[u8]) -> Option<Managed> {
        let begins = |prefix: &[u8]| name.get(..prefix.len()).is_some_and(|start| folds_to(start, prefix));
        self.prefixes.iter().find(|(prefix, _)| begins(prefix)).map(|(_, kind)| *kind)
    }

    fn add(&mut self, name: &str, kind: Managed) {
        if self.exact_reason(name.as_bytes()).is_some() {
            return;
        }
        if self.exact.len() <= name.len() {
            self.exact.resize_with(name.len() + 1, Vec::new);
        }
        if let Some(same_length) = self.exact.get_mut(name.len()) {
            same_length.push((name.bytes().map(fold).collect(), kind));
        }
        self.allow_lengths(name.as_bytes(), name.len()..name.len() + 1);
    }

    fn allow_lengths(&mut self, name: &[u8], lengths: std::ops::Range<usize>) {
        if let Some(mask) = self.lengths.get_mut(first_class(name)) {
            *mask = lengths.fold(*mask, |mask, length| mask | length_bit(length));
        }
    }
}

/// The member of a fold class that stands for it.
fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}

fn folds_to(name: &[u8], folded: &[u8]) -> bool {
    name.len() == folded.len() && name.iter().zip(folded).all(|(&byte, &wanted)| fold(byte) == wanted)
}

const FIRST_CLASSES: usize = 32;

/// Folded bytes of one class may share a slot; it only has to be the same slot for equal folds.
fn first_class(name: &[u8]) -> usize {
    name.first().map_or(0, |&byte| usize::from(fold(byte) & 31))
}

/// Names of 63 characters and more share a bit.
fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

const IDENTITY: [&str; 8] = [
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "remote-user",
    "remote-groups",
    "remote-email",
    "remote-name",
];

/// What a request came as, which the gateway says or nobody: also under which id, and by which method, because a route is
/// chosen by method and a backend that lets a header override it would run another one.
const FORWARDING: [&str; 7] =
    ["forwarded", "x-forwarded", "x-real-ip", "x-request-id", "x-http-method", "x-http-method-override", "x-method-override"];

/// Their plain forms are framing itself and never looked up here; `Content_Length` is nobody's honest header.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];

const PREFIXES: [(&str, Managed); 5] = [
    ("x-auth-request-", Managed::Identity),
    ("x-tollgate-", Managed::Identity),
    ("x-forwarded-", Managed::Forwarding),
    ("x-original-", Managed::Forwarding),
    ("x-rewrite-", Managed::Forwarding),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn managed() -> ManagedHeaders {
        ManagedHeaders::new(&[HeaderName::from_static("x-user-id"), HeaderName::from_static("x-authenticated-user")])
    }

    #[test]
    fn oauth2_proxy_cve_2025_64484_aliases_are_managed() {
        let names =
            ["x-user-id", "X-User-Id", "x_user_id", "x.user.id", "x_user-id", "x~user!id", "X_FORWARDED_USER", "remote_user"];
        for name in names {
            assert_eq!(managed().reason(name), Some(Managed::Identity), "{name}");
        }
    }

    #[test]
    fn traefik_cve_2026_88011_dot_aliases_are_managed() {
        assert_eq!(managed().reason("x.authenticated.user"), Some(Managed::Identity));
        assert_eq!(managed().reason("x.auth.request.email"), Some(Managed::Identity));
    }

    #[test]
    fn traefik_cve_2026_35051_the_whole_forwarding_family_is_managed() {
        let names =
            ["forwarded", "x-real-ip", "x_real_ip", "x-original-uri", "x-rewrite-url", "x-forwarded-prefix", "x_forwarded_port"];
        for name in names {
            assert_eq!(managed().reason(name), Some(Managed::Forwarding), "{name}");
        }
        assert_eq!(managed().reason(&format!("x-forwarded-{}", "a".repeat(80))), Some(Managed::Forwarding));
    }

    #[test]
    fn ordinary_names_are_not_managed() {
        let names = [
            "host",
            "user-agent",
            "accept",
            "cookie",
            "authorization",
            "content-type",
            "x-requested-with",
            "x-userid",
            "x--user-id",
            "referer",
            "from",
            "x-csrf-token",
            "remote-users",
            "",
            "-",
        ];
        for name in names {
            assert_eq!(managed().reason(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_name_of_a_class_is_managed_alike(
            name in prop::sample::select(vec!["x-user-id", "x-tollgate-assertion", "forwarded", "x-original-method"]),
            changes in prop::collection::vec((any::<prop::sample::Index>(), "[_.~+!#$%&'*^`|-]"), 0..6),
        ) {
            let mut alias = name.to_owned();
            for (place, other) in changes {
                let at = place.index(alias.len());
                if alias.as_bytes()[at].is_ascii_alphanumeric() {
                    alias = alias[..at].to_owned() + &alias[at..=at].to_uppercase() + &alias[at + 1..];
                } else {
                    alias.replace_range(at..=at, &other);
                }
            }
            prop_assert_eq!(managed().reason(&alias), managed().reason(name));
        }
    }
}
