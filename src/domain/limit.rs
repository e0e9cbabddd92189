//! What Service Quotas says of one quota at one level.

use std::collections::BTreeMap;

use super::Fault;

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
    /// The period that a rate's value is per, where this row names one.
    pub period: Option<Period>,
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

/// The period that a rate's value is per.
#[derive(Debug, Clone, PartialEq)]
pub enum Period {
    Seconds(f64),
    /// As AWS wrote it: its unit or its number is none that this version knows.
    Unreadable(String),
}

/// The metric that Service Quotas names for a quota's usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageMetric {
    pub namespace: String,
    pub name: String,
    pub dimensions: BTreeMap<String, String>,
    /// As Service Quotas recommends it; empty where it recommends none.
    pub statistic: String,
}

impl UsageMetric {
    /// Whether the metric counts calls. Every other metric is a gauge: its value is the usage.
    #[must_use]
    pub fn is_rate(&self) -> bool {
        self.name == "CallCount"
    }

    /// The statistic to read.
    ///
    /// # Errors
    /// Why there is none: Service Quotas recommends one that this version does not know.
    pub fn read_as(&self) -> Result<Statistic, String> {
        if self.is_rate() {
            // Calls are counted. Every other statistic of this metric is 1.
            return Ok(Statistic::Sum);
        }
        match self.statistic.as_str() {
            "" => Ok(Statistic::Maximum),
            text => Statistic::parse(text).ok_or_else(|| {
                format!(
                    "Service Quotas recommends the statistic {text} of {} for the usage, which this version does not know",
                    self.name
                )
            }),
        }
    }
}

/// How CloudWatch sums up the values of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    Sum,
    Maximum,
    Average,
    Minimum,
    SampleCount,
}

impl Statistic {
    const ALL: [Self; 5] = [Self::Sum, Self::Maximum, Self::Average, Self::Minimum, Self::SampleCount];

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|statistic| statistic.as_str() == text)
    }

    /// CloudWatch's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "Sum",
            Self::Maximum => "Maximum",
            Self::Average => "Average",
            Self::Minimum => "Minimum",
            Self::SampleCount => "SampleCount",
        }
    }
}

/// What is known of a resource's own value beside the listing: `GetServiceQuota`'s answer, of this run or kept
/// from an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Own {
    /// The value applied to the resource; none: it has none of its own.
    pub value: Option<f64>,
    /// Unix seconds of the answer, where it is not of this run.
    pub read_at: Option<i64>,
    /// What applied without a value of its own when that could last be read, and when that was (unix seconds).
    pub account: Option<(f64, i64)>,
}

impl Own {
    /// The answer of this run.
    #[must_use]
    pub fn fresh(value: Option<f64>) -> Self {
        Self { value, ..Self::default() }
    }
}

/// Both listings of one service's limits, each its rows or the fault of reading them.
#[derive(Debug, Clone)]
pub struct Listings {
    /// `ListServiceQuotas`, at every level.
    pub applied: Result<Vec<LimitRow>, Fault>,
    /// `ListAWSDefaultServiceQuotas`.
    pub defaults: Result<Vec<LimitRow>, Fault>,
}
