//! Watches on events, on the simulated table and topic.

use std::time::Duration;

use connect_quota_monitor::run::Moment;
use jiff::Timestamp;
use serde_json::{Value, json};
use simaws::{Fault, FaultKind};

use crate::harness::{Bench, NOON, quiet};

pub fn record(n: usize) -> Value {
    let body = json!({ "id": format!("e{n}"), "source": "aws.connect", "detail-type": "AWS API Call via CloudTrail",
        "account": "111122223333", "region": "us-east-1", "time": "2026-03-02T12:00:00Z",
        "detail": { "eventID": format!("id-{n}"), "eventSource": "connect.amazonaws.com", "eventName": "ListUsers",
            "errorCode": "ThrottlingException", "eventTime": "2026-03-02T12:00:00Z", "requestParameters": null,
            "userAgent": "aws-sdk-js/3 exec-env/AWS_Lambda_nodejs20.x",
            "userIdentity": { "type": "AssumedRole",
                "arn": "arn:aws:sts::111122223333:assumed-role/crm-role/crm-sync" } } });
    json!({ "messageId": format!("m{n}"), "eventSource": "aws:sqs", "body": body.to_string() })
}

async fn batch(bench: &mut Bench, records: Vec<Value>) -> Value {
    batch_at(bench, records, NOON).await
}

async fn batch_at(bench: &mut Bench, records: Vec<Value>, now: i64) -> Value {
    let app = bench.app().await;
    app.watch_batch(&json!({ "Records": records }), at(now)).await.unwrap()["batchItemFailures"].clone()
}

fn at(now: i64) -> Moment {
    Moment::within(Timestamp::from_second(now).unwrap(), Duration::from_secs(60))
}

/// A message of the queue with this event.
fn message(id: &str, event: &Value) -> Value {
    json!({ "messageId": id, "eventSource": "aws:sqs", "body": event.to_string() })
}

fn event(n: usize) -> Value {
    serde_json::from_str(record(n)["body"].as_str().unwrap()).unwrap()
}

