//! The messages as their readers get them.

mod facts;
mod limits;
mod short;

use crate::catalogue;
use crate::domain::format::day_of;
use crate::domain::snapshot::Snapshot;
use crate::domain::{Metric, Status, Thresholds};
use crate::ledger::History;
use insta::assert_snapshot;
use jiff::SignedDuration;
use serde_json::Value;

use super::*;
use crate::domain::snapshot::Subject;
use crate::domain::{FaultRecord, MuteRecord};
use crate::ledger::{Blind, Decision, Foreseen, Incident, Incidents, Missing, Reminders, Rules, decide};

const ID: &str = "12345678-1234-1234-1234-123456789012";
const ARN: &str = "arn:aws:connect:eu-central-1:123456789012:instance/12345678-1234-1234-1234-123456789012";

fn now() -> Timestamp {
    "2025-09-12T23:08:19Z".parse().unwrap()
}

pub(super) fn account(partition: &str, region: &str) -> Account {
    Account {
        id: "123456789012".to_owned(),
        region: region.to_owned(),
        partition: partition.to_owned(),
        named: Named::default(),
    }
}

fn instance(alias: Option<&str>) -> Instance {
    Instance { id: ID.to_owned(), arn: ARN.to_owned(), alias: alias.map(str::to_owned), status: "ACTIVE".to_owned() }
}

pub(super) fn context<'a>(account: &'a Account, instance: Option<&'a Instance>) -> Context<'a> {
    let thresholds = Thresholds { warning: 80.0, critical: 95.0 };
    Context { account, instance, thresholds, execution_id: "run-1", now: now(), bucket: None }
}

/// A row as the thresholds of [`context`] judge it.
pub(super) fn metric(code: &str, name: &str, usage: f64, limit: f64) -> Metric {
    let utilization = (limit > 0.0).then(|| (usage * 1000.0 / limit).round() / 10.0);
    let known = catalogue::find(code);
    let sample = Metric::sample();
    Metric {
        quota_code: code.to_owned(),
        quota_name: name.to_owned(),
        category: known.map_or(sample.category, |quota| quota.category.as_str().to_owned()),
        impact: known.map_or(sample.impact, |quota| quota.impact),
        usage: Some(usage),
        limit: Some(limit),
        limit_source: Some("default".to_owned()),
        utilization,
        status: match utilization {
            None if usage <= 0.0 => Status::Ok,
            Some(p) if p < 80.0 => Status::Ok,
            Some(p) if p < 95.0 => Status::Warning,
            _ => Status::Critical,
        },
        source: "connect:ListUsers".to_owned(),
        adjustable: Some(true),
        ..Metric::sample()
    }
}

fn unknown(code: &str, name: &str, operation: &str) -> Metric {
    let fault = FaultRecord {
        operation: operation.to_owned(),
        kind: "access_denied",
        message: format!("the role lacks {operation}: add it to the role's policy"),
        instance_id: None,
        http_status: None,
        error_code: None,
        request_id: None,
    };
    Metric {
        usage: None,
        utilization: None,
        status: Status::Unknown,
        fault: Some(fault),
        ..metric(code, name, 0.0, 100.0)
    }
}

/// What a run would say that sees `rows` now, after one that saw `before` at 14:00, and one at 22:08
/// that already could not see what cannot be seen now.
fn message(instance: Option<&Instance>, before: &[Metric], rows: Vec<Metric>) -> Message {
    let account = account("aws", "eu-central-1");
    let earlier = now() - SignedDuration::from_secs(9 * 3600 + 8 * 60 + 19);
    let blind: Vec<_> = rows.iter().filter(|m| m.status == Status::Unknown).cloned().collect();
    let seen = |m: &&Metric| blind.iter().all(|b| b.key() != m.key());
    let between: Vec<_> = blind.iter().chain(before.iter().filter(seen)).cloned().collect();
    let state = (!before.is_empty()).then(|| {
        let state = compare(None, before, earlier, 24).if_told;
        compare(Some(&state), &between, now() - SignedDuration::from_hours(1), 24).if_not
    });
    let news = news(state.as_ref(), &rows);
    let subject = instance.map_or(Subject::Account, Subject::Instance);
    let snapshot = Snapshot::new(&account, subject, "run-1", now(), rows);
    compose(&context(&account, instance), &Rows::of(&snapshot, &History::default(), &news), &news)
}

pub(super) fn compare(before: Option<&Incidents>, rows: &[Metric], now: Timestamp, reminder_hours: u32) -> Decision {
    let reminders = Reminders { live: reminder_hours, build: reminder_hours };
    decide(before, rows, Missing::IsGone, &Rules { now, schedule_minutes: 60, reminders, is_part: false })
}

