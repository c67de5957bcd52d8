//! Issuers that fail, hang, lie or go away, and what becomes of their tokens and of everybody else's.

use super::*;

/// A gateway whose issuer `corp` answered well once.
async fn ready(signer: &Signer) -> (Mock, Gateway) {
    let body = jwks(&[signer]);
    let mock = Mock::start(move |_| Reply::Json(body.clone())).await;
    let gateway = Gateway::start(vec![settings("corp", &mock)]);
    assert_eq!(gateway.reason(&signer.token("https://corp", "ready")).await, "ok");
    (mock, gateway)
}

#[tokio::test]
async fn a_cold_issuer_is_503_with_retry_after_and_recovers_by_itself() {
    let signer = Signer::new("k1");
    let mock = Mock::start(|_| Reply::Status(500)).await;
    let gateway = Gateway::start(vec![settings("corp", &mock)]);
    let token = signer.token("https://corp", "a");
    let error = gateway.verify(&token).await.unwrap_err();
    let VerifyError::KeysUnavailable { issuer, retry_after } = &error else { panic!("{error:?}") };
    assert_eq!((&**issuer, error.reason()), ("corp", "keys_unavailable"));
    assert!((1..=2).contains(&retry_after.as_secs()), "{retry_after:?}");
    let status = gateway.status("corp");
    assert_eq!((status.state, status.last_error), (KeysState::Cold, Some("status")));

    let body = jwks(&[&signer]);
    mock.now_does(move |_| Reply::Json(body.clone()));
    until(|| gateway.status("corp").state == KeysState::Ready).await;
    assert_eq!(gateway.reason(&token).await, "ok");
    assert_eq!(gateway.status("corp").last_error, None);
}

#[tokio::test]
async fn an_issuer_that_hangs_delays_no_other() {
    let signer = Signer::new("k1");
    let body = jwks(&[&signer]);
    let good = Mock::start(move |_| Reply::Json(body.clone())).await;
    let hanging = Mock::start(|_| Reply::Hang).await;
    let gateway = Gateway::start(vec![settings("hanging", &hanging), settings("corp", &good)]);
    let begun = std::time::Instant::now();
    let quick = async {
        assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "ok");
        begun.elapsed()
    };
    let token = signer.token("https://hanging", "a");
    let (took, waited) = tokio::join!(quick, gateway.reason(&token));
    assert_eq!(waited, "keys_unavailable");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "bounded by the fetch's timeout");
    assert_eq!(gateway.reason(&token).await, "keys_unavailable");
    assert!(begun.elapsed() < Duration::from_secs(4), "nobody waits while no fetch is under way");
}

#[tokio::test]
async fn envoy_cve_2025_64527_a_fetch_that_fails_under_two_issuers_requests_harms_neither() {
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let body = jwks(&[&old]);
    let good = Mock::start({
        let body = body.clone();
        move |_| Reply::Json(body.clone())
    })
    .await;
    let failing = Mock::start(move |_| Reply::Json(body.clone())).await;
    let gateway = Gateway::start(vec![settings("failing", &failing), settings("corp", &good)]);
    for issuer in ["https://failing", "https://corp"] {
        assert_eq!(gateway.reason(&old.token(issuer, "a")).await, "ok");
    }
    failing.now_does(|_| Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec()));
    let unknown = [new.token("https://failing", "a"), new.token("https://corp", "a")];
    let (at_failing, at_good) = tokio::join!(gateway.reason(&unknown[0]), gateway.reason(&unknown[1]));
    assert_eq!((at_failing, at_good), ("keys_unavailable", "unknown_key"));
    for issuer in ["https://failing", "https://corp"] {
        assert_eq!(gateway.reason(&old.token(issuer, "b")).await, "ok");
    }
}

