//! libFuzzer's door to the target `credential`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_fuzz::run("credential", data));
