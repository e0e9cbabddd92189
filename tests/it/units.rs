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

const QUEUES: &str = "L-516BC0EB";
const MANUAL: &str = "Manual assignment queues per routing profile";
const ROUTED: &str = "ListRoutingProfileQueues";
const BY_HAND: &str = "ListRoutingProfileManualAssignmentQueues";

/// A routing profile with so many queues, channels and pairs of both.
fn profile(queues: u64, channels: u64, pairs: u64) -> World {
    let mut world = quiet(1);
    world.instances[0].set_children("MediaConcurrencies", 2, channels);
    world.instances[0].set_children("NumberOfAssociatedQueues", 2, queues).set_children(ROUTED, 2, pairs);
    world
}

#[tokio::test(start_paused = true)]
async fn a_routing_profile_holds_pairs_of_queue_and_channel() {
    for (queues, channels, pairs, usage, status, bound, visits) in [
        // 40 % of 50 by queues, 120 % by pairs.
        (20, 3, 60, 60.0, "critical", Value::Null, 1),
        // The bound is over, the pairs are not.
        (20, 3, 22, 22.0, "ok", Value::Null, 1),
        // The bound is low enough: nobody is visited.
        (13, 3, 13, 39.0, "ok", json!("upper"), 0),
        // One channel: the queues are the pairs.
        (49, 1, 49, 49.0, "critical", Value::Null, 0),
        (0, 3, 0, 0.0, "ok", Value::Null, 0),
    ] {
        let mut bench = Bench::new(profile(queues, channels, pairs));
        let report = bench.dry_run().await;
        let row = row(&report["instances"][0], QUEUES);
        assert_eq!((&row["usage"], &row["status"], &row["bound"]), (&json!(usage), &json!(status), &bound), "{row}");
        assert_eq!(row["resource"] == "Routing profile 3", pairs > 0, "{row}");
        assert_eq!(bench.calls("connect").iter().filter(|call| *call == ROUTED).count(), visits, "{row}");
        assert!(!bench.calls("connect").iter().any(|call| call == BY_HAND));
    }
}

#[tokio::test(start_paused = true)]
async fn pairs_of_manual_assignment_have_a_limit_of_their_own() {
    let mut world = profile(10, 3, 30);
    world.instances[0].set_children(BY_HAND, 2, 55);
    let report = Bench::new(world).dry_run().await;
    let (routed, manual) = (row(&report["instances"][0], QUEUES), row(&report["instances"][0], MANUAL));
    assert_eq!((&routed["usage"], &routed["status"]), (&json!(30.0), &json!("ok")), "{routed}");
    assert_eq!((&manual["usage"], &manual["status"]), (&json!(55.0), &json!("critical")), "{manual}");
}

/// A profile that has to be looked into, and cannot be: nobody knows.
#[tokio::test(start_paused = true)]
async fn pairs_that_cannot_be_counted_are_unknown_alone() {
    let mut bench = Bench::new(profile(20, 3, 60));
    bench.always("connect", ROUTED, simaws::FaultKind::AccessDenied);
    let report = bench.dry_run().await;
    assert_eq!(crate::harness::with_status(&report["instances"][0], "unknown"), [QUEUES]);
    // Nobody is visited, and so nothing is denied.
    let mut bench = Bench::new(profile(10, 3, 30));
    bench.always("connect", ROUTED, simaws::FaultKind::AccessDenied);
    assert_eq!(row(&bench.dry_run().await["instances"][0], QUEUES)["status"], "ok");
    let mut bench = Bench::new(profile(20, 3, 60)).with_config(|c| c.detail_calls = 0);
    assert_eq!(row(&bench.dry_run().await["instances"][0], QUEUES)["status"], "not_measurable");
}

/// What passes the threshold depends on the limit, and on the user's own.
#[tokio::test(start_paused = true)]
async fn a_bound_is_looked_into_from_the_threshold_of_the_limit_that_applies() {
    for (limit, threshold, visits) in [(100.0, 80.0, 0), (50.0, 80.0, 1), (50.0, 95.0, 0)] {
        let mut world = profile(15, 3, 15);
        let arn = world.instances[0].arn(&world);
        world.quotas.set_instance(QUEUES, &arn, limit);
        let mut bench = Bench::new(world).with_config(|c| c.thresholds.warning = threshold);
        bench.dry_run().await;
        assert_eq!(bench.calls("connect").iter().filter(|call| *call == ROUTED).count(), visits, "{limit} {threshold}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_queues_default_address_and_a_templates_own_fields_are_not_counted() {
    let mut world = quiet(1);
    world.instances[0].set("ListTaskTemplates", 1).set_children("GetTaskTemplate", 0, 39);
    world.instances[0].set_children("ListQueueEmailAddresses", 0, 50);
    world.quotas.set_account("L-7B867368", 62.0);
    let report = Bench::new(world).dry_run().await;
    let (mails, fields) = (
        row(&report["instances"][0], "L-7B867368"),
        row(&report["instances"][0], "Customized fields per task template"),
    );
    // 50 of 62 and 42 of 50 would be warnings.
    assert_eq!((&mails["usage"], &mails["status"]), (&json!(49.0), &json!("ok")), "{mails}");
    assert_eq!((&fields["usage"], &fields["status"]), (&json!(39.0), &json!("ok")), "{fields}");
}

#[tokio::test(start_paused = true)]
async fn what_aws_made_itself_is_counted_and_told() {
    let mut world = quiet(1);
    world.instances[0].set("ListAgentStatuses", 7).set("ListSecurityProfiles", 9).archived_flows = 3;
    let report = Bench::new(world).dry_run().await;
    for (code, usage, note) in [
        ("L-D945C9A8", 7.0, "2 are built in"),
        ("L-F325A715", 9.0, "4 are built in"),
        ("L-22922690", 15.0, "3 are archived"),
    ] {
        let row = row(&report["instances"][0], code);
        assert_eq!(row["usage"], usage, "{row}");
        assert!(row["note"].as_str().unwrap().starts_with(note), "{row}");
    }
}
