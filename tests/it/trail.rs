//! Quotas that count what was done over days, from CloudTrail's event history.

use connect_quota_monitor::domain::request::Request;
use serde_json::{Value, json};
use simaws::{FaultKind, World};

use crate::harness::{Bench, NOON, quiet, row, with_status};
use crate::held::record;

const INSTANCES: &str = "Instance creations and deletions per rolling 30 days";
const NUMBERS: &str = "Phone numbers claimed and released per 180 days";
const SNAPSHOTS: &str = "L-B59352A0";
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// So many accepted calls of an operation, so long before noon.
fn call(world: &mut World, operation: &str, service: &str, ago: i64, n: u64, parameters: &Value) {
    for n in 0..n {
        world.trail.records.push(record(operation, service, NOON - ago, n, parameters));
    }
}

fn looks(bench: &Bench) -> usize {
    bench.calls("cloudtrail").len()
}

/// Old ones, rejected ones and those of other services do not count.
#[tokio::test(start_paused = true)]
async fn accepted_creations_and_deletions_of_thirty_days_count() {
    let mut world = quiet(1);
    let none = json!(null);
    call(&mut world, "CreateInstance", "connect", 29 * DAY, 60, &none);
    call(&mut world, "DeleteInstance", "connect", DAY, 21, &none);
    call(&mut world, "CreateInstance", "connect", 31 * DAY, 50, &none);
    call(&mut world, "CreateInstance", "sso", DAY, 50, &none);
    for n in 0..50 {
        let mut rejected = record("CreateInstance", "connect", NOON - DAY, 1_000 + n, &none);
        rejected["errorCode"] = json!("ThrottlingException");
        world.trail.records.push(rejected);
    }
    let report = Bench::new(world).dry_run().await;
    let churn = row(&report["account"], INSTANCES);
    assert_eq!((&churn["usage"], &churn["limit"], &churn["status"]), (&json!(81.0), &json!(100.0), &json!("warning")));
    assert!(churn["note"].as_str().unwrap().starts_with("60 created and 21 deleted"), "{churn}");
}

/// Claims name their instance, releases none.
#[tokio::test(start_paused = true)]
async fn numbers_claimed_and_released_are_a_lower_bound_against_twice_the_quota() {
    let mut world = quiet(2);
    world.quotas.set_account("L-8F812903", 10.0);
    let arn = world.instances[1].arn(&world);
    call(&mut world, "ClaimPhoneNumber", "connect", 80 * DAY, 17, &json!({ "targetArn": arn }));
    call(&mut world, "ReleasePhoneNumber", "connect", 70 * DAY, 9, &json!({ "phoneNumberId": "x" }));
    let report = Bench::new(world.clone()).dry_run().await;
    let own = row(&report["account"], NUMBERS);
    let members = |row: &Value| ["usage", "limit", "bound", "status"].map(|name| row[name].clone());
    assert_eq!(members(own), [json!(17.0), json!(20.0), json!("lower"), json!("warning")], "{own}");
    assert_eq!(own["resource"], "instance-2", "{own}");
    assert!(own["note"].as_str().unwrap().contains("9 releases of the account name no instance"), "{own}");
    // Of a single instance they are its own.
    world.instances.remove(0);
    let report = Bench::new(world).dry_run().await;
    let only = row(&report["account"], NUMBERS);
    assert_eq!((&only["usage"], &only["status"]), (&json!(26.0), &json!("critical")), "{only}");
}

#[tokio::test(start_paused = true)]
async fn snapshots_of_a_day_are_counted_for_each_domain() {
    let mut world = quiet(1);
    for (domain, ago, n) in [("a", HOUR, 90), ("b", 20 * HOUR, 161), ("b", 25 * HOUR, 100)] {
        call(&mut world, "CreateSegmentSnapshot", "profile", ago, n, &json!({ "DomainName": domain }));
    }
    let report = Bench::new(world).dry_run().await;
    let snapshots = row(&report["account"], SNAPSHOTS);
    assert_eq!((&snapshots["usage"], &snapshots["resource"]), (&json!(161.0), &json!("b")), "{snapshots}");
    assert_eq!(snapshots["status"], "warning", "{snapshots}");
}

/// Four looks a day at each of five operations; what was seen is kept in between.
#[tokio::test(start_paused = true)]
async fn the_history_is_looked_into_four_times_a_day_and_kept() {
    let mut world = quiet(1);
    call(&mut world, "CreateInstance", "connect", DAY, 30, &json!(null));
    let mut bench = Bench::new(world).with_table();
    bench.with_metrics = true;
    for hour in 0..25 {
        bench.restart();
        bench.sim.clear_requests();
        if hour == 3 {
            call(&mut bench.sim.world(), "CreateInstance", "connect", -3 * HOUR + 600, 15, &json!(null));
        }
        let report = bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap();
        assert_eq!(looks(&bench), if hour % 6 == 0 { 5 } else { 0 }, "hour {hour}");
        let usage = if hour < 6 { 30.0 } else { 45.0 };
        assert_eq!(row(&report["account"], INSTANCES)["usage"], usage, "hour {hour}");
    }
}

/// Who remembers nothing looks at every sixth hour of the day, and says so in between.
#[tokio::test(start_paused = true)]
async fn a_run_without_a_store_does_not_look_in_every_hour() {
    let mut bench = Bench::new(quiet(1));
    for (hour, expected) in [(0, 5), (1, 0), (5, 0), (6, 5)] {
        bench.sim.clear_requests();
        bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap();
        assert_eq!(looks(&bench), expected, "hour {hour}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_history_that_cannot_be_read_makes_its_rows_unknown_alone() {
    let mut bench = Bench::new(quiet(1));
    bench.always("cloudtrail", "LookupEvents", FaultKind::AccessDenied);
    let report = bench.dry_run().await;
    assert!(with_status(&report["instances"][0], "unknown").is_empty());
    assert_eq!(with_status(&report["account"], "unknown"), [INSTANCES, SNAPSHOTS, NUMBERS]);
    for name in [INSTANCES, SNAPSHOTS, NUMBERS] {
        let fault = &row(&report["account"], name)["fault"];
        assert_eq!((&fault["operation"], &fault["kind"]), (&json!("cloudtrail:LookupEvents"), &json!("access_denied")));
    }
}

/// What a look cannot read to its end is at least what it read.
#[tokio::test(start_paused = true)]
async fn more_events_than_a_look_reads_are_a_lower_bound() {
    let mut world = quiet(1);
    call(&mut world, "CreateInstance", "connect", DAY, 1_001, &json!(null));
    let report = Bench::new(world).dry_run().await;
    let churn = row(&report["account"], INSTANCES);
    assert_eq!((&churn["status"], &churn["usage"]), (&json!("critical"), &json!(1_000.0)), "{churn}");
    assert!(churn["note"].as_str().unwrap().starts_with("at least this much"), "{churn}");
    assert_eq!(churn["bound"], "lower", "{churn}");
}
