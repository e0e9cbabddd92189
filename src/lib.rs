//! Tells a contact center on Amazon Connect which service quota it is about to run into.
//!
//! # Layout
//! Data flows one way, and modules import downwards only:
//!
//! ```text
//! main                      wiring: environment -> configuration -> clients -> handler or command
//!  lambda, cli              the two edges: payload and deadline, arguments and terminal
//!   app                     the run: discover -> limits -> usage -> evaluate -> store -> alert -> answer
//!    collect                which calls answer which quotas; yields readings
//!    sink::{dynamodb,s3,sns}   where results go; one file each
//!     aws::{connect,quotas,cloudwatch,alarms,call,pace,fault}   the AWS edge
//!      discover, evaluate, changes, alert, report   pure: choice, rows, news, message, answer
//!       alarms                  pure: which CloudWatch alarms there should be, and the way there
//!       config, event, overrides, limits, snapshot, catalogue, instances, console, model   pure: plain data and its rules
//! ```
//!
//! # Invariants
//! - Only `aws` and `sink` name the AWS SDK. Only `main` reads the environment. Only the two edges
//!   read the clock.
//! - Every quota of the catalogue yields exactly one row per instance, or one for the account. What
//!   could not be read is `unknown` with its fault: never 0, never `ok`.
//! - Every attempt of every call to Connect and Service Quotas takes a token first.
//! - A snapshot is stored before its alert is sent; what the reader was told is stored after it.
#![forbid(unsafe_code)]

pub mod alarms;
pub mod alert;
pub mod app;
pub mod aws;
pub mod catalogue;
pub mod changes;
pub mod cli;
pub mod collect;
pub mod config;
pub mod console;
pub mod discover;
pub mod error;
pub mod evaluate;
pub mod event;
pub mod instances;
pub mod lambda;
pub mod limits;
pub mod logging;
pub mod model;
pub mod overrides;
pub mod report;
pub mod sink;
pub mod snapshot;
