//! Limits of single instances that Service Quotas lists nowhere: asked for one by one, kept, and asked again.

use std::collections::BTreeMap;

use connect_quota_monitor::aws::pace::PacingPlan;
use connect_quota_monitor::config::Pacing;
use connect_quota_monitor::domain::request::Request;
use serde_json::{Value, json};
use simaws::{FaultKind, Throttle, World};

use crate::harness::{Bench, NOON, quiet, row};

const HOUR: i64 = 3_600;
const PROMPTS: &str = "L-0865B754";
/// Quotas of an instance that are asked for.
const QUESTIONS: usize = 42;

/// An account in which the listing shows nothing of single instances.
fn world(instances: usize) -> World {
    let mut world = quiet(instances);
    world.quotas.set_account("L-AA17A6B9", 2_000.0).list_resource_level = false;
    world
}

async fn run(bench: &mut Bench, hour: i64) -> Value {
    bench.restart();
    bench.sim.clear_requests();
    bench.with_metrics = true;
    bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap()
}

/// Codes that were asked for, by instance ARN.
fn asked(bench: &Bench) -> BTreeMap<String, Vec<String>> {
    let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in bench.sim.requests().into_iter().filter(|r| r.operation == "GetServiceQuota") {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        asked.entry(text("ContextId")).or_default().push(text("QuotaCode"));
    }
    asked
}

