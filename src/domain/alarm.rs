//! A CloudWatch alarm, as plain data.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The key of the tag that every alarm of ours carries; its value is the name prefix. An alarm without
/// it is somebody else's, whatever it is called.
pub const TAG: &str = "connect-quota-monitor";

/// A metric alarm, as far as we say what it is. What CloudWatch adds (its state, its ARN) and what a
/// user may change (whether its actions are on) is no part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    pub name: String,
    pub description: String,
    pub watch: Watch,
    pub comparison: Comparison,
    pub threshold: f64,
    pub datapoints: Datapoints,
    pub missing: MissingData,
    /// For the state ALARM and for the state OK alike.
    pub actions: Vec<String>,
}

/// What an alarm looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Watch {
    Metric(MetricStat),
    /// An expression over one metric, which it calls [`METRIC_ID`].
    Math {
        metric: MetricStat,
        expression: String,
        label: String,
    },
}

/// The ids inside a [`Watch::Math`].
pub const METRIC_ID: &str = "m1";

pub const RESULT_ID: &str = "percent";

/// One statistic of one metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricStat {
    pub namespace: String,
    pub name: String,
    pub dimensions: BTreeMap<String, String>,
    /// `Sum` or `Maximum`.
    pub statistic: String,
    /// Seconds.
    pub period: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    AtOrAbove,
    Above,
}

impl Comparison {
    /// CloudWatch's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtOrAbove => "GreaterThanOrEqualToThreshold",
            Self::Above => "GreaterThanThreshold",
        }
    }
}

impl Watch {
    #[must_use]
    pub fn series(&self) -> &MetricStat {
        match self {
            Self::Metric(series) | Self::Math { metric: series, .. } => series,
        }
    }
}

/// So many of the last so many periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datapoints {
    pub alarm: u32,
    pub of: u32,
}

impl FromStr for Datapoints {
    type Err = String;

    /// `3 of 3`, or `3` for the same.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<u32>().ok();
        let parsed = match text.split_once(" of ") {
            Some((alarm, of)) => number(alarm).zip(number(of)),
            None => number(text).zip(number(text)),
        };
        // A day of the longest period is what CloudWatch looks back at most.
        match parsed {
            Some((alarm, of)) if alarm >= 1 && alarm <= of && of <= 288 => Ok(Self { alarm, of }),
            _ => Err("expected such as `3 of 3` or `2 of 5`, at most 288 periods".to_owned()),
        }
    }
}

impl fmt::Display for Datapoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.alarm, self.of)
    }
}

/// What an API alarm makes of a period without calls, for which CloudWatch has no datapoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingData {
    /// No calls: all is well.
    #[default]
    NotBreaching,
    /// The state becomes INSUFFICIENT_DATA.
    Missing,
    /// The state stays.
    Ignore,
}

impl MissingData {
    /// CloudWatch's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotBreaching => "notBreaching",
            Self::Missing => "missing",
            Self::Ignore => "ignore",
        }
    }
}

impl FromStr for MissingData {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::NotBreaching, Self::Missing, Self::Ignore];
        all.into_iter()
            .find(|known| known.as_str() == text)
            .ok_or_else(|| "expected `notBreaching`, `missing` or `ignore`".to_owned())
    }
}

/// An alarm in our folder, as CloudWatch tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Existing {
    pub name: String,
    pub arn: String,
    /// None where it is of a shape that we never make.
    pub alarm: Option<Alarm>,
    /// A user may have switched its actions off; that stays.
    pub actions_enabled: bool,
}

/// An alarm to write.
#[derive(Debug, Clone, PartialEq)]
pub struct Put {
    pub alarm: Alarm,
    pub actions_enabled: bool,
    /// It is not there yet.
    pub is_new: bool,
}

/// What `ListMetrics` is asked for: the metrics with this name and at least these dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub namespace: String,
    pub name: String,
    pub dimensions: BTreeMap<String, String>,
    /// Only those with data of the last three hours.
    pub is_recent: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datapoints_are_m_of_n() {
        for (text, alarm, of) in [("3 of 3", 3, 3), ("2 of 5", 2, 5), ("4", 4, 4), (" 1 of 1 ", 1, 1)] {
            assert_eq!(text.trim().parse(), Ok(Datapoints { alarm, of }), "{text}");
        }
        for bad in ["", "0", "4 of 3", "3/3", "-1 of 3", "289", "three of three"] {
            assert!(bad.parse::<Datapoints>().is_err(), "{bad}");
        }
    }
}
