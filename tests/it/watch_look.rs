//! The second look: who made the accepted calls, in the watch's message and in that of the hourly run.

use std::time::Duration;

use connect_quota_monitor::run::Moment;
use jiff::Timestamp;
use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Throttle, Times, World};
use tokio::time::Instant;

use crate::harness::{Bench, NOON, quiet, row};

const LIST_USERS: &str = "L-CCC38177";

fn at(second: i64) -> String {
    Timestamp::from_second(second).unwrap().to_string()
}

/// A record of CloudTrail: a call by a role at a time.
fn called(n: usize, operation: &str, role: &str, second: i64, code: Option<&str>) -> Value {
    json!({
        "eventID": format!("{operation}-{role}-{n}"), "eventTime": at(second), "eventName": operation,
        "eventSource": "connect.amazonaws.com", "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
        "userIdentity": { "type": "AssumedRole",
            "arn": format!("arn:aws:sts::111122223333:assumed-role/{role}/session") },
        "errorCode": code, "requestParameters": null,
    })
}

/// A message of the queue about a throttled call.
fn throttled(n: usize, operation: &str, role: &str, second: i64) -> Value {
    let detail = called(n, operation, role, second, Some("ThrottlingException"));
    let event = json!({ "id": format!("{n}"), "source": "aws.connect", "detail-type": "AWS API Call via CloudTrail",
        "account": "111122223333", "region": "us-east-1", "time": at(second), "detail": detail });
    json!({ "messageId": format!("{operation}-{role}-{n}"), "eventSource": "aws:sqs", "body": event.to_string() })
}

fn moment(second: i64) -> Moment {
    Moment::within(Timestamp::from_second(second).unwrap(), Duration::from_secs(60))
}

/// 200 accepted calls of `ListUsers` by seven roles in the two minutes before a time, in CloudTrail's history.
fn record_calls(world: &mut World, until: i64) {
    let by = [("crm", 100), ("wallboard", 40), ("report", 20), ("sync", 16), ("export", 12), ("audit", 8), ("x", 4)];
    for (role, calls) in by {
        world.trail.records.extend((0..calls).map(|n| {
            let second = until - 1 - i64::try_from(n).unwrap() % 120;
            called(n, "ListUsers", role, second, None)
        }));
    }
}

fn watching() -> Bench {
    let mut world = quiet(1);
    world.quotas.set_account(LIST_USERS, 2.0);
    record_calls(&mut world, NOON);
    world.throttle = Throttle::Shared;
    let bench = Bench::new(world).with_table().with_topic();
    bench.sim.set_clock(NOON);
    bench
}

async fn batch(bench: &mut Bench, records: Vec<Value>, now: i64) -> Value {
    let app = bench.app().await;
    app.watch_batch(&json!({ "Records": records }), moment(now)).await.unwrap()["batchItemFailures"].clone()
}

fn ten(operation: &str, role: &str) -> Vec<Value> {
    (0..10).map(|n| throttled(n, operation, role, NOON - 60)).collect()
}

