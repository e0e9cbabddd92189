//! Usage as CloudWatch's and Service Quotas' wire tells it: which statistic, which period, which window, and
//! what a part of an answer says.

use connect_quota_monitor::domain::request::Request;
use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Place, Times, World};

use crate::harness::{Bench, NOON, quiet, row};

const HOUR: i64 = 3_600;
/// Rate of ListUsers API requests.
const RATE: &str = "L-CCC38177";
const CALLS: &str = "L-12AB7C57";

fn put(world: &mut World, metric: &str, points: &[(i64, f64)]) {
    let (resource, service) = world.quotas.usage_dimensions(RATE).unwrap();
    let dimensions = [("Class", "None"), ("Resource", resource), ("Service", service), ("Type", "API")];
    for (at, value) in points {
        world.metrics.put("AWS/Usage", metric, &dimensions, *at, *value);
    }
}

async fn rate(world: World) -> Value {
    let report = Bench::new(world).dry_run().await;
    row(&report["account"], RATE).clone()
}

/// 480 of 500 things are 480, and not 8 calls per second.
#[tokio::test(start_paused = true)]
async fn a_number_of_things_is_a_gauge_with_the_recommended_statistic() {
    for (statistic, usage) in
        [("Maximum", 480.0), ("", 480.0), ("Average", 460.0), ("Minimum", 440.0), ("Sum", 920.0), ("SampleCount", 2.0)]
    {
        let mut world = quiet(1);
        world.quotas.set_account(RATE, 500.0).set_usage_metric(RATE, "ResourceCount", statistic);
        put(&mut world, "ResourceCount", &[(NOON - 600, 440.0), (NOON - 600, 480.0)]);
        let row = rate(world).await;
        assert_eq!((&row["usage"], &row["limit"]), (&json!(usage), &json!(500.0)), "{statistic}: {row}");
        assert_eq!(row["peak_at"], "2026-03-02T11:50:00Z");
        assert_eq!(
            row["status"],
            if usage >= 475.0 {
                "critical"
            } else if usage >= 400.0 {
                "warning"
            } else {
                "ok"
            }
        );
    }
    let mut world = quiet(1);
    world.quotas.set_usage_metric(RATE, "ResourceCount", "p99.9");
    let row = rate(world).await;
    assert_eq!(row["status"], "not_measurable");
    assert!(row["note"].as_str().unwrap().contains("p99.9"), "{row}");
}

/// The same 600 calls a minute, whatever the quota is per, and whichever row says so.
#[tokio::test(start_paused = true)]
async fn the_period_of_a_rate_is_the_one_that_a_row_states() {
    for (applied, default, usage) in [
        (Some((1, "SECOND")), Some((1, "SECOND")), Some(10.0)),
        (None, Some((1, "MINUTE")), Some(600.0)),
        (Some((1, "MINUTE")), None, Some(600.0)),
        (Some((10, "SECOND")), None, Some(100.0)),
        (Some((500, "MILLISECOND")), None, Some(5.0)),
        (Some((1_000_000, "MICROSECOND")), None, Some(10.0)),
        (Some((5, "MINUTE")), None, Some(1_800.0)),
        (None, None, Some(10.0)), // documented per second
        (Some((1, "FORTNIGHT")), Some((1, "SECOND")), None),
        (None, Some((1, "FORTNIGHT")), None),
        (Some((0, "SECOND")), None, None),
    ] {
        let mut world = quiet(1);
        world.quotas.set_account(RATE, 10_000.0);
        world.quotas.set_period(RATE, Place::Account, applied).set_period(RATE, Place::Default, default);
        put(&mut world, "CallCount", &[(NOON - 600, 600.0), (NOON - 540, 600.0), (NOON - 480, 600.0)]);
        let row = rate(world).await;
        if let Some(usage) = usage {
            assert_eq!(row["usage"], usage, "{applied:?} {default:?}: {row}");
        } else {
            assert_eq!((&row["status"], &row["usage"]), (&json!("not_measurable"), &Value::Null), "{row}");
            assert!(row["note"].as_str().unwrap().contains("Service Quotas states this rate per"), "{row}");
        }
    }
}

