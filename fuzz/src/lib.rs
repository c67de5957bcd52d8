//! Fuzz targets: what must hold for any bytes whatever.
//!
//! Each target is a plain function, so that the same code runs under libFuzzer (`fuzz_targets/`), in the smoke run of
//! `tests/run` and over a kept input. A target panics where an invariant breaks.

pub mod mutate;

mod config;
mod event;
mod headers;
mod identity;
mod route;
mod token;

/// One target.
pub struct Target {
    /// Its name, as libFuzzer's wrapper and the seed folder have it.
    pub name: &'static str,
    /// Takes any bytes; panics on a breach.
    pub run: fn(&[u8]),
    /// Inputs that get deep.
    pub seeds: &'static [&'static [u8]],
    /// Words that mean something to the code under test.
    pub dictionary: &'static [&'static [u8]],
}

/// Every target.
pub const TARGETS: &[Target] = &[
    identity::POINTER,
    route::TARGET,
    token::PARSE,
    token::CLAIMS,
    token::JWKS,
    token::PEM,
    token::BODY,
    event::EVENT,
    headers::SANITIZE,
    headers::CREDENTIAL,
    headers::FORWARDED,
    config::TEXT,
];

/// Runs the target `name` on `data`; the entry of libFuzzer's wrappers.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a wrapper of a target that exists");
    (target.run)(data);
}
