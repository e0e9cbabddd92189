//! What wakes the monitor: a schedule's event, or a person's manual payload. Pure.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::target::Target;

/// What this run is asked to do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// Measure and answer; write nothing, send nothing.
    pub dry_run: bool,
    /// Only these instances; empty: all.
    pub instance_ids: Vec<String>,
    /// Replaces `THRESHOLD_PERCENTAGE` in this run.
    pub threshold_percentage: Option<f64>,
    /// Send one clearly marked test message and stop.
    pub test_alert: bool,
    /// Delete every CloudWatch alarm that the monitor keeps, and stop.
    pub remove_api_alarms: bool,
    /// Another account and Region to look at.
    pub target: Option<Target>,
    /// A task of a fleet's hub, and nothing else.
    pub fleet: Option<Task>,
}

/// What a fleet's hub does beside measuring its cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Look for the accounts and Regions, where the last look is older than so many hours.
    Discover { if_older_than_hours: Option<u32> },
    /// Sum up what the cells left. Runs that began before `since` do not count.
    Digest { since: Option<Timestamp> },
}

/// A payload that cannot be meant seriously, with every problem named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadError(pub String);

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PayloadError {}

const FIELDS: &str = "dry_run, instance_ids, threshold_percentage, test_alert, remove_api_alarms, target, fleet, \
                      if_older_than_hours (with fleet), started_at (with fleet)";

impl Request {
    /// Reads an invocation's payload. Nothing (`null`), `{}` and an EventBridge event run the monitor.
    ///
    /// # Errors
    /// Names every unknown field and every wrong type.
    pub fn from_payload(payload: &Value) -> Result<Self, PayloadError> {
        let fields = match payload {
            Value::Null => return Ok(Self::default()),
            Value::Object(fields) if is_scheduled_event(fields) => return Ok(Self::default()),
            Value::Object(fields) => fields,
            other => {
                return Err(PayloadError(format!(
                    "the payload is {}, expected a JSON object with some of {FIELDS}",
                    kind(other)
                )));
            }
        };
        let mut request = Self::default();
        let mut problems = Vec::new();
        let mut of_fleet = OfFleet::default();
        for (name, value) in fields {
            let wrong = |expected: &str| format!("`{name}` is {}, expected {expected}", kind(value));
            match name.as_str() {
                "dry_run" => match value.as_bool() {
                    Some(flag) => request.dry_run = flag,
                    None => problems.push(wrong("true or false")),
                },
                "test_alert" => match value.as_bool() {
                    Some(flag) => request.test_alert = flag,
                    None => problems.push(wrong("true or false")),
                },
                "remove_api_alarms" => match value.as_bool() {
                    Some(flag) => request.remove_api_alarms = flag,
                    None => problems.push(wrong("true or false")),
                },
                "threshold_percentage" => match value.as_f64() {
                    Some(percent) if (1.0..=100.0).contains(&percent) => {
                        request.threshold_percentage = Some(percent);
                    }
                    Some(percent) => {
                        problems.push(format!("`{name}` is {percent}, expected a number from 1 to 100"));
                    }
                    None => problems.push(wrong("a number from 1 to 100")),
                },
                "instance_ids" => match ids(value) {
                    Some(ids) if !ids.is_empty() => request.instance_ids = ids,
                    _ => problems.push(wrong("a list of one or more instance ids")),
                },
                "target" => match Target::from_payload(value) {
                    Ok(target) => request.target = Some(target),
                    Err(wrong) => problems.extend(wrong),
                },
                "fleet" | "if_older_than_hours" | "started_at" => {
                    problems.extend(of_fleet.read(name, value).err().map(wrong));
                }
                _ => problems.push(format!("unknown field `{name}`, known ones are {FIELDS}")),
            }
        }
        if request.dry_run && request.test_alert {
            problems.push("`test_alert` sends a message and `dry_run` sends none: give one of them".to_owned());
        }
        if request.remove_api_alarms && request.test_alert {
            problems
                .push("`remove_api_alarms` and `test_alert` each do one thing and stop: give one of them".to_owned());
        }
        problems.extend(of_fleet.problems(&request));
        request.fleet = of_fleet.task();
        if problems.is_empty() { Ok(request) } else { Err(PayloadError(problems.join("; "))) }
    }
}

/// The fields of a fleet's tasks.
#[derive(Debug, Default)]
struct OfFleet {
    name: Option<&'static str>,
    hours: Option<u32>,
    since: Option<Timestamp>,
}

impl OfFleet {
    /// Reads one field, or says what was expected.
    fn read(&mut self, name: &str, value: &Value) -> Result<(), &'static str> {
        match name {
            "fleet" => {
                let known = ["discover", "digest"].into_iter().find(|task| value == task);
                self.name = Some(known.ok_or("\"discover\" or \"digest\"")?);
            }
            "started_at" => {
                let time = value.as_str().and_then(|text| text.parse().ok());
                self.since = Some(time.ok_or("a time such as 2026-03-02T12:00:00Z")?);
            }
            _ => {
                let hours = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= 24 * 366);
                self.hours = Some(hours.ok_or("a whole number of hours")?);
            }
        }
        Ok(())
    }

    /// What does not go together.
    fn problems(&self, request: &Request) -> Vec<String> {
        let mut problems = Vec::new();
        if self.hours.is_some() && self.name != Some("discover") {
            problems.push("`if_older_than_hours` goes with `fleet` \"discover\" only".to_owned());
        }
        if self.since.is_some() && self.name != Some("digest") {
            problems.push("`started_at` goes with `fleet` \"digest\" only".to_owned());
        }
        let asks_for_a_run = !request.instance_ids.is_empty() || request.threshold_percentage.is_some();
        let one_thing = request.test_alert || request.remove_api_alarms;
        if self.name.is_some() && (asks_for_a_run || one_thing || request.target.is_some()) {
            problems.push("`fleet` is a task of its own: nothing but `dry_run` goes with it".to_owned());
        }
        if request.target.is_some() && one_thing {
            problems
                .push("`target` is for a run: neither `test_alert` nor `remove_api_alarms` goes with it".to_owned());
        }
        problems
    }

    fn task(&self) -> Option<Task> {
        match self.name? {
            "discover" => Some(Task::Discover { if_older_than_hours: self.hours }),
            _ => Some(Task::Digest { since: self.since }),
        }
    }
}

