//! What a token costs: new (beside the bare signature check and `jsonwebtoken::decode`) and remembered.
//!
//! Run with `cargo bench --bench verify`. The figure to watch is `tollgate` against `bare_signature` of the same
//! algorithm: everything that is not the signature check should stay within a few hundredths of it.

#![expect(clippy::unwrap_used, reason = "a measurement has nobody to answer to")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use divan::Bencher;
use jsonwebtoken::{DecodingKey, EncodingKey, Validation};
use rcgen::PublicKeyData;
use serde_json::{Value, json};
use tollgate::clock::Timestamp;
use tollgate::identity::Identity;
use tollgate::issuer::{CacheSettings, Remembered, Verified};
use tollgate::revocation::Descent;
use tollgate::token::{Algorithm, ClaimRules, KeySet, Liveness, RawToken, VerifiedClaims, verify};

/// The allocator of the binary: half of what is not the signature check is making the claims.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: Timestamp = Timestamp::from_seconds(4_000_000_000);
const MAX_BYTES: usize = 8192;

fn main() {
    divan::main();
}

const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];

/// A key, both halves in every form that is measured.
struct Subject {
    keys: KeySet,
    bare: ParsedPublicKey,
    oracle: DecodingKey,
    private: EncodingKey,
    name: jsonwebtoken::Algorithm,
    algorithm: Algorithm,
}

impl Subject {
    fn new(name: &str) -> Self {
        let kind = match name {
            "RS256" => &rcgen::PKCS_RSA_SHA256,
            "ES256" => &rcgen::PKCS_ECDSA_P256_SHA256,
            _ => &rcgen::PKCS_ED25519,
        };
        let pair = rcgen::KeyPair::generate_for(kind).unwrap();
        let (public, private) = (pair.public_key_pem(), pair.serialize_pem());
        let (oracle, private, bare): (_, _, &'static dyn VerificationAlgorithm) = match name {
            "RS256" => (
                DecodingKey::from_rsa_pem(public.as_bytes()),
                EncodingKey::from_rsa_pem(private.as_bytes()),
                &signature::RSA_PKCS1_2048_8192_SHA256,
            ),
            "ES256" => (
                DecodingKey::from_ec_pem(public.as_bytes()),
                EncodingKey::from_ec_pem(private.as_bytes()),
                &signature::ECDSA_P256_SHA256_FIXED,
            ),
            _ => (DecodingKey::from_ed_pem(public.as_bytes()), EncodingKey::from_ed_pem(private.as_bytes()), &signature::ED25519),
        };
        let algorithm = Algorithm::from_name(name).unwrap();
        Self {
            keys: KeySet::from_pems(&[(Some("2026-11-key"), public.as_bytes())], &[algorithm]).unwrap().set,
            bare: ParsedPublicKey::new(bare, pair.subject_public_key_info()).unwrap(),
            oracle: oracle.unwrap(),
            private: private.unwrap(),
            name: name.parse().unwrap(),
            algorithm,
        }
    }

    fn token(&self, subject: &str) -> String {
        let mut header = jsonwebtoken::Header::new(self.name);
        header.kid = Some("2026-11-key".into());
        jsonwebtoken::encode(&header, &claims(subject), &self.private).unwrap()
    }

    fn verify(&self, token: &str, rules: &ClaimRules) -> VerifiedClaims {
        let raw = RawToken::parse(token, MAX_BYTES).unwrap();
        let key = self.keys.find(raw.header().key_id.as_deref(), raw.header().algorithm).unwrap();
        verify(raw, key, rules, NOW).unwrap()
    }
}

/// What an access token of a usual identity server says: about 900 bytes with an RS256 signature.
fn claims(subject: &str) -> Value {
    json!({
        "iss": "https://issuer.example/realms/corp", "sub": subject, "aud": ["gateway.example.com", "account"],
        "exp": NOW.seconds() + 3600, "iat": NOW.seconds(), "jti": "2f1d9f3c-6a3b-4a0e-9a57-3f1b0f6c8f11",
        "azp": "orders-web", "sid": "0c5ecd6e-a55f-4d3c-8236-f26a966392ea", "scope": "openid email profile",
        "realm_access": {"roles": ["user", "orders-admin"]}, "email": "alice@example.com", "email_verified": true,
    })
}

fn rules() -> ClaimRules {
    ClaimRules {
        issuer: "https://issuer.example/realms/corp".into(),
        audiences: vec!["gateway.example.com".into()],
        leeway: Duration::from_secs(30),
        max_lifetime: Some(Duration::from_secs(24 * 3600)),
        types: vec!["JWT".into(), "at+jwt".into()],
        require_type: false,
    }
}

#[divan::bench(args = ALGORITHMS, sample_size = 64)]
fn bare_signature(bencher: Bencher<'_, '_>, name: &str) {
    let subject = Subject::new(name);
    let token = subject.token("alice");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bencher.bench_local(|| subject.bare.verify_sig(black_box(signed.as_bytes()), black_box(&signature)).unwrap());
}

#[divan::bench(args = ALGORITHMS, sample_size = 64)]
fn tollgate_new_token(bencher: Bencher<'_, '_>, name: &str) {
    let (subject, rules) = (Subject::new(name), rules());
    let token = subject.token("alice");
    bencher.bench_local(|| drop(subject.verify(black_box(&token), &rules)));
}

#[divan::bench(args = ALGORITHMS, sample_size = 64)]
fn jsonwebtoken_decode(bencher: Bencher<'_, '_>, name: &str) {
    let subject = Subject::new(name);
    let token = subject.token("alice");
    let mut validation = Validation::new(subject.name);
    validation.set_audience(&["gateway.example.com"]);
    validation.set_issuer(&["https://issuer.example/realms/corp"]);
    bencher.bench_local(|| drop(jsonwebtoken::decode::<Value>(black_box(&token), &subject.oracle, &validation).unwrap()));
}

#[divan::bench(sample_size = 64)]
fn structure_alone(bencher: Bencher<'_, '_>) {
    let token = Subject::new("RS256").token("alice");
    bencher.bench_local(|| drop(RawToken::parse(black_box(&token), MAX_BYTES).unwrap()));
}

#[divan::bench(args = ["RS256", "ES256"], sample_size = 1000)]
fn remembered_hit_of_1000_tokens(bencher: Bencher<'_, '_>, name: &str) {
    let (subject, rules) = (Subject::new(name), rules());
    let remembered = Remembered::new(&CacheSettings { capacity: 100_000, bytes: 64 << 20 });
    let settings = Arc::new(Liveness::new());
    let tokens: Vec<String> = (0..1000).map(|i| subject.token(&format!("user-{i}"))).collect();
    for token in &tokens {
        let key = Arc::clone(subject.keys.find(Some("2026-11-key"), subject.algorithm).unwrap());
        let claims = subject.verify(token, &rules);
        let identity = Identity { issuer_name: "corp".into(), roles: vec![], scopes: vec![], registered: false, claims };
        let descent = Descent::foreign(&identity.claims);
        remembered.insert(token, Arc::new(Verified::new(identity, descent, key, Arc::clone(&settings))));
    }
    let mut next = 0;
    bencher.bench_local(|| {
        next = (next + 1) % tokens.len();
        remembered.get(black_box(&tokens[next]), NOW).unwrap()
    });
}
