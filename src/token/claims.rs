//! The verified content of a token.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::clock::Timestamp;

/// The claims set of a token whose signature, issuer, audience and times were checked (RFC 7519 section 7.2).
/// Only [`verify`](super::verify()) makes one.
#[derive(Debug)]
pub struct VerifiedClaims {
    pub(super) issuer: Arc<str>,
    pub(super) subject: Option<Box<str>>,
    pub(super) token_id: Option<Box<str>>,
    pub(super) issued_at: Option<Timestamp>,
    pub(super) expires_at: Timestamp,
    pub(super) document: Map<String, Value>,
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

    /// Whether both are of one user of one issuer. Two without a subject may be anybody's.
    pub fn is_same_subject(&self, other: &Self) -> bool {
        self.issuer == other.issuer && self.subject.is_some() && self.subject == other.subject
    }

    /// `jti`.
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// `iat`, its fraction of a second cut.
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.issued_at
    }

    /// `exp`, without leeway, its fraction of a second cut.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Every member.
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }
}
