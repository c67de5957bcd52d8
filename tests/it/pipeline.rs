//! The main job: a request with a good token reaches the backend with the caller's identity, any other does not.

use crate::support::{Algorithm, Backend, Gateway, MockIssuer, Signer, configuration, get};

const ROUTE: &str = "[[route]]\nname = \"all\"\npath = \"/\"\nupstream = \"backend-0\"\n";

#[test]
fn a_good_token_reaches_the_backend_as_an_identity() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let gateway = Gateway::start(&configuration(&[&issuer], &[&backend], ROUTE));
    let token = key.token(&Signer::claims(&issuer.issuer(), "alice"));

    let answer = gateway.get("/orders?x=1", &token);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = backend.sole();
    assert_eq!((received.target(), received.header("x-forwarded-user")), ("/orders?x=1", Some("alice")));
    assert_eq!(received.header("authorization"), None);
    assert_eq!(received.header("x-request-id"), answer.header("x-request-id"));
}

#[test]
fn every_kind_of_key_proves_a_caller() {
    let keys = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]
        .map(|algorithm| Signer::with(&format!("{algorithm:?}"), algorithm));
    let (issuer, backend) = (MockIssuer::start("corp", &keys.each_ref()), Backend::start());
    let gateway = Gateway::start(&configuration(&[&issuer], &[&backend], ROUTE));
    for key in &keys {
        let answer = gateway.get("/", &key.token(&Signer::claims(&issuer.issuer(), &key.id)));
        assert_eq!(answer.status, 200, "{:?}: {}", key.algorithm, answer.text());
    }
    let callers: Vec<_> =
        backend.received().iter().map(|request| request.header("x-forwarded-user").map(str::to_owned)).collect();
    assert_eq!(callers, keys.map(|key| Some(key.id)));
}

#[test]
fn without_a_token_nothing_reaches_the_backend() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let gateway = Gateway::start(&configuration(&[&issuer], &[&backend], ROUTE));

    let answer = get(gateway.plain(), "/", &[]);
    assert_eq!((answer.status, answer.reason().as_str()), (401, "credential_missing"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"localhost\""));
    assert!(backend.received().is_empty());
    gateway.stop();
}
