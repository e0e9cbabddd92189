//! Only the rates of APIs that were called lately are read in every run, and nothing is missed by that.

use connect_quota_monitor::catalogue::{self, Meter, Quota};
use connect_quota_monitor::domain::request::Request;
use serde_json::{Value, json};
use simaws::{FaultKind, World};

use crate::harness::{Bench, NOON, TABLE, demo, quiet, row};

const HOUR: i64 = 3_600;
/// Of the account's document of the demo; all of its rows take more than 150,000 bytes.
const SIZE: usize = 20 * 1_024;
/// Rates of ListUsers, which the monitor calls itself, and of CreateUser, which it does not.
const LIST_USERS: &str = "L-CCC38177";
const CREATE_USER: &str = "CreateUser";

fn is_unlisted_rate(quota: &Quota) -> bool {
    quota.meter == Meter::Rate && !quota.is_listed()
}

fn code_of(world: &World, operation: &str) -> &'static str {
    let codes = world.quotas.codes("connect");
    let is_it = |code: &&&str| world.quotas.usage_dimensions(code).is_some_and(|(resource, _)| resource == operation);
    codes.iter().find(is_it).copied().unwrap()
}

fn call(world: &mut World, operation: &'static str, at: i64, calls: f64) {
    let dimensions = [("Class", "None"), ("Resource", operation), ("Service", "Connect"), ("Type", "API")];
    world.metrics.put("AWS/Usage", "CallCount", &dimensions, at, calls);
}

/// Rates that the requests for CloudWatch's data asked for since the last look.
fn asked(bench: &Bench) -> usize {
    let asked = bench.sim.requests().into_iter().filter(|r| r.operation == "GetMetricData");
    let count = asked.map(|r| String::from_utf8_lossy(&r.body).matches("AWS/Usage").count()).sum();
    bench.sim.clear_requests();
    count
}

