//! What it takes to verify tokens that we signed ourselves.

use aws_lc_rs::digest;

use super::{Algorithm, Key, Unusable, pem};
use crate::secret::Secret;

/// One of our own keys, as [`KeySet::of_own`](super::KeySet::of_own) takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnKey {
    /// `kid` of its tokens.
    pub id: Box<str>,
    /// Its one algorithm.
    pub algorithm: Algorithm,
    /// What verifies.
    pub material: OwnMaterial,
    /// It verifies only tokens whose `aud` is exactly this string. A secret without one is refused.
    pub only_audience: Option<Box<str>>,
}

/// What verifies the tokens of one of our own keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnMaterial {
    /// A public key as SubjectPublicKeyInfo in DER.
    Public(Box<[u8]>),
    /// A secret that is shared with the only audience.
    Shared(Secret),
}

impl OwnKey {
    pub(super) fn to_key(&self) -> Result<Key, Unusable> {
        let id = Some(self.id.clone());
        let key = match &self.material {
            OwnMaterial::Public(der) => {
                let info = pem::info(der)?;
                Key::public(id, &pem::public_key(&info)?, Some(self.algorithm.name()), &[self.algorithm])?
            }
            OwnMaterial::Shared(_) if self.only_audience.is_none() => return Err(Unusable::SharedSecret),
            OwnMaterial::Shared(secret) => Key::shared(id, secret, self.algorithm).map_err(|_| Unusable::BadKey)?,
        };
        Ok(key.only_for(self.only_audience.clone()))
    }
}

/// The `kid` of tokens that are signed with a shared secret: it tells secrets apart and says nothing of them.
pub fn secret_key_id(secret: &Secret) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"tollgate key id");
    context.update(secret.expose());
    let digits: String = context.finish().as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("hs-{digits}")
}
