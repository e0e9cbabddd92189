//! The monitor's own metrics as log lines in CloudWatch's embedded metric format: CloudWatch Logs makes
//! metrics of them, and no call is made. Pure.
//!
//! Every series costs money, so there are few: seven of the function, and one for each instance. A quota
//! that could not be seen gives no value; it is counted in `Unknown`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::answer::{Completeness, Report, SubjectReport};
use crate::domain::Metric;
use crate::domain::snapshot::ACCOUNT_KEY;
use crate::fleet::report::FleetReport;

const NAMESPACE: &str = "ConnectQuotaMonitor";
/// The format's limit for one record.
const MOST_METRICS: usize = 100;

/// A value under its name, with CloudWatch's unit.
type Point = (String, &'static str, Value);

/// The records of a run, each one line of JSON. Rows of the report, where it has any, are written too:
/// the utilization of each quota.
#[must_use]
pub fn lines(report: &Report, function: &str) -> Vec<String> {
    // A series costs money, and an account without instances has nothing to say.
    if report.account.status == Completeness::Skipped {
        return Vec::new();
    }
    let timestamp = report.started_at.parse::<Timestamp>().map_or(0, Timestamp::as_millisecond);
    let record = |dimension: &'static str, value: &str, properties: &[(&str, Value)], points: &[Point]| {
        let mut members: Map<String, Value> = properties.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        members.insert("ExecutionId".to_owned(), json!(report.execution_id));
        members.insert(dimension.to_owned(), json!(value));
        members.extend(points.iter().map(|(name, _, value)| (name.clone(), value.clone())));
        let metrics: Vec<Value> = points.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
        let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [[dimension]], "Metrics": metrics });
        members.insert("_aws".to_owned(), json!({ "Timestamp": timestamp, "CloudWatchMetrics": [directive] }));
        Value::Object(members).to_string()
    };
    let place = [("AccountId", json!(report.account_id)), ("Region", json!(report.region))];
    let mut lines = vec![record("FunctionName", function, &place, &of_run(report))];
    let instances = report.instances.iter().map(|i| (i.instance_id.as_str(), i.instance_alias.as_deref(), &i.seen));
    for (id, alias, seen) in instances.chain([(ACCOUNT_KEY, None, &report.account)]) {
        let mut points = of_quotas(seen.metrics.iter().flatten());
        // The account's own highest value is in the run's series already where it is the highest of all.
        if id != ACCOUNT_KEY {
            points.splice(0..0, percent("MaxUtilization".to_owned(), seen.max_utilization));
        }
        for some in points.chunks(MOST_METRICS) {
            lines.push(record("InstanceId", id, &[("InstanceAlias", json!(alias))], some));
        }
    }
    lines
}

/// The one record of a fleet's digest: six series of the whole, whatever the number of its cells.
#[must_use]
pub fn of_fleet(report: &FleetReport, function: &str) -> String {
    let mut points: Vec<Point> = [
        ("FleetCellsExpected", report.cells.expected),
        ("FleetCellsSeen", report.cells.seen),
        ("FleetCellsUnseen", report.cells.unseen),
        ("FleetInstances", report.instances),
        ("FleetViolations", report.violations),
    ]
    .into_iter()
    .map(|(name, n)| (name.to_owned(), "Count", json!(n)))
    .collect();
    points.extend(percent("FleetMaxUtilization".to_owned(), report.max_utilization));
    let timestamp = report.started_at.parse::<Timestamp>().map_or(0, Timestamp::as_millisecond);
    let metrics: Vec<Value> = points.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": metrics });
    let mut members: Map<String, Value> = points.into_iter().map(|(name, _, value)| (name, value)).collect();
    members.insert("ExecutionId".to_owned(), json!(report.execution_id));
    members.insert("FunctionName".to_owned(), json!(function));
    members.insert("_aws".to_owned(), json!({ "Timestamp": timestamp, "CloudWatchMetrics": [directive] }));
    Value::Object(members).to_string()
}

