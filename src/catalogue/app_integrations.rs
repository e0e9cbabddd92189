//! Amazon AppIntegrations (service code `app-integrations`): one line per quota.
//!
//! Columns: code, name as Service Quotas spells it, scope, AWS's default (`None` where AWS publishes
//! none), how it is measured.

#![allow(clippy::enum_glob_use, reason = "a line of the table reads better without paths")]

use super::Listing::*;
use super::Meter::*;
use super::{Category, Meter, Quota, Service};
use crate::catalogue::listing::{EXPORT, IN_PROGRESS};
use crate::domain::Scope::{Account, Resource};
use crate::domain::{NO_CODE, Scope};

const fn quota(code: &'static str, name: &'static str, scope: Scope, default: Option<f64>, meter: Meter) -> Quota {
    Quota::of(Service::AppIntegrations, code, name, Category::Integrations, scope, default, meter)
}

const fn rate(code: &'static str, name: &'static str, default: Option<f64>) -> Quota {
    Quota::of(Service::AppIntegrations, code, name, Category::ApiRates, Account, default, Rate)
}

const fn burst(code: &'static str, name: &'static str, default: Option<f64>) -> Quota {
    Quota::of(Service::AppIntegrations, code, name, Category::ApiRates, Account, default, Burst)
}

#[rustfmt::skip]
pub(super) const QUOTAS: &[Quota] = &[
    quota("L-013E1287", "Data integrations per Region", Account, Some(20.0), Count(DataIntegrations)),
    quota("L-152D3E9E", "Event integrations per Region", Account, Some(10.0), Count(EventIntegrations)),
    quota("L-8C721859", "Applications per Region", Account, Some(50.0), Count(Applications)),
    quota("L-3DEFA101", "Data integration associations per data integration", Resource, Some(10.0), Worst(DataIntegrationAssociations)),
    quota("L-C1BC25C8", "Event integration associations per event integration", Resource, Some(10.0), Worst(EventIntegrationAssociations)),
    quota(NO_CODE, "Concurrent bulk export jobs", Account, Some(20.0), SumIn(DataIntegrationAssociations, IN_PROGRESS, EXPORT))
        .note("associations of Connect's own data whose last execution is in progress"),
];

/// Calls per second. Usage is read through the metric that Service Quotas itself names.
#[rustfmt::skip]
pub(super) const RATES: &[Quota] = &[
    rate("L-A13B7A8E", "CreateApplication rate quota", None),
    rate("L-2377BC54", "CreateDataIntegration rate quota", None),
    rate("L-D22B0B1B", "CreateEventIntegration rate quota", None),
    rate("L-07582D55", "DeleteApplication rate quota", None),
    rate("L-2D5AAB01", "DeleteDataIntegration rate quota", None),
    rate("L-F3E11209", "DeleteEventIntegration rate quota", None),
    rate("L-9D7D12D1", "GetApplication rate quota", None),
    rate("L-060921B0", "GetDataIntegration rate quota", None),
    rate("L-B15BD2F7", "GetEventIntegration rate quota", None),
    rate("L-EBE739FE", "ListApplicationAssociations rate quota", None),
    rate("L-4544738C", "ListApplications rate quota", None),
    rate("L-5D46E37D", "ListDataIntegrationAssociations rate quota", None),
    rate("L-BFEE2250", "ListDataIntegrations rate quota", None),
    rate("L-3D345023", "ListEventIntegrationAssociations rate quota", None),
    rate("L-2E8BE8F8", "ListEventIntegrations rate quota", None),
    rate("L-BE476A66", "ListTagsForResource rate quota", None),
    rate("L-226FBD21", "TagResource rate quota", None),
    rate("L-AC0948D4", "UntagResource rate quota", None),
    rate("L-13BD4910", "UpdateApplication rate quota", None),
    rate("L-6968951A", "UpdateDataIntegration rate quota", None),
    rate("L-10F823E6", "UpdateEventIntegration rate quota", None),
];

#[rustfmt::skip]
pub(super) const BURSTS: &[Quota] = &[
    burst("L-4762EDD4", "CreateApplication burst quota", None),
    burst("L-7169D3B6", "CreateDataIntegration burst quota", None),
    burst("L-8606E8AE", "CreateEventIntegration burst quota", None),
    burst("L-259B8C8C", "DeleteApplication burst quota", None),
    burst("L-460DAB40", "DeleteDataIntegration burst quota", None),
    burst("L-25C641A6", "DeleteEventIntegration burst quota", None),
    burst("L-D1B8F8B6", "GetApplication burst quota", None),
    burst("L-5FEEEA91", "GetDataIntegration burst quota", None),
    burst("L-933331A4", "GetEventIntegration burst quota", None),
    burst("L-DECE3419", "ListApplicationAssociations burst quota", None),
    burst("L-2BC013CC", "ListApplications burst quota", None),
    burst("L-A95BD014", "ListDataIntegrationAssociations burst quota", None),
    burst("L-5B65DD22", "ListDataIntegrations burst quota", None),
    burst("L-7B44E10B", "ListEventIntegrationAssociations burst quota", None),
    burst("L-4244482D", "ListEventIntegrations burst quota", None),
    burst("L-1EE39104", "ListTagsForResource burst quota", None),
    burst("L-E03AF6AA", "TagResource burst quota", None),
    burst("L-9A23D5EA", "UntagResource burst quota", None),
    burst("L-1DA717FF", "UpdateApplication burst quota", None),
    burst("L-5FA3019D", "UpdateDataIntegration burst quota", None),
    burst("L-3D290D13", "UpdateEventIntegration burst quota", None),
];
