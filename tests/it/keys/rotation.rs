//! An issuer changes its key while it is in use: nobody with a good token notices.

use std::sync::{Arc, Mutex};

use super::{WINDOW, serving};
use crate::support::{Backend, MockIssuer, Signer, TokenLoad, until};

/// What an issuer signs with at the moment.
#[derive(Clone)]
struct Signing(Arc<Mutex<Arc<Signer>>>);

impl Signing {
    fn with(key: &Arc<Signer>) -> Self {
        Self(Arc::new(Mutex::new(Arc::clone(key))))
    }

    fn now_with(&self, key: &Arc<Signer>) {
        *self.0.lock().unwrap() = Arc::clone(key);
    }

    fn token(&self, issuer: &str) -> String {
        let key = Arc::clone(&self.0.lock().unwrap());
        key.token(&Signer::claims(issuer, "alice"))
    }
}

/// The last three keys, as an issuer publishes them while tokens of the older ones are about.
fn published(keys: &[Arc<Signer>]) -> Vec<&Signer> {
    keys.iter().rev().take(3).map(AsRef::as_ref).collect()
}

#[test]
fn a_key_rotates_under_load_and_no_good_token_is_refused() {
    let mut keys = vec![Arc::new(Signer::new("k0"))];
    let (issuer, backend) = (MockIssuer::start("corp", &[&keys[0]]), Backend::start());
    let gateway = serving(&issuer, &backend);
    let (signing, iss) = (Signing::with(&keys[0]), issuer.issuer());
    let source = signing.clone();
    let load = TokenLoad::start(3, gateway.plain(), move || source.token(&iss));
    for round in 1..=10 {
        load.goes_on_for(20);
        gateway.clock.advance(WINDOW);
        keys.push(Arc::new(Signer::new(&format!("k{round}"))));
        issuer.publish(&published(&keys));
        signing.now_with(keys.last().unwrap());
    }
    load.goes_on_for(20);
    let seen = load.finish();
    seen.assert_all(200);
    assert_eq!(issuer.fetches(), 11, "the first, and one for each rotation");
    println!("10 rotations under {} requests, none refused, p99 {:?}", seen.count(), seen.quantile(0.99));
}

#[test]
fn a_key_rotates_during_a_flood_of_unknown_key_ids_where_the_issuer_publishes_first() {
    let mut keys = vec![Arc::new(Signer::new("k0"))];
    let (issuer, backend) = (MockIssuer::start("corp", &[&keys[0]]), Backend::start());
    let gateway = serving(&issuer, &backend);
    let (signing, iss) = (Signing::with(&keys[0]), issuer.issuer());
    let (source, claims) = (signing.clone(), Signer::claims(&iss, "mallory"));
    let load = TokenLoad::start(2, gateway.plain(), move || source.token(&iss));
    let stranger = Mutex::new((Signer::new("x"), 0_u32));
    let flood = TokenLoad::start(2, gateway.plain(), move || {
        let (key, number) = &mut *stranger.lock().unwrap();
        *number += 1;
        key.id = format!("made-up-{number}");
        key.token(&claims)
    });
    for round in 1..=5 {
        keys.push(Arc::new(Signer::new(&format!("k{round}"))));
        // The flood spends the window's fetch; the window after it belongs to the new key as well.
        issuer.publish(&published(&keys));
        let fetches = issuer.fetches();
        gateway.clock.advance(WINDOW);
        until("the flood's fetch", || issuer.fetches() > fetches);
        signing.now_with(keys.last().unwrap());
        load.goes_on_for(20);
        flood.goes_on_for(20);
    }
    let (seen, refused) = (load.finish(), flood.finish());
    seen.assert_all(200);
    refused.assert_all(401);
    assert!(issuer.fetches() <= 7, "{} fetches: the first, one before the rounds, one for each window", issuer.fetches());
    println!("5 rotations under {} good requests and {} unknown ids, none refused", seen.count(), refused.count());
}

#[test]
fn a_new_key_is_used_at_its_first_token_and_the_old_one_until_it_is_withdrawn() {
    let (old, new, backend) = (Signer::new("old"), Signer::new("new"), Backend::start());
    let issuer = MockIssuer::start("corp", &[&old]);
    let gateway = serving(&issuer, &backend);
    let token = |key: &Signer| key.token(&Signer::claims(&issuer.issuer(), "alice"));
    issuer.publish(&[&old, &new]);
    assert_eq!(gateway.get("/", &token(&new)).status, 200);
    assert_eq!(gateway.get("/", &token(&old)).status, 200);
    assert_eq!(gateway.metric("tollgate_keys", &["issuer=\"corp\""]), 2.0);
    assert_eq!(issuer.fetches(), 2);
}
