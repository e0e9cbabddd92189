//! Bursts as bounds, and metrics that Service Quotas names for what the catalogue takes for a limit only.

use serde_json::{Value, json};
use simaws::{FaultKind, World};

use crate::harness::{Bench, NOON, quiet, row, with_status};

/// CreateField of Cases: a burst of 5, and a rate of 2 per second.
const BURST: &str = "L-F4DAA62B";
const RATE: &str = "L-497703F2";

fn put(world: &mut World, code: &str, points: &[(i64, f64)]) {
    let (resource, service) = world.quotas.usage_dimensions(code).unwrap();
    let dimensions = [("Class", "None"), ("Resource", resource), ("Service", service), ("Type", "API")];
    for (minutes, value) in points {
        world.metrics.put("AWS/Usage", "CallCount", &dimensions, NOON - minutes * 60, *value);
    }
}

async fn burst(points: &[(i64, f64)]) -> Value {
    let mut world = quiet(1);
    world.quotas.set_account(BURST, 5.0).set_account(RATE, 2.0);
    put(&mut world, RATE, points);
    row(&Bench::new(world).dry_run().await["account"], BURST).clone()
}

#[tokio::test(start_paused = true)]
async fn two_adjacent_minutes_up_to_the_burst_are_ok_and_more_proves_nothing() {
    for (points, usage, status) in [
        (&[][..], json!(0.0), "ok"),
        (&[(10, 3.0), (9, 2.0)], json!(5.0), "ok"),
        (&[(10, 5.0), (8, 5.0)], json!(5.0), "ok"),
        (&[(10, 3.0), (9, 3.0)], Value::Null, "not_measurable"),
        (&[(10, 600.0)], Value::Null, "not_measurable"),
    ] {
        let row = burst(points).await;
        assert_eq!((row.get("usage").unwrap_or(&Value::Null), &row["status"]), (&usage, &json!(status)), "{row}");
        assert_eq!(row["bound"] == "upper", status == "ok", "{row}");
        assert_eq!((&row["limit"], &row["utilization"]), (&json!(5.0), &Value::Null), "{row}");
        let says = row["note"].as_str().unwrap_or_default();
        assert_eq!(says.contains("proves nothing"), status != "ok", "{row}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bound_that_cannot_be_read_is_unknown() {
    let mut world = quiet(1);
    put(&mut world, RATE, &[(10, 1.0), (9, 1.0)]);
    world.metrics.parts.insert("CallCount".to_owned(), 1);
    assert_eq!(row(&Bench::new(world).dry_run().await["account"], BURST)["status"], "unknown");
    let mut bench = Bench::new(quiet(1));
    bench.always("monitoring", "GetMetricData", FaultKind::AccessDenied);
    assert!(with_status(&bench.dry_run().await["account"], "unknown").contains(&BURST.to_owned()));
}

/// More than a minute's rate in one burst: single minutes prove nothing.
#[tokio::test(start_paused = true)]
async fn a_burst_of_more_than_a_minutes_calls_has_no_bound() {
    let mut world = quiet(1);
    world.quotas.set_account(BURST, 121.0).set_account(RATE, 2.0);
    assert_eq!(row(&Bench::new(world).dry_run().await["account"], BURST)["status"], "not_measurable");
}

/// The day AWS names a metric, it is read: of a rate, of a burst, of an instance's quota.
#[tokio::test(start_paused = true)]
async fn a_live_usage_metric_wins_over_the_catalogue() {
    // Rate of GetAssistant; a burst; uploads of an instance.
    for (code, is_call, usage, status) in [
        ("L-33825569", true, 9.5, "critical"),
        ("L-33825569", true, 2.0, "ok"),
        (BURST, true, 9.5, "critical"),
        ("L-79564E52", false, 3.0, "ok"),
    ] {
        let mut world = quiet(1);
        world.quotas.set_account(code, 10.0).name_usage(code, "Something", "Amazon Q in Connect");
        if !is_call {
            world.quotas.set_usage_metric(code, "ResourceCount", "Maximum");
        }
        let dimensions =
            [("Class", "None"), ("Resource", "Something"), ("Service", "Amazon Q in Connect"), ("Type", "API")];
        let (metric, value) = if is_call { ("CallCount", usage * 60.0) } else { ("ResourceCount", usage) };
        world.metrics.put("AWS/Usage", metric, &dimensions, NOON - 600, value);
        let report = Bench::new(world).dry_run().await;
        let seen = if is_call { &report["account"] } else { &report["instances"][0] };
        let row = row(seen, code);
        assert_eq!((&row["usage"], &row["status"]), (&json!(usage), &json!(status)), "{row}");
    }
    // Of an instance it is a bound: the metric counts all of them.
    let mut world = quiet(1);
    world.quotas.set_account("L-79564E52", 10.0).name_usage("L-79564E52", "Reports", "Connect");
    world.quotas.set_usage_metric("L-79564E52", "ResourceCount", "Maximum");
    let dimensions = [("Class", "None"), ("Resource", "Reports"), ("Service", "Connect"), ("Type", "API")];
    world.metrics.put("AWS/Usage", "ResourceCount", &dimensions, NOON - 600, 9.0);
    let report = Bench::new(world).dry_run().await;
    assert_eq!(row(&report["instances"][0], "L-79564E52")["status"], "not_measurable");
}