fn news(state: Option<&Incidents>, rows: &[Metric]) -> News {
    compare(state, rows, now(), 0).news.expect("there is something to say")
}

/// The message's size as SNS counts it, checked, and the documents inside.
fn opened(message: &Message) -> (Value, Value) {
    let attributes: usize = message.attributes.iter().map(|(n, v)| n.len() + v.len() + "String".len()).sum();
    let size = message.body.len() + message.subject.len() + attributes;
    assert!(size <= SNS_LIMIT - MARGIN, "{size} bytes");
    let body: Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!((&body["default"], &body["email"]), (&body["email"], &Value::String(message.text.clone())));
    let sms = body["sms"].as_str().unwrap();
    assert!(sms.len() <= 140 && sms.bytes().all(|b| (b' '..=b'~').contains(&b)), "{sms}");
    let document = body["lambda"].as_str().unwrap();
    for protocol in ["http", "https", "sqs", "firehose"] {
        assert_eq!(body[protocol], document);
    }
    assert_eq!(body.as_object().unwrap().len(), 8, "a key that is no protocol is dropped by SNS");
    let document = serde_json::from_str(document).unwrap();
    (body, document)
}

fn listed(document: &Value, list: &str) -> usize {
    document[list].as_array().unwrap().len()
}

/// The contract's example and 22 healthy quotas.
fn example() -> Vec<Metric> {
    let flows = Metric {
        limit_source: Some("instance".to_owned()),
        note: Some("AWS does not say whether archived flows count: all are counted".to_owned()),
        ..metric("L-22922690", "Contact flows per instance", 147.0, 100.0)
    };
    let functions = metric("L-E3D2F503", "AWS Lambda functions per instance", 42.0, 50.0);
    let healthy = (0..22).map(|i| metric(&format!("L-{i:08}"), &format!("Healthy {i}"), 7.8, 100.0));
    [functions, flows].into_iter().chain(healthy).collect()
}

