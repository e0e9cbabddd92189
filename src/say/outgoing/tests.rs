use serde_json::Value;

use super::*;
use crate::domain::{FaultRecord, Thresholds};
use crate::ledger::{Incidents, Missing, Reminders, Rules, decide};

const DENIED: (&str, &str) = ("servicequotas:ListServiceQuotas", "access_denied");

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 3_600 * hour).unwrap()
}

fn quota(n: usize) -> Metric {
    Metric { quota_code: format!("L-{n:08}"), quota_name: format!("Quota {n}"), usage: Some(1.0), ..Metric::sample() }
}

fn hidden(n: usize, (operation, kind): (&str, &'static str)) -> Metric {
    let fault = FaultRecord {
        operation: operation.to_owned(),
        kind,
        message: format!("{operation} needs a permission"),
        instance_id: None,
        http_status: None,
        error_code: None,
        request_id: None,
    };
    Metric { status: Status::Unknown, usage: None, fault: Some(fault), ..quota(n) }
}

/// Runs hour by hour; every message arrives. Returns each hour's events.
fn story(hours: &[Vec<Metric>]) -> Vec<Vec<Value>> {
    let account = Account {
        id: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        partition: "aws".to_owned(),
        named: crate::domain::Named::default(),
    };
    let instance = Instance {
        id: "i-1".to_owned(),
        arn: "arn".to_owned(),
        alias: Some("acme".to_owned()),
        status: "ACTIVE".to_owned(),
    };
    let mut state = Incidents::new();
    let mut told = Vec::new();
    for (hour, rows) in (0..).zip(hours) {
        let thresholds = Thresholds { warning: 80.0, critical: 95.0 };
        let context = Context {
            account: &account,
            instance: Some(&instance),
            thresholds,
            execution_id: "e",
            now: at(hour),
            bucket: None,
        };
        let reminders = Reminders { live: 24, build: 24 };
        let rules = Rules { now: at(hour), schedule_minutes: 60, reminders, is_part: false };
        let compared = decide(Some(&state), rows, Missing::IsGone, &rules);
        let events = compared.news.as_ref().map_or_else(Vec::new, |news| of(&context, rows, news));
        state = if compared.news.is_some() { compared.if_told } else { compared.if_not };
        told.push(events.iter().map(|event| serde_json::from_str(&event.body).unwrap()).collect());
    }
    told
}

fn actions(events: &[Value]) -> Vec<(&str, &str)> {
    events.iter().map(|e| (e["action"].as_str().unwrap(), e["dedup_key"].as_str().unwrap())).collect()
}

#[test]
fn one_cause_is_one_incident_however_many_quotas_it_hides() {
    let rows = |make: fn(usize) -> Metric| (0..80).map(make).collect::<Vec<_>>();
    let (blind, fine) = (rows(|n| hidden(n, DENIED)), rows(quota));
    let told = story(&[fine.clone(), blind.clone(), blind.clone(), blind, fine.clone(), fine]);
    let key = "111122223333/us-east-1/i-1/unseen/servicequotas:ListServiceQuotas/access_denied";
    assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 1, 0, 1, 0]);
    assert_eq!(actions(&told[2]), [("trigger", key)]);
    assert_eq!(actions(&told[4]), [("resolve", key)]);
    let begun = &told[2][0];
    assert_eq!(
        begun["summary"],
        "acme: 80 quotas cannot be checked: servicequotas:ListServiceQuotas access_denied (Quota 0, Quota 1, Quota 2 and 77 more)"
    );
    let unseen = &begun["unseen"];
    assert_eq!((&unseen["quotas_count"], &unseen["quotas_omitted"]), (&80.into(), &60.into()));
    assert_eq!(
        (unseen["quotas"].as_array().unwrap().len(), &unseen["quotas"][3]["quota_name"]),
        (20, &"Quota 3".into())
    );
    assert_eq!(unseen["message"], "servicequotas:ListServiceQuotas needs a permission");
    assert_eq!(
        (&begun["event"], &begun["severity"], &begun["metric"]),
        (&"unseen".into(), &"warning".into(), &Value::Null)
    );
    let over = &told[4][0];
    assert_eq!((&over["event"], &over["severity"]), (&"recovered".into(), &"info".into()));
    assert_eq!((&over["since"], &over["unseen"]["message"]), (&rfc3339(at(1)).into(), &Value::Null));
    assert!(over["summary"].as_str().unwrap().starts_with("acme: 80 quotas can be checked again: "));
}

