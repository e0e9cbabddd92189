//! Whole runs on the simulated AWS: one test binary, because linking the SDK takes its time.

mod alerts;
mod architecture;
mod binary;
mod cli;
mod faults;
mod harness;
mod limits;
mod model;
mod moto;
mod run;
mod sinks;
