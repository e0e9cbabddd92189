//! What one of a quota is: worlds in which another unit would tell something else.

use serde_json::{Value, json};
use simaws::World;

use crate::harness::{Bench, NOON, quiet, row};

const OVERRIDES: &str = "L-E10B281B";
const EMAILS: &str = "L-B117F12F";
const LEX_BOTS: &str = "L-B93A6612";

/// The row of a quota of the only instance.
async fn row_in(world: World, quota: &str) -> Value {
    row(&Bench::new(world).dry_run().await["instances"][0], quota).clone()
}

fn put(world: &mut World, metric: &str, group: &str, value: f64) {
    let id = world.instances[0].id.clone();
    let dimensions = [("InstanceId", id.as_str()), ("MetricGroup", group)];
    world.metrics.put("AWS/Connect", metric, &dimensions, NOON - 600, value);
}

#[tokio::test(start_paused = true)]
async fn overrides_are_counted_for_each_hours_of_operation() {
    // 60 in all, and no hours has more than 6 of 50.
    let mut world = quiet(1);
    world.instances[0].set("ListHoursOfOperations", 10);
    for hours in 0..10 {
        world.instances[0].set_children("SearchHoursOfOperationOverrides", hours, 6);
    }
    let calm = row_in(world.clone(), OVERRIDES).await;
    assert_eq!((&calm["usage"], &calm["status"]), (&json!(6.0), &json!("ok")), "{calm}");
    // All of them at one, over more than a page.
    world.instances[0].set_children("SearchHoursOfOperationOverrides", 3, 148);
    let full = row_in(world, OVERRIDES).await;
    assert_eq!((&full["usage"], &full["status"]), (&json!(148.0), &json!("critical")), "{full}");
    assert_eq!((&full["resource"], &full["scope"]), (&json!("Hours 4"), &json!("resource")));
}

#[tokio::test(start_paused = true)]
async fn hours_whose_names_cannot_be_listed_are_named_by_their_id() {
    let mut world = quiet(1);
    world.instances[0].set_children("SearchHoursOfOperationOverrides", 0, 49);
    let mut bench = Bench::new(world);
    bench.always("connect", "ListHoursOfOperations", simaws::FaultKind::AccessDenied);
    let report = bench.dry_run().await;
    let full = row(&report["instances"][0], OVERRIDES);
    assert_eq!((&full["usage"], &full["status"]), (&json!(49.0), &json!("critical")), "{full}");
    assert_eq!(full["resource"].as_str().map(str::len), Some(36), "{full}");
}

#[tokio::test(start_paused = true)]
async fn emails_are_read_in_both_groups_and_the_higher_one_counts() {
    for (older, newer, usage) in [(0.0, 980.0, 980.0), (980.0, 0.0, 980.0), (700.0, 980.0, 980.0), (0.0, 0.0, 0.0)] {
        let mut world = quiet(1);
        for (group, value) in [("Email", older), ("Emails", newer)] {
            if value > 0.0 {
                put(&mut world, "ConcurrentEmails", group, value);
            }
        }
        let emails = row_in(world, EMAILS).await;
        assert_eq!((&emails["usage"], &emails["status"] == "critical"), (&json!(usage), usage > 0.0), "{emails}");
    }
}

#[tokio::test(start_paused = true)]
async fn lex_bots_are_those_of_v1_and_the_distinct_ones_of_v2() {
    for (v1, aliases, bots, usage, status) in [
        (0, 68, None, 68.0, "critical"),
        (0, 90, Some(5), 5.0, "ok"),
        (40, 40, Some(20), 60.0, "warning"),
        (69, 0, None, 69.0, "critical"),
    ] {
        let mut world = quiet(1);
        world.instances[0].set("ListLexBots", v1).set("ListBots", aliases).lex_v2_bots = bots;
        let row = row_in(world, LEX_BOTS).await;
        assert_eq!((&row["usage"], &row["status"]), (&json!(usage), &json!(status)), "{row}");
    }
}
