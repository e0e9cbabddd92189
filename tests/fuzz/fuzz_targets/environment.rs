//! The environment: a line for each variable of the product, empty where it is unset.
#![no_main]

#[allow(dead_code)]
#[path = "../../inputs/checks.rs"]
mod checks;

use connect_quota_monitor::config::VARS;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let set = VARS.iter().zip(text.split('\n')).filter(|(_, value)| !value.is_empty());
    checks::environment(&set.map(|((name, _), value)| ((*name).to_owned(), value.to_owned())).collect());
});