/// As many as were made in the hour, the day or the week, wherever its minutes lie.
#[tokio::test(start_paused = true)]
async fn a_rate_per_hour_or_day_is_the_sum_over_that_time() {
    for (unit, seconds) in [("HOUR", HOUR), ("DAY", 24 * HOUR), ("WEEK", 168 * HOUR)] {
        let mut world = quiet(1);
        world.quotas.set_account(RATE, 100.0).set_period(RATE, Place::Account, Some((1, unit)));
        // Ten in one minute are ten; 80 more lie just within the time, 900 just beyond it and long over.
        put(
            &mut world,
            "CallCount",
            &[(NOON - 600, 10.0), (NOON - seconds, 80.0), (NOON - 2 * seconds - 2 * HOUR, 900.0)],
        );
        let row = rate(world.clone()).await;
        assert_eq!((&row["usage"], &row["status"]), (&json!(90.0), &json!("warning")), "{unit}: {row}");
        assert_eq!(row["utilization"], 90.0);
        put(&mut world, "CallCount", &[(NOON - 660, 10.0)]);
        assert_eq!(rate(world).await["status"], "critical", "{unit}");
    }
}

fn calls(world: &mut World, metric: &str, at: i64, value: f64) {
    let id = world.instances[0].id.clone();
    let dimensions = [("InstanceId", id.as_str()), ("MetricGroup", "VoiceCalls")];
    world.metrics.put("AWS/Connect", metric, &dimensions, at, value);
}

