//! The keys as everybody reads them at one moment: who signs, what is published, what verifies.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::settings::{ApplicationSecret, Place, SigningKeySettings};
use super::{SEALED_AS, SigningKeysError, is_over, plan};
use crate::authority::Sealer;
use crate::clock::Timestamp;
use crate::store::{KeyPurpose, KeyState, SigningKeyRecord};
use crate::token::{Algorithm, OwnKey, OwnMaterial, PublicHalf, SigningKey, secret_key_id};

/// A public key, as it is published.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedKey {
    /// `kid` of its tokens.
    pub id: Box<str>,
    /// SubjectPublicKeyInfo as PEM.
    pub pem: Box<str>,
    /// JSON Web Key, public members only.
    pub jwk: Value,
    /// The application whose own it is.
    pub application: Option<Uuid>,
    /// What it signs.
    pub purpose: KeyPurpose,
    /// Next, active or retired.
    pub state: KeyState,
}

/// The keys at one moment.
#[derive(Debug, Default)]
pub struct KeyRing {
    /// One for each place of the settings; absent where its key cannot be read.
    signers: HashMap<Place, Option<Arc<SigningKey>>>,
    published: Vec<PublishedKey>,
    /// Keys of other purposes, each purpose with a key set of its own.
    apart: Vec<PublishedKey>,
    pub(super) access: Vec<OwnKey>,
    pub(super) vend: Vec<OwnKey>,
    longest_lifetime: Duration,
}

impl KeyRing {
    /// What signs tokens of this purpose for `application`: its own key or secret where it has one, and never another's.
    pub fn signer(&self, purpose: KeyPurpose, application: Option<Uuid>) -> Option<&Arc<SigningKey>> {
        let own = application.and_then(|_| self.signers.get(&Place { purpose, application }));
        own.or_else(|| self.signers.get(&Place { purpose, application: None }))?.as_ref()
    }

    /// How long any token lives at most, those that were signed under earlier settings included.
    pub fn longest_lifetime(&self) -> Duration {
        self.longest_lifetime
    }

    /// The public keys that verify access tokens and vended tokens, those that do not sign yet among them; oldest first.
    pub fn published(&self) -> &[PublishedKey] {
        &self.published
    }

    /// The public keys of one of the other purposes, those that do not sign yet among them; oldest first.
    pub fn published_apart(&self, purpose: KeyPurpose) -> impl Iterator<Item = &PublishedKey> {
        self.apart.iter().filter(move |key| key.purpose == purpose)
    }

    /// The ring of `records`, and what is wrong with those that cannot be used. Signers of `previous` are kept.
    pub(super) fn build(
        records: &[SigningKeyRecord],
        settings: &SigningKeySettings,
        sealer: &Sealer,
        previous: &Self,
        now: Timestamp,
    ) -> (Self, Vec<SigningKeysError>) {
        let mut ring = Self::default();
        let mut problems = Vec::new();
        let signed = records.iter().filter(|record| !is_over(record, now)).map(lived).max();
        ring.longest_lifetime = signed.unwrap_or_default().max(settings.longest_lifetime);
        ring.signers.extend(settings.slots.iter().map(|slot| (slot.place, None)));
        for record in records.iter().filter(|record| record.state != KeyState::Revoked && !is_over(record, now)) {
            if let Err(problem) = ring.add(record, sealer, previous) {
                problems.push(problem);
            }
        }
        for secret in &settings.secrets {
            if let Err(problem) = ring.add_secret(secret) {
                problems.push(problem);
            }
        }
        (ring, problems)
    }

    fn add(&mut self, record: &SigningKeyRecord, sealer: &Sealer, previous: &Self) -> Result<(), SigningKeysError> {
        let unusable = || SigningKeysError::Unusable(record.id.clone());
        let algorithm = Algorithm::from_name(&record.algorithm).ok_or_else(unusable)?;
        let public = PublicHalf::from_der(&record.public).map_err(|_| unusable())?;
        let own = OwnKey {
            id: record.id.as_str().into(),
            algorithm,
            material: OwnMaterial::Public(record.public.as_slice().into()),
            only_audience: record.application.map(|id| id.to_string().into()),
        };
        match record.purpose {
            KeyPurpose::Access => self.access.push(own),
            KeyPurpose::Vend => self.vend.push(own),
            KeyPurpose::Assertion | KeyPurpose::Webhook => {}
        }
        let shown = match record.purpose {
            KeyPurpose::Access | KeyPurpose::Vend => &mut self.published,
            KeyPurpose::Assertion | KeyPurpose::Webhook => &mut self.apart,
        };
        shown.push(published(record, &public, algorithm));
        match self.signers.get_mut(&plan::place(record)) {
            Some(signer) if record.state == KeyState::Active && signer.is_none() => {
                *signer = Some(signing_key(record, algorithm, sealer, previous)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn add_secret(&mut self, settings: &ApplicationSecret) -> Result<(), SigningKeysError> {
        let ApplicationSecret { application, algorithm, secret } = settings;
        let unusable = || SigningKeysError::Secret(*application);
        let id = secret_key_id(secret);
        // With one secret two applications could make each other's tokens.
        if self.access.iter().any(|other| *other.id == *id) {
            return Err(SigningKeysError::SharedSecret(*application));
        }
        let signer = SigningKey::from_secret(Some(&id), *algorithm, secret).map_err(|_| unusable())?;
        let only_audience = Some(application.to_string().into());
        let material = OwnMaterial::Shared(secret.clone());
        self.access.push(OwnKey { id: id.into(), algorithm: *algorithm, material, only_audience });
        let place = Place { purpose: KeyPurpose::Access, application: Some(*application) };
        self.signers.insert(place, Some(Arc::new(signer)));
        Ok(())
    }
}

fn published(record: &SigningKeyRecord, public: &PublicHalf, algorithm: Algorithm) -> PublishedKey {
    PublishedKey {
        id: record.id.as_str().into(),
        pem: public.pem().into(),
        jwk: public.jwk(&record.id, algorithm),
        application: record.application,
        purpose: record.purpose,
        state: record.state,
    }
}

/// Parsed once: the one of `previous`, where it has it.
fn signing_key(
    record: &SigningKeyRecord,
    algorithm: Algorithm,
    sealer: &Sealer,
    previous: &KeyRing,
) -> Result<Arc<SigningKey>, SigningKeysError> {
    let known = previous.signers.get(&plan::place(record)).and_then(Option::as_ref);
    if let Some(known) = known.filter(|known| known.key_id() == record.id && known.algorithm() == algorithm) {
        return Ok(Arc::clone(known));
    }
    let unusable = || SigningKeysError::Unusable(record.id.clone());
    let private = sealer.open(SEALED_AS, record.id.as_bytes(), &record.sealed).map_err(|_| unusable())?;
    let key = SigningKey::from_pkcs8(&record.id, algorithm, &private).map_err(|_| unusable())?;
    // A record put together by hand would publish one key and sign with another.
    let is_its_own = key.public().is_some_and(|public| *public.der() == *record.public);
    if is_its_own { Ok(Arc::new(key)) } else { Err(unusable()) }
}

/// The longest life of any token that a key signed: so long after it began, or stopped, is its end put down.
fn lived(record: &SigningKeyRecord) -> Duration {
    let from = match record.state {
        KeyState::Active => record.activated,
        KeyState::Retired | KeyState::Revoked => record.retired,
        KeyState::Next => None,
    };
    from.zip(record.ends).map(|(from, ends)| ends.since(from)).unwrap_or_default()
}
