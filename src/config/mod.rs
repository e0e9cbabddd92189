//! The environment, read once at start. Pure: the values come through a lookup.

pub mod alarms;
pub mod fleet;
pub mod overrides;
mod reader;
pub mod watch;

use std::fmt;
use std::str::FromStr;

use crate::config::alarms::Settings;
use crate::config::overrides::Overrides;
use crate::domain::Thresholds;
use crate::domain::instances::InstancePattern;
pub use fleet::FLEET_VARS;
use fleet::Fleet;
use reader::Reader;
use watch::Watches;

/// Every variable the program reads itself, with its default, for the documentation and the checks.
/// (The SDK reads the `AWS_*` ones, the logger `RUST_LOG`, `AWS_LAMBDA_LOG_LEVEL` and `AWS_LAMBDA_LOG_FORMAT`.)
pub const VARS: &[(&str, &str)] = &[
    ("THRESHOLD_PERCENTAGE", "80"),
    ("CRITICAL_PERCENTAGE", "95"),
    ("ALERT_SNS_TOPIC_ARN", ""),
    ("USE_DYNAMODB", "false"),
    ("DYNAMODB_TABLE", ""),
    ("USE_S3_STORAGE", "false"),
    ("S3_BUCKET", ""),
    ("REMINDER_HOURS", "24"),
    ("REMINDER_HOURS_BUILD", "168"),
    ("ACCOUNT_NAME", ""),
    ("ALL_CLEAR_DAYS", "0"),
    ("HISTORY_RETENTION_DAYS", "90"),
    ("QUOTA_OVERRIDES", ""),
    ("INCLUDE_INSTANCES", ""),
    ("EXCLUDE_INSTANCES", ""),
    ("CONNECT_PACING", "account"),
    ("CONNECT_RATE_SHARE", "100"),
    ("LOOKBACK_MINUTES", "60"),
    ("MANAGE_API_ALARMS", "false"),
    ("MANAGE_INSTANCE_ALARMS", "false"),
    ("API_ALARM_PREFIX", "connect-quota-monitor"),
    ("API_ALARM_THRESHOLD", ""),
    ("API_ALARM_PERIOD", "60"),
    ("API_ALARM_DATAPOINTS", "3 of 3"),
    ("API_ALARM_LIMIT", "50"),
    ("API_ALARM_FORM", "literal"),
    ("API_ALARM_MISSING_DATA", "notBreaching"),
    ("DETAIL_CALL_BUDGET", "60"),
    ("FORECAST_DAYS", "14"),
    ("AUTO_REQUEST_INCREASE", "false"),
    ("AUTO_ESCALATE_REQUESTS", "false"),
    ("EVENTS_SNS_TOPIC_ARN", ""),
    ("EVENT_BUS_NAME", ""),
    ("RUN_METRICS", "summary"),
    ("WATCH_THROTTLED", "10"),
    ("WATCH_TOKEN_FAILURES", "50"),
    ("WATCH_COOL_DOWN_MINUTES", "60"),
    ("WATCH_LOOKUP", "true"),
    ("GENESYS_RATE_LIMIT_TOPICS", "v2.operations.events.*,v2.system.organization.rate.limits"),
    ("GENESYS_TOKEN_TOPICS", "v2.operations.events.*,v2.system.organization.tokens"),
];

/// A variable's default; none for a name that is not in the table.
fn default_of(name: &str) -> &'static str {
    VARS.iter().find(|(known, _)| *known == name).map_or("", |(_, default)| default)
}

impl Default for Watches {
    fn default() -> Self {
        Self::of_topics(default_of("GENESYS_RATE_LIMIT_TOPICS"), default_of("GENESYS_TOKEN_TOPICS"))
    }
}

