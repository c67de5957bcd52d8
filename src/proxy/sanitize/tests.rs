//! Requests that hurt other gateways, and what must hold after any of them.

use http::{Request, StatusCode};
use proptest::prelude::*;

use super::*;
use crate::proxy::rejection::Rejection;

const LIMITS: RequestLimits = RequestLimits { header_count: 20, header_bytes: 2000, target_bytes: 100 };

fn managed() -> ManagedHeaders {
    ManagedHeaders::new(&[HeaderName::from_static("x-user-id"), HeaderName::from_static("x-email")])
}

fn head(lines: &[(&str, &str)]) -> Parts {
    let builder = lines.iter().fold(Request::get("/x"), |builder, (name, value)| builder.header(*name, *value));
    builder.body(()).unwrap().into_parts().0
}

/// What is left, as `name: value` lines, with what was said about the connection.
fn clean(lines: &[(&str, &str)]) -> Result<(Vec<String>, Sanitized), SanitizeFault> {
    let mut head = head(lines);
    let sanitized = sanitize(&mut head, &managed(), &LIMITS)?;
    let left = head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
    Ok((left.collect(), sanitized))
}

fn left(lines: &[(&str, &str)]) -> Vec<String> {
    clean(lines).unwrap().0
}

#[test]
fn an_ordinary_request_is_left_as_it_is() {
    let lines = [("host", "a"), ("accept", "*/*"), ("cookie", "a=b"), ("content-length", "5"), ("x-requested-with", "q")];
    assert_eq!(left(&lines), ["host: a", "accept: */*", "cookie: a=b", "content-length: 5", "x-requested-with: q"]);
}

#[test]
fn oauth2_proxy_cve_2025_64484_underscore_aliases_are_stripped_and_counted() {
    let (left, sanitized) =
        clean(&[("X_User_Id", "evil"), ("x-user-id", "a"), ("x-user-id", "b"), ("a", "b"), ("X-EMAIL", "e")]).unwrap();
    assert_eq!(left, ["a: b"]);
    assert_eq!(sanitized.identity_headers, 4);
}

#[test]
fn traefik_cve_2026_88011_dot_alias_is_stripped() {
    assert!(left(&[("X.User.Id", "evil"), ("x~email", "e"), ("x-forwarded.user", "e"), ("remote.user", "e")]).is_empty());
}

#[test]
fn oauth2_proxy_cve_2026_40575_forwarding_headers_are_stripped_and_not_counted_as_identity() {
    let lines = [("x-forwarded-uri", "/public"), ("x-original-url", "/"), ("Forwarded", "for=1"), ("x_forwarded_proto", "https")];
    let (left, sanitized) = clean(&lines).unwrap();
    assert!(left.is_empty());
    assert_eq!(sanitized.identity_headers, 0);
}

#[test]
fn oathkeeper_ghsa_w9mr_nominated_names_go_and_connection_goes() {
    let lines =
        [("Connection", "close, X-Custom"), ("connection", "x-OTHER"), ("x-custom", "a"), ("X-Other", "b"), ("x-kept", "c")];
    assert_eq!(left(&lines), ["x-kept: c"]);
}

#[test]
fn traefik_cve_2026_29054_nominating_an_identity_header_in_lower_case_leaves_nothing_behind() {
    assert!(left(&[("connection", "x-user-id,\tx-forwarded-user ,,"), ("x-user-id", "evil")]).is_empty());
}

#[test]
fn nominating_a_framing_field_is_refused() {
    for name in ["content-length", "Transfer-Encoding", "HOST"] {
        assert_eq!(clean(&[("connection", &format!("close, {name}"))]).unwrap_err(), SanitizeFault::NominatedFraming);
    }
    let many = (0..40).map(|n| format!("x-{n}")).collect::<Vec<_>>().join(",");
    assert_eq!(clean(&[("connection", &many)]).unwrap_err(), SanitizeFault::NominatedTooMany);
}