/// EventBridge rules and Scheduler's default input both carry `source` and `detail-type`.
fn is_scheduled_event(fields: &Map<String, Value>) -> bool {
    fields.contains_key("detail-type") && fields.contains_key("source")
}

fn ids(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|id| id.as_str().filter(|s| !s.is_empty()).map(str::to_owned)).collect()
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => format!("{flag}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_schedule_and_nothing_run_the_monitor() {
        let scheduled = json!({"version": "0", "id": "x", "detail-type": "Scheduled Event", "source": "aws.events",
            "account": "111122223333", "time": "2026-01-01T00:00:00Z", "region": "us-east-1", "resources": [], "detail": {}});
        for payload in [Value::Null, json!({}), scheduled] {
            assert_eq!(Request::from_payload(&payload), Ok(Request::default()));
        }
    }

    #[test]
    fn a_manual_payload_is_read_whole() {
        let request = Request::from_payload(&json!({
            "dry_run": true, "instance_ids": ["a"], "threshold_percentage": 70.5, "test_alert": false,
            "remove_api_alarms": true
        }))
        .unwrap();
        assert_eq!(request.threshold_percentage, Some(70.5));
        assert!(request.remove_api_alarms);
        assert_eq!((request.dry_run, request.instance_ids, request.test_alert), (true, vec!["a".to_owned()], false));
    }

    #[test]
    fn every_problem_is_named() {
        let PayloadError(message) = Request::from_payload(&json!({
            "dryrun": true, "dry_run": "yes", "instance_ids": [3], "threshold_percentage": 0, "test_alert": null
        }))
        .unwrap_err();
        for name in ["`dryrun`", "`dry_run`", "`instance_ids`", "`threshold_percentage`", "`test_alert`"] {
            assert!(message.contains(name), "{name} is missing in: {message}");
        }
        for other in ["dry_run", "remove_api_alarms"] {
            let both = Request::from_payload(&json!({ other: true, "test_alert": true }));
            assert!(both.unwrap_err().0.contains("give one of them"));
        }
        assert!(Request::from_payload(&json!([1])).unwrap_err().0.contains("a list"));
    }

    #[test]
    fn a_target_and_the_tasks_of_a_fleet_are_read_and_do_not_mix() {
        let read = |payload: Value| Request::from_payload(&payload);
        let target = json!({"account_id": "111122223333", "region": "eu-west-2"});
        let request = read(json!({ "target": target, "dry_run": true })).unwrap();
        assert_eq!(request.target, Some(Target::new("111122223333", "eu-west-2")));
        let discover = read(json!({ "fleet": "discover", "if_older_than_hours": 24 })).unwrap().fleet;
        assert_eq!(discover, Some(Task::Discover { if_older_than_hours: Some(24) }));
        let digest = read(json!({ "fleet": "digest", "started_at": "2026-03-02T12:00:00.123Z" })).unwrap().fleet;
        assert!(matches!(digest, Some(Task::Digest { since: Some(_) })));
        assert_eq!(read(json!({ "fleet": "digest" })).unwrap().fleet, Some(Task::Digest { since: None }));
        for (payload, expected) in [
            (json!({ "fleet": "digset" }), "`fleet` is a string, expected \"discover\" or \"digest\""),
            (json!({ "fleet": 1 }), "`fleet` is the number 1"),
            (json!({ "fleet": "digest", "started_at": "noon" }), "`started_at` is a string, expected a time"),
            (json!({ "fleet": "digest", "if_older_than_hours": 1 }), "`if_older_than_hours` goes with"),
            (json!({ "fleet": "discover", "target": target }), "`fleet` is a task of its own"),
            (json!({ "fleet": "discover", "instance_ids": ["a"] }), "`fleet` is a task of its own"),
            (json!({ "target": target, "test_alert": true }), "`target` is for a run"),
            (json!({ "target": { "account_id": "1", "region": "r" } }), "`target.region` is \"r\""),
        ] {
            let PayloadError(message) = read(payload.clone()).unwrap_err();
            assert!(message.contains(expected), "{payload}: {message}");
        }
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            let name = prop_oneof!["dry_run|instance_ids|threshold_percentage|test_alert|remove_api_alarms", ".{0,6}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(name, inner, 0..4).prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_is_read_or_refused_with_a_reason(payload in json_value()) {
            match Request::from_payload(&payload) {
                Ok(request) => prop_assert!(request.threshold_percentage.is_none_or(|p| (1.0..=100.0).contains(&p))),
                Err(PayloadError(message)) => prop_assert!(!message.is_empty()),
            }
        }
    }
}
