//! Outbound campaigns (service code `connect-campaigns`): one line per quota.
//!
//! Columns: code, name as Service Quotas spells it, scope, AWS's default (`None` where AWS publishes
//! none), how it is measured.

#![allow(clippy::enum_glob_use, reason = "a line of the table reads better without paths")]

use super::Listing::*;
use super::Meter::*;
use super::{Category, Meter, Quota, Service};
use crate::domain::Scope;
use crate::domain::Scope::Instance;

const fn quota(code: &'static str, name: &'static str, scope: Scope, default: Option<f64>, meter: Meter) -> Quota {
    Quota::of(Service::Campaigns, code, name, Category::Campaigns, scope, default, meter)
}

#[rustfmt::skip]
pub(super) const QUOTAS: &[Quota] = &[
    quota("L-31C1321D", "Total campaigns per instance", Instance, Some(500.0), OfInstance(Campaigns)),
    quota("L-7F7B4C39", "Active campaigns per instance", Instance, Some(50.0), OfInstance(ActiveCampaigns))
        .note("which states count as active is not documented: initialized, running and paused campaigns are counted"),
];
