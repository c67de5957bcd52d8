//! Targets that hurt other gateways, and the judgement against every reading written out naively.

use http::Method;
use proptest::prelude::*;

use super::*;
use crate::route::{HostPattern, PathPrefix};

const PREFIXES: &[(&str, bool)] =
    &[("/", false), ("/admin", false), ("/public", false), ("/files", true), ("/files/private", false), ("/Api/v1", false)];

fn table() -> RouteTable<&'static str> {
    let entry = |&(path, slash)| (HostPattern::Any, PathPrefix::parse(path).unwrap(), None, slash, path);
    RouteTable::build(PREFIXES.iter().map(entry).collect())
}

fn judge(target: &str) -> Result<&'static str, TargetFault> {
    match table().resolve("a.example", target, &Method::GET)? {
        Match::Found(route) => Ok(route),
        other => panic!("the root covers everything: {other:?}"),
    }
}

fn refused(fault: TargetFault, targets: &[&str]) {
    for target in targets {
        assert_eq!(judge(target), Err(fault), "{target}");
    }
}

#[test]
fn ordinary_targets_pass() {
    let cases = [
        ("/", "/"),
        ("/admin", "/admin"),
        ("/admin/", "/admin"),
        ("/administrator", "/"),
        ("/.well-known/x.json", "/"),
        ("/files/My%20Report%20(1).pdf", "/files"),
        ("/files/%E2%82%AC;v=2/caf%C3%A9", "/files"),
        ("/discount/100%25", "/"),
        ("/users/AbC-123/Admin", "/"),
        ("/Api/v1/x", "/Api/v1"),
        ("/public//x", "/public"),
        ("/x?next=/admin/../%zz", "/"),
    ];
    for (target, route) in cases {
        assert_eq!(judge(target), Ok(route), "{target}");
    }
}

#[test]
fn envoy_cve_2019_9901_dot_segments_are_refused_in_every_reading() {
    refused(
        TargetFault::DotSegment,
        &["/public/../admin", "/public/%2e%2e/admin", "/public/.%2e/admin", "/public/%252e%252e/admin", "/x/.", "/x/..", "/./x"],
    );
    refused(TargetFault::DotSegment, &["/x/.../y", "/x/..%20/y", "/x/..%3f", "/x/%2e%3bjsession=1/y", "/x\\..\\admin"]);
}

#[test]
fn envoy_cve_2026_73551_dot_segments_with_parameters_are_refused() {
    refused(TargetFault::DotSegment, &["/user/..;x=y/admin", "/user/..;/admin", "/user/.;a/admin", "/files/a;x%2f..%2fb"]);
}

#[test]
fn envoy_cve_2021_29492_encoded_slashes_are_refused() {
    refused(
        TargetFault::EncodedSlash,
        &["/x%2Fy", "/x%2fy", "/x%5cy", "/x%5Cy", "/x%252fy", "/x%252Fy", "/x%255cy", "/admin%2fy", "/x;a%2fb/admin"],
    );
}

#[test]
fn an_encoded_slash_is_data_where_allowed_but_never_leads_to_another_route() {
    assert_eq!(judge("/files/group%2Fproject/x"), Ok("/files"));
    assert_eq!(judge("/files/a%252Fb"), Ok("/files"));
    refused(TargetFault::DotSegment, &["/files/a%2F..%2F..%2Fadmin", "/files/%252e%252e%252fadmin"]);
    refused(
        TargetFault::OtherRoute,
        &["/files/%2Fprivate", "/files/;%2f/private", "/files/;a%2fb/private", "/files/;%2Fprivate/x"],
    );
}

#[test]
fn caddy_cve_2026_52844_merged_and_turned_slashes_never_lead_to_another_route() {
    refused(TargetFault::OtherRoute, &["/admin\\x", "/public\\..x", "/files//private", "/files/\\private"]);
}

/// Node's `new URL(target, base).pathname` and Python's `urlsplit(target).path` are `/admin` for all of these.
#[test]
fn a_target_that_url_parsers_take_for_another_authority_is_refused() {
    refused(
        TargetFault::NetworkPath,
        &["//", "//x", "//admin", "//x/admin", "/\\x/admin", "///x/admin", "/\\/x/admin", "//x//admin"],
    );
}

#[test]
fn heimdall_ghsa_72h4_case_never_leads_to_another_route() {
    refused(TargetFault::OtherRoute, &["/ADMIN", "/Admin/x", "/api/v1", "/Files/Private/x", "/files/PRIVATE", "/%41dmin"]);
}

#[test]
fn parameters_tails_and_encodings_never_lead_to_another_route() {
    refused(TargetFault::OtherRoute, &["/admin;a=b", "/admin;/x", "/admin%3bx/y", "/admin.", "/admin.%20", "/admin%20/x"]);
    refused(TargetFault::OtherRoute, &["/%61dmin", "/%2561dmin/x", "/admin%253b/x", "/files/privat%65", "/;/admin"]);
}

#[test]
fn oauth2_proxy_cve_2026_41059_fragments_never_reach_another_route() {
    refused(TargetFault::Fragment, &["/foo/secret#/bar", "/x?y#z"]);
    refused(TargetFault::OtherRoute, &["/admin%23/bar", "/admin%3f.css", "/admin%253Fx", "/files/private%23"]);
    assert_eq!(judge("/x/what%3F"), Ok("/"));
}

#[test]
fn oauth2_proxy_cve_2025_54576_the_query_never_matches() {
    assert_eq!(judge("/admin?x=/public/"), Ok("/admin"));
}

