//! Where keys come from: discovery, FusionAuth, files, shared secrets.

use std::fs;
use std::sync::Arc;

use aws_lc_rs::hmac;
use serde_json::json;

use super::{ask, corp, issuer_with, json, jwks, route_of, status, with_source};
use crate::support::{Backend, Gateway, MockIssuer, Reply, Signer, configuration, until};

/// An issuer's metadata at any path, its keys at `/keys`.
fn discoverable(issuer: &'static str, keys: serde_json::Value) -> Arc<Backend> {
    let server = Backend::scripted(move |request| match request.target() {
        "/keys" => json(&keys),
        _ => json(&json!({ "issuer": issuer, "jwks_uri": format!("http://{}/keys", request.header("host").unwrap()) })),
    });
    Arc::new(server)
}

#[test]
fn discovery_follows_the_metadata_of_exactly_the_configured_issuer() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let server = discoverable("https://corp.example", jwks(&[&key]));
    let source = format!("discovery_url = \"{}/.well-known/openid-configuration\"", server.url());
    let gateway = Gateway::start(&with_source(&source, &backend));
    assert_eq!(ask(&gateway, &corp(&key, "alice")).0, 200);
    let asked: Vec<_> = server.received().iter().map(|request| request.target().to_owned()).collect();
    assert_eq!(asked, ["/.well-known/openid-configuration", "/keys"]);
}

#[test]
fn discovery_of_another_issuers_metadata_is_refused_before_its_keys_are_asked_for() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    for other in ["https://corp.example/", "https://CORP.example", "https://evil.example"] {
        let server = discoverable(other, jwks(&[&key]));
        let source = format!("discovery_url = \"{}/.well-known/openid-configuration\"", server.url());
        let gateway = Gateway::start_cold(&with_source(&source, &backend));
        assert_eq!(ask(&gateway, &corp(&key, "alice")).0, 503, "{other}");
        assert_eq!(status(&gateway, "corp")["last_error"], "wrong_issuer");
        assert!(gateway.metric("tollgate_key_fetches_total", &["result=\"wrong_issuer\""]) >= 1.0);
        assert!(server.received().iter().all(|request| request.target() != "/keys"), "{other}");
    }
}

const APPLICATION: &str = "3c219e58-ed0e-4b18-ad48-f4f92793ae32";

#[test]
fn fusionauth_keys_come_from_its_key_set_its_map_and_its_applications() {
    let [in_set, mapped, own, stranger] = ["set", "mapped", APPLICATION, "stranger"].map(Signer::new);
    let documents = [
        ("/.well-known/jwks.json".to_owned(), jwks(&[&in_set])),
        ("/api/jwt/public-key".to_owned(), json!({ "publicKeys": { "mapped": mapped.public_pem() } })),
        (format!("/api/jwt/public-key?applicationId={APPLICATION}"), json!({ "publicKey": own.public_pem() })),
    ];
    let server = Backend::scripted(move |request| {
        let found = documents.iter().find(|(path, _)| path == request.target());
        let nothing = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec();
        found.map_or(Reply::Raw(nothing), |(_, document)| json(document))
    });
    let backend = Backend::start();
    let source = format!("fusionauth_url = \"{}\"\nfusionauth_applications = [\"{APPLICATION}\"]", server.url());
    let gateway = Gateway::start(&with_source(&source, &backend));
    for (key, expected) in [(&in_set, 200), (&mapped, 200), (&own, 200), (&stranger, 401)] {
        assert_eq!(ask(&gateway, &corp(key, "alice")).0, expected, "{}", key.id);
    }
    assert_eq!(gateway.metric("tollgate_keys", &[]), 3.0);
    for request in server.received() {
        assert_eq!(request.header("authorization"), None);
    }
}

#[test]
fn a_hiccup_of_one_fusionauth_endpoint_is_no_removal_of_its_keys() {
    let (in_set, mapped) = (Signer::new("set"), Signer::new("mapped"));
    let is_broken = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (broken, set, map) =
        (Arc::clone(&is_broken), jwks(&[&in_set]), json!({ "publicKeys": { "mapped": mapped.public_pem() } }));
    let server = Backend::scripted(move |request| match request.target() {
        "/.well-known/jwks.json" => json(&set),
        _ if broken.load(std::sync::atomic::Ordering::SeqCst) => {
            Reply::Raw(b"HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n".to_vec())
        }
        _ => json(&map),
    });
    let backend = Backend::start();
    let gateway = Gateway::start(&with_source(&format!("fusionauth_url = \"{}\"", server.url()), &backend));
    is_broken.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(ask(&gateway, &corp(&Signer::new("x"), "mallory")).0, 503, "fetched, in vain");
    assert_eq!((ask(&gateway, &corp(&mapped, "alice")).0, ask(&gateway, &corp(&in_set, "bob")).0), (200, 200));
}

