//! Which token meets which entry.

use serde_json::json;

use super::super::*;
use super::*;
use crate::store::ScopeKind;

/// What a table with this one entry says of the token.
fn verdict(revocation: Revocation, token: Lineage<'_>) -> Result<(), &'static str> {
    let table = Revocations::new(100);
    table.apply(&logged(1, revocation));
    table.check(&token, NOW).map_err(ScopeKind::word)
}

fn token_entry(id: &str) -> Revocation {
    revocation(Scope::Token(id.into()))
}

#[test]
fn every_scope_ends_its_own_and_nothing_beside_it() {
    let user_in = |application: &str| Scope::UserInApplication("alice".into(), application.into());
    let cases = [
        (Scope::Token("jti-1".into()), Err("token")),
        (Scope::Token("jti-2".into()), Ok(())),
        (Scope::Token("sid-1".into()), Ok(())),
        (Scope::Session("sid-1".into()), Err("session")),
        (Scope::Session("sid-2".into()), Ok(())),
        (Scope::Session("jti-1".into()), Ok(())),
        (Scope::User("alice".into()), Err("user")),
        (Scope::User("bob".into()), Ok(())),
        (Scope::User("orders".into()), Ok(())),
        (user_in("orders"), Err("user_in_application")),
        (user_in("billing"), Ok(())),
        (Scope::UserInApplication("aliceord".into(), "ers".into()), Ok(())),
        (Scope::Application("orders".into()), Err("application")),
        (Scope::Application("alice".into()), Ok(())),
        (Scope::Everything, Err("everything")),
    ];
    for (scope, expected) in cases {
        assert_eq!(verdict(revocation(scope.clone()), token()), expected, "{scope:?}");
        let mut foreign = revocation(scope.clone());
        foreign.issuer = "https://other.example".into();
        assert_eq!(verdict(foreign, token()), Ok(()), "another issuer's {scope:?}");
    }
}

#[test]
fn what_was_exchanged_or_refreshed_from_a_revoked_token_is_revoked() {
    let listed = ["jti-0", "refresh-7"];
    let claim = json!(["jti-0", 7, "refresh-7"]);
    let one = json!("refresh-7");
    for ids in [Ids::Listed(&listed), Ids::Claim(&claim), Ids::Claim(&one)] {
        let token = Lineage { derived_from: ids, ..token() };
        assert_eq!(verdict(token_entry("refresh-7"), token), Err("token"), "{ids:?}");
        assert_eq!(verdict(token_entry("refresh-8"), token), Ok(()), "{ids:?}");
    }
}

#[test]
fn an_application_that_a_token_came_through_counts_by_sign_in_and_not_for_its_roles() {
    let (claim, in_wiki) = (json!(["wiki", 7, "blog"]), Scope::UserInApplication("alice".into(), "wiki".into()));
    let through = Lineage { through: Ids::Claim(&claim), ..token() };
    let anew = Lineage { signed_in: at(THEN + 1), ..through };
    for (scope, kind) in [(Scope::Application("blog".into()), "application"), (in_wiki, "user_in_application")] {
        assert_eq!(verdict(revocation(scope.clone()), through), Err(kind));
        assert_eq!(verdict(revocation(scope.clone()), anew), Ok(()));
        assert_eq!(verdict(revocation(scope.clone()), token()), Ok(()), "one that did not");
        let lost = Revocation { basis: Basis::Issue, ..revocation(scope) };
        assert_eq!(verdict(lost, through), Ok(()));
    }
    let of_bob = Scope::UserInApplication("bob".into(), "wiki".into());
    assert_eq!(verdict(revocation(of_bob), through), Ok(()));
}

#[test]
fn a_token_issued_later_from_a_revoked_session_is_revoked() {
    let late = Lineage { token_id: Some("jti-9"), issued: at(THEN + 5000), ..token() };
    assert_eq!(verdict(revocation(Scope::Session("sid-1".into())), late), Err("session"));
    assert_eq!(verdict(revocation(Scope::User("alice".into())), late), Err("user"));
}

#[test]
fn a_sign_in_counts_to_the_millisecond() {
    for scope in [
        Scope::User("alice".into()),
        Scope::UserInApplication("alice".into(), "orders".into()),
        Scope::Application("orders".into()),
        Scope::Everything,
    ] {
        for (signed_in, refused) in [(THEN - 1, true), (THEN, true), (THEN + 1, false), (THEN + 999, false)] {
            let token = Lineage { signed_in: at(signed_in), issued: at(THEN + 2000), ..token() };
            assert_eq!(verdict(revocation(scope.clone()), token).is_err(), refused, "{scope:?} {signed_in}");
        }
    }
}

#[test]
fn a_lost_role_counts_by_issue_and_leaves_the_session() {
    let mut lost = revocation(Scope::UserInApplication("alice".into(), "orders".into()));
    lost.basis = Basis::Issue;
    for (issued, refused) in [(THEN, true), (THEN + 1, false)] {
        let token = Lineage { signed_in: at(THEN - 60_000), issued: at(issued), ..token() };
        assert_eq!(verdict(lost.clone(), token).is_err(), refused, "{issued}");
    }
}

#[test]
fn of_another_issuer_the_same_second_counts_as_before() {
    let second = THEN / 1000;
    for (iat, refused) in [(second - 1, true), (second, true), (second + 1, false), (0, true)] {
        let token = Lineage::foreign(ISSUER, "alice", iat);
        assert_eq!(verdict(revocation(Scope::User("alice".into())), token).is_err(), refused, "{iat}");
        let mut by_issue = revocation(Scope::User("alice".into()));
        by_issue.basis = Basis::Issue;
        assert_eq!(verdict(by_issue, token).is_err(), refused, "{iat}");
    }
    // A revocation at the very start of a second.
    let mut sharp = revocation(Scope::Everything);
    sharp.instant = at(second * 1000);
    assert!(verdict(sharp.clone(), Lineage::foreign(ISSUER, "alice", second)).is_err());
    assert!(verdict(sharp, Lineage::foreign(ISSUER, "alice", second + 1)).is_ok());
}

#[test]
fn a_later_entry_for_the_same_user_does_not_undo_an_earlier_one() {
    let table = Revocations::new(100);
    let mut entries = [revocation(Scope::User("alice".into())), revocation(Scope::User("alice".into()))];
    entries[1].instant = at(THEN - 5000);
    let mut by_issue = revocation(Scope::User("alice".into()));
    (by_issue.basis, by_issue.instant) = (Basis::Issue, at(THEN + 7000));
    table.apply_all(&[logged(1, entries[0].clone()), logged(2, entries[1].clone()), logged(3, by_issue)]);
    assert_eq!(table.len(), 1);
    assert!(table.check(&token(), NOW).is_err());
    let anew = Lineage { signed_in: at(THEN + 1), issued: at(THEN + 7001), ..token() };
    assert!(table.check(&anew, NOW).is_ok());
    assert!(table.check(&Lineage { issued: at(THEN + 7000), ..anew }, NOW).is_err());
}

#[test]
fn an_entry_is_in_force_up_to_its_end_and_is_swept_after() {
    let table = Revocations::new(100);
    table.apply(&logged(1, token_entry("jti-1")));
    let ends = revocation(Scope::Everything).ends;
    table.sweep(ends);
    assert!(table.check(&token(), ends).is_err());
    // Ends are kept in whole seconds, rounded up.
    let over = at(ends.millis() + 1000);
    assert!(table.check(&token(), over).is_ok());
    assert_eq!(table.len(), 1);
    table.sweep(over);
    assert!(table.is_empty());
    assert!(table.check(&token(), NOW).is_ok());
    table.apply(&logged(2, token_entry("jti-1")));
    assert!(table.check(&token(), NOW).is_err(), "an entry after the table was empty");
}

#[test]
fn an_end_beyond_what_is_kept_never_comes() {
    let table = Revocations::new(100);
    let mut endless = token_entry("jti-1");
    endless.ends = at(u64::MAX);
    endless.instant = at(u64::MAX);
    table.apply(&logged(1, endless));
    table.sweep(at(u64::MAX));
    assert!(table.check(&token(), at(u64::MAX)).is_err());
}
