//! PEM texts (RFC 7468) and what is in them to keys: public keys and certificates, never private keys.
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
            Key::public(id, &public_key(certificate.public_key())?, None, allowed)
        }
        "PUBLIC KEY" => Key::public(id, &public_key(&info(&block.contents)?)?, None, allowed),
        "RSA PUBLIC KEY" => Key::public(id, &rsa(&block.contents)?, None, allowed),
        _ => Err(Unusable::NotAPem),
    }
}

/// A SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) that is all of `der`.
pub(super) fn info(der: &[u8]) -> Result<SubjectPublicKeyInfo<'_>, Unusable> {
    whole(der)
}

/// The key of a SubjectPublicKeyInfo; its curve is the one that the parameters name.
pub(super) fn public_key<'a>(info: &'a SubjectPublicKeyInfo<'_>) -> Result<PublicKey<'a>, Unusable> {
    let bits: &[u8] = &info.subject_public_key.data;
    let kind = &info.algorithm.algorithm;
    if *kind == OID_PKCS1_RSAENCRYPTION {
        rsa(bits)
    } else if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY {
        Ok(PublicKey::Ec { curve: curve(info)?, point: bits })
    } else if *kind == OID_SIG_ED25519 {
        Ok(PublicKey::Ed25519(bits))
    } else {
        Err(Unusable::UnsupportedType)
    }
}

fn rsa(der: &[u8]) -> Result<PublicKey<'_>, Unusable> {
    let key: RSAPublicKey<'_> = whole(der)?;
    Ok(PublicKey::Rsa { n: key.modulus, e: key.exponent })
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
