//! Which limit really applies to a quota of an instance. Pure.
//!
//! AWS's rule: the value applied to the resource, else to all resources (`*`), else to the account,
//! else AWS's default. A row with an error or without a value is no limit.

use std::collections::{BTreeMap, HashMap};

use crate::catalogue::{Category, Meter, Quota, RATES_SHOWN_AS_200, Service};
use crate::model::{Fault, FaultKind, Limit, LimitSource, QuotaId, Scope};

/// A row of `ListServiceQuotas`, `GetServiceQuota` or `ListAWSDefaultServiceQuotas`.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitRow {
    pub code: String,
    pub name: String,
    pub value: Option<f64>,
    /// Service Quotas' `ErrorReason.ErrorCode`.
    pub error: Option<String>,
    pub adjustable: Option<bool>,
    pub level: Level,
    /// The period that a rate's value is per; 1 for everything else.
    pub period_seconds: f64,
    pub usage_metric: Option<UsageMetric>,
}

/// What a value is applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Level {
    Account,
    AllResources,
    /// The resource's ARN.
    Resource(String),
}

/// The metric that Service Quotas names for a quota's usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageMetric {
    pub namespace: String,
    pub name: String,
    pub dimensions: BTreeMap<String, String>,
    pub statistic: String,
}

/// All limits of one service in one Region, as one run found them.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    codes: HashMap<String, Rows>,
    /// The applied values could not be listed: no limit is known, because one may be applied.
    applied_fault: Option<Fault>,
    /// The defaults could not be listed: limits that nobody changed may be missing.
    default_fault: Option<Fault>,
    has_resource_rows: bool,
    /// Service Quotas knows no such service in this Region; see [`Limits::of_sister`].
    is_unknown_service: bool,
}

/// A code that Service Quotas lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    pub code: &'a str,
    pub name: &'a str,
    pub has_usage_metric: bool,
}

