//! What the verifier accepts, refuses, remembers and counts.

use super::*;
use crate::identity::Pointer;

fn file(signer: &Signer) -> KeySource {
    KeySource::JwksFile(KeyFile { path: "keys.json".into(), content: jwks(&[signer]).into_bytes() })
}

fn claims(issuer: &str) -> Value {
    json!({ "iss": issuer, "aud": "gw", "sub": "u", "exp": START.seconds() + 60 })
}

#[tokio::test]
async fn one_issuers_key_never_proves_anothers_token() {
    let (ours, theirs) = (Signer::new("k1"), Signer::new("k1"));
    let gateway = Gateway::start(vec![settings_with("a", file(&ours)), settings_with("b", file(&theirs))]);
    assert_eq!(gateway.reason(&ours.token("https://a", "u")).await, "ok");
    assert_eq!(gateway.reason(&ours.token("https://b", "u")).await, "bad_signature");
    assert_eq!(gateway.reason(&ours.token("https://a/", "u")).await, "unknown_issuer");
    assert_eq!(gateway.reason(&ours.token("HTTPS://a", "u")).await, "unknown_issuer");
}

#[tokio::test]
async fn a_refusal_names_the_issuer_where_the_token_does() {
    let signer = Signer::new("k1");
    let gateway = Gateway::start(vec![settings_with("corp", file(&signer))]);
    let mut wrong = claims("https://corp");
    wrong["aud"] = "elsewhere".into();
    let error = gateway.verify(&signer.token_of(&wrong)).await.unwrap_err();
    assert_eq!((error.reason(), error.issuer().map(|name| &**name)), ("wrong_audience", Some("corp")));
    let error = gateway.verify("a.b").await.unwrap_err();
    assert_eq!((error.reason(), error.issuer()), ("not_compact", None));
}

#[tokio::test]
async fn each_issuer_has_its_own_limit_of_size() {
    let signer = Signer::new("k1");
    let mut small = settings_with("small", file(&signer));
    small.max_token_bytes = 300;
    let gateway = Gateway::start(vec![small, settings_with("large", file(&signer))]);
    let long = "x".repeat(300);
    assert_eq!(gateway.reason(&signer.token("https://small", "u")).await, "ok");
    assert_eq!(gateway.reason(&signer.token("https://small", &long)).await, "token_too_large");
    assert_eq!(gateway.reason(&signer.token("https://large", &long)).await, "ok");
    assert_eq!(gateway.reason(&signer.token("https://large", &"x".repeat(16_384))).await, "token_too_large");
}

#[tokio::test]
async fn a_role_is_one_name_and_a_scope_is_words() {
    let signer = Signer::new("k1");
    let mut corp = settings_with("corp", file(&signer));
    corp.roles_claim = Some(Pointer::parse("/roles").unwrap());
    corp.scope_claim = Some(Pointer::parse("/scope").unwrap());
    let gateway = Gateway::start(vec![corp]);
    let cases = [
        (json!("viewer admin"), json!("read write"), vec!["viewer admin"], vec!["read", "write"]),
        (json!(["a", 1, "b c"]), json!(["x y", "z"]), vec!["a", "b c"], vec!["x y", "z"]),
        (json!({ "admin": true }), json!(7), vec![], vec![]),
        (json!(""), json!(" "), vec![], vec![]),
    ];
    for (roles, scope, expected_roles, expected_scopes) in cases {
        let mut claims = claims("https://corp");
        claims["roles"] = roles;
        claims["scope"] = scope;
        let verified = gateway.verify(&signer.token_of(&claims)).await.unwrap();
        let texts = |words: &[Box<str>]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(&verified.identity.roles), expected_roles);
        assert_eq!(texts(&verified.identity.scopes), expected_scopes);
    }
}

#[tokio::test]
async fn without_a_roles_claim_a_token_carries_no_roles() {
    let signer = Signer::new("k1");
    let gateway = Gateway::start(vec![settings_with("corp", file(&signer))]);
    let mut claims = claims("https://corp");
    claims["roles"] = json!(["admin"]);
    assert!(gateway.verify(&signer.token_of(&claims)).await.unwrap().identity.roles.is_empty());
}

