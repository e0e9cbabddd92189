//! Bodies that AWS may return: the first byte says whose.
#![no_main]

#[path = "../../inputs/bodies.rs"]
mod bodies;
#[path = "../../inputs/spoil.rs"]
mod spoil;
#[path = "../../inputs/wire.rs"]
mod wire;

use std::sync::Arc;

thread_local! {
    static TARGET: bodies::Target = bodies::Target::new();
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [whose, bytes @ ..] = bytes else { return };
    let change = spoil::change_of(bytes);
    let spoil: wire::Spoil = Arc::new(move |body| change.apply(body));
    TARGET.with(|target| match whose {
        0..=199 => target.listing(usize::from(*whose), spoil),
        200..=219 => target.limits(spoil),
        220..=239 => target.metrics(spoil),
        _ => target.memory(spoil),
    });
});
