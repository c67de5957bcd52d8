//! stub
use crate::store::KeyPurpose;
use crate::token::SigningKey;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
#[derive(Debug)]
pub struct SigningKeys;
pub struct PublishedKey {
    pub kid: Box<str>,
    pub pem: String,
    pub jwk: serde_json::Value,
    pub application: Option<Uuid>,
    pub signs_access: bool,
}
impl SigningKeys {
    pub fn signer(&self, _: KeyPurpose, _: Option<Uuid>) -> Option<Arc<SigningKey>> {
        None
    }
    pub fn published(&self) -> Vec<PublishedKey> {
        Vec::new()
    }
    pub fn vend_keys(&self) -> Arc<crate::token::KeySet> {
        Arc::new(crate::token::KeySet::withdrawn())
    }
    pub fn longest_token_lifetime(&self) -> Duration {
        Duration::ZERO
    }
}
