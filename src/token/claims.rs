//! The verified content of a token.

use serde_json::{Map, Value};

use crate::clock::Timestamp;

/// The claims set of a token whose signature, issuer, audience and times were checked (RFC 7519 section 7.2).
#[derive(Debug)]
pub struct VerifiedClaims {
    issuer: Box<str>,
    subject: Option<Box<str>>,
    expires_at: Timestamp,
    document: Map<String, Value>,
}

impl VerifiedClaims {
    /// `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `sub`.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// `exp`, without leeway.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Every member.
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }
}
