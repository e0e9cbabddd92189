//! The edges: what starts a run, and how its answer is given back.

pub mod cli;
pub mod lambda;
pub mod logging;
