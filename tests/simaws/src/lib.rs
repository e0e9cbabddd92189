//! A simulated AWS, for the tests and the demo of the monitor.
//!
//! It models what the monitor depends on, on the real wire formats: Amazon Connect's listings and those
//! of its companion services (Cases, Customer Profiles, Q in Connect, AppIntegrations, outbound campaigns),
//! Service Quotas, CloudWatch metrics and alarms, DynamoDB, S3, SNS, STS, EventBridge,
//! Parameter Store and CloudTrail's event history, with their page sizes, page tokens,
//! validation, throttles and errors. It is a model and not an echo: a request that AWS would refuse
//! is refused here too, with the same status and error code, so that a test cannot pass on a request
//! that would fail in production.
//!
//! # Layout
//! - [`Sim`] takes one HTTP request to a [`Reply`], without sockets, or [serves](Sim::serve) them all
//!   on one port. The service is told from the request's SigV4 credential scope.
//! - [`World`] is everything the account holds. Tests change it between runs.
//! - [`Resource`] is one thing of a companion service, with what stands below it; [`World::add`] makes it.
//!   Each of these services is one table (`src/companion`), where an operation is a line.
//! - [`Fault`] is one scripted misbehaviour; [`Throttle`] is AWS's own limit on calls.
//! - [`sqs`] makes the payload that Lambda hands to a function from a queue of events.
//! - [`lambda`] emulates the Lambda Runtime API, to run the built binary as Lambda would.
//!
//! # What is simplified
//! Signatures are not verified (only their scope is read), IAM does not exist, and nothing is
//! eventually consistent. Where AWS's behaviour is not documented, the nearest documented one is used:
//!
//! - A service that is not in the Region closes the connection, where in truth its host has no address.
//!   One that the account never signed up for answers `SubscriptionRequiredException` (403).
//! - A knowledge base refuses to list what its type does not hold with `ValidationException`, and any
//!   knowledge base lists its contents, of which there may be none.
//! - A data integration is found by its id or ARN, not by its name; its listing shows no id but the ARN's.
//! - The companion services throttle each operation by itself: Cases at the rates and bursts of Service
//!   Quotas, Q in Connect at 10/s and Customer Profiles at 5/s with a burst of a second, campaigns at 5/s
//!   and 10, AppIntegrations at 2/s and 5. [`World::live_traffic`] does not touch them.
//! - Without a page size they give the largest page. A template or a layout may name more rules or fields
//!   than its domain has, if a test adds no such; a case rule has as many conditions as children.
//! - `ListDataTableValues` counts cells, not rows, and refuses its filters, as Connect's searches do.
//! - No integration is hidden, and a message template has the same attachments in each version.
#![forbid(unsafe_code)]

mod broken;
mod cloudtrail;
mod cloudwatch;
mod companion;
mod connect;
mod demo;
mod dispatch;
mod dynamodb;
mod estate;
mod eventbridge;
mod fault;
mod hook;
mod ids;
pub mod lambda;
mod mark;
mod metrics;
mod organization;
mod paging;
mod quotas;
mod reply;
mod s3;
mod server;
mod service_quotas;
mod sim;
mod sns;
pub mod sqs;
mod ssm;
mod sts;
mod text;
mod throttle;
mod wire;
mod world;

pub use broken::BrokenOff;
pub use cloudtrail::{Delivery, Trail};
pub use cloudwatch::alarms::Alarm;
pub use companion::Resource;
pub use dynamodb::{Item, Table};
pub use estate::{Assumed, Estate, Land, Role};
pub use eventbridge::{Bus, Event, Rule};
pub use fault::{Fault, FaultKind, Times};
pub use hook::{Hook, Passing};
pub use metrics::Metrics;
pub use organization::{Member, Organization};
pub use quotas::{Place, Quotas};
pub use reply::{Reply, Unconnected};
pub use s3::{Bucket, Object};
pub use server::Server;
pub use sim::{Recorded, Sim};
pub use sns::{Published, Topic};
pub use ssm::Parameter;
pub use throttle::{Rate, Rates, Throttle};
pub use world::{Instance, Integration, World};
