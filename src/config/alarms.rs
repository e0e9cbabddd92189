//! What a user says about the alarms, and the variables that say it.

use std::str::FromStr;

use super::reader::Reader;
use crate::domain::alarm::{Datapoints, MissingData};

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

impl Reader<'_> {
    pub(super) fn alarms(&mut self) -> Settings {
        let default = Settings::default();
        Settings {
            apis: self.flag("MANAGE_API_ALARMS"),
            instances: self.flag("MANAGE_INSTANCE_ALARMS"),
            prefix: self.prefix("API_ALARM_PREFIX").unwrap_or(default.prefix),
            threshold: self.number("API_ALARM_THRESHOLD", 1, 100).map(f64::from),
            period: self.period("API_ALARM_PERIOD").unwrap_or(default.period),
            datapoints: self.parsed("API_ALARM_DATAPOINTS").unwrap_or(default.datapoints),
            limit: self.number("API_ALARM_LIMIT", 1, 5_000).map_or(default.limit, |n| n as usize),
            form: self.parsed("API_ALARM_FORM").unwrap_or_default(),
            missing: self.parsed("API_ALARM_MISSING_DATA").unwrap_or_default(),
        }
    }

    /// A prefix stands in names, and in the permissions that are narrowed to them.
    fn prefix(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if is_plain && text.len() <= 128 {
            return Some(text);
        }
        self.problem(name, &text, "expected at most 128 letters, digits, `-`, `_` and `.`");
        None
    }

    fn period(&mut self, name: &str) -> Option<u32> {
        let text = self.text(name)?;
        let period = text.parse().ok().filter(|seconds| [60, 300].contains(seconds));
        if period.is_none() {
            self.problem(name, &text, "expected 60 or 300");
        }
        period
    }
}
