//! What a user says about the alarms. Pure.

use std::fmt;
use std::str::FromStr;

/// The name prefix where none is set.
pub const DEFAULT_PREFIX: &str = "connect-quota-monitor";

/// The alarms' part of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// An alarm for each API in use.
    pub apis: bool,
    /// Alarms for each instance.
    pub instances: bool,
    pub prefix: String,
    /// Percent; none: the warning threshold.
    pub threshold: Option<f64>,
    /// Seconds: 60 or 300.
    pub period: u32,
    pub datapoints: Datapoints,
    /// The most API alarms.
    pub limit: usize,
    pub form: Form,
    pub missing: MissingData,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            apis: false,
            instances: false,
            prefix: DEFAULT_PREFIX.to_owned(),
            threshold: None,
            period: 60,
            datapoints: Datapoints { alarm: 3, of: 3 },
            limit: 50,
            form: Form::Literal,
            missing: MissingData::NotBreaching,
        }
    }
}

impl Settings {
    /// True where the alarms are ours to keep.
    #[must_use]
    pub fn manages(&self) -> bool {
        self.apis || self.instances
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

/// How an API alarm's expression knows the quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// The applied rate as a number.
    #[default]
    Literal,
    /// CloudWatch's `SERVICE_QUOTA()`.
    ServiceQuota,
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "literal" => Ok(Self::Literal),
            "service_quota" => Ok(Self::ServiceQuota),
            _ => Err("expected `literal` or `service_quota`".to_owned()),
        }
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
