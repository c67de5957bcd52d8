//! Sealing: what must not be read in a copy of the database is encrypted before it is stored.
//!
//! AES-256-GCM with a key of its own for each purpose and context (HKDF-SHA256), so that random nonces never wear one key
//! out, and what was sealed in one place opens in no other. The key that all of them come from is kept apart from the
//! database; it is made only together with a new one.

mod key_file;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use zeroize::Zeroizing;

pub use key_file::SealingError;

use crate::secret::Secret;
use crate::store::{Change, EncryptionKey, Store, StoreError};

/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// First byte of everything sealed: the construction, should there ever be another.
const VERSION: u8 = 1;
const CHECK_PURPOSE: &str = "key check";
const CHECK_TEXT: &[u8] = b"tollgate";

/// Seals and opens with one key. `Debug` shows no key material.
pub struct Sealer {
    /// Wiped by the library when it is dropped.
    root: hkdf::Prk,
}

impl Sealer {
    /// With this key, which a program made at random.
    pub fn new(key: &Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self { root: hkdf::Salt::new(hkdf::HKDF_SHA256, b"tollgate sealing").extract(key.as_slice()) }
    }

    /// The key that `settings` name. A file that is missing is made only together with a new store: any other store was
    /// sealed with a key that a new one could not open.
    ///
    /// # Errors
    /// Where there is no such key, it is not 32 bytes in base64, or others can read it.
    pub fn load_or_make(settings: &EncryptionKey, store_is_new: bool) -> Result<Self, SealingError> {
        let key = match settings {
            EncryptionKey::Given(secret) => key_file::decode(secret.expose()).ok_or(SealingError::Malformed(None))?,
            EncryptionKey::File(path) => key_file::load_or_make(path, store_is_new)?,
        };
        Ok(Self::new(&key))
    }

    /// Refuses a store that was sealed with another key; a store that never was remembers this one.
    ///
    /// # Errors
    /// [`SealingError::Different`], or what the store says.
    pub async fn check(&self, store: &dyn Store) -> Result<(), SealingError> {
        let identity = store.identity().await?;
        let context = identity.id.as_bytes();
        if let Some(check) = identity.key_check {
            return self.recognizes(context, &check);
        }
        let check = self.seal(CHECK_PURPOSE, context, CHECK_TEXT)?;
        match store.commit(vec![Change::SetKeyCheck(check)]).await {
            Ok(_) => Ok(()),
            // Another gateway was first.
            Err(StoreError::Conflict) => match store.identity().await?.key_check {
                Some(check) => self.recognizes(context, &check),
                None => Err(StoreError::Conflict.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    fn recognizes(&self, context: &[u8], check: &[u8]) -> Result<(), SealingError> {
        let opened = self.open(CHECK_PURPOSE, context, check).map_err(|_| SealingError::Different)?;
        if opened.expose() == CHECK_TEXT { Ok(()) } else { Err(SealingError::Different) }
    }

    /// Seals `plain` so that it opens only for the same purpose and context.
    ///
    /// # Errors
    /// [`SealingError::Failed`] where the cryptography library fails, which takes random numbers.
    pub fn seal(&self, purpose: &str, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealingError> {
        let place = place(purpose, context);
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| SealingError::Failed)?;
        // Where encrypting fails, the plain text must not stay behind in freed memory.
        let mut text = Zeroizing::new(Vec::with_capacity(plain.len() + AES_256_GCM.tag_len()));
        text.extend_from_slice(plain);
        let (key, nonce_used) = (self.key(&place)?, Nonce::assume_unique_for_key(nonce));
        key.seal_in_place_append_tag(nonce_used, Aad::from(&place), &mut *text).map_err(|_| SealingError::Failed)?;
        Ok([&[VERSION], nonce.as_slice(), &text].concat())
    }

    /// What was sealed for this purpose and context.
    ///
    /// # Errors
    /// [`SealingError::NotSealed`] for anything else, and for what was changed since.
    pub fn open(&self, purpose: &str, context: &[u8], sealed: &[u8]) -> Result<Secret, SealingError> {
        let place = place(purpose, context);
        let (nonce, text) = parts(sealed).ok_or(SealingError::NotSealed)?;
        let mut text = Zeroizing::new(text.to_vec());
        let key = self.key(&place)?;
        let opened = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(&place), &mut text);
        let length = opened.map_err(|_| SealingError::NotSealed)?.len();
        text.truncate(length);
        Ok(Secret::new(std::mem::take(&mut *text)))
    }

    fn key(&self, place: &[u8]) -> Result<LessSafeKey, SealingError> {
        let info = [place];
        let key = self.root.expand(&info, &AES_256_GCM).map_err(|_| SealingError::Failed)?;
        Ok(LessSafeKey::new(UnboundKey::from(key)))
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

/// Purpose and context as bytes that no other purpose and context are.
fn place(purpose: &str, context: &[u8]) -> Vec<u8> {
    [&[VERSION], purpose.len().to_be_bytes().as_slice(), purpose.as_bytes(), context].concat()
}

fn parts(sealed: &[u8]) -> Option<([u8; NONCE_LEN], &[u8])> {
    let (nonce, text) = sealed.strip_prefix(&[VERSION])?.split_first_chunk()?;
    Some((*nonce, text))
}

#[cfg(test)]
mod tests;
