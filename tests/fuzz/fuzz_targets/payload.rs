//! An invocation's payload.
#![no_main]

#[allow(dead_code)]
#[path = "../../inputs/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::payload(bytes));
