//! JSON Web Tokens in compact form (RFC 7515, 7518, 7519, 8037, 8725): parse, choose the key, verify, check claims;
//! and sign.
//!
//! Pure: bytes, keys and an instant in, values out; it does no input or output and keeps nothing. Strict by default:
//! what two parsers could read differently is refused. Order of proof: [`RawToken`] (structure), then [`Key`] from a
//! [`KeySet`], then [`VerifiedClaims`], which only [`verify()`] makes.

mod algorithm;
mod body_signature;
mod claims;
mod fault;
mod header;
mod inspect;
mod json;
mod jwk;
mod key;
mod key_set;
mod liveness;
mod own;
mod pem;
mod public_half;
mod public_key;
mod raw;
mod sign;
#[cfg(test)]
pub(crate) mod tests;
mod unusable;
mod verify;

pub use algorithm::Algorithm;
pub use body_signature::{BodySignature, BodySignatureFault};
pub use claims::VerifiedClaims;
pub use fault::TokenFault;
pub use header::{Header, TokenType};
pub use inspect::inspect;
pub use json::unambiguous_object;
pub use key::Key;
pub use key_set::{KeySet, KeySetError, Loaded, NoKey};
pub use liveness::Liveness;
pub use own::{OwnKey, OwnMaterial, secret_key_id};
pub use public_half::PublicHalf;
pub use raw::RawToken;
pub use sign::{SigningFault, SigningKey};
pub use unusable::{SkippedKey, Unusable};
pub use verify::{Check, ClaimRules, examine, verify, verify_expired, verify_for_anyone, verify_of_type};
