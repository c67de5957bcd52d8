//! Reloads: what is carried over, what ends, and that nothing happens before the commit.

use super::*;

async fn corp(signer: &Signer) -> (Mock, Gateway, IssuerSettings) {
    let body = jwks(&[signer]);
    let mock = Mock::start(move |_| Reply::Json(body.clone())).await;
    let settings = settings("corp", &mock);
    let gateway = Gateway::start(vec![settings.clone()]);
    assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "ok");
    (mock, gateway, settings)
}

#[tokio::test]
async fn an_unchanged_issuer_is_carried_over_whole() {
    let signer = Signer::new("k1");
    let (mock, mut gateway, settings) = corp(&signer).await;
    let token = signer.token("https://corp", "a");
    let (issuer, verified) = (gateway.verifier.registry().named("corp").unwrap().clone(), gateway.verify(&token).await);
    gateway.reload(vec![settings]);
    assert!(Arc::ptr_eq(&issuer, gateway.verifier.registry().named("corp").unwrap()));
    assert!(Arc::ptr_eq(&verified.unwrap(), &gateway.verify(&token).await.unwrap()), "and what it verified");
    assert_eq!(mock.count(), 1);
}

#[tokio::test]
async fn changed_rules_keep_the_keys_and_forget_what_was_verified() {
    let signer = Signer::new("k1");
    let (mock, mut gateway, mut settings) = corp(&signer).await;
    let keys = gateway.keys("corp").clone();
    settings.audiences = vec!["other".to_owned()];
    gateway.reload(vec![settings]);
    assert!(Arc::ptr_eq(&keys, gateway.keys("corp")));
    assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "wrong_audience");
    assert_eq!(mock.count(), 1);
}

#[tokio::test]
async fn while_a_reload_is_under_way_each_configuration_judges_for_itself() {
    let signer = Signer::new("k1");
    let (_mock, gateway, mut settings) = corp(&signer).await;
    let token = signer.token("https://corp", "a");
    settings.audiences = vec!["other".to_owned()];
    let next = Arc::new(gateway.rebuild(vec![settings]).unwrap());
    let (remembered, metrics) = (gateway.remembered.clone(), gateway.metrics.clone());
    let next = Verifier::new(next, remembered, metrics, gateway.clock.clone());
    assert_eq!(gateway.reason(&token).await, "ok");
    assert_eq!(next.verify(&token).await.unwrap_err().reason(), "wrong_audience");
    assert_eq!(gateway.reason(&token).await, "ok");
}

#[tokio::test]
async fn other_algorithms_mean_other_keys() {
    let signer = Signer::new("k1");
    let (mock, mut gateway, mut settings) = corp(&signer).await;
    settings.algorithms = vec![Algorithm::RS256];
    gateway.reload(vec![settings]);
    assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "keys_unavailable");
    assert_eq!(gateway.status("corp").last_error, Some("no_usable_key"));
    assert!(mock.count() >= 2);
}

#[tokio::test]
async fn a_dropped_issuer_ends_its_task_and_its_remembered_tokens() {
    let signer = Signer::new("k1");
    let body = jwks(&[&signer]);
    let mock = Mock::start(move |_| Reply::JsonWith("cache-control: no-store\r\n", body.clone())).await;
    let mut eager = settings("corp", &mock);
    eager.refresh.min_interval = Duration::from_millis(20);
    let mut gateway = Gateway::start(vec![eager]);
    let token = signer.token("https://corp", "a");
    assert_eq!(gateway.reason(&token).await, "ok");
    assert_eq!(gateway.metric("tollgate_keys{issuer=\"corp\"}"), Some(1.0));

    gateway.reload(Vec::new());
    assert_eq!(gateway.reason(&token).await, "token_too_large", "no issuer takes a token of any size");
    assert_eq!(gateway.metric("tollgate_keys{issuer=\"corp\"}"), None);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let count = mock.count();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(mock.count(), count);
}

#[tokio::test]
async fn a_registry_that_is_not_committed_has_no_effect() {
    let signer = Signer::new("k1");
    let (mock, gateway, settings) = corp(&signer).await;
    let other = Mock::start(|_| Reply::Hang).await;
    let token = signer.token("https://corp", "a");
    let verified = gateway.verify(&token).await.unwrap();
    let mut changed = settings;
    changed.audiences = vec!["other".to_owned()];
    let refused = gateway.rebuild(vec![changed, super::settings("new", &other)]).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(refused);
    assert_eq!((other.count(), mock.count()), (0, 1));
    assert!(Arc::ptr_eq(&verified, &gateway.verify(&token).await.unwrap()));
    gateway.refresh("corp").await;
}

#[tokio::test]
async fn every_bad_issuer_is_reported_with_its_path_and_reason() {
    let file = |content: &str| KeyFile { path: "keys/corp.json".into(), content: content.as_bytes().to_vec() };
    let good = || KeySource::JwksFile(file(&jwks(&[&Signer::new("k1")])));
    let pem = KeyFile { path: "keys/private.pem".into(), content: b"-----BEGIN PRIVATE KEY-----\n".to_vec() };
    let mut twin = settings_with("twin", good());
    twin.issuer = "https://fine".into();
    let https = Remote { url: http::Uri::from_static("https://issuer.example/"), roots: TrustRoots::Given(Vec::new()) };
    let gateway = Gateway::start(Vec::new());
    let errors = gateway.rebuild(vec![
        settings_with("corp", KeySource::JwksFile(file("{}"))),
        settings_with("private", KeySource::PublicKeyFiles(vec![(None, pem)])),
        settings_with("fine", good()),
        twin,
        settings_with("rootless", KeySource::JwksUrl(https)),
    ]);
    let texts: Vec<String> = errors.unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert_eq!(texts[0], "issuer \"corp\": keys/corp.json: it is not a JSON Web Key Set");
    assert!(texts[1].starts_with("issuer \"private\": keys/private.pem: it holds a PRIVATE key"), "{}", texts[1]);
    assert_eq!(texts[2], "issuer \"twin\": its `issuer` is also that of \"fine\"");
    assert!(texts[3].starts_with("issuer \"rootless\": "), "{}", texts[3]);
}

#[tokio::test]
async fn status_says_how_each_issuer_stands() {
    let signer = Signer::new("k1");
    let (_mock, gateway, _) = corp(&signer).await;
    gateway.clock.advance(Duration::from_secs(42));
    let status = gateway.verifier.registry().status(gateway.clock.now()).remove(0);
    assert_eq!((&*status.name, &*status.issuer), ("corp", "https://corp"));
    assert_eq!((status.keys.state.word(), status.keys.count), ("ready", 1));
    assert_eq!(status.keys.age, Some(Duration::from_secs(42)));
    assert!(status.keys.next_fetch.is_some_and(|next| next > START));
    assert_eq!(gateway.metric("tollgate_key_set_age_seconds{issuer=\"corp\"}"), Some(42.0));
}
