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

pub(super) fn holds(rule: &Rule, identity: &Identity) -> bool {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::identity::sample::identity;
    use crate::policy::explain;

    fn claim(place: &str, values: &[Value]) -> Rule {
        Rule::Claim(Pointer::parse(place).unwrap(), values.to_vec())
    }

    fn caller() -> Identity {
        let claims = json!({"department": "ops", "groups": ["a", "b"], "level": 3, "realm": {"name": "x"}, "flag": true});
        identity(&claims, &["admin", "user"], &["orders.read"])
    }

    #[test]
    fn roles_and_scopes_are_compared_whole() {
        let cases = [
            (Rule::Roles(vec!["admin".into()]), true),
            (Rule::Roles(vec!["root".into(), "user".into()]), true),
            (Rule::Roles(vec!["administrator".into()]), false),
            (Rule::Roles(vec!["adm".into()]), false),
            (Rule::Roles(vec!["Admin".into()]), false),
            (Rule::Roles(vec!["orders.read".into()]), false),
            (Rule::Roles(vec![]), false),
            (Rule::Scopes(vec!["orders.read".into()]), true),
            (Rule::Scopes(vec!["orders".into()]), false),
            (Rule::Scopes(vec!["admin".into()]), false),
        ];
        for (rule, expected) in cases {
            assert_eq!(holds(&rule, &caller()), expected, "{rule:?}");
        }
    }

    #[test]
    fn claims_are_compared_by_type_and_value() {
        let cases = [
            (claim("department", &[json!("ops")]), true),
            (claim("/groups", &[json!("b")]), true),
            (claim("/groups", &[json!(["a", "b"])]), true),
            (claim("/groups", &[json!(["a"])]), false),
            (claim("/realm/name", &[json!("x")]), true),
            (claim("level", &[json!(2), json!(3)]), true),
            (claim("level", &[json!("3")]), false),
            (claim("flag", &[json!(true)]), true),
            (claim("flag", &[json!("true")]), false),
            (claim("department", &[json!("OPS")]), false),
            (claim("absent", &[json!(null)]), false),
        ];
        for (rule, expected) in cases {
            assert_eq!(holds(&rule, &caller()), expected, "{rule:?}");
        }
    }

    #[test]
    fn rules_nest_and_empty_ones_are_closed_but_for_all() {
        let admin = || Rule::Roles(vec!["admin".into()]);
        assert!(decide(&Rule::All(vec![]), &caller()).is_ok());
        assert!(matches!(decide(&Rule::Any(vec![]), &caller()), Err(Denial)));
        assert!(holds(&Rule::Any(vec![Rule::Registered(true), admin()]), &caller()));
        assert!(!holds(&Rule::All(vec![Rule::Registered(true), admin()]), &caller()));
        assert!(!holds(&Rule::Not(Box::new(admin())), &caller()));
        assert!(holds(&Rule::Registered(false), &caller()));
    }

    fn rule() -> impl Strategy<Value = Rule> {
        let leaf = prop_oneof![
            prop::sample::select(vec!["admin", "root"]).prop_map(|role| Rule::Roles(vec![role.into()])),
            prop::sample::select(vec!["orders.read", "x"]).prop_map(|scope| Rule::Scopes(vec![scope.into()])),
            any::<bool>().prop_map(Rule::Registered),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Rule::All),
                prop::collection::vec(inner.clone(), 0..4).prop_map(Rule::Any),
                inner.prop_map(|rule| Rule::Not(Box::new(rule))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_explained_is_what_is_decided(rule in rule()) {
            prop_assert_eq!(explain(&rule, &caller()).holds, decide(&rule, &caller()).is_ok());
        }
    }
}