fn of_run(report: &Report) -> Vec<Point> {
    let measured: Vec<&SubjectReport> =
        report.instances.iter().map(|i| &i.seen).filter(|s| s.status != Completeness::Skipped).collect();
    let all = || measured.iter().copied().chain([&report.account]);
    let sum = |count: fn(&SubjectReport) -> usize| json!(all().map(count).sum::<usize>());
    let count = |name: &str, value: Value| (name.to_owned(), "Count", value);
    let highest = all().filter_map(|s| s.max_utilization).reduce(f64::max);
    let mut points = vec![
        count("Instances", json!(measured.len())),
        count("QuotasMeasured", sum(|s| s.metrics_count - s.unknown_count - s.not_measurable_count)),
        count("Unknown", sum(|s| s.unknown_count)),
        count("Violations", json!(report.violations)),
        ("RunDuration".to_owned(), "Milliseconds", json!(report.duration_ms)),
        count("ConnectCalls", json!(report.connect_api.requests)),
    ];
    points.extend(percent("MaxUtilization".to_owned(), highest));
    let has_rows = all().any(|seen| seen.metrics.is_some());
    points.extend(has_rows.then(|| ("PacedWait".to_owned(), "Milliseconds", json!(report.connect_api.paced_wait_ms))));
    // Written only when it is so: no series, and no cost, where all is well.
    let throttled = report.connect_api.throttled;
    points.extend((throttled > 0).then(|| count("ConnectThrottles", json!(throttled))));
    points.extend(report.alerts.lacks_subscribers.then(|| count("NoSubscribers", json!(1))));
    points
}

/// One series for each quota, named so that both a person and a search find it.
fn of_quotas<'a>(metrics: impl Iterator<Item = &'a Metric>) -> Vec<Point> {
    metrics.filter_map(|m| percent(format!("{} ({})", m.quota_name, m.quota_code), m.utilization)).collect()
}

