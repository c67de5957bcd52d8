//! libFuzzer's door to the target `forwarded`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_fuzz::run("forwarded", data));
