//! The stored document, versioned. Its serde shape lives here and only here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Account, Fault, Instance};
use crate::tour::Tour;

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
    pub metrics: Vec<Metric>,
    pub summary: Summary,
    /// What this run leaves to the next one; its fields stand beside the others.
    #[serde(flatten)]
    pub memory: Memory,
}

/// What one run leaves to the next, within the stored document.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// What the reader of the alerts was last told; see [`AlertState`].
    #[serde(default)]
    pub alert_state: AlertState,
    /// Where the visits of single resources stand, by listing; see [`Tour`].
    #[serde(default)]
    pub tours: Tours,
}

/// Tours by the listing they make, as `connect:ListUserProficiencies`.
pub type Tours = BTreeMap<String, Tour>;

impl Memory {
    /// The fields, as they are called in the document.
    pub const FIELDS: &[&str] = &["alert_state", "tours"];

    /// What two stores agree on; see [`AlertState::agreed`].
    #[must_use]
    pub fn agreed(self, other: &Self) -> Self {
        let tours = if self.tours.is_empty() { other.tours.clone() } else { self.tours };
        Self { alert_state: self.alert_state.agreed(&other.alert_state), tours }
    }
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Summary {
    /// Percent; null where no row has a utilization.
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
    pub usage: Option<f64>,
    pub limit: Option<f64>,
    pub limit_source: Option<String>,
    /// Percent, one decimal. Nothing is capped.
    pub utilization: Option<f64>,
    pub status: Status,
    pub source: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub approximate: bool,
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
}

impl Metric {
    /// What tells this quota from every other one; see [`crate::model::QuotaId::key`].
    #[must_use]
    pub fn key(&self) -> &str {
        if self.quota_code == crate::model::NO_CODE { &self.quota_name } else { &self.quota_code }
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultRecord {
    pub operation: String,
    pub kind: &'static str,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
}

impl From<&Fault> for FaultRecord {
    fn from(fault: &Fault) -> Self {
        Self {
            operation: fault.operation.clone(),
            kind: fault.kind.as_str(),
            message: fault.message.clone(),
            instance_id: fault.instance_id.clone(),
        }
    }
}

/// What the reader of the alerts knows, by quota key. It is written with the snapshot before an alert
/// is published, as the last run left it, and written again after the alert has been published: a
/// crash between the two repeats a message and never loses one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertState(pub BTreeMap<String, Told>);

impl AlertState {
    /// What two stores agree on. A message that only one of them knows of may not have been written
    /// down by the other because it failed then; what is in doubt counts as not told, so that it is
    /// repeated and never lost.
    #[must_use]
    pub fn agreed(self, other: &Self) -> Self {
        let both = self.0.into_iter().filter_map(|(key, a)| {
            let b = other.0.get(&key)?;
            let told = Told {
                severity: a.severity.min(b.severity),
                unseen: a.unseen && b.unseen,
                since: a.since.min(b.since),
                told_at: a.told_at.min(b.told_at),
            };
            Some((key, told))
        });
        Self(both.collect())
    }
}

/// What was said about one quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The severity that was reported; none where only the loss of sight was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Status>,
    /// It was reported that the quota cannot be seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
    /// When the violation, or the blindness, was first seen.
    pub since: Timestamp,
    /// When a message last named it.
    pub told_at: Timestamp,
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
            metrics,
            summary,
            memory: Memory::default(),
        }
    }
}

impl Summary {
    fn of(metrics: &[Metric]) -> Self {
        let utilizations: Vec<f64> = metrics.iter().filter_map(|m| m.utilization).collect();
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

    fn state(entries: &[(&str, Option<Status>, i64)]) -> AlertState {
        let told = |severity, at| {
            let at = Timestamp::from_second(at).unwrap();
            Told { severity, unseen: false, since: at, told_at: at }
        };
        AlertState(entries.iter().map(|(key, severity, at)| ((*key).to_owned(), told(*severity, *at))).collect())
    }

    #[test]
    fn two_stores_agree_on_what_both_know_and_on_the_milder_of_it() {
        let one = state(&[("a", Some(Status::Critical), 5), ("b", Some(Status::Warning), 5)]);
        let other = state(&[("a", Some(Status::Warning), 3)]);
        assert_eq!(one.clone().agreed(&other), state(&[("a", Some(Status::Warning), 3)]));
        assert_eq!(one.clone().agreed(&one), one);
        assert_eq!(one.agreed(&AlertState::default()), AlertState::default());
    }
}