#[test]
fn hop_by_hop_fields_go_and_te_trailers_stays() {
    let lines = [
        ("keep-alive", "5"),
        ("proxy-connection", "close"),
        ("proxy-authorization", "Basic x"),
        ("http2-settings", "AAA"),
        ("proxy", "http://evil"),
        ("connection", "TE, HTTP2-Settings"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
    ];
    assert_eq!(left(&lines), ["te: trailers"]);
    assert!(left(&[("te", "trailers, deflate")]).is_empty());
    assert!(left(&[("te", "trailers"), ("te", "gzip")]).is_empty());
}

#[test]
fn an_upgrade_is_told_only_where_connection_says_so() {
    let (left, sanitized) = clean(&[("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", "k")]).unwrap();
    assert_eq!(sanitized.upgrade.unwrap(), "websocket");
    assert_eq!(left, ["sec-websocket-key: k"]);
    assert_eq!(clean(&[("upgrade", "websocket")]).unwrap(), (vec![], Sanitized::default()));
    assert_eq!(clean(&[("connection", "upgrade"), ("upgrade", "a"), ("upgrade", "b")]).unwrap().1.upgrade, None);
}

#[test]
fn an_upgrade_is_none_in_http_1_0_and_http_2() {
    for version in [Version::HTTP_10, Version::HTTP_2] {
        let mut head = head(&[("connection", "upgrade"), ("upgrade", "h2c")]);
        head.version = version;
        assert_eq!(sanitize(&mut head, &managed(), &LIMITS).unwrap().upgrade, None);
        assert!(head.headers.is_empty());
    }
}

#[test]
fn envoy_12089_two_authorization_lines_or_two_hosts_are_refused() {
    assert_eq!(clean(&[("authorization", "a"), ("authorization", "a")]).unwrap_err(), SanitizeFault::SeveralAuthorizations);
    assert_eq!(clean(&[("host", "a"), ("host", "a")]).unwrap_err(), SanitizeFault::SeveralHosts);
}

#[test]
fn pingora_cve_2026_2835_doubtful_framing_is_refused() {
    let lengths = ["+5", "", "5, 5", "5 5", "0x5", "-1", "99999999999999999999"];
    for length in lengths {
        assert_eq!(clean(&[("content-length", length)]).unwrap_err(), SanitizeFault::ContentLength, "{length}");
    }
    assert_eq!(clean(&[("content-length", "5"), ("content-length", "5")]).unwrap_err(), SanitizeFault::ContentLength);
    assert_eq!(clean(&[("content-length", "5"), ("transfer-encoding", "chunked")]).unwrap_err(), SanitizeFault::ContentLength);
    for coding in ["gzip, chunked", "chunked, chunked", "identity", "xchunked"] {
        assert_eq!(clean(&[("transfer-encoding", coding)]).unwrap_err(), SanitizeFault::TransferEncoding, "{coding}");
    }
    let mut head = head(&[("transfer-encoding", "chunked")]);
    head.version = Version::HTTP_10;
    assert_eq!(sanitize(&mut head, &managed(), &LIMITS), Err(SanitizeFault::TransferEncoding));
    assert!(left(&[("content_length", "9"), ("transfer.encoding", "chunked")]).is_empty());
}

#[test]
fn connect_trace_and_track_are_refused() {
    for method in ["CONNECT", "TRACE", "TRACK"] {
        let mut head = head(&[]);
        head.method = Method::from_bytes(method.as_bytes()).unwrap();
        let refusal = Rejection::from(sanitize(&mut head, &managed(), &LIMITS).unwrap_err());
        assert_eq!(refusal.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[test]
fn envoy_cve_2026_47774_cookie_crumbs_are_counted_and_joined() {
    assert_eq!(left(&[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]), ["cookie: a=1; b=2; c=3"]);
    let crumbs = [("cookie", "a=1"); 21];
    assert_eq!(clean(&crumbs).unwrap_err(), SanitizeFault::TooManyHeaders);
}

#[test]
fn limits_hold_at_the_limit_and_not_above() {
    assert!(clean(&[("a", "b"); 20]).is_ok());
    assert!(clean(&[("a", &"b".repeat(1999))]).is_ok());
    assert_eq!(clean(&[("a", &"b".repeat(2000))]).unwrap_err(), SanitizeFault::HeadersTooLarge);
    for (length, fault) in [(100, None), (101, Some(SanitizeFault::TargetTooLong))] {
        let mut head = head(&[]);
        head.uri = format!("/{}", "a".repeat(length - 1)).parse().unwrap();
        assert_eq!(sanitize(&mut head, &managed(), &LIMITS).err(), fault);
    }
}

#[test]
fn trailer_names_are_filtered() {
    assert_eq!(
        left(&[("trailer", "grpc-status, X_User_Id"), ("trailer", "authorization,x-sum, a b")]),
        ["trailer: grpc-status, x-sum"]
    );
    assert!(left(&[("trailer", "Content-Length")]).is_empty());
}

#[test]
fn trailers_carry_no_identity_and_no_framing() {
    let mut trailers =
        head(&[("grpc-status", "0"), ("X_Email", "e"), ("x-email", "e"), ("host", "b"), ("content-type", "x")]).headers;
    assert_eq!(sanitize_trailers(&mut trailers, &managed()), 2);
    assert_eq!(trailers.len(), 1);
}

#[test]
fn hono_ghsa_79qm_a_backends_connection_fields_do_not_reach_the_client() {
    let lines = [("connection", "keep-alive, X-Internal"), ("keep-alive", "5"), ("x-internal", "a"), ("content-length", "3")];
    let mut headers = head(&lines).headers;
    assert_eq!(sanitize_response(&mut headers), None);
    assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["content-length"]);
}

#[test]
fn a_length_beside_chunks_does_not_reach_the_client() {
    let mut headers = head(&[("content-length", "3"), ("transfer-encoding", "chunked")]).headers;
    assert_eq!(sanitize_response(&mut headers), None);
    assert!(headers.is_empty());
}

#[test]
fn a_backends_101_gives_its_upgrade() {
    let mut headers = head(&[("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-accept", "x")]).headers;
    assert_eq!(sanitize_response(&mut headers).unwrap(), "websocket");
    assert_eq!(headers.len(), 1);
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "connection",
            "x-user-id",
            "x_user_id",
            "x.forwarded.for",
            "te",
            "trailer",
            "upgrade",
            "cookie",
            "host",
            "forwarded",
            "x-auth-request-x",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z0-9_.-]{1,20}",
        "x[_.-]forwarded[_.-][a-z]{1,4}",
    ]
}

proptest! {
    #[test]
    fn nothing_managed_and_nothing_hop_by_hop_is_left(lines in prop::collection::vec((name(), "[ -~]{0,24}"), 0..12)) {
        let lines: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut head = head(&lines);
        if sanitize(&mut head, &managed(), &LIMITS).is_ok() {
            for name in head.headers.keys() {
                let folded: String = name.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
                prop_assert!(!["x_user_id", "x_email", "forwarded", "x_real_ip", "remote_user"].contains(&folded.as_str()), "{}", name);
                prop_assert!(!["x_forwarded_", "x_auth_request_", "x_tollgate_", "x_original_"].iter().any(|p| folded.starts_with(p)), "{}", name);
                prop_assert!(!["connection", "keep-alive", "upgrade", "transfer-encoding"].contains(&name.as_str()), "{}", name);
            }
            prop_assert!(head.headers.get_all("cookie").iter().count() <= 1);
        }
    }

    #[test]
    fn no_value_panics(values in prop::collection::vec((name(), prop::collection::vec(0x20u8..=0xff, 0..20)), 0..10)) {
        let mut head = head(&[]);
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                head.headers.append(HeaderName::try_from(name).unwrap(), value);
            }
        }
        sanitize_response(&mut head.headers.clone());
        sanitize_trailers(&mut head.headers.clone(), &managed());
        let _ = sanitize(&mut head, &managed(), &LIMITS);
    }
}