#[tokio::test(start_paused = true)]
async fn the_watch_names_the_callers_of_the_accepted_calls() {
    let mut bench = watching();
    let began = Instant::now();
    assert_eq!(batch(&mut bench, ten("ListUsers", "small"), NOON).await, json!([]));
    let mail = &bench.mails()[0];
    let line = "Who else: accepted calls of ListUsers from 11:54 to 12:00 UTC, by CloudTrail: role crm 50%, role wallboard \
                20%, role report 10%, role sync 8%, role export 6%, others 6% (200 calls)";
    assert!(mail.text.contains(line), "{}", mail.text);
    let accepted = &mail.document["watch"]["accepted_calls"];
    assert_eq!((&accepted["calls"], &accepted["complete"]), (&json!(200), &json!(true)));
    assert_eq!(accepted["callers"][1], json!({ "caller": "role wallboard", "calls": 40, "percent": 20 }));
    assert_eq!(accepted["callers"].as_array().unwrap().len(), 5);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // The limit was asked for by itself.
    let quotas = bench.calls("servicequotas");
    assert_eq!(quotas, ["GetServiceQuota"]);
    assert!(
        mail.text.contains("Quota: Rate of ListUsers API requests (L-CCC38177), 2 a second (account)"),
        "{}",
        mail.text
    );
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_was_never_applied_is_the_default() {
    let mut bench = watching();
    bench.always(
        "servicequotas",
        "GetServiceQuota",
        FaultKind::Status { status: 400, code: "NoSuchResourceException".to_owned(), message: "none".to_owned() },
    );
    batch(&mut bench, ten("ListUsers", "small"), NOON).await;
    assert!(bench.mails()[0].text.contains("(L-CCC38177), 10 a second (default)"), "{}", bench.mails()[0].text);
    assert_eq!(bench.calls("servicequotas"), ["GetServiceQuota", "GetAWSDefaultServiceQuota"]);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_is_said_and_the_alert_leaves() {
    for (kind, words) in [
        (FaultKind::AccessDenied, "access_denied: AccessDeniedException"),
        // Whichever comes first: the last attempt, or the end of the look's time.
        (FaultKind::Throttle, ": "),
        (FaultKind::Hang, "timeout: no whole answer within 20 seconds"),
    ] {
        let mut bench = watching();
        bench.always("cloudtrail", "LookupEvents", kind.clone());
        assert_eq!(batch(&mut bench, ten("ListUsers", "small"), NOON).await, json!([]), "{kind:?}");
        let text = &bench.mails()[0].text;
        let start = "Who else: who made the accepted calls of ListUsers is not known: cloudtrail:LookupEvents ";
        assert!(text.contains(start) && text.contains(words), "{kind:?}: {text}");
    }
    let mut late = watching();
    late.sim.world().trail.delay = 600;
    batch(&mut late, ten("ListUsers", "small"), NOON).await;
    assert!(
        late.mails()[0].text.contains("CloudTrail shows no accepted call of ListUsers"),
        "{}",
        late.mails()[0].text
    );
    let mut off = watching().with_config(|c| c.watches.lookup = false);
    batch(&mut off, ten("ListUsers", "small"), NOON).await;
    assert!(!off.mails()[0].text.contains("Who else") && off.calls("cloudtrail").is_empty());
}

#[tokio::test(start_paused = true)]
async fn many_alerts_at_once_share_two_looks_and_leave_within_the_minute() {
    let mut bench = watching();
    {
        let mut world = bench.sim.world();
        for operation in ["ListUsers", "ListQueues", "ListPrompts"] {
            world.trail.records.extend((0..2_000).map(|n| called(n, operation, "busy", NOON - 90, None)));
        }
    }
    let mut records = Vec::new();
    for operation in ["ListPrompts", "ListQueues", "ListUsers"] {
        records.extend(ten(operation, "one"));
        records.extend(ten(operation, "two"));
    }
    let began = Instant::now();
    assert_eq!(batch(&mut bench, records, NOON).await, json!([]));
    let mails = bench.mails();
    let with = |part: &str| mails.iter().filter(|mail| mail.text.contains(part)).count();
    assert_eq!((mails.len(), with("the newest 1000 calls"), with("not looked up")), (6, 4, 2));
    assert_eq!(bench.calls("cloudtrail").len(), 40);
    // With the 20 seconds for which the queue gathers a batch.
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    assert!(bench.sim.requests().iter().all(|r| !r.throttled), "the monitor is throttled nowhere");
}

#[tokio::test(start_paused = true)]
async fn of_another_account_or_region_nothing_is_asked_here() {
    for (pointer, other) in [("/account", "999988887777"), ("/region", "eu-west-2")] {
        let mut bench = watching();
        let records = ten("ListUsers", "small").into_iter().map(|mut record| {
            let mut event: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
            *event.pointer_mut(pointer).unwrap() = json!(other);
            let name = if pointer == "/account" { "recipientAccountId" } else { "awsRegion" };
            event["detail"][name] = json!(other);
            record["body"] = json!(event.to_string());
            record
        });
        assert_eq!(batch(&mut bench, records.collect(), NOON).await, json!([]));
        let text = &bench.mails()[0].text;
        assert!(text.contains("its limit and who else calls are not known here") && text.contains(other), "{text}");
        assert!(bench.calls("servicequotas").is_empty() && bench.calls("cloudtrail").is_empty(), "{other}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_limit_is_named_where_the_operation_tells_which() {
    let full = |operation: &str, instance: Option<&str>| {
        let mut detail = called(1, operation, "deployer", NOON - 60, Some("ServiceQuotaExceededException"));
        detail["requestParameters"] = json!({ "instanceId": instance });
        let event = json!({ "id": "1", "source": "aws.connect", "detail-type": "AWS API Call via CloudTrail",
            "account": "111122223333", "region": "us-east-1", "time": at(NOON - 60), "detail": detail });
        json!({ "messageId": "1", "eventSource": "aws:sqs", "body": event.to_string() })
    };
    let id = "12345678-1234-1234-1234-123456789012";
    for (operation, instance, words) in [
        ("CreateQueue", None, "Quota: Queues per instance (L-19A87C94), 70 (account)"),
        ("CreateQueue", Some(id), "Quota: Queues per instance (L-19A87C94), 70 (account)"),
        ("CreateInstance", None, "Quota: AWS does not name the quota that is full"),
    ] {
        let mut bench = watching();
        bench.sim.world().quotas.set_account("L-19A87C94", 70.0);
        assert_eq!(batch(&mut bench, vec![full(operation, instance)], NOON).await, json!([]));
        let mail = &bench.mails()[0];
        assert!(mail.text.contains(words), "{}", mail.text);
        assert!(mail.subject.contains(&format!("Amazon Connect refused 1 call of role deployer ({operation})")));
    }
}

/// What the watch calls, of a limit that was never applied.
pub async fn calls() -> Vec<(&'static str, String)> {
    let mut bench = watching();
    let none =
        FaultKind::Status { status: 400, code: "NoSuchResourceException".to_owned(), message: "none".to_owned() };
    bench.always("servicequotas", "GetServiceQuota", none);
    batch(&mut bench, ten("ListUsers", "small"), NOON).await;
    bench.sim.requests().into_iter().map(|request| (request.service, request.operation)).collect()
}

/// An hour in which `ListUsers` was called too often, with its busiest minute at 11:50.
fn hourly() -> Bench {
    let mut world = quiet(1);
    world.quotas.set_account(LIST_USERS, 2.0);
    let dimensions = [("Type", "API"), ("Resource", "ListUsers"), ("Service", "Connect"), ("Class", "None")];
    world.metrics.put("AWS/Usage", "CallCount", &dimensions, NOON - 600, 118.0);
    record_calls(&mut world, NOON - 540);
    Bench::new(world).with_table().with_topic()
}

#[tokio::test(start_paused = true)]
async fn the_hourly_run_names_who_called_and_who_was_throttled() {
    let mut bench = hourly().with_bucket();
    for (role, n) in [("small", 12), ("large", 30), ("quiet", 3)] {
        let records = (0..n).map(|n| throttled(n, "ListUsers", role, NOON - 600)).collect();
        assert_eq!(batch(&mut bench, records, NOON - 570).await, json!([]));
    }
    // Another operation, and another watch.
    batch(&mut bench, ten("ListQueues", "small"), NOON - 570).await;
    bench.sim.clear_requests();
    bench.run().await.unwrap();
    let mail = bench.mails().into_iter().find(|mail| mail.event == "raised").unwrap();
    let line = "throttled 45 times, most by role large (30); accepted calls of ListUsers from 11:49 to 11:52 UTC, by \
                CloudTrail: role crm 50%, ";
    assert!(mail.text.contains(line), "{}", mail.text);
    // A dry run reads nothing that other runs wrote.
    let callers = row(&bench.dry_run().await["account"], LIST_USERS)["callers"].to_string();
    assert!(callers.contains("role crm 50%") && !callers.contains("throttled"), "{callers}");
    // One is over, and the sweep has taken it out of the list.
    bench.app().await.watch_sweep(moment(NOON + 3_300)).await.unwrap();
    bench.restart();
    bench.run().await.unwrap();
    let report: Value = {
        let world = bench.sim.world();
        let key = "connect-reports/111122223333/us-east-1/latest/report.json";
        serde_json::from_slice(&world.buckets[crate::harness::BUCKET].objects[key].body).unwrap()
    };
    let callers = row(&report["account"], LIST_USERS)["callers"].as_str().unwrap();
    assert!(callers.starts_with("throttled 42 times, most by role large (30); "), "{callers}");
}

/// CloudTrail was asked about an operation.
fn looked_up(bench: &Bench, operation: &str) -> bool {
    let requests = bench.sim.requests();
    requests.iter().any(|r| r.service == "cloudtrail" && String::from_utf8_lossy(&r.body).contains(operation))
}

#[tokio::test(start_paused = true)]
async fn what_the_hourly_run_cannot_look_up_is_said_in_the_row_and_fails_nothing() {
    let mut bench = hourly();
    // Other rows count by CloudTrail too; only this look is denied.
    let denied = Fault::new("cloudtrail", FaultKind::AccessDenied).operation("LookupEvents").instance("ListUsers");
    bench.sim.script(denied.times(Times::Forever));
    let answer = bench.run().await.unwrap();
    assert_eq!((&answer["complete"], &answer["alerts"]["sent"]), (&json!(true), &json!(1)));
    let faults: Vec<&str> =
        answer["faults"].as_array().unwrap().iter().map(|f| f["operation"].as_str().unwrap()).collect();
    assert_eq!(faults, ["cloudtrail:LookupEvents"]);
    let text = &bench.mails()[0].text;
    assert!(text.contains("is not known: cloudtrail:LookupEvents access_denied"), "{text}");
    assert!(text.contains("grant cloudtrail:LookupEvents to the monitor's role"), "{text}");
    let mut off = hourly().with_config(|c| (c.watches.lookup, c.dynamodb_table) = (false, None));
    let answer = off.dry_run().await;
    assert!(row(&answer["account"], LIST_USERS).get("callers").is_none());
    assert!(!looked_up(&off, "ListUsers") && off.calls("dynamodb").is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_where_no_rate_is_over_its_threshold() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    bench.run().await.unwrap();
    assert!(!looked_up(&bench, "ListUsers") && !looked_up(&bench, "ListQueues") && bench.calls("sts").is_empty());
}

#[tokio::test(start_paused = true)]
async fn keys_that_nobody_was_told_of_are_forgotten_after_an_hour() {
    let mut bench = watching();
    batch(&mut bench, ten("ListUsers", "small")[..9].to_vec(), NOON).await;
    let listed = |bench: &Bench| {
        let items = bench.sim.world().tables[crate::harness::TABLE].plain_items();
        items.iter().find(|i| i["subject"].as_str().unwrap().ends_with("#watch#index")).unwrap()["document"].to_string()
    };
    assert!(listed(&bench).contains("ListUsers|role small"));
    for (after, is_listed) in [(3_599, true), (3_600, false)] {
        let swept = bench.app().await.watch_sweep(moment(NOON + after)).await.unwrap();
        assert_eq!(swept, json!({ "watch": "sweep", "open": 0, "over": 0 }));
        assert_eq!(listed(&bench).contains("ListUsers|role small"), is_listed, "after {after} s");
    }
    assert!(bench.mails().is_empty(), "what was never told is over without a word");
}
