//! Which limit really applies to a quota of an instance. Pure.
//!
//! AWS's rule: the value applied to the resource, else to all resources (`*`), else to the account,
//! else AWS's default. Where Service Quotas reports an error at a level, the value there may be any:
//! the limit is not known then, unless a more specific level has a value.

#[cfg(test)]
mod tests;
mod unlisted;

pub use unlisted::{RESOURCE, SERVICE};

use crate::domain::limit::Level;
use crate::domain::limit::LimitRow;
use crate::domain::limit::Listings;
use crate::domain::limit::Own;
use crate::domain::limit::Period;
use crate::domain::limit::UsageMetric;
use std::collections::HashMap;

use crate::catalogue::{self, Category, Meter, Quota, RATES_SHOWN_AS_200, Service};
use crate::domain::{Fault, FaultKind, Impact, Limit, LimitSource, QuotaId, Scope};

/// All limits of one service in one Region, as one run found them.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    codes: HashMap<String, Rows>,
    /// The applied values could not be listed: no limit is known, because one may be applied.
    applied_fault: Option<Fault>,
    /// The defaults could not be listed: limits that nobody changed may be missing.
    default_fault: Option<Fault>,
    /// Service Quotas knows no such service in this Region; see [`Limits::of_companion`].
    is_unknown_service: bool,
    /// The usage metrics of the rates that only AWS's documentation lists, by [`Quota::key`].
    unlisted: HashMap<&'static str, UsageMetric>,
    /// Metrics of rates without one, under names that CloudWatch itself told.
    discovered: HashMap<&'static str, UsageMetric>,
}

/// A code that Service Quotas lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    pub code: &'a str,
    pub name: &'a str,
    pub has_usage_metric: bool,
    /// The usage metric counts calls: when the quota is full, calls are turned away.
    pub counts_calls: bool,
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
            impact: if self.counts_calls { Impact::Live } else { Impact::Build },
            is_single: false,
        }
    }
}

/// What a row holds of its level.
#[derive(Debug, Clone, PartialEq)]
enum Held {
    Value(f64),
    /// Why Service Quotas told no value.
    Error(String),
}

#[derive(Debug, Clone, Default)]
struct Rows {
    name: String,
    resources: HashMap<String, Held>,
    all_resources: Option<Held>,
    account: Option<Held>,
    default: Option<Held>,
    adjustable: Option<bool>,
    usage_metric: Option<UsageMetric>,
    applied_period: Option<Period>,
    default_period: Option<Period>,
}

/// What applies to whoever has no value of its own.
struct Shared<'a> {
    held: Option<&'a Held>,
    source: LimitSource,
    note: Option<&'static str>,
    /// The level, for a person.
    level: &'static str,
}

impl Rows {
    /// The most specific of the rows that are about no single resource.
    fn shared(&self, is_of_resource: bool) -> Shared<'_> {
        let of_all = self.all_resources.as_ref().filter(|_| is_of_resource);
        if of_all.is_some() {
            let note = Some("applied to all resources (*)");
            Shared { held: of_all, source: LimitSource::Account, note, level: "all resources (*)" }
        } else if self.account.is_some() {
            Shared { held: self.account.as_ref(), source: LimitSource::Account, note: None, level: "the account" }
        } else {
            Shared { held: self.default.as_ref(), source: LimitSource::Default, note: None, level: "AWS's default" }
        }
    }
}

/// A value is never lost to an error of the same level.
fn put(slot: &mut Option<Held>, held: Held) {
    if slot.is_none() || matches!(held, Held::Value(_)) {
        *slot = Some(held);
    }
}

impl Limits {
    /// The limits of a service, from its listings.
    #[must_use]
    pub fn of(service: Service, listings: Listings) -> Self {
        let mut limits = match service {
            Service::Connect => Self::new(listings.applied, listings.defaults),
            _ => Self::of_companion(listings.applied, listings.defaults),
        };
        limits.unlisted = limits.metrics_of_unlisted(service);
        limits
    }

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
    pub fn of_companion(applied: Result<Vec<LimitRow>, Fault>, defaults: Result<Vec<LimitRow>, Fault>) -> Self {
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
        let rows = self.codes.entry(row.code).or_default();
        if rows.name.is_empty() {
            rows.name = row.name;
        }
        rows.usage_metric = rows.usage_metric.take().or(row.usage_metric);
        let period = if is_default { &mut rows.default_period } else { &mut rows.applied_period };
        *period = period.take().or(row.period);
        rows.adjustable = rows.adjustable.or(row.adjustable);
        let held = match (row.error, row.value) {
            (Some(error), _) => Held::Error(error),
            (None, Some(value)) => Held::Value(value),
            // A default that is not told is none; of an applied value only its number is missing.
            (None, None) if is_default => return,
            (None, None) => Held::Error("no value".to_owned()),
        };
        match row.level {
            _ if is_default => put(&mut rows.default, held),
            Level::Account => put(&mut rows.account, held),
            Level::AllResources => put(&mut rows.all_resources, held),
            Level::Resource(arn) => match rows.resources.get(&arn) {
                Some(Held::Value(_)) if matches!(held, Held::Error(_)) => {}
                _ => drop(rows.resources.insert(arn, held)),
            },
        }
    }

