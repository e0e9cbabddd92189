//! Amazon Connect Customer Profiles (service code `profile`): one line per quota.
//!
//! Columns: code, name as Service Quotas spells it, scope, AWS's default (`None` where AWS publishes
//! none), how it is measured.

#![allow(clippy::enum_glob_use, reason = "a line of the table reads better without paths")]

use super::Listing::*;
use super::Meter::*;
use super::{Category, Meter, Quota, Service, Trailed};
use crate::catalogue::listing::{EXPIRATION_DAYS, KEYS};
use crate::domain::Scope;
use crate::domain::Scope::{Account, Resource};

const KILOBYTES: &str = "AWS documents the default in kilobytes";
const PROFILES: &str = "a value per profile or per day: only a scan of every profile could tell";

const fn quota(code: &'static str, name: &'static str, scope: Scope, default: Option<f64>, meter: Meter) -> Quota {
    Quota::of(Service::Profile, code, name, Category::CustomerProfiles, scope, default, meter)
}

#[rustfmt::skip]
pub(super) const QUOTAS: &[Quota] = &[
    quota("L-6603B252", "Amazon Connect Customer Profiles domain count", Account, Some(100.0), Count(ProfileDomains)),
    quota("L-14092FF4", "Object types per domain", Resource, Some(100.0), Worst(ObjectTypes)),
    quota("L-9CF9A111", "Maximum number of domain object types per domain", Resource, None, Worst(DomainObjectTypes)),
    quota("L-4A5ECB8E", "Maximum number of integrations", Resource, Some(50.0), Worst(ProfileIntegrations)),
    quota("L-0A1E1791", "Maximum number of event triggers per domain", Resource, Some(50.0), Worst(EventTriggers)),
    quota("L-1DED0840", "Maximum number of event stream per domain", Resource, Some(1.0), Worst(EventStreams)).single(),
    quota("L-DB27F954", "Maximum number of calculated attributes per domain", Resource, Some(50.0), Worst(CalculatedAttributes)),
    quota("L-B6E9F054", "Maximum number of recommenders per domain", Resource, None, Worst(Recommenders)),
    quota("L-D53B7246", "Maximum number of recommeneder filters per domain", Resource, None, Worst(RecommenderFilters)),
    quota("L-ECB9B0BB", "Maximum number of recommender schemas per domain", Resource, None, Worst(RecommenderSchemas)),
    quota("L-A7ED412C", "Keys per object type", Resource, Some(10.0), WorstIn(ObjectTypeKeys, KEYS)),
    quota("L-3217D1F1", "Maximum expiration in days", Resource, Some(1098.0), Higher(ObjectTypeKeys, EXPIRATION_DAYS, ProfileSettings))
        .setting().note("the longest that is set: up to the limit nothing is wrong"),
    quota("L-3A29C525", "Object and profile maximum size", Resource, Some(250.0), NotMeasurable(PROFILES)).note(KILOBYTES),
    quota("L-63975AF3", "Maximum size of all objects for a profile", Resource, Some(51_200.0), NotMeasurable(PROFILES)).note(KILOBYTES),
    quota("L-B59352A0", "Maximum number of segment snapshots per day", Resource, Some(200.0), Trail(Trailed::Snapshots)),
    quota("L-DFAEAED3", "Maximum number of profile history records per profile", Resource, None, NotMeasurable(PROFILES)),
    quota("L-E17DC7C3", "Objects per profile", Resource, Some(1000.0), NotMeasurable(PROFILES)),
];
