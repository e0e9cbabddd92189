//! One quota at one scope, as a run judged it: a row of the snapshots, of the answer and of the messages.

use serde::{Deserialize, Serialize};

use super::{Fault, Impact, NO_CODE, QuotaId, Scope, Thresholds};

/// Service code of Amazon Connect itself.
const CONNECT: &str = "connect";

/// One quota at one scope.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "a row of facts, each of which holds or not")]
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
    /// What was turned away came too fast: more of this quota would not have helped.
    #[serde(skip)]
    pub is_rejected_by_rate: bool,
    /// It is not measured in this run, and may be in the next one.
    #[serde(skip)]
    pub is_out_of_reach: bool,
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
    /// Of an API rate over its threshold: who was throttled, and who made the accepted calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callers: Option<String>,
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
        let quota = QuotaId {
            code: "L-1".to_owned(),
            name: "Quota".to_owned(),
            service: "connect".to_owned(),
            category: "core".to_owned(),
            scope: Scope::Instance,
            impact: Impact::Build,
            is_single: false,
        };
        let levels = Thresholds { warning: 80.0, critical: 95.0 };
        Self { status: Status::Ok, ..Self::unseen(quota, String::new(), levels) }
    }
}

impl Metric {
    /// A row of which nothing is known yet but how it will be judged.
    #[must_use]
    pub fn unseen(quota: QuotaId, source: String, levels: Thresholds) -> Self {
        Self {
            quota_code: quota.code,
            quota_name: quota.name,
            service_code: quota.service,
            category: quota.category,
            scope: quota.scope.as_str().to_owned(),
            impact: quota.impact,
            usage: None,
            limit: None,
            limit_source: None,
            utilization: None,
            status: Status::Unknown,
            source,
            approximate: false,
            bound: None,
            peak_at: None,
            rejected: None,
            is_rejected_by_rate: false,
            is_out_of_reach: false,
            limit_read_at: None,
            resource: None,
            note: None,
            fault: None,
            adjustable: None,
            muted: None,
            forecast: None,
            increase_request: None,
            own_calls: 0,
            callers: None,
            levels,
            is_full_by_design: false,
        }
    }

    /// What tells this quota from every other one; see [`super::QuotaId::key`].
    #[must_use]
    pub fn key(&self) -> &str {
        if self.quota_code == NO_CODE { &self.quota_name } else { &self.quota_code }
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

    /// A rate of calls, or the bound of a burst, that nobody but the monitor used, and of which there is nothing else to
    /// say.
    #[must_use]
    pub fn is_idle_rate(&self) -> bool {
        self.source.starts_with("AWS/Usage CallCount")
            && self.status == Status::Ok
            && self.usage.is_some_and(|usage| usage <= 0.0)
            && self.muted.is_none()
            && self.forecast.is_none()
            && self.increase_request.is_none()
            && self.fault.is_none()
    }

    /// None of it was found in any resource of a companion service, and there is nothing else to say.
    #[must_use]
    pub fn is_empty_resource(&self) -> bool {
        self.scope == Scope::Resource.as_str()
            && self.service_code != CONNECT
            && self.status == Status::Ok
            && self.usage.is_some_and(|usage| usage <= 0.0)
            && self.muted.is_none()
            && self.forecast.is_none()
            && self.increase_request.is_none()
            && self.fault.is_none()
    }

    /// AWS offers no way to measure it, in any run, and there is nothing else to say.
    #[must_use]
    pub fn is_limit_only(&self) -> bool {
        self.source.is_empty()
            && self.status == Status::NotMeasurable
            && self.usage.is_none()
            && self.muted.is_none()
            && self.increase_request.is_none()
            && self.fault.is_none()
    }

    /// A higher limit would help: it is not the rate alone that turned something away.
    #[must_use]
    pub fn needs_a_higher_limit(&self) -> bool {
        !self.is_rejected_by_rate || self.utilization.is_none_or(|percent| percent >= self.levels.warning)
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
