//! Host patterns and path prefixes.

/// Which hosts a route serves. Names are lower case, without port and trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// Every host.
    Any,
    /// `*.example.com`: every name below, at any depth, not `example.com` itself. Holds `example.com`.
    Below(Box<str>),
    /// Exactly this host.
    Exact(Box<str>),
}

impl HostPattern {
    /// Whether every host of `other` is one of this pattern's.
    pub fn covers(&self, other: &Self) -> bool {
        let is_below = |name: &str, base: &str| name.strip_suffix(base).is_some_and(|rest| rest.ends_with('.'));
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Exact(own), Self::Exact(name)) => own == name,
            (Self::Below(base), Self::Exact(name)) => is_below(name, base),
            (Self::Below(base), Self::Below(name)) => base == name || is_below(name, base),
            (Self::Exact(_), Self::Below(_)) | (Self::Exact(_) | Self::Below(_), Self::Any) => false,
        }
    }
}

impl std::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Below(host) => write!(f, "*.{host}"),
            Self::Exact(host) => f.write_str(host),
        }
    }
}

/// A path prefix that ends on a segment boundary: `/admin` covers `/admin` and `/admin/x`, not `/administrator`.
/// Held without a trailing slash; the root is the empty string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathPrefix(Box<str>);

impl PathPrefix {
    /// Parses a configured prefix such as `/` or `/admin`.
    ///
    /// # Errors
    /// The reason, where it is not an absolute path in the canonical form that requests are matched in.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let Some(rest) = text.strip_prefix('/') else { return Err("a path begins with `/`") };
        let trimmed = rest.strip_suffix('/').unwrap_or(rest);
        if trimmed.is_empty() {
            return if rest.is_empty() { Ok(Self("".into())) } else { Err("a path has no empty segment (`//`)") };
        }
        for segment in trimmed.split('/') {
            check_segment(segment)?;
        }
        Ok(Self(format!("/{trimmed}").into()))
    }

    /// The prefix without trailing slash; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "/" } else { &self.0 })
    }
}

/// A configured segment must read the same way for everyone: otherwise no request could match it unambiguously.
fn check_segment(segment: &str) -> Result<(), &'static str> {
    match segment {
        "" => return Err("a path has no empty segment (`//`)"),
        "." | ".." => return Err("a path has no dot segment"),
        _ => {}
    }
    if !segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&b)) {
        return Err("a path is written in plain characters (letters, digits, -._~!$&'()*+,=:@), without %, ?, #, ; or \\");
    }
    if segment.ends_with('.') {
        return Err("a path segment does not end with a dot");
    }
    Ok(())
}
