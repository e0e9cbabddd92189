//! What Service Quotas knows: the catalogue, and the values applied on top of it.
//!
//! The catalogue is the real one (codes, names, usage metrics). Its default values are the documented
//! ones; where AWS documents none, a plausible stand-in, because a row without a value is an error row.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// One quota as AWS defines it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub service: &'static str,
    pub code: &'static str,
    pub name: &'static str,
    pub default: f64,
    pub unit: &'static str,
    pub adjustable: bool,
    pub scope: Scope,
    /// Whether a value is applied in the account; otherwise only the defaults list it.
    pub applied: bool,
    /// The `Resource` and `Service` dimensions of its usage metric, where it has one.
    pub usage: Option<(&'static str, &'static str)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Account,
    Instance,
    /// Of something inside an instance, such as a routing profile.
    SubResource,
}

fn parse(line: &'static str) -> Option<Row> {
    let mut columns = line.split('\t');
    let mut next = || columns.next();
    Some(Row {
        service: next()?,
        code: next()?,
        name: next()?,
        default: next()?.parse().ok()?,
        unit: next()?,
        adjustable: next()? == "true",
        scope: match next()? {
            "account" => Scope::Account,
            "instance" => Scope::Instance,
            _ => Scope::SubResource,
        },
        applied: next()? == "applied",
        usage: next()?.split_once(','),
    })
}

pub(crate) fn catalogue() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| include_str!("catalogue.tsv").lines().skip(1).filter_map(parse).collect())
}

/// One of the rows of a quota.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Of `ListAWSDefaultServiceQuotas`.
    Default,
    Account,
    /// A context: an instance's ARN, or `*`.
    Context(String),
}

/// The quotas of the account. Codes are unique over all services.
#[derive(Clone, Debug)]
pub struct Quotas {
    account: BTreeMap<String, f64>,
    /// By code and then by context: an instance's ARN, or `*`.
    contexts: BTreeMap<String, BTreeMap<String, f64>>,
    defaults: BTreeMap<String, f64>,
    /// By code and then by place.
    errors: BTreeMap<String, BTreeMap<Place, String>>,
    /// Where they are not 1 second for both rows of a rate.
    periods: BTreeMap<(String, Place), Option<(i64, String)>>,
    /// Name and recommended statistic, where they are not `CallCount` and `Sum`.
    usage_metrics: BTreeMap<String, (String, String)>,
    /// Metrics that AWS names for quotas of which the catalogue names none.
    named: BTreeMap<String, (&'static str, &'static str)>,
    /// Instances of which listings show no row.
    unlisted: BTreeSet<String>,
    removed: BTreeSet<String>,
    unapplied: BTreeSet<String>,
    /// Whether listings at level `RESOURCE` and `ALL` show values applied to an instance. When false,
    /// only `GetServiceQuota` with a `ContextId` tells them.
    pub list_resource_level: bool,
    /// Requests for an increase, as `RequestedServiceQuotaChange` has them.
    pub change_requests: Vec<serde_json::Value>,
    /// How many of these may be open: 20, or 2 in a Region that must be opted into.
    pub most_open_requests: usize,
    /// The date of new requests, in Unix seconds.
    pub now: i64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            account: BTreeMap::new(),
            contexts: BTreeMap::new(),
            defaults: BTreeMap::new(),
            errors: BTreeMap::new(),
            periods: BTreeMap::new(),
            usage_metrics: BTreeMap::new(),
            named: BTreeMap::new(),
            unlisted: BTreeSet::new(),
            removed: BTreeSet::new(),
            unapplied: BTreeSet::new(),
            list_resource_level: true,
            change_requests: Vec::new(),
            most_open_requests: 20,
            now: 1_772_452_800,
        }
    }
}

impl Quotas {
    /// The `Resource` and `Service` dimensions under which calls of an operation are counted.
    pub(crate) fn counted(&self, service: &str, operation: &str) -> Option<(&'static str, &'static str)> {
        self.rows(service).filter_map(|row| self.usage(row)).find(|(resource, _)| *resource == operation)
    }

    /// Applies a value to the account.
    ///
    /// # Panics
    /// As all setters: when there is no quota of this code, because then a test has a typing error.
    pub fn set_account(&mut self, code: &str, value: f64) -> &mut Self {
        self.account.insert(known(code), value);
        self.unapplied.remove(code);
        self
    }

    /// Applies a value to one instance.
    pub fn set_instance(&mut self, code: &str, instance_arn: &str, value: f64) -> &mut Self {
        self.contexts.entry(known(code)).or_default().insert(instance_arn.to_owned(), value);
        self
    }

    /// Applies a value to every instance that has none of its own.
    pub fn set_any_instance(&mut self, code: &str, value: f64) -> &mut Self {
        self.set_instance(code, "*", value)
    }

    /// Changes what AWS gives every account.
    pub fn set_default(&mut self, code: &str, value: f64) -> &mut Self {
        self.defaults.insert(known(code), value);
        self
    }

    /// AWS lists this quota no more.
    pub fn remove(&mut self, code: &str) -> &mut Self {
        self.removed.insert(known(code));
        self
    }

    /// The account's row of the quota has an `ErrorReason` instead of a value.
    pub fn set_error(&mut self, code: &str, error_code: &str) -> &mut Self {
        self.set_error_at(code, Place::Account, error_code)
    }

    /// One row of the quota has an `ErrorReason` instead of a value.
    pub fn set_error_at(&mut self, code: &str, place: Place, error_code: &str) -> &mut Self {
        self.errors.entry(known(code)).or_default().insert(place, error_code.to_owned());
        self
    }

