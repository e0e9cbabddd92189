//! The AWS edge: the only place, beside the sinks, that names the SDK.
//!
//! Calls to Connect, its companion services, Service Quotas and CloudTrail, and those about alarms, are paced and retried
//! by [`call::Caller`]; the other services' limits are far away, and the SDK's standard retries serve them.

pub mod alarms;
mod app_integrations;
pub mod bucket;
pub mod call;
mod campaigns;
mod cases;
pub mod cells;
mod clients;
pub mod cloudtrail;
pub mod cloudwatch;
pub mod connect;
pub mod edge;
pub mod fault;
pub mod http;
pub mod object;
pub mod organizations;
pub mod own;
pub mod pace;
mod page;
pub mod pages;
pub mod patience;
mod profile;
pub mod quotas;
pub mod reference;
pub mod rules;
pub mod tally;
mod trails;
mod trouble;
mod wisdom;

pub use clients::{Aws, Identity, SdkConfig, ambient, has_own_s3_endpoint, s3_client};
