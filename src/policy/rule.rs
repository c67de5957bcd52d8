//! Rules over roles, scopes and claims, and their decision.

use serde_json::Value;

use crate::identity::{Identity, Pointer};

/// What an identity must satisfy. `All([])` is any authenticated caller.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Has any of these roles.
    Roles(Vec<Box<str>>),
    /// Has any of these scopes, compared as whole values.
    Scopes(Vec<Box<str>>),
    /// The claim at this place equals any of these values, or is a list that contains one of them.
    Claim(Pointer, Vec<Value>),
    /// Whether the caller is registered with the route's application.
    Registered(bool),
    /// At least one holds.
    Any(Vec<Rule>),
    /// Every one holds.
    All(Vec<Rule>),
    /// Does not hold.
    Not(Box<Rule>),
}

/// Proof that a rule was decided in the caller's favour; made by [`decide`], or for anonymous
/// access by [`Permit::anonymous`].
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    /// For routes that serve without an identity, and carries none: nothing may be injected on its strength.
    pub fn anonymous() -> Self {
        Self(())
    }
}

/// The rule said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial;

/// Applies `rule` to `identity`.
///
/// # Errors
/// [`Denial`] when the rule does not hold.
pub fn decide(rule: &Rule, identity: &Identity) -> Result<Permit, Denial> {
    if holds(rule, identity) { Ok(Permit(())) } else { Err(Denial) }
}

fn holds(rule: &Rule, identity: &Identity) -> bool {
    match rule {
        Rule::Roles(wanted) => wanted.iter().any(|role| identity.roles.contains(role)),
        Rule::Scopes(wanted) => wanted.iter().any(|scope| identity.scopes.contains(scope)),
        Rule::Claim(place, wanted) => place.find(identity.claims.document()).is_some_and(|value| equals_any(value, wanted)),
        Rule::Registered(wanted) => identity.registered == *wanted,
        Rule::Any(rules) => rules.iter().any(|rule| holds(rule, identity)),
        Rule::All(rules) => rules.iter().all(|rule| holds(rule, identity)),
        Rule::Not(rule) => !holds(rule, identity),
    }
}

fn equals_any(value: &Value, wanted: &[Value]) -> bool {
    wanted.contains(value) || value.as_array().is_some_and(|items| items.iter().any(|item| wanted.contains(item)))
}
