//! libFuzzer's door to the target `token_claims`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_fuzz::run("token_claims", data));