#[test]
fn the_example_of_the_contract() {
    let mut rows = example();
    rows.push(unknown("L-9A46857E", "Users per instance", "connect:ListUsers"));
    let muted = MuteRecord { reason: "migration".to_owned(), until: "2026-01-01T00:00:00Z".to_owned() };
    rows.push(Metric { muted: Some(muted), ..unknown("L-0865B754", "Prompts per instance", "connect:ListPrompts") });
    let message = message(Some(&instance(Some("MyConnectInstance"))), &example()[..1], rows);
    assert_eq!(message.subject, "Connect Quota Alert - Instance: MyConnectInstance (2 violations)");
    assert_snapshot!(message.text, @r#"
    Instance: MyConnectInstance (12345678-1234-1234-1234-123456789012)
    Threshold: 80%
    Violations Found: 2
    Not checked: 1 quota

    VIOLATIONS:
    • Contact flows per instance: 147/100 (147.0%) - VIOLATION
      critical; first seen 23:08 UTC
      It is full: nothing new can be made, and contacts go on
      limit set for this instance; AWS can raise it
      AWS does not say whether archived flows count: all are counted
    • AWS Lambda functions per instance: 42/50 (84.0%) - VIOLATION
      warning; since 14:00 UTC
      8 left. When it is full, nothing new can be made, and contacts go on
      limit: the default of AWS; AWS can raise it

    SUMMARY:
    • Total quotas monitored: 24
    • Maximum utilization: 147.0%
    • Average utilization: 16.8%

    WHAT TO DO:
    • Contact flows per instance (L-22922690): ask AWS for more
      aws service-quotas request-service-quota-increase --region eu-central-1 --service-code connect --quota-code L-22922690 --desired-value 245 --context-id arn:aws:connect:eu-central-1:123456789012:instance/12345678-1234-1234-1234-123456789012
      Console: https://eu-central-1.console.aws.amazon.com/servicequotas/home/services/connect/quotas/L-22922690
    • AWS Lambda functions per instance (L-E3D2F503): ask AWS for more
      aws service-quotas request-service-quota-increase --region eu-central-1 --service-code connect --quota-code L-E3D2F503 --desired-value 70 --context-id arn:aws:connect:eu-central-1:123456789012:instance/12345678-1234-1234-1234-123456789012
      Console: https://eu-central-1.console.aws.amazon.com/servicequotas/home/services/connect/quotas/L-E3D2F503
    • To mute Contact flows per instance, add this to QUOTA_OVERRIDES (for another quota, replace the code):
      {"L-22922690": {"instances": {"12345678-1234-1234-1234-123456789012": {"mute": {"reason": "...", "until": "2025-10-12"}}}}}

    COULD NOT BE CHECKED:
    • connect:ListUsers access_denied: the role lacks connect:ListUsers: add it to the role's policy
      Users per instance (new)

    MUTED:
    • 1 quota by QUOTA_OVERRIDES: Prompts per instance (unknown, until 2026-01-01 00:00 UTC: migration)

    Sent because a quota is newly over its threshold.
    Account 123456789012, Region eu-central-1, 2025-09-12 23:08 UTC, run run-1
    "#);
    let (body, document) = opened(&message);
    assert_snapshot!(body["sms"].as_str().unwrap(), @"Connect Quota Alert: MyConnectInstance: 2 violations, worst: Contact flows per instance 147/100 (147.0%)");
    assert_snapshot!(document["violations"][0].to_string(), @r#"{"adjustable":true,"category":"contact handling","change":"new","impact":"build","increase_command":"aws service-quotas request-service-quota-increase --region eu-central-1 --service-code connect --quota-code L-22922690 --desired-value 245 --context-id arn:aws:connect:eu-central-1:123456789012:instance/12345678-1234-1234-1234-123456789012","limit":100.0,"limit_source":"instance","links":{"quota":"https://eu-central-1.console.aws.amazon.com/servicequotas/home/services/connect/quotas/L-22922690"},"note":"AWS does not say whether archived flows count: all are counted","quota_code":"L-22922690","quota_name":"Contact flows per instance","scope":"instance","service_code":"connect","since":"2025-09-12T23:08:19Z","source":"connect:ListUsers","status":"critical","usage":147.0,"utilization":147.0}"#);
    let attributes: Vec<_> = message.attributes.iter().map(|(_, v)| v.as_str()).collect();
    assert_eq!(attributes, ["raised", "critical", "build", ID, "123456789012", "eu-central-1"]);
}

#[test]
fn recovered_only() {
    let before = metric("L-9A46857E", "Users per instance", 97.0, 100.0);
    let after = metric("L-9A46857E", "Users per instance", 40.0, 100.0);
    let message = message(Some(&instance(Some("acme"))), &[before], vec![after]);
    assert_eq!(message.subject, "Connect Quota Alert - Instance: acme (0 violations, recovered)");
    assert_snapshot!(message.text, @r"
    Instance: acme (12345678-1234-1234-1234-123456789012)
    Threshold: 80%
    Violations Found: 0

    VIOLATIONS:
    • none

    SUMMARY:
    • Total quotas monitored: 1
    • Maximum utilization: 40.0%
    • Average utilization: 40.0%

    RECOVERED:
    • Users per instance: 40/100 (40.0%), was critical since 14:00 UTC

    Sent because a quota is below its threshold again.
    Account 123456789012, Region eu-central-1, 2025-09-12 23:08 UTC, run run-1
    ");
    let (_, document) = opened(&message);
    assert_eq!(document["recovered"][0]["previous_status"], "critical");
}

#[test]
fn unseen_only() {
    let users = unknown("L-9A46857E", "Users per instance", "connect:ListUsers");
    let rows = ["AWS Lambda functions per instance", "Amazon Lex bots per instance"]
        .map(|name| unknown("-", name, "connect:ListBots"));
    let rows: Vec<_> = [users.clone()].into_iter().chain(rows).collect();
    let message = message(Some(&instance(None)), &[users], rows);
    assert_eq!(message.subject, format!("Connect Quota Alert - Instance: {ID} (0 violations, 3 not seen)"));
    assert_snapshot!(message.text, @r#"
    Instance: 12345678-1234-1234-1234-123456789012
    Threshold: 80%
    Violations Found: 0
    Not checked: 3 quotas

    VIOLATIONS:
    • none seen, because nothing could be checked

    SUMMARY:
    • Total quotas monitored: 0
    • Maximum utilization: n/a
    • Average utilization: n/a

    COULD NOT BE CHECKED:
    • connect:ListBots access_denied: the role lacks connect:ListBots: add it to the role's policy
      AWS Lambda functions per instance (new), Amazon Lex bots per instance (new)
    • connect:ListUsers access_denied: the role lacks connect:ListUsers: add it to the role's policy
      Users per instance
    • To mute AWS Lambda functions per instance, add this to QUOTA_OVERRIDES (for another quota, replace the code):
      {"AWS Lambda functions per instance": {"instances": {"12345678-1234-1234-1234-123456789012": {"mute": {"reason": "...", "until": "2025-10-12"}}}}}

    Sent because quotas can no longer be checked.
    Account 123456789012, Region eu-central-1, 2025-09-12 23:08 UTC, run run-1
    "#);
    let (_, document) = opened(&message);
    assert_eq!(
        (document["unseen"][0]["is_new"].as_bool(), document["unseen"][2]["is_new"].as_bool()),
        (Some(true), Some(false))
    );
    assert_eq!(document["unseen"][0]["fault"]["kind"], "access_denied");
}

#[test]
fn the_account() {
    let before =
        Metric { scope: "account".to_owned(), ..metric("L-8787723E", "Rate of ListUsers API requests", 1.7, 2.0) };
    let after = Metric {
        note: Some("peak minute 22:41 UTC; 12 calls rejected".to_owned()),
        limit_source: Some("account".to_owned()),
        ..Metric { scope: "account".to_owned(), ..metric("L-8787723E", "Rate of ListUsers API requests", 1.95, 2.0) }
    };
    let zero = Metric {
        scope: "account".to_owned(),
        ..metric("L-2BE4D75F", "External voice transfer connectors per account", 3.0, 0.0)
    };
    let message = message(None, &[before], vec![after, zero]);
    assert_eq!(message.subject, "Connect Quota Alert - Account: 123456789012 (2 violations)");
    assert_snapshot!(message.text, @r#"
    Account: 123456789012 (eu-central-1)
    Threshold: 80%
    Violations Found: 2

    VIOLATIONS:
    • Rate of ListUsers API requests: 1.95/2 (97.5%) - VIOLATION
      critical; escalated from warning, since 14:00 UTC
      0.05 left. When it is full, API calls are turned away
      limit set for the account; AWS can raise it
      peak minute 22:41 UTC; 12 calls rejected
    • External voice transfer connectors per account: 3/0 - VIOLATION
      critical; first seen 23:08 UTC
      It is full: nothing new can be made, and contacts go on
      limit: the default of AWS; AWS can raise it

    SUMMARY:
    • Total quotas monitored: 2
    • Maximum utilization: 97.5%
    • Average utilization: 97.5%

    WHAT TO DO:
    • Rate of ListUsers API requests (L-8787723E): ask AWS for more
      aws service-quotas request-service-quota-increase --region eu-central-1 --service-code connect --quota-code L-8787723E --desired-value 4
      Console: https://eu-central-1.console.aws.amazon.com/servicequotas/home/services/connect/quotas/L-8787723E
    • External voice transfer connectors per account (L-2BE4D75F): ask AWS for more
      aws service-quotas request-service-quota-increase --region eu-central-1 --service-code connect --quota-code L-2BE4D75F --desired-value 5
      Console: https://eu-central-1.console.aws.amazon.com/servicequotas/home/services/connect/quotas/L-2BE4D75F
    • To mute Rate of ListUsers API requests, add this to QUOTA_OVERRIDES (for another quota, replace the code):
      {"L-8787723E": {"mute": {"reason": "...", "until": "2025-10-12"}}}

    Sent because a quota is newly over its threshold.
    Account 123456789012, Region eu-central-1, 2025-09-12 23:08 UTC, run run-1
    "#);
    let (_, document) = opened(&message);
    assert!(document["instance"].is_null());
    assert_eq!(document["violations"][0]["since"], "2025-09-12T14:00:00Z");
    assert_eq!((document["impact"].as_str(), message.attributes[2].1.as_str()), (Some("live"), "live"));
}

#[test]
fn a_test_is_marked_as_one() {
    let message = test_message(&account("aws", "eu-central-1"), now());
    assert_snapshot!(message.subject, @"Connect Quota Alert - TEST for account 123456789012: no action needed");
    assert_snapshot!(message.text, @r#"
    This is a TEST of the Amazon Connect quota monitor. No quota was measured; no action is needed.

    Account: 123456789012 (eu-central-1)
    Sent: 2025-09-12 23:08 UTC

    A REAL ALERT has a subject such as
    > Connect Quota Alert - Instance: my-instance (1 violation)
    and begins like this:
    > Instance: my-instance (12345678-1234-1234-1234-123456789012)
    > Threshold: 80%
    > Violations Found: 1
    >
    > VIOLATIONS:
    > • Contact flows per instance: 147/100 (147.0%) - VIOLATION
    >   critical; first seen 14:00 UTC
    >   It is full: nothing new can be made, and contacts go on
    >   limit set for this instance; AWS can raise it
    It goes on with a summary, with what could not be checked, and with what to do about each quota.

    IF YOU DID NOT EXPECT THIS:
    • Somebody who may run the monitor in this account asked for it with "test_alert".
    • Ask the account's owner; the monitor's log at the time above shows the run.
    • Alerts go to everybody who is subscribed to the monitor's SNS topic: unsubscribe if they are not for you.
    "#);
    let (_, document) = opened(&message);
    assert_eq!((document["event"].as_str(), listed(&document, "violations")), (Some("test"), 0));
}
