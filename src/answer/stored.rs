//! An answer as it is stored and read again: what every outlet renders. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::changed::Changed;
pub use super::kind::EXPECTED;
use super::kind::of_kind;
use super::{Completeness, Throttled};
use crate::domain::format::DailySeries;
use crate::domain::remedy::Remedy;
use crate::domain::snapshot::SCHEMA_VERSION;
use crate::domain::{Impact, Status};

/// A run's answer with its rows.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StoredReport {
    /// The document that it was read from.
    #[serde(skip)]
    pub text: String,
    pub schema_version: u32,
    pub execution_id: String,
    #[serde(default)]
    pub version: String,
    pub account_id: String,
    #[serde(default)]
    pub account_name: Option<String>,
    pub region: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    #[serde(default)]
    pub duration_ms: u64,
    pub complete: bool,
    #[serde(default)]
    pub note: Option<String>,
    #[serde(default)]
    pub metrics_note: Option<String>,
    pub account: Subject,
    pub instances: Vec<StoredInstance>,
    #[serde(default)]
    pub services: Vec<StoredService>,
    pub violations: usize,
    #[serde(default)]
    pub connect_api: Calls,
    #[serde(default)]
    pub plan: Option<Plan>,
    /// Since the latest report before; only in a report of the bucket.
    #[serde(default)]
    pub changed: Option<Changed>,
    #[serde(default)]
    pub throttled: Vec<Throttled>,
    #[serde(default)]
    pub faults: Vec<StoredFault>,
    #[serde(default)]
    pub faults_left_out: usize,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StoredInstance {
    pub instance_id: String,
    #[serde(default)]
    pub instance_alias: Option<String>,
    #[serde(flatten)]
    pub seen: Subject,
}

/// What was seen of an instance, or of the account.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Subject {
    pub status: Completeness,
    #[serde(default)]
    pub reason: Option<String>,
    pub metrics_count: usize,
    pub violations_count: usize,
    pub unknown_count: usize,
    pub not_measurable_count: usize,
    #[serde(default)]
    pub max_utilization: Option<f64>,
    /// None where the document holds no rows of it.
    #[serde(default)]
    pub metrics: Option<Vec<Row>>,
    /// Daily peaks by quota key.
    #[serde(default)]
    pub history: BTreeMap<String, DailySeries>,
    /// What to do about a violation, by quota key.
    #[serde(default)]
    pub remedies: BTreeMap<String, Remedy>,
}

/// One quota at one scope.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Row {
    pub quota_code: String,
    pub quota_name: String,
    pub service_code: String,
    pub category: String,
    pub scope: String,
    pub impact: Impact,
    pub usage: Option<f64>,
    pub limit: Option<f64>,
    #[serde(default)]
    pub limit_source: Option<String>,
    pub utilization: Option<f64>,
    pub status: Status,
    pub source: String,
    #[serde(default)]
    pub approximate: bool,
    #[serde(default)]
    pub bound: Option<String>,
    #[serde(default)]
    pub peak_at: Option<String>,
    #[serde(default)]
    pub rejected: Option<f64>,
    #[serde(default)]
    pub limit_read_at: Option<String>,
    #[serde(default)]
    pub resource: Option<String>,
    #[serde(default)]
    pub note: Option<String>,
    #[serde(default)]
    pub fault: Option<StoredFault>,
    #[serde(default)]
    pub adjustable: Option<bool>,
    #[serde(default)]
    pub muted: Option<Mute>,
    #[serde(default)]
    pub forecast: Option<Growth>,
    #[serde(default)]
    pub increase_request: Option<Increase>,
    #[serde(default)]
    pub own_calls: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Mute {
    pub reason: String,
    pub until: String,
}

/// The growth of a usage: see `domain::Forecast`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Growth {
    #[serde(default)]
    pub full_at: Option<String>,
    pub per_day: f64,
    pub days_of_data: usize,
    pub warns: bool,
}

/// An open request for a higher limit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Increase {
    pub desired: f64,
    pub status: String,
    pub created: String,
    #[serde(default)]
    pub id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredFault {
    pub operation: String,
    pub kind: String,
    pub message: String,
    #[serde(default)]
    pub instance_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredService {
    pub service_code: String,
    pub status: String,
    #[serde(default)]
    pub note: Option<String>,
}

/// Calls to Amazon Connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct Calls {
    pub requests: u64,
    pub throttled: u64,
    pub paced_wait_ms: u64,
}

/// The calls of the run against its time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Plan {
    pub seconds_needed: u64,
    pub seconds_left: u64,
    #[serde(default)]
    pub note: Option<String>,
}

/// What every version of the document has.
#[derive(Deserialize)]
struct Head {
    schema_version: Option<u32>,
    /// Only other documents have one.
    #[serde(default)]
    kind: Option<String>,
}

