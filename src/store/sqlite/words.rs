//! The words that fixed sets are stored as. They are in databases: none may change.

use crate::store::{Basis, KeyPurpose, KeyState, Scope};

pub(super) const fn purpose(purpose: KeyPurpose) -> &'static str {
    match purpose {
        KeyPurpose::Access => "access",
        KeyPurpose::Vend => "vend",
        KeyPurpose::Assertion => "assertion",
        KeyPurpose::Webhook => "webhook",
    }
}

pub(super) fn read_purpose(word: &str) -> Option<KeyPurpose> {
    Some(match word {
        "access" => KeyPurpose::Access,
        "vend" => KeyPurpose::Vend,
        "assertion" => KeyPurpose::Assertion,
        "webhook" => KeyPurpose::Webhook,
        _ => return None,
    })
}

pub(super) const fn state(state: KeyState) -> &'static str {
    match state {
        KeyState::Next => "next",
        KeyState::Active => "active",
        KeyState::Retired => "retired",
        KeyState::Revoked => "revoked",
    }
}

pub(super) fn read_state(word: &str) -> Option<KeyState> {
    Some(match word {
        "next" => KeyState::Next,
        "active" => KeyState::Active,
        "retired" => KeyState::Retired,
        "revoked" => KeyState::Revoked,
        _ => return None,
    })
}

pub(super) const fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::SignIn => "sign_in",
        Basis::Issue => "issue",
    }
}

pub(super) fn read_basis(word: &str) -> Option<Basis> {
    Some(match word {
        "sign_in" => Basis::SignIn,
        "issue" => Basis::Issue,
        _ => return None,
    })
}

/// The target and audience of a scope, whose kind is its [`Scope::word`].
pub(super) fn scope(scope: &Scope) -> (Option<&str>, Option<&str>) {
    match scope {
        Scope::Token(target) | Scope::Session(target) | Scope::User(target) => (Some(target), None),
        Scope::UserInApplication(target, audience) => (Some(target), Some(audience)),
        Scope::Application(audience) => (None, Some(audience)),
        Scope::Everything => (None, None),
    }
}

pub(super) fn read_scope(word: &str, target: Option<String>, audience: Option<String>) -> Option<Scope> {
    Some(match (word, target, audience) {
        ("token", Some(target), None) => Scope::Token(target),
        ("session", Some(target), None) => Scope::Session(target),
        ("user", Some(target), None) => Scope::User(target),
        ("user_in_application", Some(target), Some(audience)) => Scope::UserInApplication(target, audience),
        ("application", None, Some(audience)) => Scope::Application(audience),
        ("everything", None, None) => Scope::Everything,
        _ => return None,
    })
}
