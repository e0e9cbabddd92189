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
//!    sink::{dynamodb,s3,sns,eventbridge}   where results go; one file each
//!     aws::{tally,call,pace,fault,quotas,cloudwatch,alarms}   the AWS edge
//!     aws::{connect,cases,profile,wisdom,app_integrations,campaigns}   one file of calls per service
//!      discover, evaluate, trend, requests, changes, alert, events, report, emf, coverage   pure: choice, rows,
//!                             forecasts, requests, news, message, events, answer, metrics, documentation
//!       alarms                  pure: which CloudWatch alarms there should be, and the way there
//!       config, event, overrides, limits, kept, plan, rota, tour, snapshot, instances, glob, console, model   pure: plain data and its rules
//!        catalogue::{connect,cases,profile,...}   the quotas: one line each, one file per service
//! ```
//!
//! # Invariants
//! - Only `aws` and `sink` name the AWS SDK. Only `main` reads the environment. Only the two edges
//!   read the clock.
//! - Every quota of the catalogue yields exactly one row per instance, or one for the account; those of
//!   a companion service's resources one for the account and one for each instance that owns such a
//!   resource. What could not be read is `unknown` with its fault: never 0, never `ok`.
//! - Every attempt of every call to Connect, its companions and Service Quotas takes a token first.
//! - A snapshot is stored before its alert is sent; what the reader was told is stored after it.
#![forbid(unsafe_code)]

pub mod alarms;
pub mod answer;
pub mod aws;
pub mod catalogue;
pub mod config;
pub mod domain;
pub mod edge;
pub mod judge;
pub mod keep;
pub mod ledger;
pub mod measure;
pub mod run;
pub mod say;
pub mod send;
