//! libFuzzer's door to the target `token_parse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_fuzz::run("token_parse", data));