fn percent(name: String, value: Option<f64>) -> Option<Point> {
    value.filter(|v| v.is_finite()).map(|v| (name, "Percent", json!(v)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Alerts, InstanceReport};
    use crate::domain::Status;
    use crate::domain::snapshot::Snapshots;
    use crate::domain::stats::CallStats;
    use crate::fleet::found::Discovery;
    use crate::fleet::report::Counts;

    fn row(code: &str, utilization: Option<f64>) -> Metric {
        Metric {
            quota_code: code.to_owned(),
            utilization,
            status: if utilization.is_some() { Status::Ok } else { Status::Unknown },
            ..Metric::sample()
        }
    }

    fn seen(status: Completeness, max_utilization: Option<f64>, metrics: Option<Vec<Metric>>) -> SubjectReport {
        let (metrics_count, unknown_count, not_measurable_count) =
            if status == Completeness::Skipped { (0, 0, 0) } else { (62, 2, 22) };
        SubjectReport {
            status,
            reason: None,
            metrics_count,
            violations_count: 0,
            unknown_count,
            not_measurable_count,
            max_utilization,
            metrics,
            ..SubjectReport::nothing()
        }
    }

    fn report(rows: Option<Vec<Metric>>) -> Report {
        let instance = |id: &str, seen| InstanceReport {
            instance_id: id.to_owned(),
            instance_alias: Some(format!("alias-{id}")),
            seen,
        };
        Report {
            schema_version: 1,
            execution_id: "e".to_owned(),
            version: "0",
            account_id: "111122223333".to_owned(),
            account_name: None,
            region: "us-east-1".to_owned(),
            started_at: "2026-03-02T12:00:00Z".to_owned(),
            duration_ms: 37_000,
            dry_run: false,
            complete: false,
            note: None,
            account: seen(Completeness::Complete, Some(95.0), None),
            instances: vec![
                instance("a", seen(Completeness::Partial, Some(147.0), rows)),
                instance("b", seen(Completeness::Failed, None, None)),
                instance("c", seen(Completeness::Skipped, None, None)),
            ],
            services: Vec::new(),
            api_alarms: None,
            violations: 3,
            alerts: Alerts::default(),
            events: None,
            snapshots: Snapshots::default(),
            connect_api: CallStats { requests: 79, throttled: 1, paced_wait_ms: 4 }.into(),
            plan: None,
            metrics_note: None,
            changed: None,
            throttled: Vec::new(),
            faults_left_out: 0,
            faults: Vec::new(),
        }
    }

    /// The rules of the format: what is declared is there, and not too much of it.
    fn checked(line: &str) -> Value {
        let record: Value = serde_json::from_str(line).unwrap();
        assert!(!line.contains('\n') && line.len() < 1_000_000);
        assert!(record["_aws"]["Timestamp"].as_i64().unwrap() > 1_000_000_000_000);
        for directive in record["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            assert_eq!(directive["Namespace"], NAMESPACE);
            let metrics = directive["Metrics"].as_array().unwrap();
            assert!((1..=100).contains(&metrics.len()));
            for metric in metrics {
                assert!(record[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
                assert!(["Count", "Percent", "Milliseconds"].contains(&metric["Unit"].as_str().unwrap()));
            }
            for name in directive["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap()) {
                assert!(record[name.as_str().unwrap()].as_str().is_some_and(|v| !v.is_empty() && v.is_ascii()));
            }
        }
        record
    }

    #[test]
    fn a_run_has_seven_series_its_throttles_and_one_for_each_instance_that_was_seen() {
        let lines = lines(&report(None), "monitor");
        let records: Vec<Value> = lines.iter().map(|l| checked(l)).collect();
        assert_eq!(records.len(), 2, "{lines:#?}");
        let run = &records[0];
        assert_eq!(run["_aws"]["Timestamp"], 1_772_452_800_000_i64);
        assert_eq!(run["FunctionName"], "monitor");
        for (name, value) in [
            ("Instances", 2.0),
            ("QuotasMeasured", 38.0 * 3.0),
            ("Unknown", 6.0),
            ("Violations", 3.0),
            ("MaxUtilization", 147.0),
            ("RunDuration", 37_000.0),
            ("ConnectCalls", 79.0),
            ("ConnectThrottles", 1.0),
        ] {
            assert_eq!(run[name].as_f64(), Some(value), "{name}");
        }
        let series = |run: &Value| run["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().len();
        assert_eq!(series(run), 8);
        let mut calm = report(None);
        calm.connect_api = CallStats { requests: 79, throttled: 0, paced_wait_ms: 4 }.into();
        let calm = checked(&super::lines(&calm, "monitor")[0]);
        assert_eq!((series(&calm), calm.get("ConnectThrottles"), calm.get("PacedWait")), (7, None, None));
        assert_eq!(
            (records[1]["InstanceId"].as_str(), records[1]["MaxUtilization"].as_f64()),
            (Some("a"), Some(147.0))
        );
    }

    #[test]
    fn a_fleet_has_six_series_of_the_whole() {
        let now = "2026-03-02T12:20:00Z".parse().unwrap();
        let mut fleet = FleetReport::new("e", now, Discovery::none());
        fleet.cells = Counts { expected: 9, seen: 6, running: 1, unseen: 2, ..Counts::default() };
        (fleet.instances, fleet.violations, fleet.max_utilization) = (40, 3, Some(147.0));
        let record = checked(&of_fleet(&fleet, "hub"));
        let directive = &record["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(record["_aws"]["Timestamp"], 1_772_454_000_000_i64);
        assert_eq!((&directive["Dimensions"], &record["FunctionName"]), (&json!([["FunctionName"]]), &json!("hub")));
        let series: Vec<(&str, &str, f64)> = directive["Metrics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|metric| (metric["Name"].as_str().unwrap(), metric["Unit"].as_str().unwrap()))
            .map(|(name, unit)| (name, unit, record[name].as_f64().unwrap()))
            .collect();
        assert_eq!(
            series,
            [
                ("FleetCellsExpected", "Count", 9.0),
                ("FleetCellsSeen", "Count", 6.0),
                ("FleetCellsUnseen", "Count", 2.0),
                ("FleetInstances", "Count", 40.0),
                ("FleetViolations", "Count", 3.0),
                ("FleetMaxUtilization", "Percent", 147.0),
            ]
        );
        // What is not known has no value.
        fleet.max_utilization = None;
        let record = checked(&of_fleet(&fleet, "hub"));
        assert_eq!(record["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().len(), 5);
    }

    #[test]
    fn many_quotas_are_split_and_an_unknown_one_has_no_value() {
        let mut rows: Vec<Metric> = (0..250).map(|n| row(&format!("L-{n:08X}"), Some(1.5))).collect();
        rows.push(row("L-FFFFFFFF", None));
        let lines = lines(&report(Some(rows)), "monitor");
        assert_eq!(checked(&lines[0])["PacedWait"], 4);
        let records: Vec<Value> = lines[1..].iter().map(|l| checked(l)).collect();
        let count = |r: &Value| r["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().len();
        assert_eq!(records.iter().map(count).collect::<Vec<_>>(), [100, 100, 51], "with the instance's own series");
        assert_eq!(records[2]["Quota (L-000000F9)"], 1.5);
        assert!(!lines.concat().contains("L-FFFFFFFF"));
    }
}