impl Listed<'_> {
    /// The identity of a code that the catalogue does not know.
    #[must_use]
    pub fn uncatalogued(&self, service: Service) -> QuotaId {
        QuotaId {
            code: self.code.to_owned(),
            name: self.name.to_owned(),
            service: service.code().to_owned(),
            category: Category::Uncatalogued.as_str().to_owned(),
            scope: Scope::Account,
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Rows {
    name: String,
    resources: HashMap<String, f64>,
    all_resources: Option<f64>,
    account: Option<f64>,
    default: Option<f64>,
    error: Option<String>,
    adjustable: Option<bool>,
    usage_metric: Option<UsageMetric>,
    period_seconds: Option<f64>,
}

impl Limits {
    #[must_use]
    pub fn new(applied: Result<Vec<LimitRow>, Fault>, defaults: Result<Vec<LimitRow>, Fault>) -> Self {
        let mut limits = Self::default();
        match applied {
            Ok(rows) => rows.into_iter().for_each(|row| limits.add(row, false)),
            Err(fault) => limits.applied_fault = Some(fault),
        }
        match defaults {
            Ok(rows) => rows.into_iter().for_each(|row| limits.add(row, true)),
            Err(fault) => limits.default_fault = Some(fault),
        }
        limits
    }

    /// The limits of a service that is not in every Region: that Service Quotas does not know it is a
    /// state and no fault, and then it has no limits.
    #[must_use]
    pub fn of_sister(applied: Result<Vec<LimitRow>, Fault>, defaults: Result<Vec<LimitRow>, Fault>) -> Self {
        let limits = Self::new(applied, defaults);
        if limits.is_refused_as_unknown() { Self::of_unknown_service() } else { limits }
    }

    /// There are none, because the service is not in this Region.
    #[must_use]
    pub fn of_unknown_service() -> Self {
        Self { is_unknown_service: true, ..Self::default() }
    }

    /// Both listings were answered with "no such service".
    #[must_use]
    pub fn is_refused_as_unknown(&self) -> bool {
        let is_missing = |fault: &Option<Fault>| fault.as_ref().is_some_and(|f| f.kind == FaultKind::NotFound);
        is_missing(&self.applied_fault) && is_missing(&self.default_fault)
    }

    fn add(&mut self, row: LimitRow, is_default: bool) {
        self.has_resource_rows |= !is_default && row.level != Level::Account;
        let rows = self.codes.entry(row.code).or_default();
        if rows.name.is_empty() {
            rows.name = row.name;
        }
        rows.usage_metric = rows.usage_metric.take().or(row.usage_metric);
        rows.period_seconds = rows.period_seconds.or(Some(row.period_seconds));
        rows.adjustable = rows.adjustable.or(row.adjustable);
        let value = if row.error.is_some() { None } else { row.value };
        if row.error.is_some() && !is_default {
            rows.error = row.error;
        }
        match row.level {
            _ if is_default => rows.default = value.or(rows.default),
            Level::Account => rows.account = value.or(rows.account),
            Level::AllResources => rows.all_resources = value.or(rows.all_resources),
            Level::Resource(arn) => {
                if let Some(value) = value {
                    rows.resources.insert(arn, value);
                }
            }
        }
    }

    /// The faults of the listings themselves.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.applied_fault.iter().chain(&self.default_fault).cloned().collect()
    }

    /// True where the listing told nothing about single resources: then each must be asked for.
    #[must_use]
    pub fn lacks_resource_rows(&self) -> bool {
        self.applied_fault.is_none() && !self.has_resource_rows
    }

    /// True where Service Quotas says that it knows no such service here.
    #[must_use]
    pub fn is_unknown_service(&self) -> bool {
        self.is_unknown_service
    }

    /// Every code that AWS lists, in their order.
    #[must_use]
    pub fn listed(&self) -> Vec<Listed<'_>> {
        let mut listed: Vec<Listed<'_>> = self
            .codes
            .iter()
            .map(|(code, rows)| Listed { code, name: &rows.name, has_usage_metric: rows.usage_metric.is_some() })
            .collect();
        listed.sort_by_key(|l| l.code);
        listed
    }

    #[must_use]
    pub fn lists(&self, code: &str) -> bool {
        self.codes.contains_key(code)
    }

    #[must_use]
    pub fn usage_metric(&self, code: &str) -> Option<&UsageMetric> {
        self.codes.get(code)?.usage_metric.as_ref()
    }

    /// Seconds that a rate quota's value is per.
    #[must_use]
    pub fn period_seconds(&self, code: &str) -> f64 {
        self.codes.get(code).and_then(|r| r.period_seconds).unwrap_or(1.0)
    }

    /// The limit of a quota: for an instance (`resource` is its ARN), or for the account (none).
    /// `own` is what `GetServiceQuota` told of this very resource, where it was asked.
    ///
    /// None means that AWS publishes no limit anywhere, or that the service is not offered.
    ///
    /// # Errors
    /// The fault because of which no limit can be believed.
    pub fn resolve(&self, quota: &Quota, resource: Option<&str>, own: Option<f64>) -> Result<Option<Limit>, Fault> {
        let documented = || {
            quota.default.map(|value| Limit {
                value,
                source: LimitSource::Default,
                adjustable: None,
                note: quota.is_listed().then(|| "documented default: Service Quotas lists no value".to_owned()),
            })
        };
        if self.is_unknown_service {
            return Ok(None);
        }
        if !quota.is_listed() {
            return Ok(documented());
        }
        if let Some(limit) = self.resolve_code(quota.code, resource, own)? {
            return Ok(Some(doubted(quota, limit)));
        }
        Ok(documented().map(|limit| match self.codes.get(quota.code).and_then(|rows| rows.error.as_deref()) {
            Some(error) => Limit { note: Some(unreadable(error)), ..limit },
            None => limit,
        }))
    }

    /// As [`Self::resolve`], of a code that may not be in the catalogue.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn resolve_code(&self, code: &str, resource: Option<&str>, own: Option<f64>) -> Result<Option<Limit>, Fault> {
        if let Some(fault) = &self.applied_fault {
            return Err(fault.clone());
        }
        let Some(rows) = self.codes.get(code) else {
            return self.default_fault.clone().map_or(Ok(None), Err);
        };
        let of_resource = resource.and_then(|arn| own.or_else(|| rows.resources.get(arn).copied()));
        let all_resources = rows.all_resources.filter(|_| resource.is_some());
        let (value, source, mut note) = if let Some(value) = of_resource {
            (value, LimitSource::Instance, None)
        } else if let Some(value) = all_resources {
            (value, LimitSource::Account, Some("applied to all resources (*)".to_owned()))
        } else if let Some(value) = rows.account {
            (value, LimitSource::Account, None)
        } else if let Some(value) = rows.default {
            (value, LimitSource::Default, None)
        } else {
            return self.default_fault.clone().map_or(Ok(None), Err);
        };
        if let (Some(error), LimitSource::Default) = (&rows.error, source) {
            note = Some(unreadable(error));
        }
        Ok(Some(Limit { value, source, adjustable: rows.adjustable, note }))
    }
}

fn unreadable(error: &str) -> String {
    format!("Service Quotas could not read the applied value ({error}): AWS's default is used")
}

