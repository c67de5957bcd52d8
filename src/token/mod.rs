//! JSON Web Tokens in compact form (RFC 7515, 7518, 7519, 8037, 8725): parse, choose the key, verify, check claims.
//!
//! Pure: bytes, keys and an instant in, values out; it does no input or output and keeps nothing. Strict by default:
//! what two parsers could read differently is refused. Order of proof: [`RawToken`] (structure), then [`Key`] from a
//! [`KeySet`], then [`VerifiedClaims`], which only [`verify`] makes.

mod algorithm;
mod claims;

pub use algorithm::Algorithm;
pub use claims::VerifiedClaims;
