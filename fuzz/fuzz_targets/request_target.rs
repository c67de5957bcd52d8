//! libFuzzer's door to the target `request_target`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_fuzz::run("request_target", data));
