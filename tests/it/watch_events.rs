//! Events in the shapes of real records (tests/inputs/events), and what a storm of them costs.

use std::path::PathBuf;
use std::time::Duration;

use connect_quota_monitor::config::watch::Watches;
use connect_quota_monitor::run::Moment;
use connect_quota_monitor::watch::event::{Read, read};
use jiff::Timestamp;
use serde_json::{Value, json};
use simaws::sqs::{batch, storm};
use tokio::time::Instant;

use crate::architecture::root;
use crate::harness::{Bench, NOON, quiet};

fn folder() -> PathBuf {
    root().join("tests/inputs/events")
}

fn fixture(name: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn index() -> serde_json::Map<String, Value> {
    fixture("index").as_object().unwrap().clone()
}

fn moment(now: i64) -> Moment {
    Moment::within(Timestamp::from_second(now).unwrap(), Duration::from_secs(60))
}

fn watching() -> Bench {
    Bench::new(quiet(1)).with_table().with_topic()
}

async fn take(bench: &mut Bench, events: &[Value], now: i64) -> Value {
    bench.app().await.watch_batch(&batch(events), moment(now)).await.unwrap()["batchItemFailures"].clone()
}

#[test]
fn each_event_is_what_the_index_says() {
    let index = index();
    assert!(index.len() >= 24, "{}", index.len());
    for (name, expected) in index {
        let found = read(&fixture(&name).to_string(), &Watches::default(), Some("connect-quota-monitor"));
        let found = match found {
            Read::Seen(seen) => json!({ "watch": seen.watch.name, "operation": seen.operation, "caller": seen.caller,
                "instance": seen.instance }),
            Read::Unknown(_) => json!({ "watch": null, "operation": null, "caller": null, "instance": null }),
            Read::Poison(why) => panic!("{name}: {why}"),
        };
        for field in ["watch", "operation", "caller", "instance"] {
            assert_eq!(found[field], expected[field], "{name}: {field}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_watched_event_is_told_with_its_caller_and_nothing_personal() {
    for (name, expected) in index().into_iter().filter(|(_, expected)| !expected["watch"].is_null()) {
        let mut bench = watching();
        // The first is one too few for the throttled ones.
        assert_eq!(take(&mut bench, &storm(&fixture(&name), 0, 60, NOON), NOON).await, json!([]), "{name}");
        let mails = bench.mails();
        let (caller, operation) = (expected["caller"].as_str().unwrap(), expected["operation"].as_str().unwrap());
        assert_eq!((mails.len(), mails[0].event.as_str()), (1, "throttled"), "{name}");
        assert!(mails[0].text.contains(caller) && mails[0].text.contains(operation), "{name}: {}", mails[0].text);
        let stored = format!("{:?}", bench.sim.world().tables[crate::harness::TABLE].plain_items());
        for personal in ["jane.doe", "***\"", "AKIA", "ASIA", "mfaAuthenticated"] {
            assert!(!mails[0].text.contains(personal) && !stored.contains(personal), "{name}: {personal}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_events_under_other_message_ids_count_once() {
    let mut bench = watching();
    let nine = storm(&fixture("connect-throttled-lambda"), 0, 9, NOON);
    let again: Vec<Value> = nine
        .iter()
        .map(|event| {
            let mut event = event.clone();
            event["id"] = json!("another delivery");
            event
        })
        .collect();
    for events in [&nine, &again, &nine] {
        let mut payload = batch(events);
        for (n, record) in payload["Records"].as_array_mut().unwrap().iter_mut().enumerate() {
            record["messageId"] = json!(format!("other {n}"));
        }
        bench.app().await.watch_batch(&payload, moment(NOON)).await.unwrap();
    }
    assert!(bench.mails().is_empty(), "nine are nine");
    take(&mut bench, &storm(&fixture("connect-throttled-lambda"), 9, 1, NOON), NOON).await;
    assert!(bench.mails()[0].text.contains("was throttled 10 times"), "{}", bench.mails()[0].text);
}

#[tokio::test(start_paused = true)]
async fn an_hour_late_opens_nothing_and_the_future_counts_as_now() {
    let event = fixture("connect-throttled-late");
    let mut late = watching();
    assert_eq!(take(&mut late, &storm(&event, 0, 50, NOON - 3_600), NOON).await, json!([]), "nothing to try again");
    assert!(late.mails().is_empty());
    let mut delayed = watching();
    take(&mut delayed, &storm(&event, 0, 50, NOON - 600), NOON).await;
    assert_eq!(delayed.mails().len(), 1, "ten minutes late is news");
    let mut early = watching();
    take(&mut early, &storm(&event, 0, 50, NOON + 86_400), NOON).await;
    assert!(early.mails()[0].text.contains("last: 2026-03-02T12:00:00Z"), "{}", early.mails()[0].text);
}

#[tokio::test(start_paused = true)]
async fn records_of_256_kb_are_read_and_leave_nothing_behind() {
    let mut bench = watching();
    let mut event = fixture("connect-limit-exceeded-cloudformation");
    for n in 0..200 {
        event["detail"]["requestParameters"][format!("Field{n}")] = json!("%3Ainstance%2F".repeat(92));
    }
    assert!(event.to_string().len() > 250 * 1024);
    assert_eq!(take(&mut bench, &storm(&event, 0, 20, NOON), NOON).await, json!([]));
    let text = &bench.mails()[0].text;
    assert!(text.contains("Connect instances: 12345678-1234-1234-1234-123456789012") && text.len() < 4_000, "{text}");
    assert!(text.contains("Retrying will not help"), "{text}");
    let stored = format!("{:?}", bench.sim.world().tables[crate::harness::TABLE].plain_items());
    assert!(stored.len() < 10_000, "{}", stored.len());
}

/// What 10,000 throttled calls of so many callers cost, in batches as the template makes them: writes, and units of a
/// kilobyte each.
async fn cost_of(callers: usize) -> (usize, usize) {
    let mut bench = watching();
    let mut events = Vec::new();
    for caller in 0..callers {
        let mut event = fixture("connect-throttled-lambda");
        let arn = format!("arn:aws:sts::111122223333:assumed-role/role-{caller}/function-{caller}");
        event["detail"]["userIdentity"]["arn"] = json!(arn);
        event["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] =
            json!(format!("role-{caller}"));
        events.extend(storm(&event, caller * 10_000, 10_000 / callers, NOON));
    }
    // The callers' events come mixed.
    let mixed: Vec<Value> =
        (0..10_000).map(|n| events[n % callers * (10_000 / callers) + n / callers].clone()).collect();
    for part in mixed.chunks(1_000) {
        assert_eq!(take(&mut bench, part, NOON).await, json!([]));
    }
    assert_eq!(bench.mails().len(), callers);
    let requests = bench.sim.requests();
    let puts: Vec<usize> =
        requests.iter().filter(|r| r.operation == "PutItem").map(|r| r.body.len().div_ceil(1024)).collect();
    (puts.len(), puts.iter().sum())
}

#[tokio::test(start_paused = true)]
async fn a_storm_costs_few_writes_and_less_than_a_dollar_a_million() {
    for callers in [1, 10] {
        let (writes, units) = cost_of(callers).await;
        let per_thousand = writes as f64 / 10.0;
        // List prices of us-east-1: a million write units 0.625, reads an eighth of that at most, a million SQS requests
        // 0.40 (one to send, a fifth to receive and delete), a million invocations of 1 GB-second each 13.50.
        let dollars = units as f64 * 100.0 / 1e6 * 0.625 * 1.125 + 1.2 * 0.40 + 1_000.0 / 1e6 * 13.5;
        eprintln!(
            "{callers} callers: {per_thousand} writes and {} units per 1,000 events, {dollars:.2} USD per million",
            units / 10
        );
        assert!(per_thousand <= 40.0 && dollars < 1.0, "{callers}: {writes} writes, {units} units, {dollars} USD");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_is_told_within_a_minute_of_its_arrival() {
    // The queue gathers a batch for so long: template.yaml.
    let template = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    let window = template.split("MaximumBatchingWindowInSeconds: ").nth(1).unwrap().lines().next().unwrap();
    let window = Duration::from_secs(window.parse().unwrap());
    let mut bench = watching();
    bench.latency = Duration::from_millis(100);
    bench.sim.set_clock(NOON);
    let accepted = fixture("connect-accepted");
    // More calls in the history than a look reads.
    let history = storm(&accepted, 0, 1_500, NOON - 30).into_iter().map(|event| event["detail"].clone());
    bench.sim.world().trail.records.extend(history);
    let began = Instant::now();
    take(&mut bench, &storm(&fixture("connect-throttled-lambda"), 0, 1_000, NOON), NOON).await;
    let took = window + began.elapsed();
    assert!(bench.mails()[0].text.contains("the newest 1000 calls"), "{}", bench.mails()[0].text);
    eprintln!("from arrival to message: {took:?}, of which the queue's window is {window:?}");
    assert!(took <= Duration::from_secs(60), "{took:?}");
}