/// AWS warns that Service Quotas may show 200/s for three rates: the documented rate is used then.
fn doubted(quota: &Quota, limit: Limit) -> Limit {
    let is_shown_wrong = quota.meter == Meter::Rate
        && limit.value >= 200.0
        && RATES_SHOWN_AS_200.iter().any(|op| quota.name == format!("Rate of {op} API requests"));
    match quota.default {
        Some(value) if is_shown_wrong => Limit {
            value,
            source: LimitSource::Default,
            note: Some(format!(
                "Service Quotas shows {}, which AWS documents as a display error: the documented rate is used",
                limit.value
            )),
            ..limit
        },
        _ => limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use crate::model::FaultKind;
    use proptest::prelude::*;

    const ARN: &str = "arn:aws:connect:us-east-1:111122223333:instance/a";
    const CODE: &str = "L-9A46857E";

    fn quota(code: &str) -> &'static Quota {
        catalogue::all().find(|q| q.code == code).unwrap()
    }

    fn row(level: Level, value: Option<f64>) -> LimitRow {
        LimitRow {
            code: CODE.to_owned(),
            name: String::new(),
            value,
            error: None,
            adjustable: Some(true),
            level,
            period_seconds: 1.0,
            usage_metric: None,
        }
    }

    fn resolved(limits: &Limits) -> Option<(f64, LimitSource)> {
        limits.resolve(quota(CODE), Some(ARN), None).unwrap().map(|l| (l.value, l.source))
    }

    #[test]
    fn the_most_specific_value_wins() {
        let mine = row(Level::Resource(ARN.to_owned()), Some(4.0));
        let other = row(Level::Resource(format!("{ARN}-other")), Some(9.0));
        let all = row(Level::AllResources, Some(3.0));
        let account = row(Level::Account, Some(2.0));
        let default = || Ok(vec![row(Level::Account, Some(1.0))]);
        let limits = |rows: &[&LimitRow]| Limits::new(Ok(rows.iter().map(|r| (*r).clone()).collect()), default());
        assert_eq!(resolved(&limits(&[&other, &account, &all, &mine])), Some((4.0, LimitSource::Instance)));
        assert_eq!(resolved(&limits(&[&other, &account, &all])), Some((3.0, LimitSource::Account)));
        assert_eq!(resolved(&limits(&[&other, &account])), Some((2.0, LimitSource::Account)));
        assert_eq!(resolved(&limits(&[&other])), Some((1.0, LimitSource::Default)));
        assert_eq!(resolved(&Limits::new(Ok(vec![]), Ok(vec![]))), Some((500.0, LimitSource::Default)));
    }

    #[test]
    fn what_get_service_quota_told_wins_over_the_account() {
        let limits = Limits::new(Ok(vec![row(Level::Account, Some(2.0))]), Ok(vec![]));
        let limit = limits.resolve(quota(CODE), Some(ARN), Some(7.0)).unwrap().unwrap();
        assert_eq!((limit.value, limit.source), (7.0, LimitSource::Instance));
        assert!(limits.lacks_resource_rows());
    }

    #[test]
    fn a_row_with_an_error_or_without_a_value_is_no_limit() {
        let mut broken = row(Level::Account, Some(0.0));
        broken.error = Some("DEPENDENCY_SERVICE_ERROR".to_owned());
        let limits = Limits::new(
            Ok(vec![broken, row(Level::Resource(ARN.to_owned()), None)]),
            Ok(vec![row(Level::Account, Some(1.0))]),
        );
        let limit = limits.resolve(quota(CODE), Some(ARN), None).unwrap().unwrap();
        assert_eq!((limit.value, limit.source), (1.0, LimitSource::Default));
        assert!(limit.note.unwrap().contains("DEPENDENCY_SERVICE_ERROR"));
    }

    #[test]
    fn a_failed_listing_leaves_no_believable_limit() {
        let fault = || Fault::new("servicequotas:ListServiceQuotas", FaultKind::AccessDenied, "denied");
        let limits = Limits::new(Err(fault()), Ok(vec![row(Level::Account, Some(1.0))]));
        assert!(limits.resolve(quota(CODE), Some(ARN), None).is_err());
        let limits = Limits::new(Ok(vec![row(Level::Account, Some(2.0))]), Err(fault()));
        assert_eq!(resolved(&limits), Some((2.0, LimitSource::Account)));
        let limits = Limits::new(Ok(vec![]), Err(fault()));
        assert!(limits.resolve(quota(CODE), Some(ARN), None).is_err());
    }

    #[test]
    fn a_rate_shown_as_200_is_not_believed() {
        let code = "L-9E54B88B";
        let mut shown = row(Level::Account, Some(200.0));
        shown.code = code.to_owned();
        let limits = Limits::new(Ok(vec![shown]), Ok(vec![]));
        let limit = limits.resolve(quota(code), None, None).unwrap().unwrap();
        assert_eq!((limit.value, limit.source), (2.0, LimitSource::Default));
        assert!(limit.note.unwrap().contains("display error"));
    }

    proptest! {
        /// The order of the rows in the listing never matters.
        #[test]
        fn resolution_does_not_depend_on_order(
            rows in prop::collection::vec((0usize..4, prop::option::of(0.0f64..1e6)), 0..4),
        ) {
            let mut seen = Vec::new();
            let rows: Vec<LimitRow> = rows.into_iter().filter(|(level, _)| {
                let fresh = !seen.contains(level);
                seen.push(*level);
                fresh
            }).map(|(level, value)| row(match level {
                0 => Level::Account,
                1 => Level::AllResources,
                2 => Level::Resource(ARN.to_owned()),
                _ => Level::Resource(format!("{ARN}-other")),
            }, value)).collect();
            let mut reversed = rows.clone();
            reversed.reverse();
            prop_assert_eq!(
                resolved(&Limits::new(Ok(rows), Ok(vec![]))),
                resolved(&Limits::new(Ok(reversed), Ok(vec![])))
            );
        }
    }
}
