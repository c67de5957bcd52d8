//! libFuzzer's door to the target `sanitize`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_fuzz::run("sanitize", data));
