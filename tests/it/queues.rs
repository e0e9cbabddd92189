//! Queues that have a maximum of contacts, and the calls of outbound campaigns.

use serde_json::{Value, json};
use simaws::{FaultKind, World};

use crate::harness::{Bench, NOON, quiet, row, with_status};

const CAPACITY: &str = "Contacts in a queue with a maximum";
const CAMPAIGN_CALLS: &str = "L-E908C3A1";

/// Queues of an instance: the maximum of each, its highest size, and what it turned away.
fn world(queues: &[(u64, f64, f64)]) -> World {
    let mut world = quiet(1);
    let id = world.instances[0].id.clone();
    for (place, (most, size, turned_away)) in (0..).zip(queues) {
        world.instances[0].set_children("MaxContacts", place, *most);
        let name = format!("Queue {}", place + 1);
        let dimensions = [("InstanceId", id.as_str()), ("MetricGroup", "Queue"), ("QueueName", name.as_str())];
        for (metric, value) in [("QueueSize", *size), ("QueueCapacityExceededError", *turned_away)] {
            if value > 0.0 {
                world.metrics.put("AWS/Connect", metric, &dimensions, NOON - 600, value);
            }
        }
    }
    world
}

#[tokio::test(start_paused = true)]
async fn the_fullest_queue_is_judged_by_its_own_maximum() {
    for (queues, usage, limit, status, resource) in [
        (&[(50, 41.0, 0.0), (500, 300.0, 0.0), (0, 900.0, 0.0)][..], 41.0, 50.0, "warning", "Queue 1"),
        (&[(50, 10.0, 0.0), (500, 480.0, 0.0)], 480.0, 500.0, "critical", "Queue 2"),
        (&[(50, 0.0, 0.0), (500, 30.0, 0.0)], 30.0, 500.0, "ok", "Queue 2"),
        // What turned contacts away comes first, and is critical whatever its size was.
        (&[(50, 49.0, 0.0), (500, 30.0, 2.0)], 30.0, 500.0, "critical", "Queue 2"),
    ] {
        let report = Bench::new(world(queues)).dry_run().await;
        let row = row(&report["instances"][0], CAPACITY);
        assert_eq!(
            (&row["usage"], &row["limit"], &row["status"]),
            (&json!(usage), &json!(limit), &json!(status)),
            "{row}"
        );
        assert_eq!((&row["resource"], &row["limit_source"]), (&json!(resource), &json!("instance")), "{row}");
        assert_eq!((&row["impact"], &row["peak_at"]), (&json!("live"), &json!("2026-03-02T11:50:00Z")), "{row}");
        assert_eq!(row["rejected"].as_f64(), queues.iter().map(|q| q.2).find(|n| *n > 0.0), "{row}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_no_queue_has_a_maximum_nothing_more_is_read() {
    let mut bench = Bench::new(quiet(1));
    let report = bench.dry_run().await;
    assert_eq!(row(&report["instances"][0], CAPACITY)["status"], "not_measurable");
    let read = bench.calls("monitoring").into_iter().filter(|operation| operation == "GetMetricData").count();
    assert_eq!(read, 1);
}

#[tokio::test(start_paused = true)]
async fn queues_that_cannot_be_listed_or_read_are_unknown() {
    let mut bench = Bench::new(world(&[(50, 49.0, 0.0)]));
    bench.always("connect", "SearchQueues", FaultKind::AccessDenied);
    let report = bench.dry_run().await;
    assert_eq!(with_status(&report["instances"][0], "unknown"), [CAPACITY]);
    let mut bench = Bench::new(world(&[(50, 49.0, 0.0)]));
    bench.always("monitoring", "GetMetricData", FaultKind::AccessDenied);
    let report = bench.dry_run().await;
    assert!(with_status(&report["instances"][0], "unknown").contains(&CAPACITY.to_owned()));
    // A part that is over it has happened; below it nobody knows.
    for (size, status) in [(49.0, "critical"), (10.0, "unknown")] {
        let mut world = world(&[(50, size, 0.0)]);
        world.metrics.parts.insert("QueueSize".to_owned(), 1);
        let report = Bench::new(world).dry_run().await;
        assert_eq!(row(&report["instances"][0], CAPACITY)["status"], status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_told_by_what_it_turned_away() {
    let mut bench = Bench::new(world(&[(50, 50.0, 340.0)])).with_table().with_topic();
    bench.run().await.unwrap();
    let mails = bench.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].subject.contains("340 contacts REJECTED"), "{}", mails[0].subject);
    assert!(mails[0].text.contains("Queue 1"), "{}", mails[0].text);
}

#[tokio::test(start_paused = true)]
async fn campaign_calls_are_judged_by_an_applied_limit_only() {
    for (applied, calls, status) in [
        (Some(40.0), 39.0, "critical"),
        (Some(40.0), 20.0, "ok"),
        (Some(0.0), 1.0, "critical"),
        // The default is 0, and so it cannot be the limit.
        (None, 20.0, "not_measurable"),
        (None, 0.0, "ok"),
    ] {
        let mut world = quiet(1);
        let (id, arn) = (world.instances[0].id.clone(), world.instances[0].arn(&world));
        if let Some(applied) = applied {
            world.quotas.set_instance(CAMPAIGN_CALLS, &arn, applied);
        }
        if calls > 0.0 {
            let dimensions = [("InstanceId", id.as_str()), ("MetricGroup", "VoiceCalls")];
            world.metrics.put("AWS/Connect", "ConcurrentHighVolumeCalls", &dimensions, NOON - 600, calls);
        }
        let report = Bench::new(world).dry_run().await;
        let row = row(&report["instances"][0], CAMPAIGN_CALLS);
        assert_eq!((&row["status"], &row["usage"]), (&json!(status), &json!(calls)), "{row}");
        assert_eq!(
            row["note"] != Value::Null && row["note"].to_string().contains("default is 0"),
            status == "not_measurable"
        );
    }
}
