//! Pairs of routes that cannot both be meant; the configuration refuses them.

use http::Method;
use thiserror::Error;

use crate::route::{HostPattern, PathPrefix};

/// What one route matches, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Pattern<'a> {
    /// Which hosts.
    pub host: &'a HostPattern,
    /// Which paths.
    pub path: &'a PathPrefix,
    /// Which methods; `None`: all but CONNECT and TRACE.
    pub methods: Option<&'a [Method]>,
}

/// Why two routes cannot stand beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Conflict {
    /// The second would never be used for the methods they share.
    #[error("matches the same host, path and method")]
    Alike,
    /// A request for either could be read as one for the other, hence all are refused.
    #[error("has a path that differs only in case")]
    CaseOnly,
}

/// The conflict between two routes, if there is one.
pub fn conflict(one: Pattern<'_>, other: Pattern<'_>) -> Option<Conflict> {
    if one.host != other.host {
        return None;
    }
    if one.path == other.path {
        return share_a_method(one.methods, other.methods).then_some(Conflict::Alike);
    }
    let segments = one.path.as_str().split('/').zip(other.path.as_str().split('/'));
    let (ours, theirs) = segments.into_iter().find(|(ours, theirs)| ours != theirs)?;
    ours.eq_ignore_ascii_case(theirs).then_some(Conflict::CaseOnly)
}

/// A route that lists its methods stands beside one that takes the rest.
fn share_a_method(one: Option<&[Method]>, other: Option<&[Method]>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => one.iter().any(|method| other.contains(method)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(one: (&str, Option<&[Method]>), other: (&str, Option<&[Method]>)) -> Option<Conflict> {
        let paths = (PathPrefix::parse(one.0).unwrap(), PathPrefix::parse(other.0).unwrap());
        let host = &HostPattern::Any;
        let one = Pattern { host, path: &paths.0, methods: one.1 };
        conflict(one, Pattern { host, path: &paths.1, methods: other.1 })
    }

    #[test]
    fn alike_and_case_only_routes_are_found() {
        let get: Option<&[Method]> = Some(&[Method::GET]);
        let post: Option<&[Method]> = Some(&[Method::POST, Method::PUT]);
        assert_eq!(between(("/a", None), ("/a/", None)), Some(Conflict::Alike));
        assert_eq!(between(("/a", get), ("/a", get)), Some(Conflict::Alike));
        assert_eq!(between(("/a", get), ("/a", post)), None);
        assert_eq!(between(("/a", get), ("/a", None)), None);
        assert_eq!(between(("/a", None), ("/a/b", None)), None);
        assert_eq!(between(("/Admin/x", get), ("/admin/y", None)), Some(Conflict::CaseOnly));
        assert_eq!(between(("/a/X", None), ("/b/x", None)), None);
    }
}
