//! The kinds of key source, each against a server.

use super::*;

fn remote(mock: &Mock, path: &str) -> Remote {
    Remote { url: mock.url(path), roots: TrustRoots::Given(Vec::new()) }
}

#[tokio::test]
async fn discovery_follows_the_metadata_of_the_configured_issuer() {
    let signer = Signer::new("k1");
    let keys = jwks(&[&signer]);
    let mock = Mock::start(|_| Reply::Hang).await;
    let metadata = json!({ "issuer": "https://corp", "jwks_uri": mock.url("/keys").to_string() }).to_string();
    mock.now_does(move |path| Reply::Json(if path == "/keys" { keys.clone() } else { metadata.clone() }));
    let source = KeySource::Discovery(remote(&mock, "/.well-known/openid-configuration"));
    let gateway = Gateway::start(vec![settings_with("corp", source)]);
    assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "ok");
    assert_eq!(mock.count(), 2);
}

#[tokio::test]
async fn discovery_of_another_issuer_is_refused_before_its_keys_are_asked_for() {
    let signer = Signer::new("k1");
    let mock = Mock::start(|_| Reply::Hang).await;
    let metadata = json!({ "issuer": "https://corp/", "jwks_uri": mock.url("/keys").to_string() }).to_string();
    mock.now_does(move |_| Reply::Json(metadata.clone()));
    let source = KeySource::Discovery(remote(&mock, "/.well-known/openid-configuration"));
    let gateway = Gateway::start(vec![settings_with("corp", source)]);
    assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "keys_unavailable");
    assert_eq!(gateway.status("corp").last_error, Some("wrong_issuer"));
    assert!(mock.asked().iter().all(|head| !head.starts_with("GET /keys")));
}

#[tokio::test]
async fn keys_over_tls_are_believed_from_the_given_authority_alone() {
    let signer = Signer::new("k1");
    let body = jwks(&[&signer]);
    let (mock, certificate) = Mock::start_tls(move |_| Reply::Json(body.clone())).await;
    let (_, other) = Mock::start_tls(|_| Reply::Hang).await;
    let source = |roots| KeySource::JwksUrl(Remote { url: mock.url("/keys"), roots: TrustRoots::Given(vec![roots]) });
    let gateway = Gateway::start(vec![settings_with("corp", source(certificate)), settings_with("misled", source(other))]);
    assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "ok");
    assert_eq!(gateway.reason(&signer.token("https://misled", "a")).await, "keys_unavailable");
    assert_eq!(gateway.status("misled").last_error, Some("tls"));
}

/// A FusionAuth server: `k1` in its JWK Set, `k2` in its map, and an application's own key.
fn fusionauth(set: &Signer, mapped: &Signer, application: &Signer) -> impl Fn(&str) -> Reply + Send + use<> {
    let set = jwks(&[set]);
    let map = json!({ "publicKeys": { &mapped.id: mapped.pem(), "default": mapped.pem() } }).to_string();
    let own = json!({ "publicKey": application.pem() }).to_string();
    move |path| match path {
        "/.well-known/jwks.json" => Reply::Json(set.clone()),
        "/api/jwt/public-key" => Reply::Json(map.clone()),
        "/api/jwt/public-key?applicationId=app-1" => Reply::Json(own.clone()),
        _ => Reply::Status(404),
    }
}

#[tokio::test]
async fn fusionauth_keys_come_from_its_set_its_map_and_its_applications() {
    let (set, mapped, application) = (Signer::new("k1"), Signer::new("k2"), Signer::new("app-1"));
    let mock = Mock::start(fusionauth(&set, &mapped, &application)).await;
    let applications = vec!["app-1".to_owned(), "signs-with-a-secret".to_owned()];
    let source = KeySource::FusionAuth(remote(&mock, "/"), applications);
    let gateway = Gateway::start(vec![settings_with("corp", source)]);
    for signer in [&set, &mapped, &application] {
        assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "ok", "{}", signer.id);
    }
    assert_eq!(gateway.status("corp").key_ids, ["app-1", "default", "k1", "k2"]);

    let only_set = jwks(&[&set]);
    mock.now_does(move |path| match path {
        "/.well-known/jwks.json" => Reply::Json(only_set.clone()),
        _ => Reply::Status(500),
    });
    gateway.refresh("corp").await;
    assert_eq!(gateway.status("corp").count, 4, "a hiccup of one endpoint removes no key");
}

#[tokio::test]
async fn fusionauth_withdraws_its_last_key_only_where_no_document_has_one() {
    let signer = Signer::new("k1");
    let (good, mapped) = (jwks(&[&signer]), json!({ "publicKeys": { "k1": "noise" } }).to_string());
    let mock =
        Mock::start(move |path| if path == "/.well-known/jwks.json" { Reply::Json(good.clone()) } else { Reply::Status(404) })
            .await;
    let gateway = Gateway::start(vec![settings_with("corp", KeySource::FusionAuth(remote(&mock, "/"), Vec::new()))]);
    assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "ok");

    let documents = move |set: Option<&'static str>, map: Option<String>| {
        move |path: &str| match path {
            "/.well-known/jwks.json" => set.map_or(Reply::Status(404), |set| Reply::Json(set.into())),
            _ => map.clone().map_or(Reply::Status(404), Reply::Json),
        }
    };
    let empty_map = Some(json!({ "publicKeys": {} }).to_string());
    for (set, map) in [(None, None), (None, empty_map.clone()), (Some("{\"keys\":[]}"), Some(mapped))] {
        mock.now_does(documents(set, map));
        gateway.refresh("corp").await;
        until(|| gateway.status("corp").last_error == Some("no_usable_key")).await;
        assert_eq!(gateway.reason(&signer.token("https://corp", "b")).await, "ok");
    }
    mock.now_does(documents(Some("{\"keys\":[]}"), empty_map));
    gateway.refresh("corp").await;
    until(|| gateway.status("corp").state == KeysState::Empty).await;
    assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "unknown_key");
}

#[tokio::test]
async fn pem_files_answer_to_their_ids() {
    let (named, bare) = (Signer::new("k1"), Signer::new("k2"));
    let file = |signer: &Signer| KeyFile { path: "key.pem".into(), content: signer.pem().into_bytes() };
    let source = KeySource::PublicKeyFiles(vec![(Some("k1".to_owned()), file(&named)), (None, file(&bare))]);
    let gateway = Gateway::start(vec![settings_with("corp", source)]);
    assert_eq!(gateway.reason(&named.token("https://corp", "a")).await, "ok");
    assert_eq!(gateway.reason(&bare.token("https://corp", "a")).await, "unknown_key");
}