/// CloudWatch gives a part: what is over the limit in it is told, and below it nobody knows.
#[tokio::test(start_paused = true)]
async fn a_part_that_is_over_the_limit_is_told_as_a_lower_bound() {
    for (metric, value, status, usage) in [
        ("ConcurrentCalls", 97.0, "critical", json!(97.0)),
        ("ConcurrentCalls", 82.0, "warning", json!(82.0)),
        ("ConcurrentCalls", 40.0, "unknown", Value::Null),
        ("ThrottledCalls", 3.0, "critical", json!(1.0)),
    ] {
        let mut world = quiet(1);
        let arn = world.instances[0].arn(&world);
        world.quotas.set_instance(CALLS, &arn, 100.0);
        calls(&mut world, metric, NOON - 1_800, value);
        calls(&mut world, metric, NOON - 600, value);
        if metric != "ConcurrentCalls" {
            calls(&mut world, "ConcurrentCalls", NOON - 600, 1.0);
        }
        world.metrics.parts.insert(metric.to_owned(), 1);
        let mut bench = Bench::new(world).with_table().with_topic();
        bench.with_metrics = true;
        let report = bench.run().await.unwrap();
        let row = row(&report["instances"][0], CALLS);
        assert_eq!((&row["status"], row.get("usage").unwrap_or(&Value::Null)), (&json!(status), &usage), "{row}");
        let is_told = status != "unknown";
        let bound = is_told.then(|| json!("lower"));
        assert_eq!((row.get("bound"), row.get("approximate").is_some()), (bound.as_ref(), is_told), "{row}");
        assert_eq!(row.get("fault").is_some(), !is_told, "{row}");
        assert_eq!(row.get("rejected").is_some(), metric == "ThrottledCalls", "{row}");
        assert_eq!(bench.mails().iter().any(|mail| mail.event == "raised"), is_told);
        assert!(report["faults"].to_string().contains("cloudwatch:GetMetricData"), "it is a fault either way");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_rate_is_a_lower_bound_too() {
    let mut world = quiet(1);
    world.quotas.set_account(RATE, 10.0);
    put(&mut world, "CallCount", &[(NOON - 600, 594.0), (NOON - 540, 1.0)]);
    world.metrics.parts.insert("CallCount".to_owned(), 1);
    let row = rate(world).await;
    assert_eq!(
        (&row["status"], &row["usage"], &row["bound"]),
        (&json!("critical"), &json!(9.9), &json!("lower")),
        "{row}"
    );
}

/// The run at 13:00 fails: what happened at 12:30 is seen by the one at 14:00, once, for an instance and for the
/// account. And an outage of a week is looked at three days back.
#[tokio::test(start_paused = true)]
async fn the_hours_of_failed_runs_are_looked_at_by_the_next_one() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    bench.with_metrics = true;
    bench.sim.world().quotas.set_account("L-AA17A6B9", 100.0).set_account(RATE, 10.0);
    let run = async |bench: &mut Bench, hour: i64| {
        bench.restart();
        bench.sim.clear_requests();
        bench.run_at(&Request::default(), NOON + hour * HOUR).await
    };
    run(&mut bench, 0).await.unwrap();
    let queries = |bench: &Bench| bench.calls("monitoring").iter().filter(|name| *name == "GetMetricData").count();
    let usual = queries(&bench);
    calls(&mut bench.sim.world(), "CallsBreachingConcurrencyQuota", NOON + 1_800, 250.0);
    put(&mut bench.sim.world(), "CallCount", &[(NOON + 1_800, 590.0)]);
    bench.sim.script(Fault::new("connect", FaultKind::AccessDenied).operation("ListInstances").times(Times::Once));
    assert!(run(&mut bench, 1).await.is_err());
    let report = run(&mut bench, 2).await.unwrap();
    let seen = row(&report["instances"][0], CALLS);
    assert_eq!((&seen["status"], &seen["rejected"]), (&json!("critical"), &json!(250.0)), "{seen}");
    assert_eq!(row(&report["account"], RATE)["status"], "critical");
    assert_eq!(bench.mails().iter().filter(|mail| mail.event == "raised").count(), 2);
    // An API that was quiet until now is looked at a little longer, in a call of its own.
    assert!((usual..=usual + 1).contains(&queries(&bench)), "one window for all: {}", queries(&bench));
    let report = run(&mut bench, 3).await.unwrap();
    assert_eq!(row(&report["instances"][0], CALLS)["status"], "ok", "it is over, and not seen again");

    calls(&mut bench.sim.world(), "CallsBreachingConcurrencyQuota", NOON + 98 * HOUR, 5.0);
    let report = run(&mut bench, 3 + 168).await.unwrap();
    assert_eq!(row(&report["instances"][0], CALLS)["rejected"], Value::Null, "four days ago is too long ago");
    calls(&mut bench.sim.world(), "CallsBreachingConcurrencyQuota", NOON + 173 * HOUR, 5.0);
    let report = run(&mut bench, 3 + 168 + 71).await.unwrap();
    assert_eq!(row(&report["instances"][0], CALLS)["rejected"], 5.0);
}

/// A state of an instance that nobody knows is no reason to look away.
#[tokio::test(start_paused = true)]
async fn an_instance_in_an_unknown_state_is_measured() {
    for status in ["SUSPENDED", "", "CREATION_FAILED", "CREATION_IN_PROGRESS"] {
        let mut world = quiet(1);
        world.instances[0].status = status.to_owned();
        world.instances[0].set("ListPrompts", 499);
        let report = Bench::new(world).dry_run().await;
        let instance = &report["instances"][0];
        if status.starts_with("CREATION") {
            assert_eq!(instance["status"], "skipped");
        } else {
            assert_eq!((&instance["status"], &report["complete"]), (&json!("complete"), &json!(true)), "{status}");
            assert_eq!(row(instance, "L-0865B754")["status"], "critical");
        }
    }
}

/// CloudWatch gave a part, which was over the threshold: what it kept back is looked at by the next run.
#[tokio::test(start_paused = true)]
async fn what_was_not_read_beside_a_violation_is_read_by_the_next_run() {
    let mut world = quiet(1);
    let arn = world.instances[0].arn(&world);
    world.quotas.set_account("L-AA17A6B9", 100.0).set_instance(CALLS, &arn, 100.0);
    calls(&mut world, "ConcurrentCalls", NOON - 2_400, 82.0);
    calls(&mut world, "ConcurrentCalls", NOON - 1_200, 99.0);
    let mut bench = Bench::new(world).with_table().with_topic();
    for (hour, part) in [(-1, None), (0, Some(1)), (1, None)] {
        let parts = part.map(|points| ("ConcurrentCalls".to_owned(), points));
        bench.sim.world().metrics.parts = parts.into_iter().collect();
        bench.restart();
        bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap();
    }
    let told: Vec<String> = bench.mails().into_iter().map(|mail| mail.event).collect();
    assert_eq!(told, ["raised", "escalated"], "82, and 99 twenty minutes later");
}

/// CloudWatch is denied from the first run on: the first one that may read looks at the hours of all of them.
#[tokio::test(start_paused = true)]
async fn the_hours_of_first_runs_that_could_not_read_are_looked_at() {
    let mut world = quiet(1);
    world.quotas.set_account("L-AA17A6B9", 100.0).set_account(RATE, 10.0);
    calls(&mut world, "CallsBreachingConcurrencyQuota", NOON + 1_800, 250.0);
    put(&mut world, "CallCount", &[(NOON + 1_800, 590.0)]);
    let mut bench = Bench::new(world).with_table().with_topic();
    bench.always("monitoring", "GetMetricData", FaultKind::AccessDenied);
    for hour in 0..4 {
        if hour == 3 {
            bench.sim.clear_faults();
        }
        bench.restart();
        bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap();
    }
    assert_eq!(bench.mails().iter().filter(|mail| mail.event == "raised").count(), 2, "{:?}", bench.mails());
}