#[tokio::test]
async fn a_bad_answer_keeps_the_old_set_and_is_counted_by_its_word() {
    let signer = Signer::new("k1");
    let (mock, gateway) = ready(&signer).await;
    let cases = [
        (Reply::Json("{\"keys\":".into()), "malformed"),
        (Reply::Json("[]".into()), "malformed"),
        (Reply::Json("<html>".into()), "malformed"),
        (Reply::Json(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))), "malformed"),
        (Reply::Json("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"k1\"}]}".into()), "no_usable_key"),
        (Reply::Json(json!({ "keys": vec![signer.jwk(); 101] }).to_string()), "no_usable_key"),
        (Reply::Endless("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n"), "too_large"),
        (Reply::Endless("HTTP/1.1 200 OK\r\n\r\n"), "too_large"),
        (Reply::Status(500), "status"),
        (Reply::Redirect("https://evil.example/keys".into()), "redirect"),
    ];
    for (reply, word) in cases {
        mock.now_does(move |_| reply.clone());
        gateway.refresh("corp").await;
        // A retry of the task's own may have been under way with the answer before.
        until(|| gateway.status("corp").last_error == Some(word)).await;
        assert_eq!(gateway.reason(&signer.token("https://corp", word)).await, "ok");
        let counted = gateway.metric(&format!("tollgate_key_fetches_total{{issuer=\"corp\",result=\"{word}\"}}"));
        assert!(counted >= Some(1.0), "{word}");
    }
}

#[tokio::test]
async fn a_dripping_answer_ends_at_the_timeout() {
    let signer = Signer::new("k1");
    let body = jwks(&[&signer]);
    let mock = Mock::start(move |_| Reply::Drip(Duration::from_millis(100), body.clone())).await;
    let mut slow = settings("corp", &mock);
    slow.refresh.timeout = Duration::from_millis(300);
    let gateway = Gateway::start(vec![slow]);
    let begun = std::time::Instant::now();
    assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "keys_unavailable");
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(gateway.status("corp").last_error, Some("timeout"));
}

#[tokio::test]
async fn keys_outlive_an_outage_until_max_stale_then_fail_closed_then_recover() {
    let signer = Signer::new("k1");
    let (mock, gateway) = ready(&signer).await;
    mock.now_does(|_| Reply::Status(503));
    let remembered = signer.token("https://corp", "ready");

    gateway.clock.advance(Duration::from_secs(24 * 3600 - 60));
    assert_eq!(gateway.reason(&signer.token("https://corp", "new")).await, "ok");
    assert_eq!(gateway.status("corp").state, KeysState::Ready);

    gateway.clock.advance(Duration::from_secs(60));
    assert_eq!(gateway.status("corp").state, KeysState::Stale);
    assert_eq!(gateway.reason(&signer.token("https://corp", "new")).await, "keys_unavailable");
    assert_eq!(gateway.reason(&remembered).await, "keys_unavailable", "what is remembered stands on the same keys");

    let body = jwks(&[&signer]);
    mock.now_does(move |_| Reply::Json(body.clone()));
    until(|| gateway.status("corp").state == KeysState::Ready).await;
    assert_eq!(gateway.reason(&remembered).await, "ok");
}

#[tokio::test]
async fn a_removed_key_takes_its_remembered_tokens_with_it_at_the_next_refresh() {
    let (leaked, kept) = (Signer::new("k1"), Signer::new("k2"));
    let both = jwks(&[&leaked, &kept]);
    let mock = Mock::start(move |_| Reply::Json(both.clone())).await;
    let gateway = Gateway::start(vec![settings("corp", &mock)]);
    let tokens = [leaked.token("https://corp", "a"), kept.token("https://corp", "a")];
    for token in &tokens {
        assert_eq!(gateway.reason(token).await, "ok");
    }
    let before = gateway.verify(&tokens[1]).await.unwrap();

    let one = jwks(&[&kept]);
    mock.now_does(move |_| Reply::Json(one.clone()));
    gateway.refresh("corp").await;
    assert_eq!(gateway.reason(&tokens[0]).await, "unknown_key");
    let after = gateway.verify(&tokens[1]).await.unwrap();
    assert!(Arc::ptr_eq(&before, &after), "a key that stays keeps what it verified");
}

#[tokio::test]
async fn keys_are_refreshed_ahead_of_staleness_by_themselves() {
    let signer = Signer::new("k1");
    let body = jwks(&[&signer]);
    let mock = Mock::start(move |_| Reply::JsonWith("cache-control: no-store\r\n", body.clone())).await;
    let mut eager = settings("corp", &mock);
    eager.refresh.min_interval = Duration::from_millis(50);
    let _gateway = Gateway::start(vec![eager]);
    let begun = std::time::Instant::now();
    until(|| mock.count() >= 5).await;
    assert!(begun.elapsed() >= Duration::from_millis(200), "never more often than min_interval");
}