#[test]
fn a_cause_is_over_when_it_hides_nothing_any_more() {
    let queues = ("connect:ListQueues", "throttled");
    let both = vec![hidden(1, DENIED), hidden(2, DENIED), hidden(3, queues)];
    let one_left = vec![hidden(1, DENIED), quota(2), quota(3)];
    let none_left = vec![quota(1), quota(2), quota(3)];
    let told = story(&[both.clone(), both, one_left, none_left]);
    let (denied, throttled) = (
        "111122223333/us-east-1/i-1/unseen/servicequotas:ListServiceQuotas/access_denied",
        "111122223333/us-east-1/i-1/unseen/connect:ListQueues/throttled",
    );
    assert_eq!(actions(&told[1]), [("trigger", throttled), ("trigger", denied)]);
    assert_eq!(actions(&told[2]), [("resolve", throttled)]);
    assert_eq!(told[2][0]["summary"], "acme: Quota 3 can be checked again: connect:ListQueues throttled");
    assert_eq!(actions(&told[3]), [("resolve", denied)]);
}

/// A quota that blinks while another one comes back was never told, and keeps nothing open.
#[test]
fn what_nobody_was_told_of_keeps_no_incident_open() {
    let told = story(&[
        vec![hidden(1, DENIED), quota(2)],
        vec![hidden(1, DENIED), quota(2)],
        vec![quota(1), hidden(2, DENIED)],
        vec![quota(1), quota(2)],
    ]);
    let denied = "111122223333/us-east-1/i-1/unseen/servicequotas:ListServiceQuotas/access_denied";
    let all: Vec<_> = told.iter().flat_map(|events| actions(events)).collect();
    assert_eq!(all, [("trigger", denied), ("resolve", denied)]);
}

#[test]
fn what_was_opened_under_one_cause_is_closed_under_it() {
    // Denied at first, then the service is away: still the same incident, resolved once.
    let away = ("connect:ListQueues", "unavailable");
    let told = story(&[
        vec![hidden(1, DENIED)],
        vec![hidden(1, DENIED)],
        vec![hidden(1, away)],
        vec![hidden(1, away), hidden(2, away)],
        vec![hidden(1, away), hidden(2, away)],
        vec![quota(1), quota(2)],
    ]);
    let key = |cause: &str| format!("111122223333/us-east-1/i-1/unseen/{cause}");
    let (denied, away) = (key("servicequotas:ListServiceQuotas/access_denied"), key("connect:ListQueues/unavailable"));
    let (denied, away) = (denied.as_str(), away.as_str());
    let all: Vec<_> = told.iter().flat_map(|events| actions(events)).collect();
    assert_eq!(all, [("trigger", denied), ("trigger", away), ("resolve", away), ("resolve", denied)]);
}

#[test]
fn a_violation_out_of_sight_keeps_its_own_incident() {
    let full = Metric { status: Status::Critical, utilization: Some(99.0), ..quota(1) };
    let low = Metric { utilization: Some(5.0), ..quota(1) };
    let blind = || vec![hidden(1, DENIED)];
    let told = story(&[vec![full.clone()], blind(), blind(), vec![full], blind(), blind(), vec![low]]);
    let own = "111122223333/us-east-1/i-1/L-00000001";
    let cause = "111122223333/us-east-1/i-1/unseen/servicequotas:ListServiceQuotas/access_denied";
    let all: Vec<_> = told.iter().flat_map(|events| actions(events)).collect();
    assert_eq!(
        all,
        [
            ("trigger", own),
            ("trigger", cause),
            ("resolve", cause),
            ("trigger", cause),
            ("resolve", own),
            ("resolve", cause)
        ]
    );
}

#[test]
fn rejections_lead_the_summary_and_the_impact_is_said() {
    let calls = Metric {
        quota_code: "L-12AB7C57".to_owned(),
        quota_name: "Concurrent active calls per instance".to_owned(),
        impact: Impact::Live,
        usage: Some(62.0),
        limit: Some(100.0),
        utilization: Some(62.0),
        status: Status::Critical,
        rejected: Some(340.0),
        ..Metric::sample()
    };
    let event = &story(&[vec![calls]])[0][0];
    assert_eq!(
        event["summary"],
        "acme: Concurrent active calls per instance: 340 calls REJECTED, 62/100 (62.0%), critical"
    );
    assert_eq!((&event["impact"], &event["metric"]["impact"]), (&"live".into(), &"live".into()));
}

#[test]
fn the_attributes_let_a_subscription_choose() {
    let account = Account {
        id: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        partition: "aws".to_owned(),
        named: crate::domain::Named::default(),
    };
    let attributes = test(&account, at(0)).attributes;
    for (name, value) in [("event", "test"), ("impact", "build"), ("account_id", "111122223333"), ("quota_code", "-")] {
        assert!(attributes.contains(&(name, value.to_owned())), "{name}");
    }
}
