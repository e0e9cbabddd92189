#![no_main]

use checks::Edges;

thread_local! {
    static EDGES: Edges = Edges::new();
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| EDGES.with(|edges| edges.body(bytes)));
