//! What the revocation table costs a request: empty, and with a million entries.
//!
//! Run with `cargo bench --bench revocation`. A token is asked by its id, an id that it came from, its session, its
//! user, its user in its application, its application, and for all; the figure to watch is `passes_a_million`.

#![expect(clippy::unwrap_used, reason = "a measurement has nobody to answer to")]

use std::hint::black_box;

use divan::Bencher;
use tollgate::clock::Timestamp;
use tollgate::revocation::{Hashes, Ids, Lineage, Revocations};
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

/// The names of one token, with their hashes, as they are remembered with it.
struct Token {
    ids: [String; 2],
    session: String,
    user: String,
    application: String,
    hashes: Option<Hashes>,
}

impl Token {
    fn new(token_id: String, number: u64) -> Self {
        let [session, user, application] = [id("other", number), id("user", number), id("app", 1)];
        let mut token = Self { ids: [token_id, id("refresh", number)], session, user, application, hashes: None };
        token.hashes = Some(token.lineage(Hashes::of));
        token
    }

    fn lineage<T>(&self, then: impl FnOnce(&Lineage<'_>) -> T) -> T {
        let [token, refresh] = &self.ids;
        let derived = [refresh.as_str()];
        then(&Lineage {
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
            hashes: self.hashes.as_ref(),
        })
    }

    fn check(&self, table: &Revocations) -> bool {
        self.lineage(|lineage| table.check(black_box(lineage), NOW).is_ok())
    }
}

fn tokens(token_id: impl Fn(u64) -> String) -> Vec<Token> {
    (0..10_000).map(|number| Token::new(token_id(number), number)).collect()
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

/// A token that is asked about once: its names are hashed for that.
#[divan::bench(sample_size = 1000)]
fn passes_a_million_at_first(bencher: Bencher<'_, '_>) {
    let mut tokens = tokens(|number| id("unrevoked", number));
    tokens.iter_mut().for_each(|token| token.hashes = None);
    measure(bencher, &table(), &tokens, true);
}

#[divan::bench(sample_size = 1000)]
fn refused_among_a_million(bencher: Bencher<'_, '_>) {
    measure(bencher, &table(), &tokens(|number| id("jti", number * 64)), false);
}
