//! The table that finds a request's route: host first, then the longest path prefix, then the method. Built once per
//! configuration, asked on every request by the pipeline.
//!
//! Each step decides alone and never falls back to a less specific one, because a fallback would let a request escape
//! the policy that was written for its place:
//! - the most specific host pattern with any route (exact, then the longest `*.x`, then any host) answers for the host;
//!   a path that none of its routes covers is not found, even where a route of any host would cover it;
//! - the longest prefix answers for the path; a method that none of its routes lists is not allowed, even where a
//!   shorter prefix lists it.

use ahash::AHashMap;
use http::Method;

use crate::route::prefixes::{Place, PrefixTree};
use crate::route::{HostPattern, PathPrefix};

/// What one route matches, and what it stands for: host, path, methods (`None`: all but CONNECT and TRACE), whether
/// `%2F` is data on it, the route.
pub type Entry<R> = (HostPattern, PathPrefix, Option<Vec<Method>>, bool, R);

/// The outcome of a search.
#[derive(Debug, PartialEq, Eq)]
pub enum Match<'t, R> {
    /// This route.
    Found(&'t R),
    /// The place is known, the method is not; `allow` is the value for the `Allow` header (RFC 9110 section 10.2.1).
    MethodNotAllowed {
        /// The methods of the place, separated by commas.
        allow: &'t str,
    },
    /// No route.
    NotFound,
}

/// Routes by host, path prefix and method.
#[derive(Debug)]
pub struct RouteTable<R> {
    exact: AHashMap<Box<str>, HostRoutes<R>>,
    below: AHashMap<Box<str>, HostRoutes<R>>,
    any: HostRoutes<R>,
}

/// The routes of one host pattern.
#[derive(Debug)]
pub(in crate::route) struct HostRoutes<R> {
    pub(in crate::route) prefixes: PrefixTree,
    places: Vec<Methods<R>>,
}

/// The routes of one host pattern and one prefix; those that list methods come first.
#[derive(Debug)]
struct Methods<R> {
    routes: Vec<Candidate<R>>,
    allow: Box<str>,
}

#[derive(Debug)]
struct Candidate<R> {
    methods: Option<Vec<Method>>,
    allow_encoded_slash: bool,
    route: R,
}

impl<R> RouteTable<R> {
    /// Builds the table. Where two entries match the same requests the earlier one wins; the configuration refuses
    /// such a pair beforehand.
    pub fn build(entries: Vec<Entry<R>>) -> Self {
        let mut table = Self { exact: AHashMap::new(), below: AHashMap::new(), any: HostRoutes::new() };
        for (host, path, methods, allow_encoded_slash, route) in entries {
            let candidate = Candidate { methods, allow_encoded_slash, route };
            match host {
                HostPattern::Any => table.any.add(&path, candidate),
                HostPattern::Below(name) => table.below.entry(name).or_insert_with(HostRoutes::new).add(&path, candidate),
                HostPattern::Exact(name) => table.exact.entry(name).or_insert_with(HostRoutes::new).add(&path, candidate),
            }
        }
        let hosts = table.exact.values_mut().chain(table.below.values_mut());
        hosts.chain([&mut table.any]).for_each(HostRoutes::finish);
        table
    }

    /// The route of a request: `host` canonical, `path` without query.
    pub fn find(&self, host: &str, path: &str, method: &Method) -> Match<'_, R> {
        let routes = self.on_host(host);
        routes.at(routes.prefixes.longest(path.as_bytes()), method).0
    }

    /// Every route that answers for `host` (canonical), whatever its path.
    pub fn answering(&self, host: &str) -> impl Iterator<Item = &R> {
        self.on_host(host).places.iter().flat_map(|methods| &methods.routes).map(|candidate| &candidate.route)
    }

    /// The routes that answer for `host`; those of any host where it has none of its own.
    pub(in crate::route) fn on_host(&self, host: &str) -> &HostRoutes<R> {
        self.exact.get(host).or_else(|| self.longest_below(host)).unwrap_or(&self.any)
    }

    fn longest_below(&self, host: &str) -> Option<&HostRoutes<R>> {
        if self.below.is_empty() {
            return None;
        }
        memchr::memchr_iter(b'.', host.as_bytes()).find_map(|dot| self.below.get(host.get(dot + 1..)?))
    }
}

impl<R> HostRoutes<R> {
    fn new() -> Self {
        Self { prefixes: PrefixTree::new(), places: Vec::new() }
    }

    fn add(&mut self, path: &PathPrefix, candidate: Candidate<R>) {
        let place = self.prefixes.insert(path);
        match self.places.get_mut(place.index()) {
            Some(methods) => methods.routes.push(candidate),
            None => self.places.push(Methods { routes: vec![candidate], allow: Box::default() }),
        }
    }

    fn finish(&mut self) {
        self.prefixes.finish();
        self.places.iter_mut().for_each(Methods::finish);
    }

    /// The route at `place` for `method`, and whether `%2F` is data on it.
    pub(in crate::route) fn at(&self, place: Option<Place>, method: &Method) -> (Match<'_, R>, bool) {
        let Some(methods) = place.and_then(|place| self.places.get(place.index())) else {
            return (Match::NotFound, false);
        };
        match methods.routes.iter().find(|candidate| candidate.lists(method)) {
            Some(candidate) => (Match::Found(&candidate.route), candidate.allow_encoded_slash),
            None => (Match::MethodNotAllowed { allow: &methods.allow }, false),
        }
    }
}

impl<R> Methods<R> {
    fn finish(&mut self) {
        self.routes.sort_by_key(|candidate| candidate.methods.is_none());
        self.allow = self.allow_value().into();
    }

    fn allow_value(&self) -> String {
        if self.routes.iter().any(|candidate| candidate.methods.is_none()) {
            return ALL_METHODS.to_owned();
        }
        let mut names: Vec<&str> = Vec::new();
        for method in self.routes.iter().flat_map(|candidate| candidate.methods.iter().flatten()) {
            if !names.contains(&method.as_str()) {
                names.push(method.as_str());
            }
        }
        names.join(", ")
    }
}

impl<R> Candidate<R> {
    fn lists(&self, method: &Method) -> bool {
        match &self.methods {
            Some(methods) => methods.contains(method),
            None => !matches!(*method, Method::CONNECT | Method::TRACE),
        }
    }
}

const ALL_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

#[cfg(test)]
mod tests;
