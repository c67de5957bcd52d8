//! libFuzzer's door to the target `jwks`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_fuzz::run("jwks", data));
