//! Who the caller is, however proved, and where on a request the proof may be.
//!
//! Pure: no input or output, no clock. An [`Identity`] is always an issuer and a subject together; a subject alone
//! never names anyone.

pub mod credential;
mod pointer;
#[cfg(test)]
pub(crate) mod sample;

use std::sync::Arc;

use serde_json::Value;

pub use credential::TokenFrom;
pub use pointer::Pointer;

use crate::token::VerifiedClaims;

/// A caller, proved by a verified token.
#[derive(Debug)]
pub struct Identity {
    /// The configured name of the issuer (metric label, log field, what routes name).
    pub issuer_name: Arc<str>,
    /// Role names; empty where the issuer's settings name no roles claim.
    pub roles: Vec<Box<str>>,
    /// Scope values (RFC 6749 section 3.3); empty where the settings name no scope claim.
    pub scopes: Vec<Box<str>>,
    /// Whether the caller is registered with the route's application; never for another party's tokens.
    pub registered: bool,
    /// The verified content.
    pub claims: VerifiedClaims,
}

impl Identity {
    /// The `iss` claim.
    pub fn issuer(&self) -> &str {
        self.claims.issuer()
    }

    /// The `sub` claim, if the token has one.
    pub fn subject(&self) -> Option<&str> {
        self.claims.subject()
    }
}

/// What one identity header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimSource {
    /// The subject, `sub`.
    Subject,
    /// The issuer, `iss`.
    Issuer,
    /// The roles, joined with commas.
    Roles,
    /// The scopes, joined with spaces.
    Scopes,
    /// The claim at this place; a list is joined with commas.
    Claim(Pointer),
}

/// The words at `pointer`: a list of strings, or one string split at spaces (RFC 6749 section 3.3: scopes). Anything
/// else is nothing.
pub fn words_at(claims: &VerifiedClaims, pointer: &Pointer) -> Vec<Box<str>> {
    match pointer.find(claims.document()) {
        Some(Value::String(text)) => text.split(' ').filter(|word| !word.is_empty()).map(Into::into).collect(),
        Some(value) => strings_of(value),
        None => Vec::new(),
    }
}

/// The names at `pointer`: a list of strings, or one string that is one name. Never split, or whoever may name a role
/// `viewer admin` would be an admin.
pub fn names_at(claims: &VerifiedClaims, pointer: &Pointer) -> Vec<Box<str>> {
    match pointer.find(claims.document()) {
        Some(Value::String(name)) if !name.is_empty() => vec![name.as_str().into()],
        Some(value) => strings_of(value),
        None => Vec::new(),
    }
}

/// The strings of a list; items of other types are left out.
fn strings_of(value: &Value) -> Vec<Box<str>> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(Into::into).collect()
}
