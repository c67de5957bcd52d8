//! A signature that travels beside what it signs: a JWS whose payload has the SHA-256 of an HTTP body (FusionAuth signs
//! its webhooks so, in `X-FusionAuth-Signature-JWT`).
//!
//! It names no issuer, no audience and no time, so it proves who wrote the body and nothing else: what is older, or was
//! seen before, is told by the body itself.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Header, Key, RawToken, TokenFault};

/// Several times the largest signature, with any key id.
const MAX_BYTES: usize = 8 * 1024;
const DIGEST: &str = "request_body_sha256";
/// Claims of a token for somebody (RFC 8725 section 3.12). An issuer signs both with keys of one set, and whoever can have
/// a token made with members of their choosing must not have signed a body with it.
const OF_A_TOKEN: [&str; 3] = ["sub", "aud", "exp"];

/// A signature over a body, decoded and not verified.
#[derive(Debug)]
pub struct BodySignature<'a>(RawToken<'a>);

/// Why a body is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodySignatureFault {
    /// The JWS itself, or its signature.
    #[error("{0}")]
    Jws(#[from] TokenFault),
    /// It is a token and no signature over a body.
    #[error("token_for_somebody")]
    Token,
    /// The body is not the one that was signed, or the payload says none.
    #[error("other_body")]
    OtherBody,
}

impl<'a> BodySignature<'a> {
    /// Decodes the JWS in compact form.
    ///
    /// # Errors
    /// The first fault of its structure.
    pub fn parse(text: &'a str) -> Result<Self, TokenFault> {
        RawToken::parse_of_any_issuer(text, MAX_BYTES).map(Self)
    }

    /// The header, by which the key is found.
    pub fn header(&self) -> &Header {
        self.0.header()
    }

    /// Proves that the holder of `key` signed `body`.
    ///
    /// # Errors
    /// [`BodySignatureFault`]; nothing of the payload is looked at before its signature.
    pub fn verify(&self, key: &Key, body: &[u8]) -> Result<(), BodySignatureFault> {
        let Self(raw) = self;
        key.check_signature(raw.header().algorithm, raw.signed, &raw.signature)?;
        key.check_audience(raw.claims.get("aud"))?;
        if OF_A_TOKEN.iter().any(|claim| raw.claims.contains_key(*claim)) {
            return Err(BodySignatureFault::Token);
        }
        // Compared as text: a digest has one canonical form, and both sides are public.
        let digest = STANDARD.encode(digest::digest(&digest::SHA256, body));
        let said = raw.claims.get(DIGEST).and_then(serde_json::Value::as_str);
        if said == Some(digest.as_str()) { Ok(()) } else { Err(BodySignatureFault::OtherBody) }
    }
}
