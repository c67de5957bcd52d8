//! What the revocation table costs a request: empty, and with a million entries.
//!
//! Run with `cargo bench --bench revocation`. A token is asked by its id, two ids that it came from, its session, its
//! user, its user in its application, its application, and for all; the figure to watch is `passes_a_million`.

#![expect(clippy::unwrap_used, reason = "a measurement has nobody to answer to")]

use std::hint::black_box;

use divan::Bencher;
use tollgate::clock::Timestamp;
use tollgate::revocation::{Ids, Lineage, Revocations};
use tollgate::store::{Basis, Logged, Revocation, Scope};

/// The allocator of the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const ENTRIES: u64 = 1_000_000;
const ISSUER: &str = "https://auth.example.com";

fn main() {
    divan::main();
}

/// As long as a UUID.
fn id(kind: &str, number: u64) -> String {
    format!("{kind:0>8}-7a3b-7a0e-9a57-{number:012x}")
}

/// A million entries of all kinds.
fn table() -> Revocations {
    let table = Revocations::default();
    for number in 0..ENTRIES {
        let scope = match number % 8 {
            0..4 => Scope::Token(id("jti", number)),
            4 | 5 => Scope::Session(id("sid", number)),
            6 => Scope::User(id("sub", number)),
            _ => Scope::UserInApplication(id("sub", number), id("app", 1)),
        };
        let ends = Timestamp::from_seconds(NOW.seconds() + 3600);
        let revocation = Revocation { issuer: ISSUER.into(), scope, instant: NOW, basis: Basis::SignIn, ends, user: None };
        table.apply(&Logged { number, revocation });
    }
    let instant = Timestamp::from_millis(0);
    for scope in [Scope::Application(id("app", 1)), Scope::Everything] {
        let revocation = Revocation { issuer: ISSUER.into(), scope, instant, basis: Basis::SignIn, ends: NOW, user: None };
        table.apply(&Logged { number: ENTRIES, revocation });
    }
    table
}

/// The names of one token.
struct Token {
    ids: [String; 3],
    session: String,
    user: String,
    application: String,
}

impl Token {
    fn check(&self, table: &Revocations) -> bool {
        let [token, refresh, first] = &self.ids;
        let derived = [refresh.as_str(), first.as_str()];
        let lineage = Lineage {
            issuer: ISSUER,
            token_id: Some(token),
            derived_from: Ids::Listed(&derived),
            session: Some(&self.session),
            user: &self.user,
            application: Some(&self.application),
            through: Ids::NONE,
            signed_in: NOW,
            issued: NOW,
            whole_seconds: false,
        };
        table.check(black_box(&lineage), NOW).is_ok()
    }
}

fn tokens(token_id: impl Fn(u64) -> String) -> Vec<Token> {
    let one = |number: u64| Token {
        ids: [token_id(number), id("refresh", number), id("first", number)],
        session: id("other", number),
        user: id("user", number),
        application: id("app", 1),
    };
    (0..10_000).map(one).collect()
}

fn measure(bencher: Bencher<'_, '_>, table: &Revocations, tokens: &[Token], passes: bool) {
    let mut next = 0;
    bencher.bench_local(|| {
        next = (next + 1) % tokens.len();
        assert_eq!(tokens.get(next).unwrap().check(table), passes);
    });
}

#[divan::bench(sample_size = 1000)]
fn empty(bencher: Bencher<'_, '_>) {
    measure(bencher, &Revocations::default(), &tokens(|number| id("jti", number)), true);
}

#[divan::bench(sample_size = 1000)]
fn passes_a_hundred(bencher: Bencher<'_, '_>) {
    let table = Revocations::default();
    for number in 0..100 {
        let ends = Timestamp::from_seconds(NOW.seconds() + 3600);
        let scope = Scope::Session(id("sid", number));
        let revocation = Revocation { issuer: ISSUER.into(), scope, instant: NOW, basis: Basis::SignIn, ends, user: None };
        table.apply(&Logged { number, revocation });
    }
    measure(bencher, &table, &tokens(|number| id("jti", number)), true);
}

#[divan::bench(sample_size = 1000)]
fn passes_a_million(bencher: Bencher<'_, '_>) {
    measure(bencher, &table(), &tokens(|number| id("unrevoked", number)), true);
}

#[divan::bench(sample_size = 1000)]
fn refused_among_a_million(bencher: Bencher<'_, '_>) {
    measure(bencher, &table(), &tokens(|number| id("jti", number * 64)), false);
}
