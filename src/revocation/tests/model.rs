//! The table against a list that is searched from end to end.

use proptest::prelude::*;

use super::super::*;
use super::*;

const NAMES: [&str; 3] = ["a", "b", "c"];
/// Instants lie within a few seconds, so that ties and equal seconds are common.
const SPAN: u64 = 4000;

#[derive(Clone, Debug)]
enum Step {
    Apply(Revocation),
    Sweep(u64),
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(&NAMES[..]).prop_map(str::to_owned)
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        name().prop_map(Scope::Token),
        name().prop_map(Scope::Session),
        name().prop_map(Scope::User),
        (name(), name()).prop_map(|(user, application)| Scope::UserInApplication(user, application)),
        name().prop_map(Scope::Application),
        Just(Scope::Everything),
    ]
}

fn entry() -> impl Strategy<Value = Revocation> {
    let basis = prop_oneof![Just(Basis::SignIn), Just(Basis::Issue)];
    let instants = (0..SPAN, 0..2 * SPAN);
    (name(), scope(), basis, instants, prop::option::of(name())).prop_map(|(issuer, scope, basis, (instant, ends), user)| {
        Revocation { issuer, scope, instant: at(instant), basis, ends: at(ends), user }
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![4 => entry().prop_map(Step::Apply), 1 => (0..SPAN).prop_map(Step::Sweep)]
}

#[derive(Clone, Debug)]
struct Token {
    issuer: String,
    ids: Vec<String>,
    session: Option<String>,
    user: String,
    application: Option<String>,
    through: Vec<String>,
    instants: (u64, u64),
    foreign: bool,
}

fn a_token() -> impl Strategy<Value = Token> {
    let ids = prop::collection::vec(name(), 0..3);
    let applications = (prop::option::of(name()), prop::collection::vec(name(), 0..3));
    (name(), ids, prop::option::of(name()), name(), applications, (0..SPAN, 0..SPAN), any::<bool>()).prop_map(
        |(issuer, ids, session, user, (application, through), instants, foreign)| Token {
            issuer,
            ids,
            session,
            user,
            application,
            through,
            instants: if foreign { (instants.0 / 1000 * 1000, instants.0 / 1000 * 1000) } else { instants },
            foreign,
        },
    )
}

/// Whether `entry` is about the token, whenever it ends.
fn concerns(entry: &Revocation, token: &Token) -> bool {
    let instant = if entry.basis == Basis::SignIn { token.instants.0 } else { token.instants.1 };
    let in_time = match token.foreign {
        true => instant / 1000 <= entry.instant.seconds(),
        false => instant <= entry.instant.millis(),
    };
    let came_through = |name: &String| entry.basis == Basis::SignIn && token.through.contains(name);
    let application = |name: &String| token.application.as_ref() == Some(name) || came_through(name);
    entry.issuer == token.issuer
        && match &entry.scope {
            Scope::Token(id) => token.ids.contains(id),
            Scope::Session(id) => token.session.as_ref() == Some(id),
            Scope::User(user) => token.user == *user && in_time,
            Scope::UserInApplication(user, within) => token.user == *user && application(within) && in_time,
            Scope::Application(within) => application(within) && in_time,
            Scope::Everything => in_time,
        }
}

proptest! {
    #[test]
    fn refuses_all_that_the_list_refuses_and_no_more_than_merging_allows(
        steps in prop::collection::vec(step(), 0..20),
        tokens in prop::collection::vec(a_token(), 1..20),
        now in SPAN..2 * SPAN,
    ) {
        let table = Revocations::new(1000);
        let mut list = Vec::new();
        for step in steps {
            match step {
                Step::Apply(entry) => {
                    table.apply(&logged(1, entry.clone()));
                    list.push(entry);
                }
                Step::Sweep(instant) => table.sweep(at(instant)),
            }
        }
        let in_force = |entry: &Revocation| entry.ends.millis() >= now;
        // An entry lasts as long as any for the same name, and to the end of that second.
        let lingers = |entry: &Revocation| list.iter().any(|other| {
            (&other.issuer, &other.scope) == (&entry.issuer, &entry.scope) && other.ends.millis().div_ceil(1000) * 1000 >= now
        });
        for token in &tokens {
            let (id, rest) = token.ids.split_first().map_or((None, &[][..]), |(id, rest)| (Some(id.as_str()), rest));
            let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
            let through: Vec<&str> = token.through.iter().map(String::as_str).collect();
            let lineage = Lineage {
                issuer: &token.issuer,
                token_id: id,
                derived_from: Ids::Listed(&rest),
                session: token.session.as_deref(),
                user: &token.user,
                application: token.application.as_deref(),
                through: Ids::Listed(&through),
                signed_in: at(token.instants.0),
                issued: at(token.instants.1),
                whole_seconds: token.foreign,
                hashes: None,
            };
            let refused = table.check(&lineage, at(now)).is_err();
            let must = list.iter().any(|entry| in_force(entry) && concerns(entry, token));
            let may = list.iter().any(|entry| lingers(entry) && concerns(entry, token));
            let hashes = Hashes::of(&lineage);
            let known = Lineage { hashes: Some(&hashes), ..lineage };
            prop_assert_eq!(table.check(&known, at(now)).is_err(), refused);
            prop_assert!(refused || !must, "{token:?} passes {list:?}");
            prop_assert!(may || !refused, "{token:?} is refused by none of {list:?}");
        }
    }

    #[test]
    fn a_full_table_still_refuses_all_that_its_entries_refused(
        entries in prop::collection::vec((0..6_u8, 0..40_u8, 0..SPAN), 1..200),
        capacity in 1..60_usize,
    ) {
        let table = Revocations::new(capacity);
        for (user, session, instant) in &entries {
            let mut entry = revocation(Scope::Session(format!("s{session}-of-{user}")));
            (entry.user, entry.instant) = ((*user != 0).then(|| user.to_string()), at(*instant));
            table.apply(&logged(1, entry));
        }
        for (user, session, instant) in &entries {
            let (session, user) = (format!("s{session}-of-{user}"), user.to_string());
            let token = Lineage { session: Some(&session), user: &user, signed_in: at(*instant), issued: NOW, ..token() };
            prop_assert!(table.check(&token, NOW).is_err(), "{session}");
        }
    }
}
