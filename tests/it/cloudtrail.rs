//! CloudTrail's event history, through the real client.

use std::time::Duration;

use connect_quota_monitor::aws::cloudtrail::{Looked, MOST_LOOKED_AT};
use connect_quota_monitor::aws::cloudwatch::Window;
use connect_quota_monitor::domain::{Fault, FaultKind as Kind};
use serde_json::json;
use simaws::{FaultKind, Throttle};
use tokio::time::Instant;

use crate::harness::{Bench, NOON, quiet};

const HOUR: Window = Window { start: NOON - 3_600, end: NOON };

/// So many calls of an operation in the hour before noon, by two callers in turn, on an AWS that throttles.
fn bench(calls: i64) -> Bench {
    let bench = Bench::new(quiet(1));
    bench.sim.set_clock(NOON);
    {
        let mut world = bench.sim.world();
        world.throttle = Throttle::Shared;
        for n in 0..calls {
            let at = jiff::Timestamp::from_second(NOON - 1 - n % 3_600).unwrap();
            let role = if n % 4 == 0 { "report" } else { "crm" };
            world.trail.records.push(json!({
                "eventID": format!("e{n}"), "eventTime": at.to_string(), "eventName": "ListUsers",
                "eventSource": "connect.amazonaws.com", "userIdentity": { "type": "AssumedRole",
                    "arn": format!("arn:aws:sts::111122223333:assumed-role/{role}/s") },
                "errorCode": if n % 10 == 9 { json!("ThrottlingException") } else { json!(null) },
            }));
        }
    }
    bench
}

async fn look(bench: &mut Bench, operation: &str) -> Result<Looked, Fault> {
    let app = bench.app().await;
    let deadline = Instant::now() + Duration::from_secs(60);
    app.aws.trail.calls_of(operation, HOUR, MOST_LOOKED_AT, Some("report"), deadline).await
}

#[tokio::test(start_paused = true)]
async fn a_look_reads_all_pages_at_two_a_second() {
    let mut bench = bench(520);
    let began = Instant::now();
    let looked = look(&mut bench, "ListUsers").await.unwrap();
    assert_eq!((looked.records.len(), looked.is_whole), (520, true));
    let rejected = looked.records.iter().filter(|r| r.error_code.is_some()).count();
    let own = looked.records.iter().filter(|r| r.caller == "the monitor itself").count();
    assert_eq!((rejected, own, looked.records[1].caller.as_str()), (52, 130, "role crm"));
    assert!(looked.records.is_sorted_by_key(|r| -r.at), "the newest first");
    let requests = bench.sim.requests();
    assert!(requests.iter().all(|r| !r.throttled), "paced below AWS's own limit");
    assert_eq!(requests.iter().filter(|r| r.service == "cloudtrail").count(), 11);
    let took = began.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_secs(6)).contains(&took), "{took:?}");
    assert_eq!(look(&mut bench, "ListQueues").await.unwrap(), Looked { records: Vec::new(), is_whole: true });
}

#[tokio::test(start_paused = true)]
async fn a_look_ends_after_twenty_pages_and_says_so() {
    let mut bench = bench(1_200);
    let looked = look(&mut bench, "ListUsers").await.unwrap();
    assert_eq!((looked.records.len(), looked.is_whole), (1_000, false));
    assert_eq!(bench.calls("cloudtrail").len(), 20);
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_a_fault_and_never_no_calls() {
    for (kind, expected) in [
        (FaultKind::AccessDenied, Kind::AccessDenied),
        (FaultKind::Throttle, Kind::Throttled),
        (FaultKind::RepeatToken, Kind::BadResponse),
    ] {
        let mut bench = bench(70);
        bench.always("cloudtrail", "LookupEvents", kind.clone());
        let fault = look(&mut bench, "ListUsers").await.unwrap_err();
        assert_eq!((fault.kind, fault.operation.as_str()), (expected, "cloudtrail:LookupEvents"), "{kind:?}");
    }
    let mut bench = bench(70);
    bench.once("cloudtrail", "LookupEvents", FaultKind::Throttle);
    assert_eq!(look(&mut bench, "ListUsers").await.unwrap().records.len(), 70, "once is no failure");
    bench.sim.world().trail.records[3]["eventTime"] = json!(null);
    bench.sim.world().trail.records[3] = json!({ "eventTime": "2026-03-02T11:59:00Z", "eventName": "ListUsers" });
    assert_eq!(look(&mut bench, "ListUsers").await.unwrap_err().kind, Kind::BadResponse, "an event without an id");
}
