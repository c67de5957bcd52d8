//! libFuzzer's door to the target `body_signature`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_fuzz::run("body_signature", data));
