//! The numbers of a public key, whatever document they came in, and how strong they must be.
//!
//! RSA: 2048 to 8192 bits, an odd exponent of at least 3. Elliptic curves: P-256, P-384, P-521, each with its one
//! algorithm (RFC 7518 section 3.4), the point uncompressed and on the curve. Edwards curves: Ed25519 (RFC 8037).

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{self, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaParameters};

use super::{Algorithm, Unusable};

/// A public key as numbers, big-endian.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PublicKey<'a> {
    /// Modulus and exponent; leading zero bytes are of no account.
    Rsa { n: &'a [u8], e: &'a [u8] },
    /// An uncompressed point: 4, x, y (SEC 1 section 2.3.3).
    Ec { curve: Curve, point: &'a [u8] },
    /// The 32 bytes of RFC 8032 section 5.1.5.
    Ed25519(&'a [u8]),
}

/// The elliptic curves that have an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// Bytes of one coordinate.
    pub(super) const fn width(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

impl PublicKey<'_> {
    /// The algorithms that a key of this type and curve can be used with.
    pub(super) const fn algorithms(&self) -> &'static [Algorithm] {
        use Algorithm::{ES256, ES384, ES512, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
        match self {
            Self::Rsa { .. } => &[RS256, RS384, RS512, PS256, PS384, PS512],
            Self::Ec { curve: Curve::P256, .. } => &[ES256],
            Self::Ec { curve: Curve::P384, .. } => &[ES384],
            Self::Ec { curve: Curve::P521, .. } => &[ES512],
            Self::Ed25519(_) => &[EdDSA],
        }
    }

    /// The key ready to verify `algorithm`.
    pub(super) fn parse(&self, algorithm: Algorithm) -> Result<ParsedPublicKey, Unusable> {
        let parsed = match *self {
            Self::Rsa { n, e } => {
                check_strength(n, e)?;
                let components = PublicKeyComponents { n: trimmed(n), e: trimmed(e) };
                components.to_parsed_public_key(rsa_parameters(algorithm).ok_or(Unusable::AlgorithmMismatch)?)
            }
            Self::Ec { curve, point } if is_uncompressed(curve, point) => ParsedPublicKey::new(ecdsa(curve), point),
            Self::Ed25519(point) if point.len() == 32 => ParsedPublicKey::new(&signature::ED25519, point),
            Self::Ec { .. } | Self::Ed25519(_) => return Err(Unusable::BadKey),
        };
        parsed.map_err(|_| Unusable::BadKey)
    }

    /// Bytes that are equal exactly for equal keys.
    pub(super) fn identity(&self) -> Vec<u8> {
        match *self {
            Self::Rsa { n, e } => {
                let (n, e) = (trimmed(n), trimmed(e));
                [b"RSA".as_slice(), &n.len().to_be_bytes(), n, e].concat()
            }
            Self::Ec { point, .. } => [b"EC".as_slice(), point].concat(),
            Self::Ed25519(point) => [b"Ed25519".as_slice(), point].concat(),
        }
    }
}

/// Refuses an RSA key that is breakable, needlessly expensive, or no key: with `e` of 1 everybody signs.
fn check_strength(n: &[u8], e: &[u8]) -> Result<(), Unusable> {
    let (n, e) = (trimmed(n), trimmed(e));
    let spare_bits = n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(2048..=8192).contains(&(n.len() * 8 - spare_bits)) {
        return Err(Unusable::WeakRsa);
    }
    let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    // Five bytes hold every exponent in use; a long one makes each check slow.
    if !is_odd(e) || e == [1] || e.len() > 5 {
        return Err(Unusable::BadExponent);
    }
    if is_odd(n) { Ok(()) } else { Err(Unusable::BadKey) }
}

pub(super) fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn is_uncompressed(curve: Curve, point: &[u8]) -> bool {
    point.first() == Some(&4) && point.len() == 1 + 2 * curve.width()
}

fn ecdsa(curve: Curve) -> &'static EcdsaVerificationAlgorithm {
    match curve {
        Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED,
        Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED,
        Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED,
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::RS256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}
