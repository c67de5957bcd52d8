//! Key sets that outlive a process: what is believed of them, for how long, and how often they are saved.

use std::sync::Mutex;

use super::*;

/// What was saved last and how often; `hangs` and `fails` as a broken disk does.
#[derive(Debug, Default)]
struct Shelf {
    kept: Mutex<Option<(String, Saved)>>,
    saves: Mutex<usize>,
    fails: bool,
    hangs: bool,
}

impl KeyArchive for Shelf {
    fn saved<'a>(&'a self, issuer: &'a str, source: &'a str) -> Answering<'a, Option<Saved>> {
        assert_eq!(issuer, "corp");
        Box::pin(async move {
            match (self.hangs, self.fails) {
                (true, _) => std::future::pending().await,
                (_, true) => Err(ArchiveError("broken".into())),
                _ => Ok(self.kept.lock().unwrap().clone().filter(|(kept, _)| kept == source).map(|(_, saved)| saved)),
            }
        })
    }

    fn save<'a>(&'a self, _: &'a str, source: &'a str, saved: Saved) -> Answering<'a, ()> {
        Box::pin(async move {
            if self.fails {
                return Err(ArchiveError("broken".into()));
            }
            *self.kept.lock().unwrap() = Some((source.to_owned(), saved));
            *self.saves.lock().unwrap() += 1;
            Ok(())
        })
    }
}

impl Shelf {
    fn saves(&self) -> usize {
        *self.saves.lock().unwrap()
    }

    fn edit(&self, edit: impl FnOnce(&mut Saved)) {
        edit(&mut self.kept.lock().unwrap().as_mut().unwrap().1);
    }
}

/// A process of its own on what is on the shelf, at `now`.
fn start(shelf: &Arc<Shelf>, settings: IssuerSettings, now: Timestamp) -> Gateway {
    let clock = Clock::manual(now);
    let prometheus = prometheus::Registry::new();
    let remembered = Arc::new(Remembered::new(&CacheSettings { capacity: 100, bytes: 1 << 20 }));
    let metrics = IssuerMetrics::register(&prometheus, &remembered, clock.clone()).unwrap();
    let registry = Registry::build(vec![settings], None, &clock, &metrics).unwrap();
    registry.keep_in(&(Arc::clone(shelf) as Archive));
    registry.commit(None, &tokio::runtime::Handle::current());
    let verifier = Arc::new(Verifier::new(Arc::new(registry), remembered.clone(), metrics.clone(), clock.clone()));
    Gateway { clock, prometheus, metrics, remembered, verifier }
}

/// A shelf with the keys of `signer`, and their issuer, which is down.
async fn saved(signer: &Signer) -> (Arc<Shelf>, Mock, IssuerSettings) {
    let body = jwks(&[signer]);
    let mock = Mock::start(move |_| Reply::Json(body.clone())).await;
    let (shelf, settings) = (Arc::new(Shelf::default()), settings("corp", &mock));
    let gateway = start(&shelf, settings.clone(), START);
    assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "ok");
    until(|| shelf.saves() == 1).await;
    mock.now_does(|_| Reply::Status(500));
    (shelf, mock, settings)
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_restart_without_the_issuer_believes_what_was_saved_and_then_what_is_fetched() {
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let (shelf, mock, settings) = saved(&old).await;
    let gateway = start(&shelf, settings, START.plus(HOUR));
    assert_eq!(gateway.reason(&old.token("https://corp", "a")).await, "ok");
    assert_eq!(gateway.reason(&new.token("https://corp", "a")).await, "keys_unavailable", "nobody can say");
    assert_eq!(gateway.status("corp").age, Some(HOUR), "counted from when they were fetched");

    let body = jwks(&[&new]);
    mock.now_does(move |_| Reply::Json(body.clone()));
    gateway.refresh("corp").await;
    until(|| gateway.status("corp").last_error.is_none()).await;
    assert_eq!(gateway.reason(&new.token("https://corp", "a")).await, "ok");
    assert_eq!(gateway.reason(&old.token("https://corp", "a")).await, "unknown_key", "what the issuer says now counts");
    until(|| shelf.saves() == 2).await;
}

#[tokio::test]
async fn what_was_saved_is_believed_until_max_stale_and_no_longer() {
    let signer = Signer::new("k1");
    let (shelf, _mock, settings) = saved(&signer).await;
    let token = signer.token("https://corp", "a");
    let stale = settings.refresh.max_stale;
    let last = start(&shelf, settings.clone(), START.plus(stale - Duration::from_secs(1)));
    assert_eq!(last.reason(&token).await, "ok");
    last.clock.advance(Duration::from_secs(1));
    assert_eq!(last.reason(&token).await, "keys_unavailable");
    let late = start(&shelf, settings, START.plus(stale));
    assert_eq!(late.reason(&token).await, "keys_unavailable");
    assert_eq!(late.status("corp").state, KeysState::Cold);
}

