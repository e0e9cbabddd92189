//! `QUOTA_OVERRIDES`.
#![no_main]

#[allow(dead_code)]
#[path = "../../inputs/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|text: &str| checks::overrides(text));
