//! The stored document, versioned. Its serde shape lives here and only here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{Account, Fault, Impact, Instance, Thresholds};

/// Raised when a field changes its meaning or disappears; new fields do not raise it.
pub const SCHEMA_VERSION: u32 = 1;

/// What a run saw of one instance, or of the account's own quotas.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    pub schema_version: u32,
    pub id: String,
    pub execution_id: String,
    /// RFC 3339, UTC, whole seconds.
    pub timestamp: String,
    pub account_id: String,
    pub region: String,
    /// The instance's id, or `account` for the account's own snapshot.
    pub instance_id: String,
    pub instance_arn: Option<String>,
    pub instance_alias: Option<String>,
    pub instance_status: Option<String>,
    /// False where a row is unknown.
    pub complete: bool,
    pub metrics_count: usize,
    pub violations_count: usize,
    pub forecasts_count: usize,
    pub metrics: Vec<Metric>,
    pub summary: Summary,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Summary {
    /// Percent, of the rows that are neither muted nor full by design; null where none has a utilization.
    pub max_utilization: Option<f64>,
    pub avg_utilization: Option<f64>,
    pub unknown_count: usize,
    pub not_measurable_count: usize,
}

/// One quota at one scope.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    pub quota_code: String,
    pub quota_name: String,
    pub service_code: String,
    pub category: String,
    pub scope: String,
    /// What happens when it is full.
    pub impact: Impact,
    pub usage: Option<f64>,
    pub limit: Option<f64>,
    pub limit_source: Option<String>,
    /// Percent, one decimal. Nothing is capped.
    pub utilization: Option<f64>,
    pub status: Status,
    pub source: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub approximate: bool,
    /// Where it is approximate and one side is sure: `upper` or `lower`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<&'static str>,
    /// When the usage was highest, where it is the peak of a time: RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_at: Option<String>,
    /// What AWS turned away in the window because of this quota, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<f64>,
    /// When the limit was read, where that was not in this run: RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_read_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultRecord>,
    /// Whether AWS raises the quota on request; absent where Service Quotas does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjustable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted: Option<MuteRecord>,
    /// Where the usage grows: how fast, and when it meets the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
    /// The open request to AWS for a higher limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub increase_request: Option<IncreaseRecord>,
    /// Calls of the monitor itself that the usage leaves out.
    #[serde(skip_serializing_if = "is_none_of")]
    pub own_calls: u64,
    /// The percentages that judged this row.
    #[serde(skip)]
    pub levels: Thresholds,
    /// AWS allows one by design, and that one is in use: nothing to warn of, and nothing to ask for.
    #[serde(skip)]
    pub is_full_by_design: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_none_of(calls: &u64) -> bool {
    *calls == 0
}

#[cfg(test)]
impl Metric {
    /// A row that was not measured, for tests to fill in what they are about.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            quota_code: "L-1".to_owned(),
            quota_name: "Quota".to_owned(),
            service_code: "connect".to_owned(),
            category: "core".to_owned(),
            scope: "instance".to_owned(),
            impact: Impact::Build,
            usage: None,
            limit: None,
            limit_source: None,
            utilization: None,
            status: Status::Ok,
            source: String::new(),
            approximate: false,
            bound: None,
            peak_at: None,
            rejected: None,
            limit_read_at: None,
            resource: None,
            note: None,
            fault: None,
            adjustable: None,
            muted: None,
            forecast: None,
            increase_request: None,
            own_calls: 0,
            levels: Thresholds { warning: 80.0, critical: 95.0 },
            is_full_by_design: false,
        }
    }
}

impl Metric {
    /// What tells this quota from every other one; see [`crate::domain::QuotaId::key`].
    #[must_use]
    pub fn key(&self) -> &str {
        if self.quota_code == crate::domain::NO_CODE { &self.quota_name } else { &self.quota_code }
    }

    /// The usage will meet the limit soon enough to say so, and the user did not mute it.
    #[must_use]
    pub fn has_forecast(&self) -> bool {
        self.muted.is_none() && self.forecast.as_ref().is_some_and(|f| f.warns)
    }

    /// Contacts or calls are turned away when it is full.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.impact == Impact::Live
    }

    /// The row stands for how full things are: what the user muted, and what is full by design, would pin
    /// the highest value for ever.
    #[must_use]
    pub fn is_summarized(&self) -> bool {
        self.muted.is_none() && !self.is_full_by_design
    }

    /// A violation counts and alerts, unless the user muted it.
    #[must_use]
    pub fn is_violation(&self) -> bool {
        self.muted.is_none() && matches!(self.status, Status::Warning | Status::Critical)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Ok,
    NotMeasurable,
    Unknown,
    Warning,
    Critical,
}

