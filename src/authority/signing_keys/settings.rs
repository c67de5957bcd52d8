//! Which keys are wanted, by what an operator decided about the authority.

use std::time::Duration;

use uuid::Uuid;

use crate::authority::{AuthoritySettings, Signing};
use crate::secret::Secret;
use crate::store::KeyPurpose;
use crate::token::Algorithm;

/// Backends fetch a key set at least this often, as a rule: so long is a key published before it signs.
const PUBLISHED_BEFORE_USE: Duration = Duration::from_secs(10 * 60);

/// What signs: there is one active key in each place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// What is signed.
    pub purpose: KeyPurpose,
    /// The application that has a key of its own there; absent: all others.
    pub application: Option<Uuid>,
}

/// A place, and the algorithm that is wanted there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The place.
    pub place: Place,
    /// Of a public key.
    pub algorithm: Algorithm,
}

/// A secret that an application's tokens are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationSecret {
    /// The application, which knows it.
    pub application: Uuid,
    /// HS256, HS384 or HS512.
    pub algorithm: Algorithm,
    /// The secret.
    pub secret: Secret,
}

/// Which keys are wanted, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeySettings {
    /// Where key pairs sign; no place twice.
    pub slots: Vec<Slot>,
    /// Where secrets do.
    pub secrets: Vec<ApplicationSecret>,
    /// How long any token lives.
    pub longest_lifetime: Duration,
    /// How long a key signs; absent: until an operator rotates it.
    pub rotation: Option<Duration>,
}

impl SigningKeySettings {
    /// What the authority as a whole needs: a key for access tokens of all applications, those that applications have of
    /// their own, one for vended tokens, one for events where there are webhooks, and one for assertions. That one is there before a route asks for it, so that
    /// it has been published when it signs, and of one algorithm that every backend can check.
    pub fn of(authority: &AuthoritySettings) -> Self {
        let slot = |purpose, application, algorithm| Slot { place: Place { purpose, application }, algorithm };
        let mut slots = vec![
            slot(KeyPurpose::Access, None, authority.algorithm),
            slot(KeyPurpose::Vend, None, authority.algorithm),
            slot(KeyPurpose::Assertion, None, Algorithm::ES256),
        ];
        if !authority.webhooks.is_empty() {
            slots.push(slot(KeyPurpose::Webhook, None, Algorithm::ES256));
        }
        let mut secrets = Vec::new();
        for application in &authority.applications {
            match &application.signing {
                Signing::Authority => {}
                Signing::Own(algorithm) => slots.push(slot(KeyPurpose::Access, Some(application.id), *algorithm)),
                Signing::Secret(algorithm, secret) => {
                    let (algorithm, secret) = (*algorithm, secret.clone());
                    secrets.push(ApplicationSecret { application: application.id, algorithm, secret });
                }
            }
        }
        let longest_lifetime = authority.longest_token_lifetime().max(authority.vend_max_lifetime);
        Self { slots, secrets, longest_lifetime, rotation: authority.key_rotation }
    }

    /// How long a key is published before it signs.
    pub(super) fn published_before_use(&self) -> Duration {
        self.rotation.map_or(PUBLISHED_BEFORE_USE, |rotation| PUBLISHED_BEFORE_USE.min(rotation / 2))
    }
}
