//! Runs that do not have time for everything: what is left out is said, and its turn comes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use connect_quota_monitor::aws::pace::PacingPlan;
use connect_quota_monitor::config::Pacing;
use connect_quota_monitor::domain::request::Request;
use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Throttle, Times, World};

use crate::harness::{Bench, NOON, quiet, row, small, with_status};

const HOUR: i64 = 3600;

/// At the documented pacing, one bucket for all, on an AWS that has just that bucket.
fn account(instances: usize, seconds: u64) -> Bench {
    let mut world = fleet(instances);
    world.throttle = Throttle::Shared;
    let mut bench = Bench::new(world).plans(PacingPlan::ConnectAccount { share: 100 }, PacingPlan::ServiceQuotas);
    bench.time = Duration::from_secs(seconds);
    bench.config.detail_calls = 0;
    bench
}

/// Instances of which Service Quotas has little to list.
fn fleet(instances: usize) -> World {
    let mut world = small();
    world.instances = quiet(instances).instances;
    world.quotas.set_account("L-AA17A6B9", 2_000.0);
    let arn = world.instances[0].arn(&world);
    world.quotas.set_instance("L-9A46857E", &arn, 700.0);
    world
}

fn by_status(report: &Value, status: &str) -> BTreeSet<String> {
    let instances = report["instances"].as_array().unwrap().iter();
    instances.filter(|i| i["status"] == status).map(|i| i["instance_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_that_cannot_fit_says_so_before_and_after() {
    let mut bench = account(20, 120).with_table().with_topic();
    let began = tokio::time::Instant::now();
    let report = bench.run().await.unwrap();
    assert!(began.elapsed() < bench.time, "{:?}", began.elapsed());
    let note = report["plan"]["note"].as_str().unwrap();
    assert!(note.starts_with("622 Connect calls need 309 s at account pacing, 10"), "{note}");
    assert!(note.ends_with(" s are left: set CONNECT_PACING=per-operation"), "{note}");
    let (complete, skipped) = (by_status(&report, "complete"), by_status(&report, "skipped"));
    assert_eq!((complete.len() + skipped.len(), &report["complete"]), (20, &json!(false)), "{report:#}");
    assert!(complete.len() >= 6, "the time is used: {}", complete.len());
    for instance in report["instances"].as_array().unwrap().iter().filter(|i| i["status"] == "skipped") {
        assert!(instance["reason"].as_str().unwrap().contains("first of the next run"), "{instance}");
        assert_eq!((&instance["metrics_count"], &instance["max_utilization"]), (&json!(0), &Value::Null));
    }
    let keys: BTreeSet<String> = bench
        .items()
        .iter()
        .map(|i| i["instance_id"].as_str().unwrap().to_owned())
        .filter(|k| k != "account")
        .collect();
    assert_eq!(keys, complete, "no snapshot of what was not looked at");
    assert_eq!(report["connect_api"]["throttled"], 0);
}

#[tokio::test(start_paused = true)]
async fn what_fits_has_a_plan_without_a_note() {
    let mut bench = account(2, 120);
    let report = bench.run().await.unwrap();
    assert_eq!((&report["complete"], &report["plan"]["note"]), (&json!(true), &Value::Null));
    assert_eq!(report["plan"]["connect_calls"], 2 * 31 + 2);
    let took = report["duration_ms"].as_u64().unwrap() / 1000;
    let planned = report["plan"]["seconds_needed"].as_u64().unwrap();
    assert!(took.abs_diff(planned) <= 2, "{took} s, planned {planned}");
}

/// Each run measures some; within a round everybody has been measured, and exactly.
async fn everybody_is_measured(mut bench: Bench, runs: i64) {
    let all: BTreeSet<String> = bench.sim.world().instances.iter().map(|i| i.id.clone()).collect();
    let mut turns: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for hour in 0..runs {
        bench.restart();
        let report = bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap();
        for id in by_status(&report, "complete") {
            turns.entry(id).or_default().push(hour);
        }
    }
    assert_eq!(turns.keys().cloned().collect::<BTreeSet<_>>(), all, "somebody was never measured");
    let least = turns.values().map(Vec::len).min().unwrap();
    let most = turns.values().map(Vec::len).max().unwrap();
    assert!(most - least <= 1, "some were measured {most} times, others {least} times");
}

#[tokio::test(start_paused = true)]
async fn over_several_runs_a_fleet_is_measured_whole_and_evenly() {
    everybody_is_measured(account(13, 90).with_table(), 9).await;
    everybody_is_measured(account(13, 90).with_bucket(), 9).await;
    everybody_is_measured(account(12, 90).with_table().with_bucket(), 8).await;
}

#[tokio::test(start_paused = true)]
async fn without_storage_the_hours_go_round() {
    let mut bench = account(12, 90).with_topic();
    let all: BTreeSet<String> = bench.sim.world().instances.iter().map(|i| i.id.clone()).collect();
    let mut seen = BTreeSet::new();
    for hour in 0..6 {
        bench.restart();
        let report = bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap();
        seen.extend(by_status(&report, "complete"));
        assert!(report.to_string().contains("turns go by the hour"));
    }
    assert_eq!(seen, all);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_never_fits_starves_nobody() {
    let mut bench = account(4, 40).with_table();
    bench.sim.world().instances[0].set("ListUsers", 400_000);
    let huge = bench.sim.world().instances[0].id.clone();
    let mut measured = BTreeSet::new();
    for hour in 0..6 {
        bench.restart();
        let report = bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap();
        measured.extend(by_status(&report, "complete"));
        assert!(!by_status(&report, "complete").contains(&huge), "it cannot be counted in this time");
    }
    assert_eq!(measured.len(), 3, "{measured:?}");
    let items = bench.items();
    let of_huge = items.iter().rfind(|i| i["instance_id"] == huge.as_str()).unwrap();
    let users = of_huge["metrics"].as_array().unwrap().iter().find(|m| m["quota_code"] == "L-9A46857E").unwrap();
    let got = (&users["status"], users.get("usage").unwrap_or(&Value::Null), &users["fault"]["kind"]);
    assert_eq!(got, (&json!("unknown"), &Value::Null, &json!("deadline")), "{users}");
}

fn peak(bench: &Bench, instance: &str, at: i64) {
    let dimensions = [("InstanceId", instance), ("MetricGroup", "VoiceCalls")];
    bench.sim.world().metrics.put("AWS/Connect", "ConcurrentCalls", &dimensions, at, 97.0);
}

#[tokio::test(start_paused = true)]
async fn a_peak_while_an_instance_waited_is_seen_when_its_turn_comes() {
    let mut bench = account(8, 60).with_table();
    let first = bench.run_at(&Request::default(), NOON).await.unwrap();
    let skipped = by_status(&first, "skipped");
    assert!(!skipped.is_empty() && skipped.len() < 8);
    // In the hour of the first run, long before the next one's look-back of an hour.
    let waiting = skipped.first().unwrap().clone();
    peak(&bench, &waiting, NOON - 1_800);
    let later = NOON + 2 * HOUR;
    bench.restart();
    let request = Request { dry_run: false, ..Request::default() };
    bench.run_at(&request, later).await.unwrap();
    let items = bench.items();
    let item = items.iter().rfind(|i| i["instance_id"] == waiting.as_str()).expect("its turn came");
    let calls = item["metrics"].as_array().unwrap().iter().find(|m| m["quota_code"] == "L-12AB7C57").unwrap();
    assert_eq!(calls["usage"], 97.0, "{calls}");
    assert!(calls["note"].as_str().unwrap().contains("no run measured this instance since"), "{calls}");
    // One that did not wait looks back as far as ever.
    let other = by_status(&first, "complete").first().unwrap().clone();
    peak(&bench, &other, NOON - 1_800);
    bench.restart();
    bench.time = Duration::from_secs(900);
    bench.run_at(&request, later + HOUR).await.unwrap();
    let items = bench.items();
    let item = items.iter().rfind(|i| i["instance_id"] == other.as_str()).unwrap();
    let calls = item["metrics"].as_array().unwrap().iter().find(|m| m["quota_code"] == "L-12AB7C57").unwrap();
    assert_eq!(calls["usage"], 0.0, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn what_is_counted_over_all_instances_is_not_measurable_when_some_were_left_out() {
    let mut bench = account(8, 60).with_table();
    let report = bench.run().await.unwrap();
    let items = bench.items();
    let account = items.iter().find(|i| i["instance_id"] == "account").unwrap();
    let over_all: Vec<&Value> = account["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|m| m["note"].as_str().is_some_and(|why| why.contains("had no time for")))
        .collect();
    assert!(!over_all.is_empty(), "{report:#}");
    assert!(over_all.iter().all(|m| m["status"] == "not_measurable" && m["usage"].is_null()));
    let instances = account["metrics"].as_array().unwrap().iter().find(|m| m["quota_code"] == "L-AA17A6B9").unwrap();
    assert_eq!(instances["usage"], 8.0, "that there are eight is known");
}

#[tokio::test(start_paused = true)]
async fn waiting_is_no_news_and_no_recovery() {
    let mut bench = account(8, 60).with_table().with_topic();
    for instance in &mut bench.sim.world().instances {
        instance.set("ListPrompts", 450);
    }
    let all = bench.sim.world().instances.len();
    for hour in 0..8 {
        bench.restart();
        bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap();
    }
    let mut events: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for mail in bench.mails().into_iter().filter(|m| m.instance_id != "account" && !m.instance_id.is_empty()) {
        events.entry(mail.instance_id).or_default().push(mail.event);
    }
    assert_eq!(events.len(), all, "{events:#?}");
    assert!(events.values().all(|events| *events == ["raised"]), "each once: {events:#?}");
}

#[tokio::test(start_paused = true)]
async fn sinks_that_hang_do_not_keep_the_answer() {
    for (service, operation) in
        [("dynamodb", "PutItem"), ("dynamodb", "GetItem"), ("sns", "Publish"), ("s3", "PutObject")]
    {
        let mut bench = Bench::new(fleet(6)).with_table().with_bucket().with_topic();
        bench.time = Duration::from_secs(90);
        bench.config.pacing = Pacing::PerOperation;
        for instance in &mut bench.sim.world().instances {
            instance.set("ListPrompts", 450);
        }
        bench.sim.script(Fault::new(service, FaultKind::Hang).operation(operation).times(Times::Forever));
        let began = tokio::time::Instant::now();
        let result = bench.run().await;
        assert!(began.elapsed() < bench.time, "{operation}: {:?}", began.elapsed());
        assert_eq!(result.is_err(), operation != "GetItem", "{operation}: {result:?}");
        let told = bench.mails().iter().filter(|m| m.event == "raised").count();
        assert_eq!(told, if service == "sns" { 0 } else { 6 }, "{operation}");
        // The next run tells what could not be told.
        bench.sim.clear_faults();
        bench.restart();
        bench.run_at(&Request::default(), NOON + HOUR).await.unwrap();
        assert!(bench.mails().iter().filter(|m| m.event == "raised").count() >= 6, "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn alarms_of_instances_without_a_turn_stay() {
    let mut bench = account(6, 900).with_topic().with_table();
    bench.config.alarms.instances = true;
    bench.run().await.unwrap();
    let before = bench.sim.world().alarms.len();
    assert_eq!(before, 6 * 3);
    bench.restart();
    bench.time = Duration::from_secs(45);
    let report = bench.run_at(&Request::default(), NOON + HOUR).await.unwrap();
    assert!(!by_status(&report, "skipped").is_empty());
    assert_eq!(bench.sim.world().alarms.len(), before, "{}", report["api_alarms"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_is_not_finished_is_ok() {
    for seconds in [5, 8, 13, 21, 34] {
        let mut bench = account(3, seconds);
        let request = Request { dry_run: true, ..Request::default() };
        let Ok(report) = bench.run_at(&request, NOON).await else { continue };
        assert_eq!(report["complete"], false, "{seconds} s");
        let whole = Bench::new(fleet(3)).with_config(|c| c.detail_calls = 0).dry_run().await;
        for (seen, true_one) in
            report["instances"].as_array().unwrap().iter().zip(whole["instances"].as_array().unwrap())
        {
            let Some(rows) = seen["metrics"].as_array() else { continue };
            for got in rows.iter().filter(|r| r["status"] != "unknown") {
                let expected = row(
                    true_one,
                    got["quota_code"]
                        .as_str()
                        .filter(|c| *c != "-")
                        .unwrap_or_else(|| got["quota_name"].as_str().unwrap()),
                );
                assert_eq!(got, expected, "{seconds} s");
            }
            assert!(seen["status"] != "complete" || with_status(seen, "unknown").is_empty());
        }
    }
}