#[test]
fn pem_files_are_read_again_at_reload_and_a_bad_one_changes_nothing() {
    let (old, new, folder, backend) = (Signer::new("k1"), Signer::new("k1"), tempfile::tempdir().unwrap(), Backend::start());
    let file = folder.path().join("k1.pem");
    fs::write(&file, old.public_pem()).unwrap();
    let text =
        with_source("public_key_files = { k1 = \"k1.pem\" }", &backend).replace("\"RS256\", \"ES256\", \"EdDSA\"", "\"ES256\"");
    let gateway = Gateway::start_in(folder, &text);
    let (before, after) = (corp(&old, "alice"), corp(&new, "alice"));
    assert_eq!((ask(&gateway, &before).0, ask(&gateway, &after).0), (200, 401));
    fs::write(&file, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").unwrap();
    let refusal = gateway.reload(&text).unwrap_err();
    assert!(refusal.contains("issuer.corp.public_key_files.k1") && refusal.contains("tollgate.toml:"), "{refusal}");
    assert_eq!(ask(&gateway, &before).0, 200);
    fs::write(&file, new.public_pem()).unwrap();
    gateway.reload(&text).unwrap();
    assert_eq!((ask(&gateway, &before).0, ask(&gateway, &after).0), (401, 200));
}

#[test]
fn a_key_set_file_is_read_again_at_reload() {
    let (old, new, folder, backend) = (Signer::new("old"), Signer::new("new"), tempfile::tempdir().unwrap(), Backend::start());
    let file = folder.path().join("jwks.json");
    fs::write(&file, jwks(&[&old]).to_string()).unwrap();
    let text = with_source("jwks_file = \"jwks.json\"", &backend);
    let gateway = Gateway::start_in(folder, &text);
    assert_eq!((ask(&gateway, &corp(&old, "alice")).0, ask(&gateway, &corp(&new, "alice")).0), (200, 401));
    let remembered = corp(&old, "alice");
    assert_eq!(ask(&gateway, &remembered).0, 200);
    fs::write(&file, jwks(&[&new]).to_string()).unwrap();
    gateway.reload(&text).unwrap();
    assert_eq!((ask(&gateway, &remembered).0, ask(&gateway, &corp(&new, "alice")).0), (401, 200));
    fs::write(&file, "{").unwrap();
    assert!(gateway.reload(&text).is_err());
    assert_eq!(ask(&gateway, &corp(&new, "alice")).0, 200);
}

/// An HS256 token with this secret.
fn shared(secret: &[u8], issuer: &str, key_id: Option<&str>) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut header = json!({ "alg": "HS256", "typ": "JWT" });
    if let Some(key_id) = key_id {
        header["kid"] = json!(key_id);
    }
    let header = part(&header);
    let signed = format!("{header}.{}", part(&Signer::claims(issuer, "alice")));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

#[test]
fn a_shared_secret_proves_its_own_issuers_tokens_and_a_public_key_is_nobodys_secret() {
    const SECRET: &[u8] = b"an example that is at least 32 bytes";
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let legacy = issuer_with("legacy", &format!("secret = \"{}\"", String::from_utf8_lossy(SECRET)));
    let legacy = legacy.replace("\"RS256\", \"ES256\", \"EdDSA\"", "\"HS256\"");
    let rest = format!("{legacy}{}", route_of(&["corp", "legacy"]));
    let gateway = Gateway::start(&configuration(&[&issuer], &[&backend], &rest));
    until("the keys", || status(&gateway, "corp")["state"] == "ready");
    assert_eq!(ask(&gateway, &shared(SECRET, "https://legacy.example", None)).0, 200);
    let refused = [
        // A secret has no id, so that none answers to one.
        shared(SECRET, "https://legacy.example", Some("k1")),
        shared(SECRET, "https://corp.example", None),
        shared(SECRET, "https://corp.example", Some("k1")),
        shared(key.public_pem().as_bytes(), "https://corp.example", Some("k1")),
        shared(&key.public_der(), "https://corp.example", Some("k1")),
        shared(key.public_pem().as_bytes(), "https://legacy.example", None),
        shared(b"another example of at least 32 bytes", "https://legacy.example", None),
    ];
    for token in refused {
        assert_eq!(ask(&gateway, &token).0, 401);
    }
    assert_eq!(ask(&gateway, &corp(&key, "alice")).0, 200);
}
