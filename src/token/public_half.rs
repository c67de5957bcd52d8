//! The public half of one of our own keys, in every form that others read it in: SubjectPublicKeyInfo, PEM, JSON Web Key,
//! and the thumbprint that names it. Only public members exist here, so none other can be published.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::public_key::{Curve, PublicKey};
use super::{Algorithm, Unusable, pem};

/// A public key as SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7), known to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicHalf {
    der: Box<[u8]>,
    /// The members that describe the key, and nothing else (RFC 7638 section 3.2).
    members: BTreeMap<&'static str, String>,
}

impl PublicHalf {
    /// The key of these bytes.
    ///
    /// # Errors
    /// Where they are no key of a type and curve that is verified.
    pub fn from_der(der: &[u8]) -> Result<Self, Unusable> {
        let info = pem::info(der)?;
        Ok(Self { der: der.into(), members: members(&pem::public_key(&info)?) })
    }

    /// SubjectPublicKeyInfo.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The PEM text `PUBLIC KEY` (RFC 7468 section 13), with a line break at its end.
    pub fn pem(&self) -> String {
        const LINE: usize = 64;
        let mut text = "-----BEGIN PUBLIC KEY-----\n".to_owned();
        let mut rest = STANDARD.encode(&self.der);
        while !rest.is_empty() {
            // Base64 is ASCII, so every byte is the edge of a character.
            let tail = rest.split_off(rest.len().min(LINE));
            text.push_str(&rest);
            text.push('\n');
            rest = tail;
        }
        text.push_str("-----END PUBLIC KEY-----\n");
        text
    }

    /// The JSON Web Key of this id for signatures of `algorithm`.
    pub fn jwk(&self, id: &str, algorithm: Algorithm) -> Value {
        let mut jwk = json!({ "kid": id, "alg": algorithm.name(), "use": "sig" });
        for (name, value) in &self.members {
            jwk[*name] = Value::from(value.as_str());
        }
        jwk
    }

    /// RFC 7638 with SHA-256, base64url: an id that is the same wherever the key goes, and no other key's.
    pub fn thumbprint(&self) -> String {
        // Written by hand: the order of members and the absence of spaces are the rule, and no value needs escaping.
        let members: Vec<String> = self.members.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        let document = format!("{{{}}}", members.join(","));
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, document.as_bytes()))
    }
}

fn members(key: &PublicKey<'_>) -> BTreeMap<&'static str, String> {
    let text = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
    match *key {
        PublicKey::Rsa { n, e } => {
            let (n, e) = (super::public_key::trimmed(n), super::public_key::trimmed(e));
            BTreeMap::from([("kty", "RSA".to_owned()), ("n", text(n)), ("e", text(e))])
        }
        PublicKey::Ec { curve, point } => {
            // A tag, then two coordinates of the curve's whole width (RFC 7518 section 6.2.1.2).
            let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(curve.width()).unwrap_or_default();
            let name = match curve {
                Curve::P256 => "P-256",
                Curve::P384 => "P-384",
                Curve::P521 => "P-521",
            };
            BTreeMap::from([("kty", "EC".to_owned()), ("crv", name.to_owned()), ("x", text(x)), ("y", text(y))])
        }
        PublicKey::Ed25519(x) => BTreeMap::from([("kty", "OKP".to_owned()), ("crv", "Ed25519".to_owned()), ("x", text(x))]),
    }
}