#[test]
fn traefik_cve_2026_33186_targets_without_leading_slash_are_refused() {
    refused(TargetFault::NotAbsolute, &["admin", "*", "", "a.example:443", "http://a.example/", "?x"]);
}

#[test]
fn bytes_that_no_uri_has_are_refused_in_path_and_query() {
    refused(TargetFault::Control, &["/a\0", "/a b", "/a?\r\nx", "/a\u{7f}", "/a%00", "/a%2500", "/a%0d%0a", "/a%7F"]);
    refused(TargetFault::NonAscii, &["/é", "/x?é"]);
}

#[test]
fn authelia_ghsa_68wm_bad_encodings_are_refused() {
    refused(TargetFault::BadEncoding, &["/%", "/a%2", "/%zz", "/%u002e", "/x/%%32%65"]);
    refused(TargetFault::Overlong, &["/x%c0%af", "/%C0%AE", "/%e0%80%af", "/%f0%80%80%af", "/%25c0%25af"]);
}

#[test]
fn a_target_of_eight_kibibytes_is_bounded() {
    for piece in ["%", "%25", "/", "//;", "/;%2f", ";", "\\", "%5c", "A", "/A"] {
        let target = format!("/files/{}", piece.repeat(8192 / piece.len()));
        let _ = judge(&target);
    }
}

/// One reading as a backend would make it: steps in an order of its own.
fn read(path: &str, steps: &[Step]) -> Vec<u8> {
    steps.iter().fold(path.as_bytes().to_vec(), |path, step| step.apply(&path))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Decode,
    Backslash,
    Merge,
    CutParameters,
    Fold,
    CutTails,
    CutQuery,
}

impl Step {
    fn apply(self, path: &[u8]) -> Vec<u8> {
        match self {
            Self::Decode => naive_decode(path),
            Self::Backslash => path.iter().map(|&byte| if byte == b'\\' { b'/' } else { byte }).collect(),
            Self::Merge => by_segment(path, |segments| segments.retain(|segment| !segment.is_empty())),
            Self::CutParameters => by_segment(path, |segments| segments.iter_mut().for_each(|s| cut(s, b";"))),
            Self::Fold => path.to_ascii_lowercase(),
            Self::CutTails => by_segment(path, |segments| segments.iter_mut().for_each(trim)),
            Self::CutQuery => path.split(|byte| b"?#".contains(byte)).next().unwrap().to_vec(),
        }
    }
}

fn by_segment(path: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let rest = path.strip_prefix(b"/").unwrap_or(path);
    let mut segments: Vec<Vec<u8>> = rest.split(|&byte| byte == b'/').map(<[u8]>::to_vec).collect();
    change(&mut segments);
    [b"/".to_vec(), segments.join(&b'/')].concat()
}

fn cut(segment: &mut Vec<u8>, ends: &[u8]) {
    segment.truncate(segment.iter().position(|byte| ends.contains(byte)).unwrap_or(segment.len()));
}

fn trim(segment: &mut Vec<u8>) {
    while matches!(segment.last(), Some(b'.' | b' ')) {
        segment.pop();
    }
}

fn naive_decode(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < path.len() {
        let hex = path.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.filter(|hex| path[at] == b'%' && !hex.starts_with('+')).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(value) => (out.push(value), at += 3).1,
            None => (out.push(path[at]), at += 1).1,
        }
    }
    out
}

fn naive_route(path: &[u8], fold: bool) -> &'static str {
    let path = String::from_utf8_lossy(path).into_owned();
    let covers = |prefix: &str| {
        let prefix = if fold { prefix.to_lowercase() } else { prefix.to_owned() };
        prefix == "/" || path == prefix || path.starts_with(&format!("{prefix}/"))
    };
    PREFIXES.iter().map(|line| line.0).filter(|prefix| covers(prefix)).max_by_key(|prefix| prefix.len()).unwrap()
}

fn has_dots(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').any(|segment| segment == b"." || segment == b"..")
}

fn nasty_path() -> impl Strategy<Value = String> {
    let pieces = vec![
        "/", "/", "/", "%2f", "%2F", "%252f", "%5c", "\\", "%2e", "%252e", ".", "..", ";", "%3b", "%253B", "A", "a", "%61",
        "%2561", ";a%2fb", " ", "%20", "%2520", "?", "%3f", "%23", "admin", "ADMIN", "files", "private", "Private", "public",
        "Api", "api", "v1", "%", "%25", "é", "dmin", "x",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..9).prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// Any choice of steps in any order, with up to two decodings.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    use Step::{Backslash, CutParameters, CutQuery, CutTails, Decode, Fold, Merge};
    let all = vec![Decode, Decode, Backslash, Merge, CutParameters, Fold, CutTails, CutQuery];
    prop::sample::subsequence(all, 0..=8).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn what_is_judged_fine_has_one_route_and_no_dots_in_any_reading(
        target in nasty_path(),
        readings in prop::collection::vec(steps(), 24),
    ) {
        if let Ok(route) = judge(&target) {
            let path = target.split('?').next().unwrap();
            for steps in readings {
                let reading = read(path, &steps);
                prop_assert_eq!(naive_route(&reading, steps.contains(&Step::Fold)), route, "{} {:?}", target, steps);
                prop_assert!(!has_dots(&reading), "{} {:?}", target, steps);
            }
        }
    }

    #[test]
    fn no_input_panics(target in "\\PC{0,80}", more in nasty_path()) {
        let _ = judge(&target);
        let _ = judge(&format!("{more}{target}"));
    }
}
