//! The variables of the alarms.

use super::Reader;
use crate::config::alarms::Settings;

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
