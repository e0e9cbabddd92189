//! The answer of an invocation; the CLI's `--output json` prints the same.

pub mod changed;
pub mod checks;
pub mod compare;
pub mod coverage;
pub mod csv;
pub mod diff;
pub mod doctor;
pub mod emf;
pub mod evidence;
pub mod fleet_page;
pub mod history;
pub mod junit;
mod kind;
pub mod markdown;
pub mod page;
pub mod prometheus;
mod rowless;
mod seen;
pub mod stored;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::domain::format::DailySeries;
use crate::domain::remedy::Remedy;
use crate::domain::service::ServiceReport;
use crate::domain::snapshot::Snapshots;
use serde::{Deserialize, Serialize};

use crate::domain::plan::TimePlan;
use crate::domain::snapshot::Snapshot;
use crate::domain::stats::CallStats;
use crate::domain::{FaultRecord, Instance, Metric, Status};

#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Raised when a field changes its meaning or disappears; see [`crate::domain::snapshot::SCHEMA_VERSION`].
    pub schema_version: u32,
    pub execution_id: String,
    pub version: &'static str,
    pub account_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    pub region: String,
    pub started_at: String,
    pub duration_ms: u64,
    pub dry_run: bool,
    /// True where every measurable quota of every chosen instance, and of the account, was seen.
    pub complete: bool,
    /// What must be known before the rest is read: that Amazon Connect is not offered in this Region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub account: SubjectReport,
    pub instances: Vec<InstanceReport>,
    /// How the companion services answered, which an account may not have.
    pub services: Vec<ServiceReport>,
    pub violations: usize,
    pub alerts: Alerts,
    /// Only where a channel for events is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Events>,
    pub snapshots: Snapshots,
    pub connect_api: ConnectApi,
    /// What became of the CloudWatch alarms; absent where the monitor keeps none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_alarms: Option<ApiAlarms>,
    /// The run's calls against its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<TimePlan>,
    /// Where a dry run has more rows than an answer can hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_note: Option<String>,
    /// What changed since the latest report before; only in a report that takes its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<changed::Changed>,
    /// Whom the watches see rejected; only in the latest report.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub throttled: Vec<Throttled>,
    pub faults: Vec<FaultRecord>,
    /// Faults beyond those that are listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub faults_left_out: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

#[derive(Debug, Clone, Serialize)]
pub struct InstanceReport {
    pub instance_id: String,
    pub instance_alias: Option<String>,
    #[serde(flatten)]
    pub seen: SubjectReport,
}

/// What was seen of an instance, or of the account.
#[derive(Debug, Clone, Serialize)]
pub struct SubjectReport {
    pub status: Completeness,
    /// Why an instance was skipped: its state, or the filter that left it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub metrics_count: usize,
    pub violations_count: usize,
    pub unknown_count: usize,
    pub not_measurable_count: usize,
    pub max_utilization: Option<f64>,
    /// Only in a dry run, which stores nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<Metric>>,
    /// Daily peaks by quota key, beside the rows.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub history: BTreeMap<String, DailySeries>,
    /// What to do about a violation, by quota key, beside the rows.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub remedies: BTreeMap<String, Remedy>,
}

/// How the reason of a skipped instance begins where there was no time for it: it should have been measured.
pub const LATE: &str = "the run's time was over";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Completeness {
    /// Every measurable quota was seen.
    Complete,
    /// Some quotas are unknown.
    Partial,
    /// Not one measurable quota was seen.
    Failed,
    /// Not measured, because of its state or of a filter.
    Skipped,
}

/// Messages, not violations.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Alerts {
    pub sent: usize,
    /// Instances with violations that were told before and are not due for a reminder.
    pub suppressed: usize,
    pub failed: usize,
    /// Says so where no alert can be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
    /// Nobody receives what is sent.
    #[serde(skip)]
    pub lacks_subscribers: bool,
}

/// Events, once for each channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Events {
    pub sent: usize,
    pub failed: usize,
}