async fn hour(bench: &mut Bench, hour: i64) -> Value {
    bench.with_metrics = true;
    bench.restart();
    bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn once_a_day_all_are_read_and_otherwise_those_that_were_called() {
    let mut world = quiet(1);
    call(&mut world, CREATE_USER, NOON - 600, 12.0);
    let code = code_of(&world, CREATE_USER);
    let mut bench = Bench::new(world).with_table();
    let mut numbers = Vec::new();
    for n in 0..25 {
        let report = hour(&mut bench, n).await;
        assert_eq!((&report["complete"], &report["faults"]), (&json!(true), &json!([])));
        // The command and the answer show every row.
        assert_eq!(row(&report["account"], LIST_USERS)["status"], "ok");
        assert_eq!(row(&report["account"], code)["usage"], if n == 0 { 0.2 } else { 0.0 });
        numbers.push(asked(&bench));
    }
    assert_eq!((numbers[0], numbers[24]), (340, 340), "{numbers:?}");
    // What was called on some day is read for a while.
    assert!(numbers[1..24].iter().all(|n| *n == 1), "{numbers:?}");
}

/// The documented limit judges a rate that Service Quotas does not list, and an idle one is no question, not even once
/// a day.
#[tokio::test(start_paused = true)]
async fn a_rate_that_service_quotas_does_not_list_is_read_once_it_was_called() {
    const SEARCH_CONTACTS: &str = "Rate of SearchContacts API requests";
    const LIST_METRICS: &str = "Rate of ListMetrics API requests";
    let mut world = quiet(1);
    // CloudWatch has operations of the same name.
    let of_cloudwatch = [("Class", "None"), ("Resource", "ListMetrics"), ("Service", "CloudWatch"), ("Type", "API")];
    world.metrics.put("AWS/Usage", "CallCount", &of_cloudwatch, NOON - 600, 6_000.0);
    let mut bench = Bench::new(world).with_table();
    let first = hour(&mut bench, 0).await;
    let idle = row(&first["account"], SEARCH_CONTACTS);
    let members = |row: &Value| ["usage", "limit", "limit_source", "status"].map(|member| row[member].clone());
    assert_eq!(members(idle), [json!(0.0), json!(0.5), json!("default"), json!("ok")]);
    assert_eq!(row(&first["account"], LIST_METRICS)["usage"], 0.0);
    assert_eq!(asked(&bench), 340);
    call(&mut bench.sim.world(), "SearchContacts", NOON + HOUR - 600, 60.0);
    for n in 1..=26 {
        let report = hour(&mut bench, n).await;
        let row = row(&report["account"], SEARCH_CONTACTS);
        let (usage, status) = if n == 1 { (1.0, "critical") } else { (0.0, "ok") };
        assert_eq!(members(row), [json!(usage), json!(0.5), json!("default"), json!(status)], "hour {n}");
        assert_eq!(report["faults"], json!([]));
        assert_eq!(asked(&bench), if n == 24 { 341 } else { 1 }, "hour {n}");
    }
}

/// A rate that Service Quotas begins to list has a row of its own, and is not told twice.
#[tokio::test(start_paused = true)]
async fn a_rate_that_service_quotas_lists_after_all_is_told_once() {
    let mut world = quiet(1);
    world.quotas.set_account("L-79564E52", 0.5).name_usage("L-79564E52", "SearchContacts", "Connect");
    call(&mut world, "SearchContacts", NOON - 600, 60.0);
    let report = Bench::new(world).dry_run().await;
    assert_eq!(row(&report["account"], "Rate of SearchContacts API requests")["status"], "not_measurable");
}

/// CloudWatch learns late of a metric: the run after looks back far enough.
#[tokio::test(start_paused = true)]
async fn an_api_that_is_called_for_the_first_time_is_never_missed() {
    for before in [60, 300, 600, 899] {
        let mut world = quiet(1);
        world.metrics.late = 900;
        let code = code_of(&world, CREATE_USER);
        world.quotas.set_account(code, 2.0);
        let mut bench = Bench::new(world).with_table();
        hour(&mut bench, 0).await;
        call(&mut bench.sim.world(), CREATE_USER, NOON + HOUR - before, 600.0);
        let first = hour(&mut bench, 1).await;
        let second = hour(&mut bench, 2).await;
        let status = |report: &Value| row(&report["account"], code)["status"].clone();
        assert!([status(&first), status(&second)].contains(&json!("critical")), "{before} s before the run");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_listed_is_read_as_a_whole_and_named() {
    let mut bench = Bench::new(quiet(1)).with_table();
    hour(&mut bench, 0).await;
    asked(&bench);
    bench.always("monitoring", "ListMetrics", FaultKind::AccessDenied);
    let report = hour(&mut bench, 1).await;
    assert_eq!(asked(&bench), 340 + 125);
    assert_eq!(row(&report["account"], LIST_USERS)["status"], "ok");
    assert_eq!(report["faults"][0]["operation"], "cloudwatch:ListMetrics");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_looks_back_far_reads_all() {
    let mut bench = Bench::new(quiet(1)).with_table();
    hour(&mut bench, 0).await;
    asked(&bench);
    hour(&mut bench, 4).await;
    assert_eq!(asked(&bench), 340);
}

#[tokio::test(start_paused = true)]
async fn stored_documents_hold_idle_rates_as_codes() {
    let mut bench = demo().with_table();
    let report = hour(&mut bench, 0).await;
    let stored = bench.items().into_iter().find(|item| item["instance_id"] == "account").unwrap();
    let list = |member: &str| stored[member].as_array().unwrap();
    let (rows, idle, limits) = (list("metrics"), list("idle"), list("limit_only"));
    let empty = list("empty");
    // Each `-` stands for an idle one of the rates without a code.
    let is_unlisted =
        |name: &Value| name.as_str().is_some_and(|name| catalogue::find(name).is_some_and(is_unlisted_rate));
    let told = rows.iter().filter(|row| is_unlisted(&row["quota_name"])).count();
    let unlisted = catalogue::all().filter(|q| is_unlisted_rate(q)).count();
    assert_eq!(idle.iter().filter(|code| **code == "-").count(), unlisted - told, "{idle:?}");
    let all = rows.len() + idle.len() + empty.len() + limits.len();
    assert_eq!(stored["metrics_count"], json!(all));
    assert_eq!(report["account"]["metrics"].as_array().unwrap().len(), all);
    for code in limits {
        assert_eq!(row(&report["account"], code.as_str().unwrap())["status"], "not_measurable");
    }
    for code in idle.iter().filter(|code| **code != "-").chain(empty) {
        let row = row(&report["account"], code.as_str().unwrap());
        assert_eq!((&row["usage"], &row["status"]), (&json!(0.0), &json!("ok")), "{row}");
    }
    assert!(rows.iter().any(|row| row["quota_name"].as_str().unwrap().contains("GetMetricDataV2")));
    let size = stored.to_string().len();
    assert!(
        size <= SIZE,
        "{} {size} bytes: {} rows, {} idle, {} limits",
        json!(rows),
        rows.len(),
        idle.len(),
        limits.len()
    );
    for item in bench.sim.world().tables[TABLE].plain_items() {
        eprintln!("{} {}: {} bytes", item["subject"], item["timestamp"], item.to_string().len());
    }
}
