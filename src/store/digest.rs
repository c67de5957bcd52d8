//! What a refresh token is looked up by: its digest, which gives nobody a token.

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256 of a refresh token's whole value. The value has 256 random bits, so nothing needs to slow a guess down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `value`.
    pub fn of(value: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, value.as_bytes()).as_ref());
        Self(bytes)
    }
}
