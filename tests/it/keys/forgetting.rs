//! What was verified is forgotten with the key or the settings on whose word it stood, within the same process.

use serde_json::json;

use super::{ROUTE, WINDOW, ask, corp, serving, status, with_source};
use crate::support::{Backend, Gateway, MockIssuer, Serves, Signer, configuration, until};

#[test]
fn a_key_that_is_withdrawn_takes_its_remembered_tokens_with_it() {
    let (old, new, backend) = (Signer::new("old"), Signer::new("new"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&old]);
    let gateway = serving(&issuer, &backend);
    let (remembered, kept) = (corp(&old, "alice"), corp(&new, "bob"));
    assert_eq!((ask(&gateway, &remembered).0, ask(&gateway, &remembered).0), (200, 200));
    assert_eq!(gateway.metric("tollgate_token_cache_hits_total", &[]), 1.0);
    issuer.publish(&[&new]);
    gateway.clock.advance(WINDOW);
    assert_eq!(ask(&gateway, &kept).0, 200, "fetched on its account");
    assert_eq!(ask(&gateway, &remembered), (401, "invalid_token".to_owned()));
    assert_eq!(ask(&gateway, &kept).0, 200);
}

#[test]
fn a_withdrawn_key_is_gone_within_the_refresh_interval_without_anybody_asking() {
    let (old, new, backend) = (Signer::new("old"), Signer::new("new"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&old]);
    let text = format!("{}keys = {{ min_interval = \"200ms\", max_interval = \"300ms\" }}\n\n{ROUTE}", issuer.block());
    let gateway = Gateway::start(&configuration(&[], &[&backend], &text));
    let remembered = corp(&old, "alice");
    assert_eq!(ask(&gateway, &remembered).0, 200);
    issuer.publish(&[&new]);
    until("the refresh", || status(&gateway, "corp")["key_ids"] == json!(["new"]));
    assert_eq!(ask(&gateway, &remembered).0, 401);
}

#[test]
fn the_last_key_that_is_withdrawn_is_believed_no_longer_than_any_other() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let gateway = serving(&issuer, &backend);
    let remembered = corp(&key, "alice");
    assert_eq!(ask(&gateway, &remembered).0, 200);
    issuer.publish(&[]);
    gateway.clock.advance(WINDOW);
    assert_eq!(ask(&gateway, &corp(&Signer::new("x"), "mallory")).0, 401, "makes the gateway fetch");
    for token in [&remembered, &corp(&key, "bob")] {
        assert_eq!(ask(&gateway, token), (401, "invalid_token".to_owned()));
    }
    let status_now = status(&gateway, "corp");
    assert_eq!((&status_now["state"], &status_now["last_error"]), (&json!("empty"), &json!(null)));
    assert_eq!(gateway.metric("tollgate_keys", &["issuer=\"corp\""]), 0.0);
    assert_eq!((gateway.admin("/readyz").status, gateway.admin("/readyz/corp").status), (200, 503));

    issuer.now(Serves::Status(500));
    gateway.clock.advance(WINDOW);
    assert_eq!(ask(&gateway, &remembered).0, 503, "a newer set could have the key");
    issuer.publish(&[&key]);
    until("the key's return", || {
        gateway.clock.advance(WINDOW);
        ask(&gateway, &remembered).0 == 200
    });
}

#[test]
fn a_key_replaced_under_its_id_takes_its_remembered_tokens_with_it() {
    let (old, new, backend) = (Signer::new("k1"), Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&old]);
    let gateway = serving(&issuer, &backend);
    let remembered = corp(&old, "alice");
    assert_eq!(ask(&gateway, &remembered).0, 200);
    issuer.publish(&[&new]);
    gateway.clock.advance(WINDOW);
    assert_eq!(ask(&gateway, &corp(&Signer::new("x"), "mallory")).0, 401, "makes the gateway fetch");
    assert_eq!((ask(&gateway, &remembered).0, ask(&gateway, &corp(&new, "bob")).0), (401, 200));
}

#[test]
fn other_settings_of_an_issuer_judge_its_remembered_tokens_anew() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let text = configuration(&[&issuer], &[&backend], ROUTE);
    let gateway = Gateway::start(&text);
    let token = corp(&key, "alice");
    let changes = [
        ("audiences = [\"gateway\"]", "audiences = [\"elsewhere\"]", 401),
        ("audiences = [\"gateway\"]", "audiences = [\"gateway\", \"elsewhere\"]", 200),
        // None of the issuer's keys is of that algorithm.
        ("\"RS256\", \"ES256\", \"EdDSA\"", "\"RS256\"", 503),
        ("roles_claim", "max_lifetime = \"59m\"\nroles_claim", 401),
        ("roles_claim", "max_token_bytes = \"64B\"\nroles_claim", 401),
        ("roles_claim", "types = [\"at+jwt\"]\nroles_claim", 401),
    ];
    for (from, to, expected) in changes {
        assert_eq!((ask(&gateway, &token).0, ask(&gateway, &token).0), (200, 200), "remembered");
        gateway.reload(&text.replace(from, to)).unwrap();
        assert_eq!(ask(&gateway, &token).0, expected, "{to}");
        gateway.reload(&text).unwrap();
        until("the keys", || ask(&gateway, &token).0 != 503);
    }
}

#[test]
fn an_unrelated_reload_keeps_keys_and_remembered_tokens() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let text = configuration(&[&issuer], &[&backend], ROUTE);
    let gateway = Gateway::start(&text);
    let token = corp(&key, "alice");
    assert_eq!(ask(&gateway, &token).0, 200);
    let hits = gateway.metric("tollgate_token_cache_hits_total", &[]);
    gateway.reload(&format!("{text}\n[[route]]\nname = \"more\"\npath = \"/more\"\nupstream = \"backend-0\"\n")).unwrap();
    assert_eq!(ask(&gateway, &token).0, 200);
    assert_eq!((gateway.metric("tollgate_token_cache_hits_total", &[]), issuer.fetches()), (hits + 1.0, 1));
}

#[test]
fn oathkeeper_cve_2026_33496_a_token_remembered_for_one_issuer_is_nothing_to_another_of_the_same_keys() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let text = with_source(&format!("jwks_url = \"{}\"", issuer.url()), &backend);
    let gateway = Gateway::start(&text);
    let token = corp(&key, "alice");
    assert_eq!(ask(&gateway, &token).0, 200);
    // The same name and keys, another `iss`: what was verified for the former is worth nothing.
    gateway.reload(&text.replace("issuer = \"https://corp.example\"", "issuer = \"https://other.example\"")).unwrap();
    assert_eq!(ask(&gateway, &token).0, 401);
}
