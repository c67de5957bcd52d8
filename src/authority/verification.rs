//! The authority as an issuer among others: how its tokens are verified on routes, and those that it vends.

use std::time::Duration;

use super::{AUTHORITY_ISSUER, Authority, AuthoritySettings, OwnToken, SigningKeys, VEND_ISSUER};
use crate::identity::Pointer;
use crate::issuer::{IssuerSettings, KeySource, OwnKeys, RefreshSettings};
use crate::token::{Algorithm, ClaimRules, RawToken, TokenFault, verify};

/// `typ` of vended tokens.
pub(super) const VEND_TYPE: &str = "vend+jwt";
/// As for any issuer whose block does not say.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The issuers of access tokens and of vended tokens. Their audiences are the applications; an access token may also be
/// for the authority itself, which no route is.
pub fn issuers(settings: &AuthoritySettings, keys: &SigningKeys) -> [IssuerSettings; 2] {
    issuers_with(settings, keys.access_keys(), keys.vend_keys())
}

/// The same where the store is not looked at: their keys are not known.
pub fn issuers_without_keys(settings: &AuthoritySettings) -> [IssuerSettings; 2] {
    issuers_with(settings, &OwnKeys::unknown(), &OwnKeys::unknown())
}

impl Authority {
    /// What `token` says, where it is an access token of the authority that holds, revoked or not: for operators' commands,
    /// which have no issuers to ask.
    ///
    /// # Errors
    /// Why it is none.
    pub fn verify_access_token(&self, token: &str) -> Result<OwnToken, TokenFault> {
        let [IssuerSettings { issuer, audiences, leeway, max_lifetime, types, require_type, .. }, _] =
            issuers(&self.settings, &self.parts.keys);
        let rules = ClaimRules { issuer, audiences, leeway, max_lifetime, types, require_type };
        let raw = RawToken::parse(token, MAX_TOKEN_BYTES)?;
        let header = raw.header();
        let keys = self.parts.keys.access_keys().latest();
        let key = keys.find(header.key_id.as_deref(), header.algorithm).map_err(|_| TokenFault::BadSignature)?;
        let claims = verify(raw, key, &rules, self.parts.clock.now())?;
        OwnToken::of(&claims).ok_or(TokenFault::WrongType)
    }
}

fn issuers_with(settings: &AuthoritySettings, access: &OwnKeys, vend: &OwnKeys) -> [IssuerSettings; 2] {
    let mut access = issuer(settings, AUTHORITY_ISSUER, access);
    access.audiences.push(settings.issuer.to_string());
    let vend = issuer(settings, VEND_ISSUER, vend);
    let vend_issuer = format!("{}/{VEND_ISSUER}", settings.issuer).into();
    [access, IssuerSettings { issuer: vend_issuer, types: vec![VEND_TYPE.to_owned()], ..vend }]
}

fn issuer(settings: &AuthoritySettings, name: &str, keys: &OwnKeys) -> IssuerSettings {
    IssuerSettings {
        name: name.into(),
        issuer: settings.issuer.clone(),
        audiences: settings.applications.iter().map(|application| application.id.to_string()).collect(),
        algorithms: Algorithm::ALL.to_vec(),
        source: KeySource::Own(keys.clone()),
        refresh: RefreshSettings::default(),
        roles_claim: Pointer::parse("/roles").ok(),
        scope_claim: None,
        max_lifetime: None,
        leeway: Duration::ZERO,
        types: vec!["JWT".to_owned()],
        require_type: true,
        max_token_bytes: MAX_TOKEN_BYTES,
        is_authority: name == AUTHORITY_ISSUER,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::authority::{Sealer, SigningKeySettings, example};
    use crate::clock::{Clock, Timestamp};
    use crate::issuer::{CacheSettings, IssuerMetrics, Registry, Remembered, Verifier};
    use crate::store::KeyPurpose;
    use crate::store::memory::MemoryStore;

    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const WIKI: uuid::Uuid = uuid::Uuid::from_u128(2);

    async fn keys(settings: &AuthoritySettings) -> Arc<SigningKeys> {
        let sealer = Arc::new(Sealer::new(&zeroize::Zeroizing::new([1; 32])));
        let settings = SigningKeySettings::of(settings);
        SigningKeys::open(Arc::new(MemoryStore::new()), sealer, Clock::manual(START), settings).await.unwrap()
    }

    fn verifier(issuers: &[IssuerSettings; 2]) -> Verifier {
        let clock = Clock::manual(START);
        let remembered = Arc::new(Remembered::new(&CacheSettings { capacity: 10, bytes: 1 << 20 }));
        let metrics = IssuerMetrics::register(&prometheus::Registry::new(), &remembered, clock.clone()).unwrap();
        let registry = Registry::build(issuers.to_vec(), None, &clock, &metrics).unwrap();
        Verifier::new(Arc::new(registry), remembered, metrics, clock)
    }

    #[tokio::test]
    async fn each_kind_of_token_is_accepted_only_as_what_it_is() {
        let settings = example::authority();
        let keys = keys(&settings).await;
        let verifier = verifier(&issuers(&settings, &keys));
        let ring = keys.ring();
        let (own, vend) = (&*settings.issuer, format!("{}/vend", settings.issuer));
        let (access_key, vend_key) = (ring.signer(KeyPurpose::Access, Some(WIKI)), ring.signer(KeyPurpose::Vend, None));
        let of_all = ring.signer(KeyPurpose::Access, None);
        let wiki = json!(WIKI.to_string());
        let cases: [(_, _, &str, Value, _); 9] = [
            (access_key, "JWT", own, wiki.clone(), "ok"),
            (of_all, "JWT", own, wiki.clone(), "ok"),
            (vend_key, "vend+jwt", &vend, wiki.clone(), "ok"),
            (access_key, "vend+jwt", own, wiki.clone(), "wrong_type"),
            (access_key, "vend+jwt", &vend, wiki.clone(), "unknown_key"),
            (vend_key, "JWT", own, wiki.clone(), "unknown_key"),
            (vend_key, "JWT", &vend, wiki, "wrong_type"),
            // For the authority itself: good at its API, and no route is called so.
            (of_all, "JWT", own, json!(own), "ok"),
            (access_key, "JWT", own, json!(own), "key_of_other_audience"),
        ];
        for (index, (key, token_type, issuer, audience, expected)) in cases.into_iter().enumerate() {
            let claims = json!({ "iss": issuer, "aud": audience, "sub": "a", "exp": START.seconds() + 60 });
            let token = key.unwrap().sign(token_type, &claims).unwrap();
            let found = verifier.verify(&token).await.map_or_else(|error| error.reason(), |_| "ok");
            assert_eq!(found, expected, "case {index}");
        }
    }

    #[tokio::test]
    async fn a_reload_of_the_same_settings_is_the_same_issuers() {
        let settings = example::authority();
        let keys = keys(&settings).await;
        assert_eq!(issuers(&settings, &keys), issuers(&settings, &keys));
    }
}
