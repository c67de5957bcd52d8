//! JSON Web Keys (RFC 7517 section 4) to keys.
//!
//! `jsonwebtoken` reads the members; what it leaves out is looked at here: whether the key may verify at all, whether
//! it is secret, and the `alg` names it does not know.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, EllipticCurveKeyParameters, Jwk, KeyOperations, PublicKeyUse, RSAKeyParameters,
};
use serde::Deserialize;
use serde_json::Value;

use super::public_key::{Curve, PublicKey};
use super::{Algorithm, Key, SkippedKey, Unusable};

/// Members that only a private key has (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2).
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// The key that `value` describes, for one of `allowed`.
pub(super) fn key(value: &Value, allowed: &[Algorithm]) -> Result<Key, SkippedKey> {
    let id = value.get("kid").and_then(Value::as_str);
    parse(value, id, allowed).map_err(|why| SkippedKey { key_id: id.map(Into::into), why })
}

fn parse(value: &Value, id: Option<&str>, allowed: &[Algorithm]) -> Result<Key, Unusable> {
    check_public(value)?;
    let jwk = Jwk::deserialize(value).map_err(|_| Unusable::NotAJwk)?;
    check_purpose(&jwk)?;
    let stated = stated_algorithm(value)?;
    let build = |key: &PublicKey<'_>| Key::public(id.map(Into::into), key, stated, allowed);
    match &jwk.algorithm {
        AlgorithmParameters::RSA(RSAKeyParameters { n, e, .. }) => build(&PublicKey::Rsa { n: &number(n)?, e: &number(e)? }),
        AlgorithmParameters::EllipticCurve(numbers) => {
            let curve = curve(&numbers.curve)?;
            build(&PublicKey::Ec { curve, point: &point(curve, numbers)? })
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            build(&PublicKey::Ed25519(&number(&pair.x)?))
        }
        _ => Err(Unusable::UnsupportedType),
    }
}

/// Refuses what must not be in a public document at all, before anything else is said about it.
fn check_public(value: &Value) -> Result<(), Unusable> {
    let members = value.as_object().ok_or(Unusable::NotAJwk)?;
    if members.get("kty").and_then(Value::as_str) == Some("oct") || members.contains_key("k") {
        return Err(Unusable::SharedSecret);
    }
    if PRIVATE_MEMBERS.iter().any(|name| members.contains_key(*name)) {
        return Err(Unusable::PrivateMembers);
    }
    Ok(())
}

fn check_purpose(jwk: &Jwk) -> Result<(), Unusable> {
    let for_signatures = jwk.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
    let may_verify = jwk.common.key_operations.as_ref().is_none_or(|allowed| allowed.contains(&KeyOperations::Verify));
    if for_signatures && may_verify { Ok(()) } else { Err(Unusable::NotForVerifying) }
}

/// `alg` as it stands: `jsonwebtoken` has no name for ES512.
fn stated_algorithm(value: &Value) -> Result<Option<&str>, Unusable> {
    value.get("alg").map(|name| name.as_str().ok_or(Unusable::NotAJwk)).transpose()
}

fn curve(curve: &EllipticCurve) -> Result<Curve, Unusable> {
    match curve {
        EllipticCurve::P256 => Ok(Curve::P256),
        EllipticCurve::P384 => Ok(Curve::P384),
        EllipticCurve::P521 => Ok(Curve::P521),
        _ => Err(Unusable::UnsupportedType),
    }
}

/// The uncompressed point; each coordinate has the full width of the curve (RFC 7518 section 6.2.1.2).
fn point(curve: Curve, numbers: &EllipticCurveKeyParameters) -> Result<Vec<u8>, Unusable> {
    let (x, y) = (number(&numbers.x)?, number(&numbers.y)?);
    if x.len() != curve.width() || y.len() != curve.width() {
        return Err(Unusable::BadKey);
    }
    Ok([&[4], x.as_slice(), &y].concat())
}

fn number(text: &str) -> Result<Vec<u8>, Unusable> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Unusable::BadKey)
}
