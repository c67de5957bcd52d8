//! The order of decisions, and the table against a search that reads the entries one by one.

use http::Method;
use proptest::prelude::*;

use super::*;

type Line = (&'static str, &'static str, &'static [Method], u32);

fn host(text: &str) -> HostPattern {
    match text.strip_prefix("*.") {
        _ if text == "*" => HostPattern::Any,
        Some(name) => HostPattern::Below(name.into()),
        None => HostPattern::Exact(text.into()),
    }
}

fn entry(&(name, path, methods, route): &Line) -> Entry<u32> {
    let methods = (!methods.is_empty()).then(|| methods.to_vec());
    (host(name), PathPrefix::parse(path).unwrap(), methods, false, route)
}

fn table(lines: &[Line]) -> RouteTable<u32> {
    RouteTable::build(lines.iter().map(entry).collect())
}

const LINES: &[Line] = &[
    ("a.example", "/", &[], 1),
    ("a.example", "/admin", &[Method::GET], 2),
    ("a.example", "/admin/users", &[Method::POST], 3),
    ("a.example", "/admin/users", &[Method::GET], 4),
    ("a.example", "/api", &[], 5),
    ("a.example", "/api", &[Method::DELETE], 6),
    ("b.example", "/only", &[], 7),
    ("*.example", "/", &[], 8),
    ("*.deep.example", "/", &[], 9),
    ("*", "/", &[], 10),
];

#[test]
fn host_then_longest_prefix_then_method() {
    let table = table(LINES);
    let cases = [
        ("a.example", "/", Method::GET, Match::Found(&1)),
        ("a.example", "/administrator", Method::GET, Match::Found(&1)),
        ("a.example", "/admin", Method::GET, Match::Found(&2)),
        ("a.example", "/admin/", Method::GET, Match::Found(&2)),
        ("a.example", "/admin/x/y", Method::GET, Match::Found(&2)),
        ("a.example", "/admin/users/7", Method::POST, Match::Found(&3)),
        ("a.example", "/admin/users/7", Method::GET, Match::Found(&4)),
        ("a.example", "/api/x", Method::DELETE, Match::Found(&6)),
        ("a.example", "/api/x", Method::PUT, Match::Found(&5)),
        ("x.example", "/", Method::GET, Match::Found(&8)),
        ("y.deep.example", "/", Method::GET, Match::Found(&9)),
        ("z.y.deep.example", "/", Method::GET, Match::Found(&9)),
        ("deep.example", "/", Method::GET, Match::Found(&8)),
        ("example", "/", Method::GET, Match::Found(&10)),
        ("other", "/q", Method::GET, Match::Found(&10)),
    ];
    for (host, path, method, expected) in cases {
        assert_eq!(table.find(host, path, &method), expected, "{method} {host}{path}");
    }
}

#[test]
fn a_method_never_falls_through_to_a_shorter_prefix_or_a_less_specific_host() {
    let table = table(LINES);
    assert_eq!(table.find("a.example", "/admin", &Method::POST), Match::MethodNotAllowed { allow: "GET" });
    let allow = Match::MethodNotAllowed { allow: "POST, GET" };
    assert_eq!(table.find("a.example", "/admin/users", &Method::DELETE), allow);
}

#[test]
fn a_host_with_routes_of_its_own_never_falls_through_to_any_host() {
    let table = table(LINES);
    assert_eq!(table.find("b.example", "/other", &Method::GET), Match::NotFound);
    assert_eq!(table.find("b.example", "/only/x", &Method::GET), Match::Found(&7));
}

#[test]
fn connect_and_trace_are_on_no_route_that_does_not_list_them() {
    let table = table(LINES);
    let allow = Match::MethodNotAllowed { allow: ALL_METHODS };
    assert_eq!(table.find("a.example", "/", &Method::TRACE), allow);
    assert_eq!(table.find("a.example", "/", &Method::CONNECT), allow);
    let unknown = Method::from_bytes(b"PURGE").unwrap();
    assert_eq!(table.find("a.example", "/", &unknown), Match::Found(&1));
    assert!(matches!(table.find("a.example", "/admin", &unknown), Match::MethodNotAllowed { .. }));
}

#[test]
fn an_empty_table_finds_nothing() {
    assert_eq!(table(&[]).find("a", "/", &Method::GET), Match::NotFound);
}

#[test]
fn a_path_of_slashes_ends_the_walk_at_once() {
    let table = table(LINES);
    assert_eq!(table.find("a.example", &"/".repeat(8192), &Method::GET), Match::Found(&1));
    assert_eq!(table.find("a.example", "*", &Method::OPTIONS), Match::Found(&1));
}

/// Every entry read one by one: the specification in its plainest form.
fn naive(lines: &[Line], name: &str, path: &str, method: &Method) -> Option<Result<u32, ()>> {
    let rank = |pattern: &str| match pattern.strip_prefix('*') {
        Some("") => Some(0),
        Some(suffix) => name.ends_with(suffix).then_some(suffix.len()),
        None => (pattern == name).then_some(usize::MAX),
    };
    let best = lines.iter().filter_map(|line| rank(line.0)).max()?;
    let covers = |prefix: &str| prefix == "/" || path == prefix || path.starts_with(&format!("{prefix}/"));
    let here = lines.iter().filter(|line| rank(line.0) == Some(best) && covers(line.1));
    let longest = here.clone().map(|line| line.1.len()).max()?;
    let mut same: Vec<_> = here.filter(|line| line.1.len() == longest).collect();
    same.sort_by_key(|line| line.2.is_empty());
    Some(same.iter().find(|line| line.2.is_empty() || line.2.contains(method)).map(|line| line.3).ok_or(()))
}

fn line() -> impl Strategy<Value = Line> {
    let hosts = prop::sample::select(vec!["a.x", "b.a.x", "*.x", "*.a.x", "*"]);
    let paths = prop::sample::select(vec!["/", "/a", "/a/b", "/ab", "/a/b/c", "/b", "/A"]);
    let methods = prop::sample::select(vec![&[][..], &[Method::GET], &[Method::POST], &[Method::GET, Method::PUT]]);
    (hosts, paths, methods, 0u32..1000)
}

proptest! {
    #[test]
    fn finds_what_a_linear_search_finds(
        lines in prop::collection::vec(line(), 0..12),
        name in prop::sample::select(vec!["a.x", "b.a.x", "c.b.a.x", "x", "q"]),
        path in "(/[abAc]{0,2}){1,5}",
        method in prop::sample::select(vec![Method::GET, Method::POST, Method::PUT]),
    ) {
        let table = table(&lines);
        let found = match table.find(name, &path, &method) {
            Match::Found(route) => Some(Ok(*route)),
            Match::MethodNotAllowed { .. } => Some(Err(())),
            Match::NotFound => None,
        };
        prop_assert_eq!(found, naive(&lines, name, &path, &method));
    }

    #[test]
    fn no_input_panics(name in ".{0,40}", path in ".{0,200}") {
        table(LINES).find(&name, &path, &Method::GET);
    }
}