/// What the user asked for, valid as a whole.
#[derive(Debug, Clone)]
pub struct Config {
    pub thresholds: Thresholds,
    pub alert_topic_arn: Option<String>,
    pub dynamodb_table: Option<String>,
    pub s3_bucket: Option<String>,
    /// 0: a violation is repeated in every run.
    pub reminder_hours: u32,
    /// The same for quotas whose impact is `build`.
    pub reminder_hours_build: u32,
    /// What people call the account.
    pub account_name: Option<String>,
    /// After so many days without a message one says that the monitor watches; 0: never.
    pub all_clear_days: u32,
    pub retention_days: u32,
    pub overrides: Overrides,
    pub include: Vec<InstancePattern>,
    pub exclude: Vec<InstancePattern>,
    pub pacing: Pacing,
    /// Percent of the documented rates that the monitor may use.
    pub rate_share: u32,
    /// Minutes of CloudWatch data to look at; the schedule's interval.
    pub lookback_minutes: u32,
    /// The CloudWatch alarms that the monitor keeps.
    pub alarms: Settings,
    /// Calls to single resources that a run may make of each service; 0: none.
    pub detail_calls: u32,
    /// A quota that will be full within so many days is told; 0: forecasts are off.
    pub forecast_days: u32,
    /// Ask AWS for more where an adjustable quota is critical.
    pub auto_request_increase: bool,
    /// Have AWS open a support case for a request that hangs.
    pub auto_escalate_requests: bool,
    /// Gets one message per transition, for programs.
    pub events_topic_arn: Option<String>,
    /// Name or ARN of the bus that gets one event per transition.
    pub event_bus: Option<String>,
    pub run_metrics: RunMetrics,
    pub watches: Watches,
    pub fleet: Fleet,
}

/// How Connect's documented throttling limits are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pacing {
    /// Two buckets for the whole account and Region.
    #[default]
    Account,
    /// One bucket for each operation.
    PerOperation,
}

/// Which metrics of its own the function writes to its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RunMetrics {
    Off,
    /// Of the run as a whole, and the highest utilization of each instance.
    #[default]
    Summary,
    /// The utilization of every quota too.
    PerQuota,
}

impl FromStr for RunMetrics {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "summary" => Ok(Self::Summary),
            "per-quota" => Ok(Self::PerQuota),
            _ => Err("expected `off`, `summary` or `per-quota`".to_owned()),
        }
    }
}

impl FromStr for Pacing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "account" => Ok(Self::Account),
            "per-operation" => Ok(Self::PerOperation),
            _ => Err("expected `account` or `per-operation`".to_owned()),
        }
    }
}

/// Everything that is wrong with the environment, not just the first thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the variables through `lookup`, which returns none for an unset one. An empty value
    /// counts as unset, because CloudFormation cannot leave a variable out by condition alone.
    ///
    /// # Errors
    /// Every bad variable, by name, with its value and what was expected.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut read = Reader { lookup: &lookup, problems: Vec::new() };
        let warning = read.number("THRESHOLD_PERCENTAGE", 1, 100).unwrap_or(80);
        let critical = read.number("CRITICAL_PERCENTAGE", 1, 100);
        if let Some(critical) = critical
            && critical < warning
        {
            read.problem(
                "CRITICAL_PERCENTAGE",
                &critical.to_string(),
                &format!("expected at least THRESHOLD_PERCENTAGE, which is {warning}"),
            );
        }
        let critical = critical.unwrap_or(if warning > 95 { 100 } else { 95 });
        let config = Self {
            thresholds: Thresholds { warning: warning.into(), critical: critical.into() },
            alert_topic_arn: read.topic("ALERT_SNS_TOPIC_ARN"),
            dynamodb_table: read.switched("USE_DYNAMODB", "DYNAMODB_TABLE"),
            s3_bucket: read.switched("USE_S3_STORAGE", "S3_BUCKET"),
            reminder_hours: read.number("REMINDER_HOURS", 0, 24 * 366).unwrap_or(24),
            reminder_hours_build: read.number("REMINDER_HOURS_BUILD", 0, 24 * 366).unwrap_or(168),
            account_name: read.name("ACCOUNT_NAME"),
            all_clear_days: read.number("ALL_CLEAR_DAYS", 0, 366).unwrap_or(0),
            retention_days: read.number("HISTORY_RETENTION_DAYS", 1, 3653).unwrap_or(90),
            overrides: read.overrides("QUOTA_OVERRIDES"),
            include: read.patterns("INCLUDE_INSTANCES"),
            exclude: read.patterns("EXCLUDE_INSTANCES"),
            pacing: read.parsed("CONNECT_PACING").unwrap_or_default(),
            rate_share: read.number("CONNECT_RATE_SHARE", 1, 100).unwrap_or(100),
            lookback_minutes: read.number("LOOKBACK_MINUTES", 1, 10_080).unwrap_or(60),
            alarms: read.alarms(),
            detail_calls: read.number("DETAIL_CALL_BUDGET", 0, 10_000).unwrap_or(60),
            forecast_days: read.number("FORECAST_DAYS", 0, 365).unwrap_or(14),
            auto_request_increase: read.flag("AUTO_REQUEST_INCREASE"),
            auto_escalate_requests: read.flag("AUTO_ESCALATE_REQUESTS"),
            events_topic_arn: read.topic("EVENTS_SNS_TOPIC_ARN"),
            event_bus: read.bus("EVENT_BUS_NAME"),
            run_metrics: read.parsed("RUN_METRICS").unwrap_or_default(),
            watches: read.watches(),
            fleet: read.fleet(),
        };
        if let Some(arn) = config.events_topic_arn.as_ref().filter(|arn| config.alert_topic_arn.as_ref() == Some(arn)) {
            let why = "expected another topic than ALERT_SNS_TOPIC_ARN: people would get JSON, one mail per event";
            read.problem("EVENTS_SNS_TOPIC_ARN", arn, why);
        }
        if read.problems.is_empty() { Ok(config) } else { Err(ConfigError(read.problems)) }
    }
}

