//! Issuers end to end: a mock issuer on a real port, keys fetched by the real task, tokens proved by the verifier.

mod archive;
mod demand;
mod outage;
mod own_keys;
mod registry;
mod sources;
mod verifier;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;
use crate::clock::{Clock, Timestamp};
use crate::fetch::TrustRoots;
use crate::fetch::tests::mock::{Mock, Reply};
use crate::token::Algorithm;

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
const LIFETIME: u64 = 7 * 24 * 3600;

/// One signing key of an issuer.
struct Signer {
    id: String,
    pair: Ed25519KeyPair,
}

impl Signer {
    fn new(id: &str) -> Self {
        Self { id: id.to_owned(), pair: Ed25519KeyPair::generate().unwrap() }
    }

    fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.id, "x": x })
    }

    fn pem(&self) -> String {
        let mut spki = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        spki.extend_from_slice(self.pair.public_key().as_ref());
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(spki))
    }

    /// A good token of `issuer`, different for each subject.
    fn token(&self, issuer: &str, subject: &str) -> String {
        self.token_of(&json!({ "iss": issuer, "aud": "gw", "sub": subject, "exp": START.seconds() + LIFETIME }))
    }

    fn token_of(&self, claims: &Value) -> String {
        let header = json!({ "alg": "EdDSA", "kid": self.id });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// The same key under another id.
    fn token_as(&self, id: &str, issuer: &str) -> String {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "EdDSA", "kid": id }).to_string());
        let rest = self.token(issuer, "x");
        format!("{header}.{}", rest.split_once('.').unwrap().1)
    }
}

fn jwks(signers: &[&Signer]) -> String {
    json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() }).to_string()
}

/// Settings of issuer `https://{name}` with keys at `mock`; fetched only on demand within a test's time.
fn settings(name: &str, mock: &Mock) -> IssuerSettings {
    let remote = Remote { url: mock.url("/keys"), roots: TrustRoots::Given(Vec::new()) };
    settings_with(name, KeySource::JwksUrl(remote))
}

fn settings_with(name: &str, source: KeySource) -> IssuerSettings {
    IssuerSettings {
        name: name.into(),
        issuer: format!("https://{name}").into(),
        audiences: vec!["gw".to_owned()],
        algorithms: vec![Algorithm::EdDSA],
        source,
        refresh: RefreshSettings { timeout: Duration::from_secs(2), ..RefreshSettings::default() },
        roles_claim: None,
        scope_claim: None,
        max_lifetime: None,
        leeway: Duration::from_secs(30),
        types: vec!["JWT".to_owned()],
        require_type: false,
        max_token_bytes: 16 * 1024,
        is_authority: false,
    }
}

/// A gateway's worth of issuers.
struct Gateway {
    clock: Clock,
    prometheus: prometheus::Registry,
    metrics: Arc<IssuerMetrics>,
    remembered: Arc<Remembered>,
    verifier: Arc<Verifier>,
}

impl Gateway {
    fn start(settings: Vec<IssuerSettings>) -> Self {
        let clock = Clock::manual(START);
        let prometheus = prometheus::Registry::new();
        let remembered = Arc::new(Remembered::new(&CacheSettings { capacity: 100_000, bytes: 64 << 20 }));
        let metrics = IssuerMetrics::register(&prometheus, &remembered, clock.clone()).unwrap();
        let registry = Registry::build(settings, None, &clock, &metrics).unwrap();
        registry.commit(None, &tokio::runtime::Handle::current());
        let verifier = Verifier::new(Arc::new(registry), remembered.clone(), metrics.clone(), clock.clone());
        Self { clock, prometheus, metrics, remembered, verifier: Arc::new(verifier) }
    }

    fn rebuild(&self, settings: Vec<IssuerSettings>) -> Result<Registry, Vec<RegistryError>> {
        Registry::build(settings, Some(self.verifier.registry()), &self.clock, &self.metrics)
    }

    /// Reloads, as the gateway does: build, commit, swap.
    fn reload(&mut self, settings: Vec<IssuerSettings>) {
        let registry = self.rebuild(settings).unwrap();
        registry.commit(Some(self.verifier.registry()), &tokio::runtime::Handle::current());
        let (remembered, metrics) = (self.remembered.clone(), self.metrics.clone());
        self.verifier = Arc::new(Verifier::new(Arc::new(registry), remembered, metrics, self.clock.clone()));
    }

    async fn verify(&self, token: &str) -> Result<Arc<Verified>, VerifyError> {
        self.verifier.verify(token).await
    }

    /// `ok`, or the reason word.
    async fn reason(&self, token: &str) -> &'static str {
        self.verify(token).await.map_or_else(|error| error.reason(), |_| "ok")
    }

    fn keys(&self, name: &str) -> &Arc<Keys> {
        self.verifier.registry().named(name).unwrap().keys()
    }

    fn status(&self, name: &str) -> KeysStatus {
        self.keys(name).status(self.clock.now())
    }

    /// Fetches now and waits for the end of it.
    async fn refresh(&self, name: &str) {
        let before = self.status(name).fetches;
        self.keys(name).refresh();
        until(|| self.status(name).fetches > before).await;
    }

    /// The value of one line of the scrape.
    fn metric(&self, line: &str) -> Option<f64> {
        let text = prometheus::TextEncoder::new().encode_to_string(&self.prometheus.gather()).unwrap();
        text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' ')?.parse().ok())
    }
}

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it never became so");
}
