//! The structure of a token: three parts, their encoding, their JSON. Nothing here is proved.
//!
//! [`RawToken::parse`] does all decoding once; [`verify`](super::verify()) then proves it and takes it apart. What it
//! says may choose an issuer and a key to try, and nothing else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::header::Header;
use super::{TokenFault, json};

/// A token in compact serialization (RFC 7515 section 7.1), decoded and not verified.
#[derive(Debug)]
pub struct RawToken<'a> {
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
    pub(super) claims: Map<String, Value>,
    header: Header,
}

impl<'a> RawToken<'a> {
    /// Decodes `text` if it is at most `max_bytes` long.
    ///
    /// # Errors
    /// The first fault of its structure: size, parts, encoding (canonical base64url only), header, claims, `iss`.
    pub fn parse(text: &'a str, max_bytes: usize) -> Result<Self, TokenFault> {
        let raw = Self::parse_of_any_issuer(text, max_bytes)?;
        if raw.claims.get("iss").is_some_and(Value::is_string) { Ok(raw) } else { Err(TokenFault::BadIssuer) }
    }

    /// As [`RawToken::parse`], of a token that need not say who issued it.
    pub(super) fn parse_of_any_issuer(text: &'a str, max_bytes: usize) -> Result<Self, TokenFault> {
        let parts = Parts::of(text, max_bytes)?;
        let mut buffer = Vec::with_capacity(parts.longest());
        let header = Header::parse(decode(parts.header, &mut buffer)?)?;
        let claims = json::object(decode(parts.claims, &mut buffer)?).map_err(|fault| fault.in_token(TokenFault::BadClaims))?;
        decode(parts.signature, &mut buffer)?;
        Ok(Self { signed: parts.signed, signature: buffer, claims, header })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The header member `name`, one that means nothing here included; for issuers that name their keys by another
    /// member than `kid`.
    pub fn header_member(&self, name: &str) -> Option<Value> {
        let header = self.signed.split(|byte| *byte == b'.').next()?;
        json::object(decode(header, &mut Vec::new()).ok()?).ok()?.remove(name)
    }

    /// The unverified `iss`: good only for choosing the issuer whose keys are tried.
    pub fn issuer(&self) -> &str {
        self.claims.get("iss").and_then(Value::as_str).unwrap_or_default()
    }
}

/// The encoded parts of a token.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) header: &'a [u8],
    pub(super) claims: &'a [u8],
    pub(super) signature: &'a [u8],
    /// Header, dot, claims: what the signature covers (RFC 7515 section 5.2).
    pub(super) signed: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Cuts `text` at its two dots. The size is looked at first and the dots are never collected, so that a megabyte of
    /// dots costs nothing (golang-jwt CVE-2025-30204).
    pub(super) fn of(text: &'a str, max_bytes: usize) -> Result<Self, TokenFault> {
        if text.len() > max_bytes {
            return Err(TokenFault::TooLarge);
        }
        let (header, rest) = text.split_once('.').ok_or(TokenFault::NotCompact)?;
        let (claims, signature) = rest.split_once('.').ok_or(TokenFault::NotCompact)?;
        match memchr::memchr_iter(b'.', signature.as_bytes()).take(3).count() {
            0 => {}
            2 => return Err(TokenFault::Encrypted),
            _ => return Err(TokenFault::NotCompact),
        }
        let signed = text.as_bytes().get(..header.len() + 1 + claims.len()).ok_or(TokenFault::NotCompact)?;
        Ok(Self { header: header.as_bytes(), claims: claims.as_bytes(), signature: signature.as_bytes(), signed })
    }

    /// Enough room to decode any of the three.
    fn longest(&self) -> usize {
        let encoded = self.header.len().max(self.claims.len()).max(self.signature.len());
        base64::decoded_len_estimate(encoded)
    }
}

/// Replaces the content of `buffer` by the decoded `part`: no padding, no other alphabet, zero trailing bits.
pub(super) fn decode<'b>(part: &[u8], buffer: &'b mut Vec<u8>) -> Result<&'b [u8], TokenFault> {
    buffer.clear();
    URL_SAFE_NO_PAD.decode_vec(part, buffer).map_err(|_| TokenFault::BadEncoding)?;
    Ok(buffer)
}
