//! What programs are told: one event for each transition, through a topic and a bus.

use std::collections::BTreeMap;
use std::time::Duration;

use connect_quota_monitor::config::Config;
use connect_quota_monitor::domain::request::Request;
use jiff::Timestamp;
use serde_json::{Value, json};
use simaws::{Event, FaultKind};

use crate::harness::{Bench, EVENTS_TOPIC, NOON, quiet};

const HOUR: i64 = 3600;

fn bench() -> Bench {
    Bench::new(quiet(1)).with_table().with_topic().with_events_topic().with_bus()
}

async fn run(bench: &mut Bench, hour: i64) -> Value {
    bench.restart();
    bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap()
}

fn on_bus(bench: &Bench) -> Vec<Event> {
    bench.sim.world().buses["default"].events.clone()
}

fn on_topic(bench: &Bench) -> Vec<(Value, BTreeMap<String, String>)> {
    let world = bench.sim.world();
    let messages = &world.topics[EVENTS_TOPIC].messages;
    messages.iter().map(|m| (serde_json::from_str(&m.message).unwrap(), m.attributes.clone())).collect()
}

fn summary(detail: &Value) -> (String, String, String) {
    let text = |name: &str| detail[name].as_str().unwrap().to_owned();
    (text("event"), text("action"), text("severity"))
}

