//! Tells a contact center on Amazon Connect which service quota it is about to run into.
//!
//! A run is a pipeline over values: measure, judge, ask for more, keep, tell, keep alarms, answer
//! ([`run::App::run`]). `docs/ARCHITECTURE.md` has the map of the folders, who may import whom, the invariants
//! and a glossary; the tests hold the code to it.
#![forbid(unsafe_code)]

pub mod alarms;
pub mod answer;
pub mod aws;
pub mod catalogue;
pub mod config;
pub mod domain;
pub mod edge;
pub mod fit;
pub mod fleet;
pub mod judge;
pub mod keep;
pub mod ledger;
pub mod measure;
pub mod run;
pub mod say;
pub mod send;
pub mod watch;
