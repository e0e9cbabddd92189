//! Whole runs on the simulated AWS: one test binary, because linking the SDK takes its time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::format_collect,
    reason = "in a test a panic is the message, and its numbers are small"
)]

mod account_name;
mod activity;
mod alarms;
mod alerts;
mod all_clear;
mod architecture;
mod bad_input;
mod binary;
mod bursts;
mod called;
mod cli;
mod cloudtrail;
mod companions;
mod cost;
mod counted;
mod crashes;
mod deadline;
mod diff;
mod doctor;
mod events;
mod evidence;
mod family;
mod faults;
mod figures;
mod fit;
mod fleet;
mod fleet_cli;
mod fleet_digest;
mod fleet_search;
mod gone;
mod hanging;
mod harness;
mod held;
mod history;
mod hub;
mod imports;
mod interleave;
mod kept;
mod ledger;
mod left;
mod limits;
mod mails;
mod matrix;
mod model;
mod month;
mod moto;
mod notes;
mod overlap;
mod overrides;
mod pacing;
mod packs;
mod pages;
mod queues;
mod reports;
mod requests;
mod run;
mod schema;
mod secrets;
mod sinks;
mod stories;
mod supply;
mod tls;
mod trail;
mod troubles;
mod units;
mod usage;
mod watch;
mod watch_events;
mod watch_look;