fn triple(event: &str, action: &str, severity: &str) -> (String, String, String) {
    (event.to_owned(), action.to_owned(), severity.to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_incident_opens_on_raise_and_resolves_on_recovery_under_one_key() {
    let mut bench = bench();
    let id = bench.sim.world().instances[0].id.clone();
    for (hour, prompts) in (0..).zip([430, 430, 499, 10, 10]) {
        bench.sim.world().instances[0].set("ListPrompts", prompts);
        run(&mut bench, hour).await;
    }
    let events = on_bus(&bench);
    let seen: Vec<_> = events.iter().map(|e| summary(&e.detail)).collect();
    let expected = [
        triple("raised", "trigger", "warning"),
        triple("escalated", "trigger", "critical"),
        triple("recovered", "resolve", "info"),
    ];
    assert_eq!(seen, expected);
    let key = format!("111122223333/us-east-1/{id}/L-0865B754");
    for event in &events {
        assert_eq!(event.detail["dedup_key"], key);
        assert_eq!(
            (event.source.as_str(), event.detail_type.as_str()),
            ("connect-quota-monitor", "Connect Quota Transition")
        );
        assert_eq!(event.resources, [format!("arn:aws:connect:us-east-1:111122223333:instance/{id}")]);
    }
    assert_eq!(events[0].detail["summary"], "instance-1: Prompts per instance: 430/500 (86.0%), warning");
    assert_eq!(events[2].detail["metric"]["usage"], 10.0);
    assert_eq!(events[2].detail["since"], "2026-03-02T12:00:00Z");

    let messages = on_topic(&bench);
    assert_eq!(
        messages.iter().map(|(body, _)| body).collect::<Vec<_>>(),
        events.iter().map(|e| &e.detail).collect::<Vec<_>>()
    );
    let attributes = [
        ("event", "raised"),
        ("action", "trigger"),
        ("severity", "warning"),
        ("impact", "build"),
        ("instance_id", &id),
        ("account_id", "111122223333"),
        ("region", "us-east-1"),
        ("quota_code", "L-0865B754"),
        ("dedup_key", &key),
    ];
    let attributes: BTreeMap<_, _> = attributes.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    assert_eq!(messages[0].1, attributes);
    assert_eq!(bench.mails().len(), 3, "people get their messages too");
}

#[tokio::test(start_paused = true)]
async fn a_reminder_a_dry_run_and_a_threshold_of_its_own_make_no_events() {
    let mut bench = bench();
    bench.config.reminder_hours_build = 24;
    bench.sim.world().instances[0].set("ListPrompts", 430);
    bench.dry_run().await;
    let request = Request { threshold_percentage: Some(50.0), ..Request::default() };
    bench.run_at(&request, NOON).await.unwrap();
    assert!(on_bus(&bench).is_empty() && on_topic(&bench).is_empty());
    let first = run(&mut bench, 1).await;
    assert_eq!(first["events"], json!({ "sent": 2, "failed": 0 }), "one for each channel");
    let later = run(&mut bench, 25).await;
    assert_eq!(bench.mails().last().unwrap().event, "reminder");
    assert_eq!((on_bus(&bench).len(), &later["events"]), (1, &json!({ "sent": 0, "failed": 0 })));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_seen_is_an_incident_too() {
    let mut bench = bench();
    run(&mut bench, 0).await;
    bench.always("connect", "ListQueues", FaultKind::AccessDenied);
    for hour in 1..4 {
        run(&mut bench, hour).await;
    }
    let events = on_bus(&bench);
    assert!(!events.is_empty());
    for event in &events {
        assert_eq!(summary(&event.detail), triple("unseen", "trigger", "warning"));
    }
    let count = events[0].detail["unseen"]["quotas_count"].as_u64().unwrap();
    let words = format!("instance-1: {count} quotas cannot be checked: connect:ListQueues access_denied (");
    assert!(events[0].detail["summary"].as_str().unwrap().starts_with(&words), "{}", events[0].detail["summary"]);
    let quotas = events[0].detail["unseen"]["quotas"].as_array().unwrap();
    assert!(quotas.iter().any(|quota| quota["quota_code"] == "L-19A87C94"), "{quotas:?}");
    assert!(events[0].detail["unseen"]["message"].as_str().unwrap().contains("connect:ListQueues"));
    let mut keys: Vec<_> = events.iter().map(|e| e.detail["dedup_key"].as_str().unwrap()).collect();
    keys.dedup();
    assert_eq!(keys.len(), events.len(), "one incident for each cause");
}

#[tokio::test(start_paused = true)]
async fn what_is_seen_again_resolves_its_incident() {
    let mut bench = bench();
    run(&mut bench, 0).await;
    for hour in 1..3 {
        bench.once("connect", "ListPrompts", FaultKind::AccessDenied);
        run(&mut bench, hour).await;
    }
    run(&mut bench, 3).await;
    let events = on_bus(&bench);
    let seen: Vec<_> = events.iter().map(|e| summary(&e.detail)).collect();
    assert_eq!(seen, [triple("unseen", "trigger", "warning"), triple("recovered", "resolve", "info")]);
    assert_eq!(events[0].detail["dedup_key"], events[1].detail["dedup_key"]);
    let words = "instance-1: Prompts per instance can be checked again: connect:ListPrompts access_denied";
    assert_eq!(events[1].detail["summary"], words);
}

#[tokio::test(start_paused = true)]
async fn one_denied_listing_is_one_incident_for_each_instance() {
    let mut bench = Bench::new(quiet(10)).with_table().with_topic().with_events_topic().with_bus();
    {
        let mut world = bench.sim.world();
        world.quotas.set_account("L-AA17A6B9", 100.0);
        let arn = world.instances[0].arn(&world);
        world.quotas.set_instance("L-9A46857E", &arn, 700.0);
    }
    run(&mut bench, 0).await;
    bench.always("servicequotas", "ListServiceQuotas", FaultKind::AccessDenied);
    for hour in 1..5 {
        run(&mut bench, hour).await;
    }
    let keys = |action: &str| {
        let events = on_bus(&bench).into_iter().map(|e| e.detail).filter(|detail| detail["action"] == action);
        events.map(|detail| detail["dedup_key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut opened = keys("trigger");
    assert_eq!(opened.len(), 11, "ten instances and the account: {opened:#?}");
    assert!(opened.iter().all(|key| key.ends_with("/unseen/servicequotas:ListServiceQuotas/access_denied")));
    let hidden: u64 = on_bus(&bench).iter().map(|e| e.detail["unseen"]["quotas_count"].as_u64().unwrap()).sum();
    assert!(hidden > 500, "{hidden} quotas are hidden");
    bench.sim.clear_faults();
    for hour in 5..8 {
        run(&mut bench, hour).await;
    }
    let keys = |action: &str| {
        let events = on_bus(&bench).into_iter().map(|e| e.detail).filter(|detail| detail["action"] == action);
        events.map(|detail| detail["dedup_key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut closed = keys("resolve");
    opened.sort();
    closed.sort();
    assert_eq!(opened, closed, "each ends once, and nothing else is sent");
    assert_eq!(keys("trigger").len(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_forecast_has_an_incident_of_its_own() {
    let mut bench = bench();
    for day in 0..16u64 {
        let flows = if day < 12 { 20 + 4 * day } else { 20 };
        bench.sim.world().instances[0].set("ListContactFlows", flows);
        run(&mut bench, i64::try_from(day).unwrap() * 24).await;
    }
    let events = on_bus(&bench);
    let seen: Vec<_> = events.iter().map(|e| summary(&e.detail)).collect();
    assert_eq!(seen, [triple("raised", "trigger", "warning"), triple("recovered", "resolve", "info")]);
    for event in &events {
        assert!(event.detail["dedup_key"].as_str().unwrap().ends_with("/L-22922690/forecast"), "{}", event.detail);
    }
    assert!(
        events[0].detail["summary"].as_str().unwrap().contains("will be full on"),
        "{}",
        events[0].detail["summary"]
    );
}

#[tokio::test(start_paused = true)]
async fn events_alone_need_no_topic_for_people() {
    let mut bench = Bench::new(quiet(1)).with_table().with_bus();
    bench.sim.world().instances[0].set("ListPrompts", 430);
    let report = run(&mut bench, 0).await;
    assert_eq!(report["alerts"]["sent"], 0);
    assert_eq!(report["events"], json!({ "sent": 1, "failed": 0 }));
    run(&mut bench, 1).await;
    assert_eq!(on_bus(&bench).len(), 1, "it is remembered as told");
}

#[tokio::test(start_paused = true)]
async fn entries_that_fail_by_themselves_are_sent_again_alone() {
    let mut bench = bench();
    {
        let mut world = bench.sim.world();
        for operation in ["ListPrompts", "ListUsers", "ListQuickConnects", "ListRoutingProfiles", "ListFlows"] {
            world.instances[0].set(operation, 600);
        }
        let outcomes = [None, Some("InternalFailure"), Some("ThrottlingException"), None, Some("InternalFailure")];
        world.buses.get_mut("default").unwrap().outcomes.extend(outcomes);
    }
    let report = run(&mut bench, 0).await;
    let mut keys: Vec<String> = on_bus(&bench).iter().map(|e| e.detail["dedup_key"].to_string()).collect();
    let total = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!((keys.len(), report["events"]["failed"].as_u64()), (total, Some(0)), "each once");
    assert_eq!(total * 2, report["events"]["sent"].as_u64().unwrap() as usize);
    assert_eq!(bench.calls("events").len(), 3, "the first request, and two for what was left");
}

#[tokio::test(start_paused = true)]
async fn more_events_than_a_request_holds_are_split() {
    let mut bench = bench();
    bench.always("connect", "ListQueues", FaultKind::AccessDenied);
    {
        let mut world = bench.sim.world();
        for operation in connect_quota_monitor::measure::instance_listings() {
            world.instances[0].set(operation.operation(), 100_000);
        }
    }
    let report = run(&mut bench, 0).await;
    let events = on_bus(&bench).len();
    assert!(events > 20, "{events}");
    assert_eq!(report["events"], json!({ "sent": events * 2, "failed": 0 }));
    assert_eq!(bench.calls("events").len(), events.div_ceil(10));
}

#[tokio::test(start_paused = true)]
async fn what_one_channel_refuses_is_sent_again_by_the_next_run() {
    for service in ["events", "sns"] {
        let mut bench = bench();
        bench.sim.world().instances[0].set("ListPrompts", 430);
        if service == "events" {
            bench.once("events", "PutEvents", FaultKind::AccessDenied);
        } else {
            // The first message is the one for people, the second the event.
            bench.once("sns", "Publish", FaultKind::Delay(Duration::ZERO));
            bench.once("sns", "Publish", FaultKind::AccessDenied);
        }
        let error = bench.run_at(&Request::default(), NOON).await.unwrap_err();
        assert_eq!(error.error_type(), "SinkError");
        assert!(error.to_string().contains("1 of 2 events could not be sent"), "{error}");
        run(&mut bench, 1).await;
        run(&mut bench, 2).await;
        let keys = |events: Vec<Value>| events.iter().map(|e| e["dedup_key"].to_string()).collect::<Vec<_>>();
        let (bus, topic) = (
            keys(on_bus(&bench).into_iter().map(|e| e.detail).collect()),
            keys(on_topic(&bench).into_iter().map(|(body, _)| body).collect()),
        );
        let (refused, other) = if service == "events" { (bus, topic) } else { (topic, bus) };
        assert_eq!((refused.len(), other.len()), (1, 2), "{service}: never lost, at most repeated");
        assert_eq!(refused[0], other[1]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_mail_leaves_the_events_to_be_repeated_too() {
    let mut bench = bench();
    bench.sim.world().instances[0].set("ListPrompts", 430);
    bench.once("sns", "Publish", FaultKind::AccessDenied);
    let error = bench.run_at(&Request::default(), NOON).await.unwrap_err();
    assert!(error.to_string().contains("1 of 1 alerts could not be sent"), "{error}");
    run(&mut bench, 1).await;
    assert_eq!((bench.mails().len(), on_bus(&bench).len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_test_goes_through_every_channel() {
    let now = Timestamp::from_second(NOON).unwrap();
    let minute = |now| connect_quota_monitor::run::Moment::within(now, Duration::from_secs(60));
    let mut bench = bench();
    let answer = bench.app().await.test_alert(minute(now)).await.unwrap();
    assert_eq!((&answer["alerts"]["sent"], &answer["events"]), (&json!(1), &json!({ "sent": 2, "failed": 0 })));
    let (body, attributes) = on_topic(&bench).remove(0);
    assert_eq!(body, on_bus(&bench)[0].detail);
    assert_eq!(summary(&body), triple("test", "trigger", "info"));
    assert!(body["summary"].as_str().unwrap().starts_with("TEST"));
    assert_eq!(
        (body["dedup_key"].as_str(), attributes["event"].as_str()),
        (Some("111122223333/us-east-1/account/test"), "test")
    );

    // All are tried, and the ones that refuse are named.
    bench.once("events", "PutEvents", FaultKind::AccessDenied);
    let error = bench.app().await.test_alert(minute(now)).await.unwrap_err();
    assert_eq!(error.error_type(), "SinkError");
    assert!(error.to_string().contains("EVENT_BUS_NAME: events:PutEvents"), "{error}");
    assert_eq!((bench.mails().len(), on_topic(&bench).len()), (2, 2));

    // Only a bus: the account is asked for.
    let mut bench = Bench::new(quiet(1)).with_bus();
    let answer = bench.app().await.test_alert(minute(now)).await.unwrap();
    assert_eq!((&answer["alerts"]["sent"], &answer["events"]["sent"]), (&json!(0), &json!(1)));
    assert_eq!(on_bus(&bench)[0].detail["account_id"], "111122223333");
    assert!(Config::default().event_bus.is_none() && bench.calls("sns").is_empty());
}
