//! Documents that the tests of the outlets render.

use super::stored::{EXPECTED, StoredReport};
use super::{Alerts, Completeness, InstanceReport, Report, SubjectReport};
use crate::domain::snapshot::Snapshots;
use crate::domain::stats::CallStats;
use crate::domain::{Metric, Status};
use serde_json::{Value, json};

/// A report of one instance with these rows, as a document.
pub(super) fn document(rows: &Value) -> Value {
    let seen = |rows: &Value| {
        json!({
            "status": "complete", "metrics_count": rows.as_array().map_or(0, Vec::len), "violations_count": 1,
            "unknown_count": 0, "not_measurable_count": 0, "max_utilization": 147.0, "metrics": rows,
        })
    };
    let mut instance = seen(rows);
    instance["instance_id"] = json!("11111111-2222-3333-4444-555555555555");
    instance["instance_alias"] = json!("sales");
    json!({
        "schema_version": 1, "execution_id": "run-1", "version": "0.1.0", "account_id": "111122223333",
        "region": "us-east-1", "started_at": "2026-03-02T12:00:00Z", "duration_ms": 1500, "dry_run": false,
        "complete": true, "account": seen(&json!([])), "instances": [instance], "services": [],
        "violations": 1, "alerts": {"sent": 0, "suppressed": 0, "failed": 0}, "faults": [],
        "snapshots": {"dynamodb": 0, "s3": 0, "failed": 0},
        "connect_api": {"requests": 40, "throttled": 0, "paced_wait_ms": 0},
    })
}

pub(super) fn row(name: &str, usage: f64, limit: f64, status: &str) -> Value {
    json!({
        "quota_code": "L-8787723E", "quota_name": name, "service_code": "connect", "category": "flows",
        "scope": "instance", "impact": "build", "usage": usage, "limit": limit, "limit_source": "account",
        "utilization": usage * 100.0 / limit, "status": status, "source": "connect:ListContactFlows",
    })
}

pub(super) fn report(rows: &Value) -> StoredReport {
    StoredReport::parse(document(rows).to_string()).unwrap()
}

/// A report of one instance with a row and four without: late, failed, left out, and skipped by a filter; two faults of
/// five.
pub(super) fn without_rows() -> StoredReport {
    let mut document = document(&json!([row("Prompts", 1.0, 2.0, "ok")]));
    let instance = |alias: &str, status: &str, reason: Value, count: u64| {
        json!({"instance_id": alias, "instance_alias": alias, "status": status, "reason": reason, "metrics_count": count,
               "violations_count": count, "unknown_count": 0, "not_measurable_count": 0})
    };
    let all = document["instances"].as_array_mut().unwrap();
    all.push(instance("late", "skipped", json!("the run's time was over: x"), 0));
    all.push(instance("failed", "failed", Value::Null, 0));
    all.push(instance("large", "complete", Value::Null, 30));
    all.push(instance("chosen out", "skipped", json!("in EXCLUDE_INSTANCES"), 0));
    document["metrics_note"] = json!("the rows of 1 snapshots are left out");
    document["faults"] = json!([{"operation": "connect:ListQueues", "kind": "timeout", "message": "m"}]);
    document["faults_left_out"] = json!(4);
    StoredReport::parse(document.to_string()).unwrap()
}

/// The same report as the run that made it has it.
pub(super) fn measured(rows: &Value) -> Report {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let metric = |row: &Value| Metric {
        quota_code: text(row, "quota_code"),
        quota_name: text(row, "quota_name"),
        usage: row["usage"].as_f64(),
        limit: row["limit"].as_f64(),
        utilization: row["utilization"].as_f64(),
        status: serde_json::from_value::<Status>(row["status"].clone()).unwrap(),
        ..Metric::sample()
    };
    let seen = |metrics| SubjectReport {
        status: Completeness::Complete,
        metrics: Some(metrics),
        ..SubjectReport::skipped(String::new())
    };
    Report {
        schema_version: 1,
        execution_id: "run-2".to_owned(),
        version: "0.1.0",
        account_id: "111122223333".to_owned(),
        account_name: None,
        region: "us-east-1".to_owned(),
        started_at: "2026-03-02T13:00:00Z".to_owned(),
        duration_ms: 1,
        dry_run: false,
        complete: true,
        note: None,
        account: seen(Vec::new()),
        instances: vec![InstanceReport {
            instance_id: "11111111-2222-3333-4444-555555555555".to_owned(),
            instance_alias: Some("sales".to_owned()),
            seen: seen(rows.as_array().unwrap().iter().map(metric).collect()),
        }],
        services: Vec::new(),
        violations: 0,
        alerts: Alerts::default(),
        events: None,
        snapshots: Snapshots::default(),
        connect_api: CallStats::default().into(),
        api_alarms: None,
        plan: None,
        metrics_note: None,
        changed: None,
        throttled: Vec::new(),
        faults: Vec::new(),
        faults_left_out: 0,
    }
}

#[test]
fn a_document_is_read_with_its_rows() {
    let report = report(&json!([row("Contact flows", 147.0, 100.0, "critical")]));
    let placed = report.rows().next().unwrap();
    assert_eq!((placed.name(), placed.row.headroom()), ("sales", Some(-47.0)));
    assert_eq!(report.exit_code(), 1);
}

#[test]
fn what_is_no_report_says_what_was_expected() {
    let whole = document(&json!([row("a", 1.0, 2.0, "ok")]));
    let with = |key: &str, value: Value| {
        let mut document = whole.clone();
        document[key] = value;
        StoredReport::parse(document.to_string()).unwrap_err()
    };
    let half = whole.to_string();
    let half = StoredReport::parse(half[..half.len() / 2].to_owned()).unwrap_err();
    assert!(half.contains("ends in the middle") && half.contains(EXPECTED), "{half}");
    let future = with("schema_version", json!(2));
    assert!(future.contains("its schema_version is 2") && future.contains("reads 1"), "{future}");
    assert!(with("schema_version", Value::Null).contains("no `schema_version`"));
    assert!(with("instances", json!(7)).contains("it is no report"));
    for (text, why) in [("", "empty"), ("<html>", "no JSON"), ("[]", "no report"), ("{}", "no `schema_version`")] {
        let error = StoredReport::parse(text.to_owned()).unwrap_err();
        assert!(error.contains(why) && error.contains(EXPECTED), "{text:?}: {error}");
    }
    let mut summary = whole.clone();
    for seen in ["/account", "/instances/0"] {
        summary.pointer_mut(seen).unwrap().as_object_mut().unwrap().remove("metrics");
    }
    let error = StoredReport::parse(summary.to_string()).unwrap_err();
    assert!(error.contains("no rows"), "{error}");
    for (kind, remedy) in [("cells", "check --region"), ("fleet", "`fleet --from FILE`"), ("x", "no report")] {
        let document = json!({"schema_version": 1, "kind": kind}).to_string();
        let compared = super::diff::Seen::read(document.as_bytes()).unwrap_err();
        for error in [StoredReport::parse(document).unwrap_err(), compared] {
            assert!(error.contains(&format!("`{kind}`")) && error.contains(remedy), "{error}");
        }
    }
}
