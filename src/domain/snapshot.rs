//! The stored document of one subject, versioned.

use jiff::Timestamp;
use serde::Serialize;

use super::format::{one_decimal, rfc3339};
use super::{Account, Instance, Metric, Status};

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
    /// Codes of the rates of which a stored document holds no row: measured, and nobody called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub idle: Vec<String>,
    /// Codes (or names, without one) of the quotas of companion services' resources of which a stored document holds no
    /// row: measured, and none was found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub empty: Vec<String>,
    /// Codes of the quotas of which a stored document holds no row: AWS offers no way to measure them, and there is
    /// nothing else to say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limit_only: Vec<String>,
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
            idle: Vec::new(),
            empty: Vec::new(),
            limit_only: Vec::new(),
            summary,
        }
    }
}

impl Snapshot {
    /// The document as it is stored: of idle rates, of resources that hold nothing, and of limits without a usage, the codes only. With these it
    /// stands for as many rows as before: each `-` in `idle` stands for one rate without a code.
    #[must_use]
    pub fn stored(&self) -> Self {
        let idle = self.metrics.iter().filter(|m| m.is_idle_rate()).map(|m| m.quota_code.clone()).collect();
        let limit_only = self.metrics.iter().filter(|m| m.is_limit_only()).map(|m| m.key().to_owned()).collect();
        let empty = self.metrics.iter().filter(|m| m.is_empty_resource()).map(|m| m.key().to_owned()).collect();
        let is_row = |m: &&Metric| !m.is_idle_rate() && !m.is_empty_resource() && !m.is_limit_only();
        Self { metrics: self.metrics.iter().filter(is_row).cloned().collect(), idle, empty, limit_only, ..self.clone() }
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

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Snapshots {
    pub dynamodb: usize,
    pub s3: usize,
    pub failed: usize,
}

impl std::ops::AddAssign for Snapshots {
    fn add_assign(&mut self, more: Self) {
        self.dynamodb += more.dynamodb;
        self.s3 += more.s3;
        self.failed += more.failed;
    }
}

#[cfg(test)]
mod tests {
    use super::super::MuteRecord;
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
