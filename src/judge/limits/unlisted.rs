//! How the calls of rates are counted that AWS documents and Service Quotas does not list. Pure.

use std::collections::{BTreeMap, HashMap};

use super::Limits;
use crate::catalogue::{self, Meter, Quota, Service};
use crate::domain::limit::UsageMetric;

/// The dimension of a usage metric that names the service.
pub const SERVICE: &str = "Service";
/// The dimension that names the operation.
pub const RESOURCE: &str = "Resource";

impl Limits {
    /// The name under which `AWS/Usage` counts the calls of rates that Service Quotas does not list.
    #[must_use]
    pub fn service_in_usage(&self) -> Option<&str> {
        self.unlisted.values().next()?.dimensions.get(SERVICE).map(String::as_str)
    }

    /// Takes the names under which CloudWatch was seen to count a service's calls, by operation, for the rates of which
    /// Service Quotas names no metric.
    pub fn discover(&mut self, service: Service, names: &BTreeMap<String, String>) {
        for quota in catalogue::all().filter(|q| q.service == service) {
            let Some((probe, operation)) = quota.counted_like() else { continue };
            let Some(name) = names.get(probe) else { continue };
            let dimensions = [("Type", "API"), (RESOURCE, operation), (SERVICE, name), ("Class", "None")];
            let metric = UsageMetric {
                namespace: "AWS/Usage".to_owned(),
                name: "CallCount".to_owned(),
                dimensions: dimensions.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                statistic: String::new(),
            };
            self.discovered.insert(quota.key(), metric);
        }
    }

    /// The calls of the rates that Service Quotas does not list, as it has those of the listed ones counted. Without
    /// such a one the service's name in `AWS/Usage` is not known.
    pub(super) fn metrics_of_unlisted(&self, service: Service) -> HashMap<&'static str, UsageMetric> {
        let rates = || catalogue::all().filter(|q| q.service == service && q.meter == Meter::Rate);
        let is_of_operation = |m: &&UsageMetric| m.is_rate() && m.dimensions.contains_key(RESOURCE);
        let sibling = rates().filter_map(|q| self.codes.get(q.code)?.usage_metric.as_ref()).find(is_of_operation);
        let Some(sibling) = sibling else { return HashMap::new() };
        let of_operation = |quota: &'static Quota| {
            let mut metric = sibling.clone();
            metric.dimensions.insert(RESOURCE.to_owned(), quota.operation()?.to_owned());
            // What Service Quotas lists after all has a row of its own.
            let is_listed = self
                .codes
                .values()
                .any(|rows| rows.usage_metric.as_ref().is_some_and(|listed| listed.dimensions == metric.dimensions));
            (!is_listed).then_some((quota.key(), metric))
        };
        rates().filter(|q| !q.is_listed()).filter_map(of_operation).collect()
    }
}