/// A caller whose calls are rejected, as a watch counted them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttled {
    /// The watch's name, such as `connect-throttled`.
    pub watch: String,
    pub operation: String,
    pub caller: String,
    /// Since the incident began.
    pub count: u64,
    /// The true number is this or higher.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// RFC 3339, UTC.
    pub first: String,
    pub last: String,
}

/// CloudWatch alarms, of APIs and of instances.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ApiAlarms {
    /// Made, or changed.
    pub put: usize,
    pub deleted: usize,
    /// As they should be already, or about which nothing is known this time.
    pub kept: usize,
    pub failed: usize,
    /// Active APIs without an alarm because of `API_ALARM_LIMIT`, the most used first.
    pub left_out: Vec<String>,
    /// Names that we want and that an alarm has which is not ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<String>,
    /// In a dry run: what another run would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned: Option<PlannedAlarms>,
    /// It fails the invocation.
    #[serde(skip)]
    pub is_failure: bool,
    /// Why this run left the alarms alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

/// Names of alarms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PlannedAlarms {
    pub put: Vec<String>,
    pub delete: Vec<String>,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct ConnectApi {
    /// Attempts, retries included.
    pub requests: u64,
    pub throttled: u64,
    /// Waits for tokens, summed over calls that waited side by side.
    pub paced_wait_ms: u64,
}

impl From<CallStats> for ConnectApi {
    fn from(stats: CallStats) -> Self {
        Self { requests: stats.requests, throttled: stats.throttled, paced_wait_ms: stats.paced_wait_ms }
    }
}

impl Report {
    /// The report of a run's summary: rows stand in the snapshots, and in the latest report.
    #[must_use]
    pub fn without_metrics(mut self) -> Self {
        for seen in self.instances.iter_mut().map(|i| &mut i.seen).chain([&mut self.account]) {
            seen.metrics = None;
            seen.history.clear();
            seen.remedies.clear();
        }
        self.metrics_note = None;
        self.changed = None;
        self.throttled.clear();
        self
    }
}

impl SubjectReport {
    /// Sums up a snapshot; with its rows where `with_metrics`.
    #[must_use]
    pub fn of(snapshot: &Snapshot, with_metrics: bool) -> Self {
        let is_seen = |m: &&Metric| matches!(m.status, Status::Ok | Status::Warning | Status::Critical);
        let status = match snapshot.summary.unknown_count {
            0 => Completeness::Complete,
            _ if snapshot.metrics.iter().any(|m| is_seen(&m)) => Completeness::Partial,
            _ => Completeness::Failed,
        };
        Self {
            status,
            reason: None,
            metrics_count: snapshot.metrics_count,
            violations_count: snapshot.violations_count,
            unknown_count: snapshot.summary.unknown_count,
            not_measurable_count: snapshot.summary.not_measurable_count,
            max_utilization: snapshot.summary.max_utilization,
            metrics: with_metrics.then(|| snapshot.metrics.clone()),
            history: BTreeMap::new(),
            remedies: BTreeMap::new(),
        }
    }

    /// It was not looked at.
    #[must_use]
    pub fn skipped(reason: String) -> Self {
        Self { status: Completeness::Skipped, reason: Some(reason), ..Self::nothing() }
    }

    /// Nothing was seen.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            status: Completeness::Failed,
            reason: None,
            metrics_count: 0,
            violations_count: 0,
            unknown_count: 0,
            not_measurable_count: 0,
            max_utilization: None,
            metrics: None,
            history: BTreeMap::new(),
            remedies: BTreeMap::new(),
        }
    }
}

impl InstanceReport {
    #[must_use]
    pub fn measured(instance: &Instance, seen: SubjectReport) -> Self {
        Self { instance_id: instance.id.clone(), instance_alias: instance.alias.clone(), seen }
    }

    #[must_use]
    pub fn skipped(instance: &Instance, reason: String) -> Self {
        Self::measured(instance, SubjectReport::skipped(reason))
    }
}