impl StoredReport {
    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it and what was expected: no JSON, half of one, a later schema, no report, or no rows.
    pub fn parse(text: String) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err(format!("it is empty; {EXPECTED}"));
        }
        let head: Head = serde_json::from_str(&text).map_err(|error| match error.classify() {
            serde_json::error::Category::Eof => format!("it ends in the middle ({error}); {EXPECTED}"),
            serde_json::error::Category::Data => format!("it is no report ({error}); {EXPECTED}"),
            _ => format!("it is no JSON ({error}); {EXPECTED}"),
        })?;
        match head.schema_version {
            None => return Err(format!("it has no `schema_version`; {EXPECTED}")),
            Some(SCHEMA_VERSION) => head.kind.map_or(Ok(()), |kind| Err(of_kind(&kind)))?,
            Some(other) => {
                return Err(format!(
                    "its schema_version is {other}, and this version reads {SCHEMA_VERSION}: use the release that wrote it"
                ));
            }
        }
        let mut report: Self =
            serde_json::from_str(&text).map_err(|error| format!("it is no report ({error}); {EXPECTED}"))?;
        let counted: usize = report.subjects().map(|(_, seen)| seen.metrics_count).sum();
        if counted > 0 && report.subjects().all(|(_, seen)| seen.metrics.is_none()) {
            return Err(format!("it has no rows, as an execution summary; {EXPECTED}"));
        }
        report.text = text;
        Ok(report)
    }

    /// The instances, then the account; with each its instance.
    pub fn subjects(&self) -> impl Iterator<Item = (Option<&StoredInstance>, &Subject)> + Clone {
        self.instances.iter().map(|i| (Some(i), &i.seen)).chain([(None, &self.account)])
    }

    /// Every row with its subject.
    pub fn rows(&self) -> impl Iterator<Item = Placed<'_>> {
        self.subjects()
            .flat_map(|(instance, seen)| seen.metrics.iter().flatten().map(move |row| Placed { instance, seen, row }))
    }

    /// `Acme (111122223333)`, or the number alone.
    #[must_use]
    pub fn account_label(&self) -> String {
        crate::domain::label(&self.account_id, self.account_name.as_deref())
    }

    /// As `check` ends: 1 where a quota is over its threshold, 2 where something could not be seen, else 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if self.violations > 0 {
            1
        } else if self.complete {
            0
        } else {
            2
        }
    }
}

/// A row, and what it is about.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// None: the account.
    pub instance: Option<&'a StoredInstance>,
    pub seen: &'a Subject,
    pub row: &'a Row,
}

impl<'a> Placed<'a> {
    /// What a person calls it.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.instance.map_or("(account)", StoredInstance::name)
    }

    #[must_use]
    pub fn instance_id(self) -> &'a str {
        self.instance.map_or("", |instance| &instance.instance_id)
    }

    #[must_use]
    pub fn history(self) -> Option<&'a DailySeries> {
        self.seen.history.get(self.row.key())
    }

    #[must_use]
    pub fn remedy(self) -> Option<&'a Remedy> {
        self.seen.remedies.get(self.row.key())
    }
}

impl StoredInstance {
    #[must_use]
    pub fn name(&self) -> &str {
        self.instance_alias.as_deref().unwrap_or(&self.instance_id)
    }
}

impl Row {
    /// What tells this quota from every other one of its subject.
    #[must_use]
    pub fn key(&self) -> &str {
        if self.quota_code == crate::domain::NO_CODE { &self.quota_name } else { &self.quota_code }
    }

    #[must_use]
    pub fn is_violation(&self) -> bool {
        self.muted.is_none() && matches!(self.status, Status::Warning | Status::Critical)
    }

    /// What is left until it is full; below zero where it is more than full.
    #[must_use]
    pub fn headroom(&self) -> Option<f64> {
        Some(self.limit? - self.usage?)
    }

    /// A rate of calls that nobody used.
    #[must_use]
    pub fn is_idle_rate(&self) -> bool {
        self.source.starts_with("AWS/Usage CallCount")
            && self.status == Status::Ok
            && self.usage.is_some_and(|usage| usage <= 0.0)
            && self.muted.is_none()
            && self.increase_request.is_none()
    }
}

/// In reading order: the gravest first, of these what turns contacts away, then the fullest.
pub(super) fn worst_first(a: &Placed<'_>, b: &Placed<'_>) -> std::cmp::Ordering {
    let grade = |placed: &Placed<'_>| match (placed.row.muted.is_some(), placed.row.status) {
        (false, Status::Critical) => 4,
        (false, Status::Warning) => 3,
        (_, Status::Unknown) => 2,
        (_, Status::NotMeasurable) => 0,
        _ => 1,
    };
    let used = |placed: &Placed<'_>| placed.row.utilization.unwrap_or(-1.0);
    grade(b)
        .cmp(&grade(a))
        .then_with(|| b.row.impact.cmp(&a.row.impact))
        .then_with(|| used(b).total_cmp(&used(a)))
        .then_with(|| a.row.quota_name.cmp(&b.row.quota_name))
}
