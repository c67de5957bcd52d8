//! Key sets saved in the store: a restart needs no issuer, and trusts nothing that it should not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tollgate::clock::Clock;
use tollgate::store::sqlite::SqliteStore;
use tollgate::store::{Change, Store};

use super::{ROUTE, ask, status};
use crate::support::{Backend, Gateway, MockIssuer, NOW, Serves, Signer, configuration, until};

const STORE: &str = "[store]\nurl = \"sqlite://tollgate.db\"\nencryption_key_file = \"tollgate.key\"\n\n";

/// A store in which a gateway saved the keys of `issuer`, which is down since.
struct Bench {
    key: Signer,
    issuer: MockIssuer,
    backend: Backend,
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let (key, backend, folder) = (Signer::new("k1"), Backend::start(), tempfile::tempdir().unwrap());
        let issuer = MockIssuer::start("corp", &[&key]);
        let bench = Self { key, issuer, backend, folder };
        let gateway = bench.start(&bench.text(), Duration::ZERO);
        until("the first fetch", || gateway.admin("/readyz").status == 200);
        assert_eq!(ask(&gateway, &bench.token()).0, 200);
        until("the keys in the store", || bench.saved().is_some());
        gateway.stop();
        bench.issuer.now(Serves::Status(500));
        bench
    }

    fn text(&self) -> String {
        let block = format!("{}keys = {{ max_stale = \"1h\" }}\n\n", self.issuer.block());
        configuration(&[], &[&self.backend], &format!("{STORE}{block}{ROUTE}"))
    }

    /// A gateway on the store, so long after the first began.
    fn start(&self, text: &str, later: Duration) -> Gateway {
        let folder = tempfile::tempdir().unwrap();
        let absolute = format!("sqlite://{}", self.store().display());
        let key = self.folder.path().join("tollgate.key");
        let text = text.replace("sqlite://tollgate.db", &absolute).replace("\"tollgate.key\"", &format!("{key:?}"));
        Gateway::start_at(folder, &text, NOW.plus(later))
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("tollgate.db")
    }

    fn saved(&self) -> Option<tollgate::store::KeyDocument> {
        on(&self.store(), |store| Box::pin(async move { store.key_document("issuer/corp").await.unwrap() }))
    }

    fn token(&self) -> String {
        let mut claims = Signer::claims(&self.issuer.issuer(), "alice");
        claims["exp"] = json!(claims["iat"].as_u64().unwrap() + 36_000);
        self.key.token(&claims)
    }
}

type Work<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + 'a>>;

/// Does something with a store, beside whoever else has it open.
fn on<T>(path: &Path, work: impl for<'a> FnOnce(&'a SqliteStore) -> Work<'a, T>) -> T {
    let store = SqliteStore::open(path, &Clock::manual(NOW)).unwrap().store;
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work(&store))
}

/// Ready without the issuer, as far as this says.
#[track_caller]
fn is_up(gateway: &Gateway) -> bool {
    gateway.admin("/readyz").status == 200
}

const UNAVAILABLE: (u16, &str) = (503, "keys_unavailable");

#[test]
fn a_restart_while_the_issuer_is_down_accepts_its_tokens_until_they_are_stale() {
    let bench = Bench::new();
    let gateway = bench.start(&bench.text(), Duration::from_secs(1800));
    until("the saved keys", || is_up(&gateway));
    assert_eq!(ask(&gateway, &bench.token()).0, 200);
    assert_eq!(status(&gateway, "corp")["state"], "ready");
    assert!(gateway.metric("tollgate_key_set_age_seconds", &["issuer=\"corp\""]) >= 1800.0);
    gateway.clock.advance(Duration::from_secs(1800));
    let (code, reason) = ask(&gateway, &bench.token());
    assert_eq!((code, reason.as_str()), UNAVAILABLE, "their age counts from the fetch, not from the start");
}

#[test]
fn keys_that_are_too_old_at_the_start_are_503() {
    let bench = Bench::new();
    let gateway = bench.start(&bench.text(), Duration::from_secs(3600));
    let (code, reason) = ask(&gateway, &bench.token());
    assert_eq!((code, reason.as_str()), UNAVAILABLE);
    assert_eq!(status(&gateway, "corp")["state"], "cold");
}

#[test]
fn keys_of_another_address_are_not_used() {
    let bench = Bench::new();
    let elsewhere = bench.text().replace("/jwks.json", "/other.json");
    let gateway = bench.start(&elsewhere, Duration::ZERO);
    let (code, reason) = ask(&gateway, &bench.token());
    assert_eq!((code, reason.as_str()), UNAVAILABLE);
    drop(gateway);
    let gateway = bench.start(&bench.text(), Duration::ZERO);
    until("the saved keys", || is_up(&gateway));
}

#[test]
fn what_was_changed_in_the_database_is_ignored_and_the_issuer_is_asked() {
    let bench = Bench::new();
    let good = bench.saved().unwrap();
    let mut damaged = good.clone();
    damaged.body[40] ^= 1;
    let younger = tollgate::store::KeyDocument { fetched: NOW.plus(Duration::from_secs(1)), ..good.clone() };
    let plain = format!("[[\"\",{:?}]]", super::jwks(&[&bench.key]).to_string());
    let unsealed = tollgate::store::KeyDocument { body: plain.into_bytes(), ..good };
    for changed in [damaged, younger, unsealed] {
        on(&bench.store(), |store| {
            Box::pin(async move { drop(store.commit(vec![Change::SaveKeyDocument(changed)]).await.unwrap()) })
        });
        let gateway = bench.start(&bench.text(), Duration::from_secs(2));
        let (code, reason) = ask(&gateway, &bench.token());
        assert_eq!((code, reason.as_str()), UNAVAILABLE);
        drop(gateway);
    }
    bench.issuer.publish(&[&bench.key]);
    let gateway = bench.start(&bench.text(), Duration::from_secs(3));
    until("the fetch", || is_up(&gateway));
    assert_eq!(ask(&gateway, &bench.token()).0, 200);
}