#[tokio::test]
async fn another_source_damage_and_the_future_are_not_believed() {
    let signer = Signer::new("k1");
    let (shelf, mock, settings) = saved(&signer).await;
    let token = signer.token("https://corp", "a");
    let reason = |settings: IssuerSettings| {
        let (shelf, token) = (shelf.clone(), token.clone());
        async move { start(&shelf, settings, START).reason(&token).await }
    };
    assert_eq!(reason(settings.clone()).await, "ok");

    let moved = KeySource::JwksUrl(Remote { url: mock.url("/other"), roots: TrustRoots::Given(Vec::new()) });
    let discovered = KeySource::Discovery(Remote { url: mock.url("/keys"), roots: TrustRoots::Given(Vec::new()) });
    let algorithms = vec![Algorithm::EdDSA, Algorithm::ES256];
    for other in [
        IssuerSettings { source: moved, ..settings.clone() },
        IssuerSettings { source: discovered, ..settings.clone() },
        IssuerSettings { algorithms, ..settings.clone() },
    ] {
        assert_eq!(reason(other).await, "keys_unavailable");
    }

    let good = shelf.kept.lock().unwrap().clone();
    for documents in [&b"{"[..], b"[]", b"[[\"a\",\"b\"]]"] {
        shelf.edit(|saved| saved.documents = documents.to_vec());
        assert_eq!(reason(settings.clone()).await, "keys_unavailable");
    }
    *shelf.kept.lock().unwrap() = good;
    shelf.edit(|saved| saved.fetched = START.plus(Duration::from_millis(1)));
    assert_eq!(reason(settings).await, "keys_unavailable");
}

#[tokio::test]
async fn keys_that_must_not_be_used_are_not_for_having_been_saved() {
    let signer = Signer::new("k1");
    let (shelf, mock, settings) = saved(&signer).await;
    let secret = json!({ "keys": [{ "kty": "oct", "k": "AAAA", "kid": "k1", "alg": "HS256" }] }).to_string();
    let mut documents = super::super::archive::Documents::default();
    documents.add(&mock.url("/keys"), secret.as_bytes());
    shelf.edit(|saved| saved.documents = documents.to_bytes().unwrap());
    assert_eq!(start(&shelf, settings, START).reason(&signer.token("https://corp", "a")).await, "keys_unavailable");
}

#[tokio::test]
async fn what_is_the_same_is_saved_again_only_as_it_grows_old() {
    let signer = Signer::new("k1");
    let body = jwks(&[&signer]);
    let mock = Mock::start(move |_| Reply::Json(body.clone())).await;
    let (shelf, settings) = (Arc::new(Shelf::default()), settings("corp", &mock));
    let gateway = start(&shelf, settings, START);
    until(|| shelf.saves() == 1).await;
    for _ in 0..3 {
        gateway.refresh("corp").await;
    }
    // The save of a fetch comes after its end and before the next fetch.
    gateway.refresh("corp").await;
    assert_eq!(shelf.saves(), 1);
    gateway.clock.advance(Duration::from_secs(15 * 60));
    gateway.refresh("corp").await;
    until(|| shelf.saves() == 2).await;
    assert_eq!(shelf.kept.lock().unwrap().as_ref().unwrap().1.fetched, START.plus(Duration::from_secs(15 * 60)));
}

#[tokio::test]
async fn an_archive_that_fails_or_hangs_costs_nothing_but_itself() {
    let signer = Signer::new("k1");
    let body = jwks(&[&signer]);
    let mock = Mock::start(move |_| Reply::Json(body.clone())).await;
    let mut settings = settings("corp", &mock);
    settings.refresh.timeout = Duration::from_millis(200);
    for (fails, hangs) in [(true, false), (false, true)] {
        let shelf = Arc::new(Shelf { fails, hangs, ..Shelf::default() });
        let gateway = start(&shelf, settings.clone(), START);
        until(|| gateway.status("corp").state == KeysState::Ready).await;
        assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "ok");
    }
}

#[tokio::test]
async fn sources_of_several_documents_are_saved_whole() {
    let signer = Signer::new("k1");
    let (pem, set) = (signer.pem(), jwks(&[&Signer::new("other")]));
    let mock = Mock::start(move |path| match path {
        "/.well-known/jwks.json" => Reply::Json(set.clone()),
        "/api/jwt/public-key" => Reply::Json(json!({ "publicKeys": { "k1": pem } }).to_string()),
        _ => Reply::Status(404),
    })
    .await;
    let remote = Remote { url: mock.url("/"), roots: TrustRoots::Given(Vec::new()) };
    let settings = settings_with("corp", KeySource::FusionAuth(remote, Vec::new()));
    let shelf = Arc::new(Shelf::default());
    let gateway = start(&shelf, settings.clone(), START);
    until(|| shelf.saves() == 1).await;
    drop(gateway);
    mock.now_does(|_| Reply::Status(500));
    let gateway = start(&shelf, settings, START);
    assert_eq!(gateway.reason(&signer.token("https://corp", "a")).await, "ok");
    assert_eq!(gateway.status("corp").count, 2);
}
