//! Tokens with key ids that nobody has, in masses.

use std::time::Duration;

use super::{WINDOW, serving};
use crate::support::{Backend, Gateway, MockIssuer, Serves, Signer, TokenLoad, send_all};

const TOKENS: usize = 10_000;
/// Windows over which they are spread.
const WINDOWS: usize = 4;
/// How long the issuer takes to answer.
const SLOW: Duration = Duration::from_millis(700);

fn with_made_up_ids(issuer: &str) -> Vec<String> {
    let (mut key, claims) = (Signer::new("x"), Signer::claims(issuer, "mallory"));
    let token = |number: usize| {
        key.id = format!("made-up-{number}");
        key.token(&claims)
    };
    (0..TOKENS).map(token).collect()
}

/// The 99th percentile of good tokens without a flood.
fn undisturbed(gateway: &Gateway, token: impl Fn() -> String + Send + Sync + 'static) -> Duration {
    let load = TokenLoad::start(2, gateway.plain(), token);
    load.goes_on_for(400);
    load.finish().quantile(0.99)
}

#[test]
fn resty_openidc_468_ten_thousand_unknown_key_ids_cost_one_fetch_per_window_and_good_tokens_do_not_notice() {
    let (key, backend) = (Signer::new("k1"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let gateway = serving(&issuer, &backend);
    issuer.now(Serves::Slowly(SLOW, vec![key.jwk()]));
    let (tokens, claims) = (with_made_up_ids(&issuer.issuer()), Signer::claims(&issuer.issuer(), "alice"));
    let key = std::sync::Arc::new(key);
    let token = move || key.token(&claims);
    let before = undisturbed(&gateway, token.clone());

    let good = TokenLoad::start(2, gateway.plain(), token);
    for share in tokens.chunks(TOKENS / WINDOWS) {
        let fetches = issuer.fetches();
        // In pieces, so that a gateway that asks each time fails the test soon.
        for piece in share.chunks(100) {
            send_all(4, gateway.plain(), piece).assert_all(401);
            assert!(issuer.fetches() <= fetches + 1, "{} fetches in one window", issuer.fetches() - fetches);
        }
        gateway.clock.advance(WINDOW);
    }
    let good = good.finish();
    good.assert_all(200);
    assert!(issuer.fetches() <= 1 + WINDOWS, "{}", issuer.fetches());
    let p99 = good.quantile(0.99);
    assert!(p99 < SLOW / 2, "good tokens waited for the issuer: {p99:?}");
    assert_eq!(gateway.metric("tollgate_token_validations_total", &["reason=\"unknown_key\""]), TOKENS as f64);
    println!(
        "{TOKENS} unknown ids in {WINDOWS} windows: {} fetches; p99 of {} good requests {p99:?}, without the flood {before:?}",
        issuer.fetches() - 1,
        good.count()
    );
}

#[test]
fn a_suppressed_key_id_is_401_and_counted() {
    let (key, stranger, backend) = (Signer::new("k1"), Signer::new("x"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&key]);
    let gateway = serving(&issuer, &backend);
    for _ in 0..3 {
        let token = stranger.token(&Signer::claims(&issuer.issuer(), "mallory"));
        let answer = gateway.get("/", &token);
        assert_eq!((answer.status, answer.header("retry-after")), (401, None));
        assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
    }
    // One id is remembered as absent; another is suppressed.
    let other = Signer::new("y").token(&Signer::claims(&issuer.issuer(), "mallory"));
    assert_eq!(gateway.get("/", &other).status, 401);
    assert_eq!(issuer.fetches(), 2);
    assert_eq!(gateway.metric("tollgate_key_fetches_suppressed_total", &["issuer=\"corp\""]), 1.0);
    assert!(backend.received().is_empty());
}