    /// Every row of the quota has its value again.
    pub fn clear_error(&mut self, code: &str) -> &mut Self {
        self.errors.remove(code);
        self
    }

    /// The period that a row of a quota states, with any unit; none: the row states none. Quotas with a usage
    /// metric state 1 `SECOND` otherwise.
    pub fn set_period(&mut self, code: &str, place: Place, period: Option<(i64, &str)>) -> &mut Self {
        self.periods.insert((known(code), place), period.map(|(number, unit)| (number, unit.to_owned())));
        self
    }

    /// Names another metric for the usage of a quota that has one, such as `ResourceCount` with the statistic
    /// `Maximum`. An empty statistic: none is recommended.
    pub fn set_usage_metric(&mut self, code: &str, name: &str, statistic: &str) -> &mut Self {
        self.usage_metrics.insert(known(code), (name.to_owned(), statistic.to_owned()));
        self
    }

    /// From now on AWS names a usage metric with these dimensions for the quota: `Resource` and `Service`.
    pub fn name_usage(&mut self, code: &str, resource: &'static str, service: &'static str) -> &mut Self {
        self.named.insert(known(code), (resource, service));
        self
    }

    /// The `Resource` and `Service` dimensions of a quota's usage metric.
    pub(crate) fn usage(&self, row: &Row) -> Option<(&'static str, &'static str)> {
        self.named.get(row.code).copied().or(row.usage)
    }

    /// Listings show no row of this instance; `GetServiceQuota` does.
    pub fn hide_from_listings(&mut self, instance_arn: &str) -> &mut Self {
        self.unlisted.insert(instance_arn.to_owned());
        self
    }

    /// The quota appears among the defaults only.
    pub fn without_applied(&mut self, code: &str) -> &mut Self {
        self.unapplied.insert(known(code));
        self.account.remove(code);
        self
    }

    /// The `Resource` and `Service` dimensions of a quota's usage metric, where it has one.
    #[must_use]
    pub fn usage_dimensions(&self, code: &str) -> Option<(&'static str, &'static str)> {
        catalogue().iter().find(|row| row.code == code).and_then(|row| self.usage(row))
    }

    /// Every quota code of a service that is listed at all.
    #[must_use]
    pub fn codes(&self, service: &str) -> Vec<&'static str> {
        self.rows(service).map(|row| row.code).collect()
    }

    pub(crate) fn rows(&self, service: &str) -> impl Iterator<Item = &'static Row> {
        catalogue().iter().filter(move |row| row.service == service && !self.removed.contains(row.code))
    }

    pub(crate) fn error(&self, code: &str, place: &Place) -> Option<&str> {
        self.errors.get(code)?.get(place).map(String::as_str)
    }

    pub(crate) fn period(&self, code: &str, place: &Place) -> Option<(i64, &str)> {
        match self.periods.get(&(code.to_owned(), place.clone())) {
            Some(period) => period.as_ref().map(|(number, unit)| (*number, unit.as_str())),
            None => Some((1, "SECOND")),
        }
    }

    /// Name and recommended statistic of the usage metric.
    pub(crate) fn usage_metric(&self, code: &str) -> (&str, &str) {
        self.usage_metrics.get(code).map_or(("CallCount", "Sum"), |(name, statistic)| (name, statistic))
    }

    pub(crate) fn is_listed(&self, context: &str) -> bool {
        self.list_resource_level && !self.unlisted.contains(context)
    }

    pub(crate) fn default_value(&self, row: &Row) -> f64 {
        self.defaults.get(row.code).copied().unwrap_or(row.default)
    }

    /// The value applied to the account: AWS states the default there where nothing else was set.
    pub(crate) fn account_value(&self, row: &Row) -> Option<f64> {
        let stated = row.applied && !self.unapplied.contains(row.code);
        let applied = self.account.get(row.code).copied();
        applied.or_else(|| stated.then(|| self.default_value(row)))
    }

    /// The values applied below the account, each with its context; also those that cannot be read.
    pub(crate) fn context_values(&self, row: &Row) -> impl Iterator<Item = (&str, f64)> {
        let values = self.contexts.get(row.code).into_iter().flatten();
        let readable = values.map(|(context, value)| (context.as_str(), *value));
        let errors = self.errors.get(row.code).into_iter().flatten().filter_map(|(place, _)| match place {
            Place::Context(context) => Some(context.as_str()),
            Place::Default | Place::Account => None,
        });
        let has_value = |context: &str| self.contexts.get(row.code).is_some_and(|all| all.contains_key(context));
        readable.chain(errors.filter(move |context| !has_value(context)).map(|context| (context, 0.0)))
    }
}

fn known(code: &str) -> String {
    assert!(catalogue().iter().any(|row| row.code == code), "there is no quota {code}");
    code.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_whole() {
        let lines = include_str!("catalogue.tsv").lines().count() - 1;
        assert_eq!(catalogue().len(), lines, "every line can be read");
        let codes: BTreeSet<_> = catalogue().iter().map(|row| row.code).collect();
        assert_eq!(codes.len(), lines, "codes are unique");
        let connect: Vec<_> = catalogue().iter().filter(|row| row.service == "connect").collect();
        assert_eq!(connect.len(), 361);
        assert_eq!(connect.iter().filter(|row| row.usage.is_some()).count(), 283);
        assert!(connect.iter().all(|row| row.usage.is_some() == row.name.starts_with("Rate of ")));
    }
}
