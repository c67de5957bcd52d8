//! The life of keys, by a clock that is moved by hand: on one gateway, on two, and with everything lost that can be.

mod gateways;
mod life;

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::authority::Sealer;
use crate::issuer::{CacheSettings, IssuerMetrics, IssuerSettings, KeySource, RefreshSettings, Registry, Remembered, Verifier};
use crate::secret::Secret;
use crate::store::KeyPurpose;
use crate::store::memory::MemoryStore;
use crate::token::Algorithm;

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);
const ISSUER: &str = "https://authority.example";
const ACCESS: Place = Place { purpose: KeyPurpose::Access, application: None };
const VEND: Place = Place { purpose: KeyPurpose::Vend, application: None };
const SHOP: Uuid = Uuid::from_u128(1);
const WIKI: Uuid = Uuid::from_u128(2);
const NEWS: Uuid = Uuid::from_u128(3);

/// Access tokens of one hour by one key, vended ones by another, and by a key of its own for the wiki.
fn settings() -> SigningKeySettings {
    let slot = |place| Slot { place, algorithm: Algorithm::EdDSA };
    let wiki = Place { application: Some(WIKI), ..ACCESS };
    SigningKeySettings {
        slots: vec![slot(ACCESS), slot(VEND), slot(wiki)],
        secrets: Vec::new(),
        longest_lifetime: HOUR,
        rotation: Some(24 * HOUR),
    }
}

fn secret(application: Uuid, byte: u8) -> ApplicationSecret {
    ApplicationSecret { application, algorithm: Algorithm::HS256, secret: Secret::new(vec![byte; 32]) }
}

fn sealer(byte: u8) -> Arc<Sealer> {
    Arc::new(Sealer::new(&zeroize::Zeroizing::new([byte; 32])))
}

async fn open(
    store: &Arc<MemoryStore>,
    clock: &Clock,
    settings: SigningKeySettings,
) -> Result<Arc<SigningKeys>, SigningKeysError> {
    SigningKeys::open(Arc::clone(store) as Arc<dyn Store>, sealer(1), clock.clone(), settings).await
}

/// A gateway's keys with what verifies their access tokens.
struct Gateway {
    store: Arc<MemoryStore>,
    clock: Clock,
    keys: Arc<SigningKeys>,
    verifier: Verifier,
}

impl Gateway {
    async fn start(settings: SigningKeySettings) -> Self {
        Self::beside(&Arc::new(MemoryStore::new()), &Clock::manual(START), settings).await
    }

    async fn beside(store: &Arc<MemoryStore>, clock: &Clock, settings: SigningKeySettings) -> Self {
        let keys = open(store, clock, settings).await.unwrap();
        let verifier = verifier(&keys, clock);
        Self { store: Arc::clone(store), clock: clock.clone(), keys, verifier }
    }

    fn active(&self, place: Place) -> String {
        self.keys.ring().signer(place.purpose, place.application).unwrap().key_id().to_owned()
    }

    fn token(&self, application: Uuid) -> String {
        let ring = self.keys.ring();
        sign(ring.signer(KeyPurpose::Access, Some(application)).unwrap(), application, self.clock.now())
    }

    /// `ok`, or the reason word.
    async fn reason(&self, token: &str) -> &'static str {
        self.verifier.verify(token).await.map_or_else(|error| error.reason(), |_| "ok")
    }

    async fn records(&self) -> Vec<SigningKeyRecord> {
        self.store.signing_keys().await.unwrap()
    }

    /// How many keys of a place are in each state: next, active, retired, revoked.
    async fn count(&self, place: Place) -> [usize; 4] {
        let records = self.records().await;
        [KeyState::Next, KeyState::Active, KeyState::Retired, KeyState::Revoked]
            .map(|state| records.iter().filter(|record| plan::place(record) == place && record.state == state).count())
    }

    fn published(&self) -> BTreeSet<String> {
        self.keys.ring().published().iter().map(|key| key.id.to_string()).collect()
    }
}

fn sign(key: &SigningKey, application: Uuid, now: Timestamp) -> String {
    let claims = json!({
        "iss": ISSUER, "aud": application.to_string(), "sub": "alice",
        "iat": now.seconds(), "exp": now.plus(HOUR).seconds(), "jti": Uuid::from_u128(u128::from(now.millis())).to_string(),
    });
    key.sign("JWT", &claims).unwrap()
}

fn verifier(keys: &SigningKeys, clock: &Clock) -> Verifier {
    let issuer = IssuerSettings {
        name: "authority".into(),
        issuer: ISSUER.into(),
        audiences: [SHOP, WIKI, NEWS].map(|id| id.to_string()).to_vec(),
        algorithms: Algorithm::ALL.to_vec(),
        source: KeySource::Own(keys.access_keys().clone()),
        refresh: RefreshSettings::default(),
        roles_claim: None,
        scope_claim: None,
        max_lifetime: None,
        leeway: Duration::ZERO,
        types: vec!["JWT".to_owned()],
        require_type: true,
        max_token_bytes: 16 * 1024,
        is_authority: false,
    };
    let remembered = Arc::new(Remembered::new(&CacheSettings { capacity: 1000, bytes: 1 << 20 }));
    let metrics = IssuerMetrics::register(&prometheus::Registry::new(), &remembered, clock.clone()).unwrap();
    let registry = Registry::build(vec![issuer], None, clock, &metrics).unwrap();
    registry.commit(None, &tokio::runtime::Handle::current());
    Verifier::new(Arc::new(registry), remembered, metrics, clock.clone())
}