fn puts(bench: &Bench) -> usize {
    bench.calls("dynamodb").iter().filter(|operation| *operation == "PutItem").count()
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_told_once_whatever_is_delivered_again() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    for _ in 0..3 {
        assert_eq!(batch(&mut bench, (0..9).map(record).collect()).await, json!([]));
    }
    assert!(bench.mails().is_empty());
    let poison = json!({ "messageId": "bad", "eventSource": "aws:sqs", "body": "{" });
    let failed = batch(&mut bench, vec![poison, record(9)]).await;
    assert_eq!(failed, json!([{ "itemIdentifier": "bad" }]));
    batch(&mut bench, (5..20).map(record).collect()).await;
    let mails = bench.mails();
    assert_eq!((mails.len(), mails[0].event.as_str()), (1, "throttled"));
    assert!(
        mails[0].text.contains("Lambda function crm-sync") && mails[0].text.contains("10 times"),
        "{}",
        mails[0].text
    );
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_published_is_told_by_the_next_delivery() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    bench.once("sns", "Publish", FaultKind::AccessDenied);
    let failed = batch(&mut bench, (0..10).map(record).collect()).await;
    assert_eq!(failed.as_array().unwrap().len(), 10);
    assert_eq!(batch(&mut bench, (0..10).map(record).collect()).await, json!([]));
    assert_eq!(bench.mails().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn silence_is_told_once_by_the_sweep() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    batch(&mut bench, (0..10).map(record).collect()).await;
    for (after, open, over, mails) in [(300, 1, 0, 1), (3_599, 1, 0, 1), (3_600, 0, 1, 2), (3_900, 0, 0, 2)] {
        let swept = bench.app().await.watch_sweep(at(NOON + after)).await.unwrap();
        assert_eq!(swept, json!({ "watch": "sweep", "open": open, "over": over }), "after {after} s");
        assert_eq!(bench.mails().len(), mails, "after {after} s");
    }
    assert!(bench.mails()[1].subject.contains("ListUsers"), "{}", bench.mails()[1].subject);
    // The old events come again, and open nothing.
    assert_eq!(batch_at(&mut bench, (0..10).map(record).collect(), NOON + 3_900).await, json!([]));
    assert_eq!(bench.mails().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn of_two_watchers_at_once_one_tells() {
    for round in 0..4 {
        let mut bench = Bench::new(quiet(1)).with_table().with_topic();
        let first = bench.app().await;
        bench.restart();
        let second = bench.app().await;
        let records = |from: usize| json!({ "Records": (from..from + 30).map(record).collect::<Vec<_>>() });
        // The batches overlap: what is delivered twice counts once.
        let (one, other) = (records(round * 100), records(round * 100 + 15));
        let (one, other) = tokio::join!(first.watch_batch(&one, at(NOON)), second.watch_batch(&other, at(NOON)));
        let failed = |answer: Value| answer["batchItemFailures"].as_array().unwrap().len();
        assert_eq!((failed(one.unwrap()), failed(other.unwrap())), (0, 0));
        assert_eq!(bench.mails().len(), 1, "round {round}");
        let table = bench.sim.world();
        let states = table.tables[crate::harness::TABLE].plain_items();
        let counted = states.iter().find_map(|item| item["document"].as_str()?.contains("ListUsers").then_some(item));
        let state: Value = serde_json::from_str(counted.unwrap()["document"].as_str().unwrap()).unwrap();
        assert_eq!(state["count"], 45, "round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_one_message_few_writes_and_an_exact_count() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    for from in (0..10_000).step_by(100) {
        let records: Vec<Value> = (from..from + 100).map(record).collect();
        assert_eq!(batch(&mut bench, records.clone()).await, json!([]));
        if from % 1_000 == 0 {
            assert_eq!(batch(&mut bench, records).await, json!([]), "a redelivery");
        }
    }
    assert_eq!(bench.mails().len(), 1);
    let writes = puts(&bench);
    assert!(writes <= 400, "at most 40 writes for 1,000 events: {writes}");
    let over = bench.app().await.watch_sweep(at(NOON + 3_600)).await.unwrap();
    assert_eq!(over["over"], 1);
    assert!(bench.mails()[1].text.contains("10000 times"), "{}", bench.mails()[1].text);
}

#[tokio::test(start_paused = true)]
async fn odd_events_harm_nobody() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    let with = |n: usize, pointer: &str, value: Value| {
        let mut event = event(n);
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    let large = json!({ "text": "x".repeat(256 * 1024), "instanceId": "nonsense" });
    let odd = [
        with(1, "/detail/userIdentity", Value::Null),
        with(2, "/detail/userIdentity", json!({ "type": "Unheard", "arn": "arn%3Aaws%3Aiam" })),
        with(3, "/detail/requestParameters", large),
        with(4, "/detail/eventTime", json!("2026-03-02T11:00:00Z")),
        with(5, "/detail/eventTime", json!("2027-03-02T12:00:00Z")),
        with(6, "/detail/errorCode", json!("AccessDenied")),
        with(7, "/detail/userAgent", json!(7)),
    ];
    let mut records: Vec<Value> = odd.iter().enumerate().map(|(n, event)| message(&format!("o{n}"), event)).collect();
    // The same events, under other message ids.
    records.extend(odd.iter().enumerate().map(|(n, event)| message(&format!("p{n}"), event)));
    for (id, body) in [("b1", "null"), ("b2", "[]"), ("b3", "{}"), ("b4", "")] {
        records.push(json!({ "messageId": id, "eventSource": "aws:sqs", "body": body }));
    }
    let failed = batch(&mut bench, records).await;
    let poison: Vec<&str> = failed.as_array().unwrap().iter().map(|f| f["itemIdentifier"].as_str().unwrap()).collect();
    assert_eq!(poison, ["b1", "b2", "b3", "b4"]);
    assert!(bench.mails().is_empty());
    let stored = bench.sim.world().tables[crate::harness::TABLE].plain_items();
    assert!(!stored.is_empty() && !format!("{stored:?}").contains("xxxx"), "no parameter is stored");
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_gone_for_a_minute_loses_nothing() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    bench.always("dynamodb", "GetItem", FaultKind::AccessDenied);
    let failed = batch(&mut bench, (0..12).map(record).collect()).await;
    assert_eq!(failed.as_array().unwrap().len(), 12);
    bench.sim.clear_faults();
    assert_eq!(batch(&mut bench, (0..12).map(record).collect()).await, json!([]));
    assert!(bench.mails()[0].text.contains("12 times"), "{}", bench.mails()[0].text);
}

/// Events of Genesys Cloud, in the envelope that its documentation of EventBridge shows.
fn genesys(n: usize, topic: &str, body: &Value) -> Value {
    let source = "aws.partner/genesys.com/cloud/6a71ac7e-0000-0000-0000-000000000000/events";
    let event = json!({ "id": format!("g{n}"), "source": source, "detail-type": topic, "account": "111122223333",
        "region": "us-east-1", "time": "2026-03-02T12:00:00Z",
        "detail": { "topicName": topic, "version": "2", "eventBody": body } });
    message(&format!("g{n}"), &event)
}

#[tokio::test(start_paused = true)]
async fn genesys_clients_are_told_at_their_thresholds() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    let failure = json!({ "eventEntity": { "name": "Token request failed" }, "clientId": "crm" });
    // The default topics of tokens are the guide's.
    let token = |n: usize| genesys(n, "v2.system.organization.tokens", &failure);
    assert_eq!(batch(&mut bench, (0..50).map(token).collect()).await, json!([]));
    assert!(bench.mails().is_empty(), "told above 50");
    batch(&mut bench, vec![token(50)]).await;
    assert_eq!(bench.mails().len(), 1);
    let limit = json!({ "eventEntity": { "name": "Rate limit exceeded" }, "clientId": "dialer" });
    batch(&mut bench, vec![genesys(99, "v2.operations.events.0002", &limit)]).await;
    let mails = bench.mails();
    assert_eq!(mails.len(), 2);
    assert!(mails[1].text.contains("dialer") && mails[1].text.contains("300"), "{}", mails[1].text);
    // No pattern knows it: it is no poison, and opens nothing.
    let other = json!({ "eventEntity": { "name": "A queue was renamed" } });
    assert_eq!(batch(&mut bench, vec![genesys(100, "v2.operations.events.0003", &other)]).await, json!([]));
    assert_eq!(bench.mails().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn events_of_two_names_of_one_genesys_client_count_together() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    let named = |n: usize, name: &str| {
        let body = json!({ "eventEntity": { "name": name }, "clientId": "crm" });
        genesys(n, "v2.system.organization.tokens", &body)
    };
    let mut records: Vec<Value> = (0..30).map(|n| named(n, "Token request failed")).collect();
    records.extend((30..60).map(|n| named(n, "Login denied")));
    assert_eq!(batch(&mut bench, records).await, json!([]));
    let mails = bench.mails();
    assert_eq!(mails.len(), 1, "60 are more than 50");
    let shown = "client crm failed to get tokens of Genesys Cloud 60 times (Token request failed).";
    assert!(mails[0].text.contains(shown), "{}", mails[0].text);
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_is_told() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    let claim = Fault::new("dynamodb", FaultKind::TruncatedBody).operation("PutItem").instance("owed\\\":true");
    bench.sim.script(claim);
    assert_eq!(batch(&mut bench, (0..10).map(record).collect()).await, json!([]));
    let claims = bench
        .sim
        .requests()
        .into_iter()
        .filter(|r| r.operation == "PutItem" && String::from_utf8_lossy(&r.body).contains("owed\\\":true"));
    assert_eq!((bench.mails().len(), claims.count()), (1, 2), "the claim was written, and written again");
}

#[tokio::test(start_paused = true)]
async fn what_is_owed_is_told_by_the_sweep() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    bench.always("sns", "Publish", FaultKind::AccessDenied);
    assert_eq!(batch(&mut bench, (0..10).map(record).collect()).await.as_array().unwrap().len(), 10);
    let later = NOON + 5 * 3_600;
    bench.app().await.watch_sweep(at(later)).await.unwrap_err();
    bench.sim.clear_faults();
    for (after, open, over, mails) in [(300, 1, 0, 1), (600, 1, 0, 1), (300 + 3_600, 0, 1, 2)] {
        let swept = bench.app().await.watch_sweep(at(later + after)).await.unwrap();
        assert_eq!(swept, json!({ "watch": "sweep", "open": open, "over": over }), "after {after} s");
        assert_eq!(bench.mails().len(), mails, "after {after} s");
    }
    let events: Vec<String> = bench.mails().into_iter().map(|mail| mail.event).collect();
    assert_eq!(events, ["throttled", "recovered"]);
}

#[tokio::test(start_paused = true)]
async fn who_dies_with_the_claim_owes_the_alert() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    // Neither the message nor what became of it can be written: only the claim stands.
    bench.always("sns", "Publish", FaultKind::AccessDenied);
    let after = Fault::new("dynamodb", FaultKind::AccessDenied).operation("PutItem").instance("owed\\\":true");
    bench.sim.script(Fault { kind: FaultKind::Delay(Duration::ZERO), ..after.clone() });
    bench.sim.script(after.times(simaws::Times::Forever));
    batch(&mut bench, (0..10).map(record).collect()).await;
    bench.sim.clear_faults();
    // Delivered again while the claim lasts: somebody else may be telling it.
    assert_eq!(batch_at(&mut bench, (0..10).map(record).collect(), NOON + 60).await, json!([]));
    assert!(bench.mails().is_empty());
    bench.app().await.watch_sweep(at(NOON + 300)).await.unwrap();
    assert_eq!(bench.mails().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_fails_neither_stops_nor_repeats_the_other() {
    let sent = |bench: &Bench| bench.sim.world().buses["default"].events.len();
    let mut bench = Bench::new(quiet(1)).with_table().with_topic().with_bus();
    bench.always("events", "PutEvents", FaultKind::AccessDenied);
    for _ in 0..3 {
        let failed = batch(&mut bench, (0..10).map(record).collect()).await;
        assert_eq!((failed.as_array().unwrap().len(), bench.mails().len()), (10, 1));
    }
    bench.sim.clear_faults();
    assert_eq!(batch(&mut bench, (0..10).map(record).collect()).await, json!([]));
    assert_eq!((bench.mails().len(), sent(&bench)), (1, 1));
    // That it is over is another message.
    bench.app().await.watch_sweep(at(NOON + 3_600)).await.unwrap();
    assert_eq!((bench.mails().len(), sent(&bench)), (2, 2));
    let mut bench = Bench::new(quiet(1)).with_table().with_topic().with_bus();
    bench.always("sns", "Publish", FaultKind::AccessDenied);
    batch(&mut bench, (0..10).map(record).collect()).await;
    assert_eq!((bench.mails().len(), sent(&bench)), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_the_end_is_told_is_the_next_incident() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    batch(&mut bench, (0..10).map(record).collect()).await;
    bench.once("sns", "Publish", FaultKind::Delay(Duration::from_secs(5)));
    let app = bench.app().await;
    let later: Vec<Value> = (20..30)
        .map(|n| {
            let mut event = event(n);
            event["detail"]["eventTime"] = json!("2026-03-02T13:00:00Z");
            message(&format!("m{n}"), &event)
        })
        .collect();
    let payload = json!({ "Records": later });
    let batch = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        app.watch_batch(&payload, at(NOON + 3_602)).await.unwrap()
    };
    let (swept, taken) = tokio::join!(app.watch_sweep(at(NOON + 3_600)), batch);
    assert_eq!((&swept.unwrap()["over"], &taken["batchItemFailures"]), (&json!(1), &json!([])));
    assert_eq!(bench.mails().len(), 2);
    app.watch_sweep(at(NOON + 3_900)).await.unwrap();
    let mails = bench.mails();
    assert_eq!((mails.len(), mails[2].event.as_str()), (3, "throttled"));
    assert!(mails[2].text.contains("refused 10 calls"), "{}", mails[2].text);
}

#[tokio::test(start_paused = true)]
async fn services_with_operations_of_one_name_are_counted_apart() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    let of = |n: usize, service: &str| {
        let mut event = event(n);
        event["detail"]["eventSource"] = json!(format!("{service}.amazonaws.com"));
        message(&format!("m{n}"), &event)
    };
    let records = (0..5).map(|n| of(n, "connect")).chain((5..10).map(|n| of(n, "cases")));
    batch(&mut bench, records.collect()).await;
    assert!(bench.mails().is_empty(), "five of each");
    // Q in Connect has two names.
    let records = (20..25).map(|n| of(n, "wisdom")).chain((25..30).map(|n| of(n, "qconnect")));
    batch(&mut bench, records.collect()).await;
    assert_eq!(bench.mails().len(), 1);
}