fn most_of_one(bench: &Bench) -> usize {
    asked(bench).values().map(Vec::len).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn in_ten_runs_each_instance_is_asked_for_all_once_and_then_for_a_few() {
    for bench in [Bench::new(world(3)).with_table(), Bench::new(world(3)).with_bucket()] {
        let mut bench = bench;
        for hour in 0..10 {
            let report = run(&mut bench, hour).await;
            assert_eq!(report["complete"], true, "{}", report["faults"]);
            let asked = asked(&bench);
            if hour == 0 {
                assert!(asked.len() == 3 && asked.values().all(|codes| codes.len() == QUESTIONS), "{asked:?}");
                assert_eq!(report["plan"]["limit_calls"], 3 * QUESTIONS);
            } else {
                assert!(most_of_one(&bench) <= 3, "hour {hour}: {asked:?}");
                assert!(report["plan"]["limit_calls"].as_u64() <= Some(9), "{}", report["plan"]);
            }
        }
    }
}

/// At per-operation pacing seventy instances take what Connect's slowest operation asks.
#[tokio::test(start_paused = true)]
async fn from_the_second_run_on_seventy_instances_take_what_connect_asks() {
    let mut world = world(70);
    world.throttle = Throttle::None;
    let mut bench =
        Bench::new(world).plans(PacingPlan::ConnectPerOperation { share: 100 }, PacingPlan::ServiceQuotas).with_table();
    bench.config.pacing = Pacing::PerOperation;
    bench.config.detail_calls = 0;
    for hour in 0..4 {
        let report = run(&mut bench, hour).await;
        let seconds = report["duration_ms"].as_f64().unwrap() / 1_000.0;
        assert_eq!(report["complete"], true, "hour {hour}: {}", report["plan"]);
        let served = |operation: &str| bench.calls("connect").iter().filter(|name| *name == operation).count();
        let wait = |calls: usize| calls.saturating_sub(5) as f64 / 2.0;
        let bound = wait(served("ListInstances")) + wait(served("ListUsers"));
        if hour == 0 {
            assert!(seconds < 650.0, "{seconds} s");
        } else {
            assert!(seconds <= bound * 1.03 + 2.0, "hour {hour}: {seconds} s, bound {bound}");
            assert!(most_of_one(&bench) <= 3);
        }
    }
}

/// A first run that has no time to ask for all measures every instance, says what is missing, and the next runs go on.
#[tokio::test(start_paused = true)]
async fn a_first_run_without_time_for_all_says_how_far_it_came() {
    let mut bench = Bench::new(world(20))
        .plans(PacingPlan::ConnectPerOperation { share: 100 }, PacingPlan::ServiceQuotas)
        .with_table();
    bench.config.pacing = Pacing::PerOperation;
    bench.config.detail_calls = 0;
    bench.time = std::time::Duration::from_secs(90);
    let mut left = usize::MAX;
    for hour in 0..8 {
        let report = run(&mut bench, hour).await;
        let instances = report["instances"].as_array().unwrap();
        assert!(instances.iter().all(|i| i["status"] != "skipped"), "hour {hour}: {}", report["plan"]);
        assert!(report["duration_ms"].as_u64().unwrap() < 90_000);
        let now = report["plan"]["limits_left"].as_u64().unwrap_or(0);
        let now = usize::try_from(now).unwrap();
        assert!(now < left, "hour {hour}: it goes on: {now} of {left}");
        left = now;
        if now == 0 {
            assert_eq!(report["complete"], true);
            assert!(hour > 1, "{}", report["plan"]);
            return;
        }
        assert!(report["plan"]["note"].as_str().unwrap().contains("limits of single instances are unknown"));
        let rows = instances.iter().flat_map(|i| i["metrics"].as_array().unwrap());
        let unknown: Vec<&Value> = rows.filter(|r| r["status"] == "unknown").collect();
        // Of some nothing could be said anyhow.
        assert!(!unknown.is_empty() && unknown.len() <= now, "{} of {now}", unknown.len());
        for row in unknown {
            assert_eq!((&row["limit"], &row["fault"]["kind"]), (&Value::Null, &json!("deadline")), "{row}");
        }
    }
    panic!("{left} limits are still unknown after eight runs");
}

/// A value of its own, as it was last read, with its time.
#[tokio::test(start_paused = true)]
async fn a_kept_value_is_used_and_marked_and_asked_again_within_a_day() {
    let mut world = world(1);
    let arn = world.instances[0].arn(&world);
    world.quotas.set_instance(PROMPTS, &arn, 700.0);
    let mut bench = Bench::new(world).with_table();
    let first = run(&mut bench, 0).await;
    let prompts = row(&first["instances"][0], PROMPTS);
    assert_eq!((&prompts["limit"], &prompts["limit_read_at"]), (&json!(700.0), &Value::Null));
    bench.sim.world().quotas.set_instance(PROMPTS, &arn, 900.0);
    let mut seen = None;
    for hour in 1..=25 {
        let report = run(&mut bench, hour).await;
        let prompts = row(&report["instances"][0], PROMPTS).clone();
        assert_eq!(prompts["limit_source"], "instance");
        let is_asked = asked(&bench).values().flatten().any(|code| code == PROMPTS);
        assert_eq!(prompts.get("limit_read_at").is_none(), is_asked, "{prompts}");
        if is_asked {
            assert_eq!(prompts["limit"], 900.0);
            seen = seen.or(Some(hour));
        } else if seen.is_none() {
            assert_eq!((&prompts["limit"], &prompts["limit_read_at"]), (&json!(700.0), &json!("2026-03-02T12:00:00Z")));
        }
    }
    assert!(seen.is_some_and(|hour| hour <= 24), "{seen:?}");
}

/// Nobody is told a violation of a limit that was raised in the meantime; "none of its own" is doubted as well.
#[tokio::test(start_paused = true)]
async fn a_violation_is_told_only_on_a_value_of_this_run() {
    for own in [Some(500.0), None] {
        let mut world = world(1);
        let arn = world.instances[0].arn(&world);
        if let Some(own) = own {
            world.quotas.set_instance(PROMPTS, &arn, own);
        }
        let mut bench = Bench::new(world).with_table().with_topic();
        run(&mut bench, 0).await;
        bench.sim.world().instances[0].set("ListPrompts", 480);
        bench.sim.world().quotas.set_instance(PROMPTS, &arn, 5_000.0);
        let report = run(&mut bench, 1).await;
        assert!(asked(&bench)[&arn].contains(&PROMPTS.to_owned()));
        let prompts = row(&report["instances"][0], PROMPTS);
        assert_eq!((&prompts["status"], &prompts["limit"]), (&json!("ok"), &json!(5_000.0)), "{prompts}");
        assert!(bench.mails().is_empty());
        // And one that is true is told, on a value that was just read.
        bench.sim.world().instances[0].set("ListPrompts", 4_900);
        let report = run(&mut bench, 2).await;
        let prompts = row(&report["instances"][0], PROMPTS);
        assert_eq!((&prompts["status"], prompts.get("limit_read_at")), (&json!("critical"), None), "{prompts}");
        assert_eq!(bench.mails().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_value_of_the_account_is_asked_about_at_once() {
    let mut bench = Bench::new(world(2)).with_table();
    run(&mut bench, 0).await;
    bench.sim.world().quotas.set_account(PROMPTS, 800.0);
    run(&mut bench, 1).await;
    let asked = asked(&bench);
    assert!(asked.len() == 2 && asked.values().all(|codes| codes.contains(&PROMPTS.to_owned())), "{asked:?}");
}

/// Service Quotas refuses for three days: the last answers stand in for two, which the answer tells, and then
/// the limits are not known.
#[tokio::test(start_paused = true)]
async fn answers_that_do_not_come_are_replaced_by_the_last_ones_for_two_days() {
    let mut world = world(1);
    let arn = world.instances[0].arn(&world);
    world.quotas.set_instance(PROMPTS, &arn, 500.0);
    world.instances[0].set("ListPrompts", 480);
    let mut bench = Bench::new(world).with_table().with_config(|c| c.auto_request_increase = true);
    let first = run(&mut bench, 0).await;
    assert_eq!(row(&first["instances"][0], PROMPTS)["status"], "critical");
    assert_eq!(bench.sim.world().quotas.change_requests.len(), 1);
    bench.sim.world().quotas.change_requests.clear();
    bench.always("servicequotas", "GetServiceQuota", FaultKind::AccessDenied);
    let report = run(&mut bench, 24).await;
    let prompts = row(&report["instances"][0], PROMPTS);
    assert_eq!((&prompts["status"], &prompts["limit"]), (&json!("critical"), &json!(500.0)));
    assert_eq!(prompts["limit_read_at"], "2026-03-02T12:00:00Z");
    assert!(report["faults"].to_string().contains("servicequotas:GetServiceQuota"), "{}", report["faults"]);
    assert!(bench.sim.world().quotas.change_requests.is_empty(), "nothing is asked for on an old limit");
    let report = run(&mut bench, 72).await;
    let prompts = row(&report["instances"][0], PROMPTS);
    assert_eq!((&prompts["status"], &prompts["limit"]), (&json!("unknown"), &Value::Null), "{prompts}");
}

/// A value that the listing showed until now and shows no more may have been withdrawn: it is asked for at once.
#[tokio::test(start_paused = true)]
async fn a_value_that_the_listing_shows_no_more_is_asked_for_at_once() {
    let mut world = quiet(1);
    let arn = world.instances[0].arn(&world);
    let without = world.quotas.clone();
    world.quotas.set_instance(PROMPTS, &arn, 700.0);
    world.instances[0].set("ListPrompts", 480);
    let mut bench = Bench::new(world).with_table();
    let report = run(&mut bench, 0).await;
    assert_eq!(row(&report["instances"][0], PROMPTS)["status"], "ok");
    bench.sim.world().quotas = without;
    for hour in 1..3 {
        let report = run(&mut bench, hour).await;
        let prompts = row(&report["instances"][0], PROMPTS);
        assert_eq!(
            (&prompts["status"], &prompts["limit"]),
            (&json!("critical"), &json!(500.0)),
            "hour {hour}: {prompts}"
        );
    }
}
