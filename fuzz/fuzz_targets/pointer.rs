//! libFuzzer's door to the target `pointer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_fuzz::run("pointer", data));
