//! PEM texts (RFC 7468) to keys: public keys and certificates, never private keys.
//!
//! A certificate is a container here: somebody configured it, so neither its chain nor its dates are looked at.

use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521};
use x509_parser::oid_registry::{OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519};
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::RSAPublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::public_key::{Curve, PublicKey};
use super::{Algorithm, Key, SkippedKey, Unusable};

/// Whether any block of `text` is a private key, in any of the formats that name it.
pub(super) fn has_private_key(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"PRIVATE KEY-----").is_some()
}

/// The one public key of `text`, answering to `id`, for one of `allowed`. Certificates after a first one are its chain.
pub(super) fn key(id: Option<&str>, text: &[u8], allowed: &[Algorithm]) -> Result<Key, SkippedKey> {
    let id: Option<Box<str>> = id.map(Into::into);
    let found = only_block(text).and_then(|block| parse(id.clone(), &block, allowed));
    found.map_err(|why| SkippedKey { key_id: id, why })
}

fn only_block(text: &[u8]) -> Result<Pem, Unusable> {
    let mut blocks = Pem::iter_from_buffer(text);
    let first = blocks.next().and_then(Result::ok).ok_or(Unusable::NotAPem)?;
    for block in blocks {
        let is_chain = block.is_ok_and(|block| first.label == "CERTIFICATE" && block.label == "CERTIFICATE");
        if !is_chain {
            return Err(Unusable::SeveralKeys);
        }
    }
    Ok(first)
}

fn parse(id: Option<Box<str>>, block: &Pem, allowed: &[Algorithm]) -> Result<Key, Unusable> {
    match block.label.as_str() {
        "CERTIFICATE" => {
            let certificate = block.parse_x509().map_err(|_| Unusable::NotAPem)?;
            from_spki(id, certificate.public_key(), allowed)
        }
        "PUBLIC KEY" => from_spki(id, &whole(&block.contents)?, allowed),
        "RSA PUBLIC KEY" => from_rsa(id, &whole(&block.contents)?, allowed),
        _ => Err(Unusable::NotAPem),
    }
}

/// A SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7); the curve is the one its parameters name.
fn from_spki(id: Option<Box<str>>, info: &SubjectPublicKeyInfo<'_>, allowed: &[Algorithm]) -> Result<Key, Unusable> {
    let bits: &[u8] = &info.subject_public_key.data;
    let kind = &info.algorithm.algorithm;
    if *kind == OID_PKCS1_RSAENCRYPTION {
        from_rsa(id, &whole(bits)?, allowed)
    } else if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY {
        Key::public(id, &PublicKey::Ec { curve: curve(info)?, point: bits }, None, allowed)
    } else if *kind == OID_SIG_ED25519 {
        Key::public(id, &PublicKey::Ed25519(bits), None, allowed)
    } else {
        Err(Unusable::UnsupportedType)
    }
}

fn from_rsa(id: Option<Box<str>>, key: &RSAPublicKey<'_>, allowed: &[Algorithm]) -> Result<Key, Unusable> {
    Key::public(id, &PublicKey::Rsa { n: key.modulus, e: key.exponent }, None, allowed)
}

fn curve(info: &SubjectPublicKeyInfo<'_>) -> Result<Curve, Unusable> {
    let name = info.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok()).ok_or(Unusable::UnsupportedType)?;
    [(OID_EC_P256, Curve::P256), (OID_NIST_EC_P384, Curve::P384), (OID_NIST_EC_P521, Curve::P521)]
        .into_iter()
        .find_map(|(oid, curve)| (oid == name).then_some(curve))
        .ok_or(Unusable::UnsupportedType)
}

/// A DER structure that is all of `bytes`.
fn whole<'a, T: FromDer<'a, x509_parser::error::X509Error>>(bytes: &'a [u8]) -> Result<T, Unusable> {
    match T::from_der(bytes) {
        Ok(([], value)) => Ok(value),
        _ => Err(Unusable::NotAPem),
    }
}
