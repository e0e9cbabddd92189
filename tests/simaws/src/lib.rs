//! A simulated AWS, for the tests and the demo of the monitor.
//!
//! It models what the monitor depends on, on the real wire formats: Amazon Connect's listings,
//! Service Quotas, CloudWatch metrics and alarms, DynamoDB, S3, SNS and STS, with their page sizes, page tokens,
//! validation, throttles and errors. It is a model and not an echo: a request that AWS would refuse
//! is refused here too, with the same status and error code, so that a test cannot pass on a request
//! that would fail in production.
//!
//! # Layout
//! - [`Sim`] takes one HTTP request to a [`Reply`], without sockets, or [serves](Sim::serve) them all
//!   on one port. The service is told from the request's SigV4 credential scope.
//! - [`World`] is everything the account holds. Tests change it between runs.
//! - [`Fault`] is one scripted misbehaviour; [`Throttle`] is AWS's own limit on calls.
//! - [`lambda`] emulates the Lambda Runtime API, to run the built binary as Lambda would.
//!
//! # What is simplified
//! Signatures are not verified (only their scope is read), IAM does not exist, and nothing is
//! eventually consistent. Where AWS's behaviour is not documented, the nearest documented one is used.
#![forbid(unsafe_code)]

mod cloudwatch;
mod connect;
mod demo;
mod dynamodb;
mod fault;
mod ids;
pub mod lambda;
mod metrics;
mod paging;
mod quotas;
mod s3;
mod server;
mod service_quotas;
mod sim;
mod sns;
mod sts;
mod text;
mod throttle;
mod wire;
mod world;

pub use cloudwatch::alarms::Alarm;
pub use dynamodb::{Item, Table};
pub use fault::{Fault, FaultKind, Times};
pub use metrics::Metrics;
pub use quotas::Quotas;
pub use s3::{Bucket, Object};
pub use server::Server;
pub use sim::{Recorded, Reply, Sim};
pub use sns::{Published, Topic};
pub use throttle::{Rate, Rates, Throttle};
pub use world::{Instance, Integration, World};
