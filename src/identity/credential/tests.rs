//! Where tokens are found, and that none is left behind.

use http::HeaderName;
use proptest::prelude::*;

use super::*;

const ALL: TokenFrom = TokenFrom { header: true, cookie: true, query: true };

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let line = |(name, value): &(&str, &str)| (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
    let mut headers = HeaderMap::new();
    headers.extend(lines.iter().map(line));
    headers
}

fn found(
    lines: &[(&str, &str)],
    query: Option<&str>,
    from: &TokenFrom,
) -> Result<Option<(Source, Vec<String>)>, CredentialFault> {
    let headers = headers(lines);
    let presented = find(&headers, query, from)?;
    Ok(presented.map(|presented| (presented.source, presented.tokens().map(str::to_owned).collect())))
}

fn authorization(value: &str) -> Result<Option<String>, CredentialFault> {
    Ok(found(&[("authorization", value)], None, &ALL)?.and_then(|(_, tokens)| tokens.first().cloned()))
}

#[test]
fn both_schemes_in_any_case_hold_one_token() {
    for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c", "JWT a.b.c", "jwt\ta.b.c "] {
        assert_eq!(authorization(value), Ok(Some("a.b.c".to_owned())), "{value}");
    }
    for value in ["Basic a.b.c", "Bearerx a", "Digest a=\"b\", c=d", "", "a.b.c", "DPoP x"] {
        assert_eq!(authorization(value), Ok(None), "{value}");
    }
    for value in ["Bearer", "Bearer ", "JWT a b", "Bearer \"a b\""] {
        assert_eq!(authorization(value), Err(CredentialFault::Malformed), "{value}");
    }
}

#[test]
fn envoy_12089_joined_credentials_are_refused() {
    for value in ["Bearer a, Bearer b", "Bearer a,", "Basic x, Bearer y", "Basic x,jwt y", "Bearer a, Basic b"] {
        assert_eq!(authorization(value), Err(CredentialFault::Several), "{value}");
    }
}

#[test]
fn a_header_beats_a_cookie_beats_a_query() {
    let both = [("authorization", "Bearer h"), ("cookie", "access_token=c")];
    let one = |source, token: &str| Ok(Some((source, vec![token.to_owned()])));
    assert_eq!(found(&both, Some("access_token=q"), &ALL), one(Source::Header, "h"));
    assert_eq!(found(&both[1..], Some("access_token=q"), &ALL), one(Source::Cookie, "c"));
    assert_eq!(found(&[], Some("a=b&access_token=q&c"), &ALL), one(Source::Query, "q"));
    assert_eq!(found(&both[1..], Some("access_token=q"), &TokenFrom::default()), Ok(None));
    assert_eq!(found(&[("authorization", "Basic h"), both[1]], None, &ALL), one(Source::Cookie, "c"));
}

#[test]
fn cookies_of_one_name_are_all_given_in_order_and_bounded() {
    let cookie = |text: &str| found(&[("cookie", text)], None, &ALL).map(|found| found.map(|(_, tokens)| tokens));
    let some = |tokens: &[&str]| Ok(Some(tokens.iter().map(|token| (*token).to_owned()).collect()));
    assert_eq!(cookie("x=1; access_token=a; access_token=b;access_token=a"), some(&["a", "b"]));
    assert_eq!(cookie("access_token=\"q\"; access_token=; access_token"), some(&["q"]));
    assert_eq!(cookie(" access_token = a=b "), some(&["a=b"]));
    assert_eq!(cookie("ACCESS_TOKEN=a; xaccess_token=b; access_tokens=c; n=access_token"), Ok(None));
    assert_eq!(cookie("access_token=1;access_token=2;access_token=3;access_token=4"), some(&["1", "2", "3", "4"]));
    let five = "access_token=1;access_token=2;access_token=3;access_token=4;access_token=5";
    assert_eq!(cookie(five), Err(CredentialFault::TooManyCookies));
}

#[test]
fn two_tokens_in_a_query_are_refused() {
    assert_eq!(found(&[], Some("access_token=a&access_token=b"), &ALL), Err(CredentialFault::Several));
    assert_eq!(found(&[], Some("access_token=a&access%5ftoken=b"), &ALL), Err(CredentialFault::Several));
}

#[test]
fn anonymous_routes_keep_only_other_schemes() {
    for (value, ours) in
        [("Bearer x", true), ("jwt", true), ("Basic x", false), ("Basic x, bearer y", true), ("AWS4-HMAC-SHA256 a, b", false)]
    {
        let mut headers = headers(&[("authorization", value)]);
        strip_authorization(&mut headers);
        assert_eq!(headers.is_empty(), ours, "{value}");
    }
}

#[test]
fn stripping_our_cookies_leaves_every_other_byte() {
    let cases = [
        ("a=1; access_token=x; b=\"2\"", Some("a=1; b=\"2\"")),
        ("access_token=x;  a = 1 ;;b", Some("a = 1 ;;b")),
        ("a=1;refresh_token=y", Some("a=1")),
        ("refresh_token=y; access_token=\"\"", None),
        (" access_token =x", None),
        ("a=1 ;b=2;", Some("a=1 ;b=2;")),
        ("a=1; access_token", Some("a=1")),
        ("access_token", None),
    ];
    for (before, after) in cases {
        let mut headers = headers(&[("cookie", before)]);
        strip_cookies(&mut headers);
        assert_eq!(headers.get(COOKIE).map(|value| value.to_str().unwrap()), after, "{before}");
    }
}

#[test]
fn stripping_the_query_leaves_every_other_byte() {
    assert_eq!(strip_query("/p?a=%zz&access_token=t&&b").as_deref(), Some("/p?a=%zz&&b"));
    assert_eq!(strip_query("/p?access%5Ftoken=t").as_deref(), Some("/p"));
    assert_eq!(strip_query("/p?access_tokens=t"), None);
    assert_eq!(strip_query("/p"), None);
}

proptest! {
    #[test]
    fn no_cookie_of_ours_is_left(line in "((access_token|refresh_token|a|[ =;\"\t])(=|;|; |x){0,2}){0,12}") {
        let mut headers = headers(&[("cookie", &line)]);
        strip_cookies(&mut headers);
        for name in [ACCESS_TOKEN, REFRESH_TOKEN] {
            prop_assert_eq!(cookies(&headers, name).unwrap().count, 0);
        }
    }

    #[test]
    fn no_value_panics(value in prop::collection::vec(0x20u8..=0xff, 0..60), query in "\\PC{0,40}") {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.clone());
            headers.insert(COOKIE, value);
            let _ = find(&headers, Some(&query), &ALL);
            let _ = strip_query(&format!("/?{query}"));
            strip_cookies(&mut headers);
            strip_authorization(&mut headers);
        }
    }
}