#[tokio::test]
async fn memory_ends_at_expiry_though_leeway_does_not() {
    let signer = Signer::new("k1");
    let gateway = Gateway::start(vec![settings_with("corp", file(&signer))]);
    let token = signer.token_of(&claims("https://corp"));
    let first = gateway.verify(&token).await.unwrap();
    assert!(Arc::ptr_eq(&first, &gateway.verify(&token).await.unwrap()));
    gateway.clock.advance(Duration::from_secs(60));
    assert!(!Arc::ptr_eq(&first, &gateway.verify(&token).await.unwrap()), "within leeway it is proved each time");
    assert_eq!(gateway.remembered.stats().entries, 0);
    gateway.clock.advance(Duration::from_secs(30));
    assert_eq!(gateway.reason(&token).await, "expired");
}

#[tokio::test]
async fn outcomes_are_counted_by_issuer_and_reason() {
    let signer = Signer::new("k1");
    let gateway = Gateway::start(vec![settings_with("corp", file(&signer))]);
    let token = signer.token_of(&claims("https://corp"));
    for _ in 0..3 {
        assert_eq!(gateway.reason(&token).await, "ok");
    }
    gateway.reason(&signer.token("https://nobody", "u")).await;
    gateway.reason("garbage").await;
    gateway.reason(&signer.token_as("k9", "https://corp")).await;
    let lines = [
        ("tollgate_token_validations_total{issuer=\"corp\",result=\"accepted\",reason=\"none\"}", 3.0),
        ("tollgate_token_validations_total{issuer=\"unknown\",result=\"refused\",reason=\"unknown_issuer\"}", 1.0),
        ("tollgate_token_validations_total{issuer=\"unknown\",result=\"refused\",reason=\"not_compact\"}", 1.0),
        ("tollgate_token_validations_total{issuer=\"corp\",result=\"refused\",reason=\"unknown_key\"}", 1.0),
        ("tollgate_token_validation_duration_seconds_count{issuer=\"corp\",source=\"cache\",result=\"accepted\"}", 2.0),
        ("tollgate_token_validation_duration_seconds_count{issuer=\"corp\",source=\"signature\",result=\"accepted\"}", 1.0),
        ("tollgate_token_cache_hits_total", 2.0),
        ("tollgate_token_cache_misses_total", 4.0),
        ("tollgate_token_cache_evictions_total", 0.0),
        ("tollgate_token_cache_entries", 1.0),
        ("tollgate_keys{issuer=\"corp\"}", 1.0),
    ];
    for (line, expected) in lines {
        assert_eq!(gateway.metric(line), Some(expected), "{line}");
    }
    assert_eq!(gateway.metric("tollgate_key_set_age_seconds{issuer=\"corp\"}"), None, "a file has no age");
}

#[tokio::test]
async fn examining_shows_every_step_and_leaves_no_trace() {
    let signer = Signer::new("k1");
    let gateway = Gateway::start(vec![settings_with("corp", file(&signer))]);
    let examine = |token: &str| gateway.verifier.examine(token).iter().map(|step| format!("{step}\n")).collect::<String>();
    let good = examine(&signer.token_of(&claims("https://corp")));
    assert!(!good.contains("refused") && !good.contains("unknown"), "{good}");

    let mut bad = claims("https://corp");
    bad["exp"] = 1.into();
    bad["aud"] = "other".into();
    let bad = examine(&signer.token_of(&bad));
    for line in [
        "signature  good\n",
        "aud        refused  wrong_audience; \"other\"; accepted: ",
        "exp        refused  expired; 1 (Thu, 01",
    ] {
        assert!(bad.contains(line), "{bad}");
    }
    assert_eq!(examine("x"), "structure  refused  not_compact\n");
    assert_eq!(examine(&signer.token("https://b", "u")), "issuer     refused  unknown_issuer\n");
    let unknown = examine(&signer.token_as("k2", "https://corp"));
    assert!(unknown.contains("key        refused  unknown_key: the key set has [\"k1\"]\nsignature  unknown"), "{unknown}");
    assert_eq!(gateway.remembered.stats(), RememberedStats::default());
}