    /// The faults of the listings themselves.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.applied_fault.iter().chain(&self.default_fault).cloned().collect()
    }

    /// True where the listings told of the code, and of no row of this very resource: then it must be asked for.
    #[must_use]
    pub fn lacks_row_of(&self, code: &str, arn: &str) -> bool {
        self.applied_fault.is_none() && self.codes.get(code).is_some_and(|rows| !rows.resources.contains_key(arn))
    }

    /// The value that the listing shows for this very resource.
    #[must_use]
    pub fn value_of(&self, code: &str, arn: &str) -> Option<f64> {
        match self.codes.get(code)?.resources.get(arn)? {
            Held::Value(value) => Some(*value),
            Held::Error(_) => None,
        }
    }

    /// What applies to a resource without a value of its own, where that can be read.
    #[must_use]
    pub fn shared_value(&self, code: &str) -> Option<f64> {
        match self.codes.get(code)?.shared(true).held? {
            Held::Value(value) => Some(*value),
            Held::Error(_) => None,
        }
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
            .map(|(code, rows)| {
                let metric = rows.usage_metric.as_ref();
                let counts_calls = metric.is_some_and(|metric| metric.name == "CallCount");
                Listed { code, name: &rows.name, has_usage_metric: metric.is_some(), counts_calls }
            })
            .collect();
        listed.sort_by_key(|l| l.code);
        listed
    }

    /// The metric of a quota's usage, by Service Quotas' code or by [`Quota::key`].
    #[must_use]
    pub fn usage_metric(&self, code: &str) -> Option<&UsageMetric> {
        match self.codes.get(code) {
            Some(rows) if rows.usage_metric.is_some() => rows.usage_metric.as_ref(),
            _ => self.unlisted.get(code).or_else(|| self.discovered.get(code)),
        }
    }

    /// Seconds that a rate quota's value is per: as the applied row says, else the default's, else as AWS
    /// documents the rates of the catalogue, which is per second.
    ///
    /// # Errors
    /// Why it is not known.
    pub fn period_seconds(&self, code: &str) -> Result<f64, String> {
        let rows = self.codes.get(code);
        match rows.and_then(|rows| rows.applied_period.as_ref().or(rows.default_period.as_ref())) {
            Some(Period::Seconds(seconds)) => Ok(*seconds),
            Some(Period::Unreadable(text)) => {
                Err(format!("Service Quotas states this rate per {text}, which is no period that this version knows"))
            }
            None if catalogue::find(code)
                .is_some_and(|q| q.default.is_some() && (q.meter == Meter::Rate || q.counted_like().is_some())) =>
            {
                Ok(1.0)
            }
            None => Err("Service Quotas names no period for this rate, and AWS documents none".to_owned()),
        }
    }

    /// The limit of a quota: for an instance (`resource` is its ARN), or for the account (none).
    /// `own` is what `GetServiceQuota` told of this very resource, where it was asked.
    ///
    /// None means that AWS publishes no limit anywhere, or that the service is not offered.
    ///
    /// # Errors
    /// The fault because of which no limit can be believed.
    pub fn resolve(&self, quota: &Quota, resource: Option<&str>, own: Option<Own>) -> Result<Option<Limit>, Fault> {
        let documented = || {
            quota.default.map(|value| Limit {
                note: quota.is_listed().then(|| "documented default: Service Quotas lists no value".to_owned()),
                default: Some(value),
                ..Limit::new(value, LimitSource::Default)
            })
        };
        if self.is_unknown_service || !quota.is_listed() {
            return Ok(documented());
        }
        if let Some(limit) = self.resolve_code(quota.code, resource, own)? {
            return Ok(Some(doubted(quota, Limit { default: limit.default.or(quota.default), ..limit })));
        }
        Ok(documented())
    }

    /// As [`Self::resolve`], of a code that may not be in the catalogue.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn resolve_code(&self, code: &str, resource: Option<&str>, own: Option<Own>) -> Result<Option<Limit>, Fault> {
        if let Some(fault) = &self.applied_fault {
            return Err(fault.clone());
        }
        let Some(rows) = self.codes.get(code) else {
            return self.default_fault.clone().map_or(Ok(None), Err);
        };
        let limit = |value, source| Limit {
            adjustable: rows.adjustable,
            default: match rows.default {
                Some(Held::Value(value)) => Some(value),
                _ => None,
            },
            ..Limit::new(value, source)
        };
        let own = own.unwrap_or_default();
        let of_resource = resource.and_then(|arn| rows.resources.get(arn));
        if let Some(Held::Value(value)) = of_resource {
            return Ok(Some(limit(*value, LimitSource::Instance)));
        }
        if let (Some(_), Some(value)) = (resource, own.value) {
            return Ok(Some(Limit { read_at: own.read_at, ..limit(value, LimitSource::Instance) }));
        }
        if let Some(Held::Error(error)) = of_resource {
            return Err(unreadable(code, "this very instance", error));
        }
        let Shared { held, source, note, level } = rows.shared(resource.is_some());
        match (held, own.account.filter(|_| resource.is_some())) {
            (Some(Held::Value(value)), _) => Ok(Some(Limit { note: note.map(str::to_owned), ..limit(*value, source) })),
            (Some(Held::Error(error)), Some((value, at))) => Ok(Some(Limit {
                read_at: Some(at),
                note: Some(format!(
                    "Service Quotas could not read the value of {level} ({error}): the last one is used"
                )),
                ..limit(value, source)
            })),
            (Some(Held::Error(error)), None) => Err(unreadable(code, level, error)),
            (None, _) => self.default_fault.clone().map_or(Ok(None), Err),
        }
    }
}

/// The limit may be any: what Service Quotas could not read may override everything less specific.
fn unreadable(code: &str, level: &str, error: &str) -> Fault {
    let kind = match error {
        "DEPENDENCY_ACCESS_DENIED_ERROR" => FaultKind::AccessDenied,
        "DEPENDENCY_THROTTLING_ERROR" => FaultKind::Throttled,
        "no value" => FaultKind::BadResponse,
        _ => FaultKind::Unavailable,
    };
    let message = format!(
        "{code}: Service Quotas could not read the value of {level} ({error}), and so the limit is not known; the next run asks again"
    );
    Fault::new("servicequotas:ListServiceQuotas", kind, message)
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
