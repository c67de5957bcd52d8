//! libFuzzer's door to the target `pem`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_fuzz::run("pem", data));
