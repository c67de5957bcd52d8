//! Why a key of a document is not used; the operator's log and `check` show it.

/// Why a key is left out of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unusable {
    /// Not a JSON Web Key (RFC 7517 section 4): not an object, or a member of the wrong type.
    #[error("it is not a JSON Web Key")]
    NotAJwk,
    /// `kty` or `crv` is none that is verified.
    #[error("its type or curve is not supported")]
    UnsupportedType,
    /// `kty` is `oct`: a shared secret among public keys (RFC 8725 section 2.1).
    #[error("it is a shared secret, which must never be published")]
    SharedSecret,
    /// Private members were published with it: whoever read them can sign.
    #[error("its PRIVATE key is published with it; replace it at once")]
    PrivateMembers,
    /// `use` is not `sig`, or `key_ops` lacks `verify`.
    #[error("it is not meant for verifying signatures")]
    NotForVerifying,
    /// `alg` is not the name of an algorithm that is verified.
    #[error("its algorithm is not supported")]
    UnknownAlgorithm,
    /// `alg` belongs to another type or curve.
    #[error("its algorithm does not belong to its type or curve")]
    AlgorithmMismatch,
    /// No algorithm that fits it is on the issuer's list.
    #[error("its algorithm is not allowed for this issuer")]
    AlgorithmNotAllowed,
    /// RSA shorter than 2048 or longer than 8192 bits.
    #[error("an RSA key must have 2048 to 8192 bits")]
    WeakRsa,
    /// RSA exponent even, 1, or longer than five bytes.
    #[error("its RSA exponent must be odd, at least 3 and at most five bytes long")]
    BadExponent,
    /// The numbers are no key: not on the curve, of the wrong length, not base64url.
    #[error("its numbers are not a key")]
    BadKey,
    /// Another key of the set has its id, and nobody can tell which is meant.
    #[error("several different keys have this id; none of them is used")]
    AmbiguousId,
    /// No PEM block, a damaged one, or one of a kind that holds no public key.
    #[error("it is not a PEM public key or certificate")]
    NotAPem,
    /// More than one key in one PEM text.
    #[error("it holds more than one key")]
    SeveralKeys,
}

impl Unusable {
    /// Whether somebody must act now: key material was exposed.
    pub const fn is_exposure(self) -> bool {
        matches!(self, Self::SharedSecret | Self::PrivateMembers)
    }
}

/// A key that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its id, if it has one; from the document, so escape it where it is shown.
    pub key_id: Option<Box<str>>,
    /// Why.
    pub why: Unusable,
}
