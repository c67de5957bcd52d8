//! What a hostile issuer, or a hostile token, can make the gateway fetch, wait for, hold or connect to.

use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{WINDOW, ask, corp, json, jwks, serving, status, with_source};
use crate::support::{Authority, Backend, Gateway, MockIssuer, Reply, Serves, Signer, until};

/// A gateway whose issuer `corp` has the key set at this address, without keys so far.
fn cold(url: &str, backend: &Backend) -> Gateway {
    Gateway::start_cold(&with_source(&format!("jwks_url = \"{url}\""), backend))
}

/// The word of the failure of the first fetch.
fn first_failure(gateway: &Gateway) -> String {
    let word = || status(gateway, "corp")["last_error"].as_str().map(str::to_owned);
    until("a failed fetch", || word().is_some());
    word().unwrap()
}

fn found(body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

#[test]
fn traefik_cve_2026_26998_key_sets_and_metadata_are_bounded_in_bytes_and_keys() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let large = json!({ "keys": [key.jwk()], "padding": "x".repeat(300 * 1024) }).to_string();
    let announced = found(large.as_bytes());
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n{\"keys\":[".to_vec(), vec![b' '; 2 << 20]].concat();
    let long_head = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"x: y\r\n".repeat(20_000)].concat();
    let cases = [(announced, "too_large"), (chunked.into_bytes(), "too_large"), (endless, "too_large"), (long_head, "http")];
    for (answer, word) in cases {
        let issuer = MockIssuer::start("corp", &[]);
        issuer.now(Serves::Raw(answer.clone()));
        assert_eq!(first_failure(&cold(&issuer.url(), &backend)), word);
        let source = format!("discovery_url = \"{}\"", issuer.url());
        assert_eq!(first_failure(&Gateway::start_cold(&with_source(&source, &backend))), word, "metadata");
    }
    let many: Vec<_> = (0..101)
        .map(|number| {
            let mut jwk = key.jwk();
            jwk["kid"] = json!(number.to_string());
            jwk
        })
        .collect();
    let issuer = MockIssuer::start("corp", &[]);
    issuer.now(Serves::Keys(many));
    assert_eq!(first_failure(&cold(&issuer.url(), &backend)), "no_usable_key");
}

#[test]
fn envoy_cve_2026_48042_json_ten_thousand_deep_is_refused_wherever_it_comes() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let issuer = MockIssuer::start("corp", &[&key]);
    let gateway = serving(&issuer, &backend);
    let (header, claims) =
        (json!({ "alg": "ES256", "kid": "k1" }).to_string(), Signer::claims(&issuer.issuer(), "alice").to_string());
    // A token that long is too large before it is too deep, so each is tried within the bound as well.
    let shallower = format!("{}{}", "[".repeat(4_000), "]".repeat(4_000));
    for deep in [&deep, &shallower] {
        let with_deep = |text: &str| format!("{},\"x\":{deep}}}", text.trim_end_matches('}'));
        for token in [key.token_of(&with_deep(&header), &claims), key.token_of(&header, &with_deep(&claims))] {
            assert_eq!(ask(&gateway, &token).0, 401);
        }
    }
    let set = format!("{{\"keys\":[{}],\"x\":{deep}}}", key.jwk());
    issuer.now(Serves::Raw(found(set.as_bytes())));
    gateway.clock.advance(WINDOW);
    assert_eq!(ask(&gateway, &corp(&Signer::new("x"), "mallory")).0, 503);
    assert_eq!(status(&gateway, "corp")["last_error"], "malformed");
    assert_eq!(ask(&gateway, &corp(&key, "alice")).0, 200, "the old set stands");

    let metadata = format!("{{\"issuer\":\"https://corp.example\",\"jwks_uri\":\"{}\",\"x\":{deep}}}", issuer.url());
    let server = Backend::scripted(move |_| Reply::Raw(found(metadata.as_bytes())));
    let source = format!("discovery_url = \"{}\"", server.url());
    assert_eq!(first_failure(&Gateway::start_cold(&with_source(&source, &backend))), "malformed");
}

#[test]
fn a_fetch_ends_at_its_time_whether_the_issuer_is_silent_at_once_or_midway() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let silent = Backend::scripted(|_| Reply::Hang);
    let midway = Backend::scripted(|_| Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec()));
    for server in [&silent, &midway] {
        let source = format!("jwks_url = \"{}/\"\nkeys = {{ timeout = \"300ms\" }}", server.url());
        let gateway = Gateway::start_cold(&with_source(&source, &backend));
        let began = Instant::now();
        assert_eq!(ask(&gateway, &corp(&key, "alice")).0, 503);
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        assert_eq!(first_failure(&gateway), "timeout");
    }
}