impl Status {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotMeasurable => "not_measurable",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MuteRecord {
    pub reason: String,
    pub until: String,
}

/// The growth of a usage, from the daily peaks of up to 30 days.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// The UTC day on which the usage meets the limit, such as `2026-12-09`; absent where it already
    /// does, or would in more than ten years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_at: Option<String>,
    /// In the unit of the usage.
    pub per_day: f64,
    /// Days with a measurement.
    pub days_of_data: usize,
    /// Full within `FORECAST_DAYS`.
    pub warns: bool,
}

/// An open request for a higher limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IncreaseRecord {
    pub desired: f64,
    /// AWS's word: `PENDING` or `CASE_OPENED`.
    pub status: String,
    /// RFC 3339, UTC.
    pub created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// This very run sent it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sent_now: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultRecord {
    pub operation: String,
    pub kind: &'static str,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl From<&Fault> for FaultRecord {
    fn from(fault: &Fault) -> Self {
        Self {
            operation: fault.operation.clone(),
            kind: fault.kind.as_str(),
            message: fault.message.clone(),
            instance_id: fault.instance_id.clone(),
            http_status: fault.answered.http_status,
            error_code: fault.answered.error_code.clone(),
            request_id: fault.answered.request_id.clone(),
        }
    }
}

/// The account's place among instance ids.
pub const ACCOUNT_KEY: &str = "account";

/// What a snapshot is about.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    Account,
    Instance(&'a Instance),
}

impl Snapshot {
    /// Puts the judged rows into a document. `now` is the run's start.
    #[must_use]
    pub fn new(
        account: &Account,
        subject: Subject<'_>,
        execution_id: &str,
        now: Timestamp,
        metrics: Vec<Metric>,
    ) -> Self {
        let seconds = now.as_second();
        let instance = match subject {
            Subject::Account => None,
            Subject::Instance(instance) => Some(instance),
        };
        let id = match instance {
            None => format!("account_{}_{seconds}", account.id),
            Some(instance) => format!("instance_{}_{seconds}", instance.id),
        };
        let summary = Summary::of(&metrics);
        Self {
            schema_version: SCHEMA_VERSION,
            id,
            execution_id: execution_id.to_owned(),
            timestamp: rfc3339(now),
            account_id: account.id.clone(),
            region: account.region.clone(),
            instance_id: instance.map_or_else(|| ACCOUNT_KEY.to_owned(), |i| i.id.clone()),
            instance_arn: instance.map(|i| i.arn.clone()),
            instance_alias: instance.and_then(|i| i.alias.clone()),
            instance_status: instance.map(|i| i.status.clone()),
            complete: summary.unknown_count == 0,
            metrics_count: metrics.len(),
            violations_count: metrics.iter().filter(|m| m.is_violation()).count(),
            forecasts_count: metrics.iter().filter(|m| m.has_forecast()).count(),
            metrics,
            summary,
        }
    }
}

impl Summary {
    fn of(metrics: &[Metric]) -> Self {
        let utilizations: Vec<f64> =
            metrics.iter().filter(|m| m.is_summarized()).filter_map(|m| m.utilization).collect();
        let count = |status| metrics.iter().filter(|m| m.status == status).count();
        #[expect(clippy::cast_precision_loss, reason = "a few hundred rows")]
        let average = (!utilizations.is_empty())
            .then(|| one_decimal(utilizations.iter().sum::<f64>() / utilizations.len() as f64));
        Self {
            max_utilization: utilizations.iter().copied().reduce(f64::max),
            avg_utilization: average,
            unknown_count: count(Status::Unknown),
            not_measurable_count: count(Status::NotMeasurable),
        }
    }
}

/// Rounds to the one decimal that percentages are shown with.
#[must_use]
pub fn one_decimal(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}

/// RFC 3339 in UTC with whole seconds, as `2025-09-12T23:08:19Z`.
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_muted_or_full_by_design_does_not_pin_the_summary() {
        let row = |utilization| Metric { utilization: Some(utilization), ..Metric::sample() };
        let mute = MuteRecord { reason: "known".to_owned(), until: "2099-01-01T00:00:00Z".to_owned() };
        let rows = [
            row(40.0),
            row(20.0),
            Metric { muted: Some(mute), ..row(147.0) },
            Metric { is_full_by_design: true, ..row(100.0) },
        ];
        let summary = Summary::of(&rows);
        assert_eq!((summary.max_utilization, summary.avg_utilization), (Some(40.0), Some(30.0)));
        assert_eq!(Summary::of(&rows[2..]).max_utilization, None);
    }
}