impl Default for Config {
    /// What an empty environment gives.
    fn default() -> Self {
        Self {
            thresholds: Thresholds { warning: 80.0, critical: 95.0 },
            alert_topic_arn: None,
            dynamodb_table: None,
            s3_bucket: None,
            reminder_hours: 24,
            reminder_hours_build: 168,
            account_name: None,
            all_clear_days: 0,
            retention_days: 90,
            overrides: Overrides::default(),
            include: Vec::new(),
            exclude: Vec::new(),
            pacing: Pacing::Account,
            rate_share: 100,
            lookback_minutes: 60,
            alarms: Settings::default(),
            detail_calls: 60,
            forecast_days: 14,
            auto_request_increase: false,
            auto_escalate_requests: false,
            events_topic_arn: None,
            event_bus: None,
            run_metrics: RunMetrics::Summary,
            watches: Watches::default(),
            fleet: Fleet::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn config(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let vars: HashMap<&str, &str> = vars.iter().copied().collect();
        Config::from_lookup(|name| vars.get(name).map(|v| (*v).to_owned()))
    }

    #[test]
    fn an_empty_environment_gives_the_documented_defaults() {
        let defaults = config(VARS).unwrap();
        let empty = config(&[]).unwrap();
        assert_eq!(format!("{defaults:?}"), format!("{empty:?}"));
        assert_eq!(format!("{empty:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn a_threshold_above_95_raises_an_unset_critical_to_100() {
        assert!((config(&[("THRESHOLD_PERCENTAGE", "97")]).unwrap().thresholds.critical - 100.0).abs() < f64::EPSILON);
    }

    #[test]
    fn every_bad_variable_is_named_at_once() {
        let ConfigError(problems) = config(&[
            ("THRESHOLD_PERCENTAGE", "0"),
            ("CRITICAL_PERCENTAGE", "60"),
            ("ALERT_SNS_TOPIC_ARN", "my-topic"),
            ("USE_DYNAMODB", "true"),
            ("USE_S3_STORAGE", "maybe"),
            ("REMINDER_HOURS", "-1"),
            ("REMINDER_HOURS_BUILD", "8785"),
            ("ACCOUNT_NAME", "Acme\nprod"),
            ("ALL_CLEAR_DAYS", "367"),
            ("HISTORY_RETENTION_DAYS", "0"),
            ("QUOTA_OVERRIDES", "{"),
            ("CONNECT_PACING", "fast"),
            ("CONNECT_RATE_SHARE", "101"),
            ("LOOKBACK_MINUTES", "1.5"),
            ("FORECAST_DAYS", "366"),
            ("AUTO_REQUEST_INCREASE", "perhaps"),
            ("AUTO_ESCALATE_REQUESTS", "perhaps"),
            ("EVENTS_SNS_TOPIC_ARN", "events"),
            ("EVENT_BUS_NAME", "my bus"),
            ("RUN_METRICS", "all"),
            ("MANAGE_API_ALARMS", "perhaps"),
            ("API_ALARM_PREFIX", "a/*"),
            ("API_ALARM_THRESHOLD", "0"),
            ("API_ALARM_PERIOD", "120"),
            ("API_ALARM_DATAPOINTS", "4 of 3"),
            ("API_ALARM_LIMIT", "many"),
            ("API_ALARM_FORM", "blog"),
            ("API_ALARM_MISSING_DATA", "breaching"),
            ("WATCH_THROTTLED", "0"),
            ("WATCH_TOKEN_FAILURES", "-5"),
            ("WATCH_COOL_DOWN_MINUTES", "1"),
            ("WATCH_LOOKUP", "perhaps"),
            ("GENESYS_RATE_LIMIT_TOPICS", "a;b"),
            ("GENESYS_TOKEN_TOPICS", ","),
        ])
        .unwrap_err();
        for name in [
            "THRESHOLD_PERCENTAGE=`0`",
            "CRITICAL_PERCENTAGE=`60`",
            "ALERT_SNS_TOPIC_ARN=`my-topic`",
            "DYNAMODB_TABLE",
            "USE_S3_STORAGE=`maybe`",
            "REMINDER_HOURS=`-1`",
            "REMINDER_HOURS_BUILD=`8785`",
            "ACCOUNT_NAME=`Acme\nprod`",
            "ALL_CLEAR_DAYS=`367`",
            "HISTORY_RETENTION_DAYS=`0`",
            "QUOTA_OVERRIDES",
            "CONNECT_PACING=`fast`",
            "CONNECT_RATE_SHARE=`101`",
            "LOOKBACK_MINUTES=`1.5`",
            "FORECAST_DAYS=`366`",
            "AUTO_REQUEST_INCREASE=`perhaps`",
            "AUTO_ESCALATE_REQUESTS=`perhaps`",
            "EVENTS_SNS_TOPIC_ARN=`events`",
            "EVENT_BUS_NAME=`my bus`",
            "RUN_METRICS=`all`",
            "MANAGE_API_ALARMS=`perhaps`",
            "API_ALARM_PREFIX=`a/*`",
            "API_ALARM_THRESHOLD=`0`",
            "API_ALARM_PERIOD=`120`",
            "API_ALARM_DATAPOINTS=`4 of 3`",
            "API_ALARM_LIMIT=`many`",
            "API_ALARM_FORM=`blog`",
            "API_ALARM_MISSING_DATA=`breaching`",
            "WATCH_THROTTLED=`0`",
            "WATCH_TOKEN_FAILURES=`-5`",
            "WATCH_COOL_DOWN_MINUTES=`1`",
            "WATCH_LOOKUP=`perhaps`",
            "GENESYS_RATE_LIMIT_TOPICS=`a;b`",
            "GENESYS_TOKEN_TOPICS=`,`",
        ] {
            assert!(problems.iter().any(|p| p.starts_with(name)), "{name} is missing in {problems:#?}");
        }
    }

    #[test]
    fn a_fifo_topic_is_refused() {
        let ConfigError(problems) =
            config(&[("ALERT_SNS_TOPIC_ARN", "arn:aws:sns:us-east-1:111122223333:alerts.fifo")]).unwrap_err();
        assert!(problems[0].contains("standard topic"), "{problems:?}");
    }

    #[test]
    fn buses_are_names_or_arns_and_the_two_topics_differ() {
        let arn = "arn:aws-cn:events:cn-north-1:111122223333:event-bus/ops";
        for good in ["default", "ops.main_1", arn] {
            assert_eq!(config(&[("EVENT_BUS_NAME", good)]).unwrap().event_bus.as_deref(), Some(good));
        }
        for bad in ["arn:aws:sns:us-east-1:111122223333:x", "arn:aws:events:us-east-1:111122223333:rule/x", "a/b"] {
            assert!(config(&[("EVENT_BUS_NAME", bad)]).is_err(), "{bad}");
        }
        let topic = "arn:aws:sns:us-east-1:111122223333:t";
        let ConfigError(problems) =
            config(&[("ALERT_SNS_TOPIC_ARN", topic), ("EVENTS_SNS_TOPIC_ARN", topic)]).unwrap_err();
        assert!(problems[0].contains("another topic"), "{problems:?}");
    }

    #[test]
    fn topics_of_other_partitions_are_valid() {
        let topic = "arn:aws-us-gov:sns:us-gov-west-1:111122223333:alerts";
        assert_eq!(config(&[("ALERT_SNS_TOPIC_ARN", topic)]).unwrap().alert_topic_arn.as_deref(), Some(topic));
    }
}