fn redirect(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

#[test]
fn istio_cve_2026_41413_a_redirect_leads_nowhere_but_to_the_same_origin() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let keys = jwks(&[&key]);
    let elsewhere = Backend::scripted({
        let keys = keys.clone();
        move |_| json(&keys)
    });
    for target in [format!("{}/jwks.json", elsewhere.url()), format!("//{}/", elsewhere.address), "file:///etc/passwd".to_owned()]
    {
        let issuer = MockIssuer::start("corp", &[]);
        issuer.now(Serves::Raw(redirect(&target)));
        assert_eq!(first_failure(&cold(&issuer.url(), &backend)), "redirect", "{target}");
    }
    assert_eq!(elsewhere.connections(), 0);
    let circular = Backend::scripted(|_| Reply::Raw(redirect("/again")));
    assert_eq!(first_failure(&cold(&format!("{}/", circular.url()), &backend)), "redirect");

    let moved = Backend::scripted(move |request| match request.target() {
        "/keys" => json(&keys),
        _ => Reply::Raw(redirect("/keys")),
    });
    let gateway = cold(&format!("{}/jwks.json", moved.url()), &backend);
    until("readiness", || gateway.admin("/readyz").status == 200);
    assert_eq!(ask(&gateway, &corp(&key, "alice")).0, 200, "within the origin it is followed");
}

/// An address of this machine that is not loopback; asking for the route sends nothing.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
    socket.connect(("192.0.2.1", 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback() && !address.is_unspecified())
}

#[test]
fn istio_cve_2026_41413_metadata_from_another_machine_cannot_point_to_loopback_or_the_link() {
    let Some(own) = own_address() else { return println!("not tested: this machine has no address but loopback") };
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let internal = MockIssuer::start("internal", &[&key]);
    for target in [internal.url(), internal.url().replace("127.0.0.1", "localhost"), "http://169.254.169.254/latest".to_owned()] {
        let metadata = json!({ "issuer": "https://corp.example", "jwks_uri": target });
        let server = Backend::on((own, 0).into(), move |_| json(&metadata));
        let source = format!("discovery_url = \"{}/\"\ninsecure_http_keys = true", server.url());
        let gateway = Gateway::start_cold(&with_source(&source, &backend));
        assert_eq!(first_failure(&gateway), "forbidden_address", "{target}");
    }
    assert_eq!(internal.fetches(), 0);
}

#[test]
fn istio_cve_2026_41413_no_header_of_a_token_names_a_key_or_an_address() {
    let (key, stranger, backend) = (Signer::new("k1"), Signer::new("evil"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let evil = MockIssuer::start("evil", &[&stranger]);
    let gateway = serving(&issuer, &backend);
    let claims = Signer::claims(&issuer.issuer(), "admin").to_string();
    for kid in ["evil", "k1"] {
        let headers = [
            json!({ "alg": "ES256", "kid": kid, "jku": evil.url() }),
            json!({ "alg": "ES256", "kid": kid, "x5u": evil.url() }),
            json!({ "alg": "ES256", "kid": kid, "jwk": stranger.jwk() }),
            json!({ "alg": "ES256", "kid": kid, "x5c": [] }),
            json!({ "alg": "ES256", "jwk": stranger.jwk() }),
            json!({ "alg": "ES256", "kid": evil.url() }),
            json!({ "alg": "ES256", "kid": "../../../../dev/null" }),
        ];
        for header in headers {
            assert_eq!(ask(&gateway, &stranger.token_of(&header.to_string(), &claims)).0, 401, "{header}");
        }
    }
    let foreign = json!({ "iss": evil.issuer(), "aud": "gateway", "sub": "admin", "exp": 1_800_003_600_u64 });
    assert_eq!(ask(&gateway, &stranger.token(&foreign)).0, 401, "an issuer nobody configured");
    assert_eq!(evil.fetches(), 0);
    assert!(issuer.fetches() <= 2);
    assert!(backend.received().is_empty());
}

#[test]
fn keys_come_over_https_from_a_server_that_its_authority_vouches_for_or_not_at_all() {
    // The server speaks plain HTTP, as one in the middle would after the redirect of a name.
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let folder = tempfile::tempdir().unwrap();
    Authority::new().write(folder.path(), "ca");
    let url = issuer.url().replace("http:", "https:");
    let gateway = Gateway::start_in(folder, &with_source(&format!("jwks_url = \"{url}\"\nca_file = \"ca.crt\""), &backend));
    assert_eq!(first_failure(&gateway), "tls");
    assert_eq!(ask(&gateway, &corp(&key, "alice")).0, 503);
}
