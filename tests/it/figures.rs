//! AWS's own figure of usage over limit, beside ours.

use serde_json::{Value, json};
use simaws::World;

use crate::harness::{Bench, NOON, quiet, row};

const CALLS: &str = "L-12AB7C57";
const CHATS: &str = "L-D4BA6F6E";
const CAMPAIGN_CALLS: &str = "L-E908C3A1";

fn put(world: &mut World, metric: &str, group: &str, value: f64) {
    let id = world.instances[0].id.clone();
    let dimensions = [("InstanceId", id.as_str()), ("MetricGroup", group)];
    world.metrics.put("AWS/Connect", metric, &dimensions, NOON - 600, value);
}

async fn row_of(world: World, code: &str) -> Value {
    row(&Bench::new(world).dry_run().await["instances"][0], code).clone()
}

#[tokio::test(start_paused = true)]
async fn a_higher_figure_of_aws_decides_and_the_note_says_which_limit_it_means() {
    for (share, status, utilization) in [
        (0.62, "ok", 62.0),
        (0.93, "warning", 93.0),
        (0.31, "ok", 62.0),
        (93.0, "warning", 93.0),
        (0.99, "critical", 99.0),
    ] {
        let mut world = quiet(1);
        let arn = world.instances[0].arn(&world);
        world.quotas.set_instance(CALLS, &arn, 100.0).set_instance(CHATS, &arn, 100.0);
        put(&mut world, "ConcurrentCalls", "VoiceCalls", 62.0);
        put(&mut world, "ConcurrentCallsPercentage", "VoiceCalls", share);
        put(&mut world, "ConcurrentActiveChats", "Chats", 62.0);
        put(&mut world, "ConcurrentActiveChatsPercentage", "Chats", share);
        for code in [CALLS, CHATS] {
            let row = row_of(world.clone(), code).await;
            assert_eq!((&row["status"], &row["utilization"]), (&json!(status), &json!(utilization)), "{share} {row}");
            assert_eq!((&row["usage"], &row["limit"]), (&json!(62.0), &json!(100.0)), "{row}");
            let note = row["note"].as_str().unwrap_or_default();
            assert_eq!(note.contains("AWS itself counts"), utilization > 62.0, "{note}");
            if status == "warning" {
                assert!(note.contains("a limit of about 67; 62 percent of 100"), "{note}");
            }
        }
    }
}

/// Service Quotas shows the default of 0, which cannot be: AWS's figure tells.
#[tokio::test(start_paused = true)]
async fn campaign_calls_without_a_limit_are_judged_by_awss_figure() {
    for (share, status) in [(0.2, "ok"), (0.96, "critical")] {
        let mut world = quiet(1);
        put(&mut world, "ConcurrentHighVolumeCalls", "VoiceCalls", 48.0);
        put(&mut world, "ConcurrentHighVolumeCallsPercentage", "VoiceCalls", share);
        let row = row_of(world, CAMPAIGN_CALLS).await;
        assert_eq!((&row["status"], &row["utilization"]), (&json!(status), &json!(share * 100.0)), "{row}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_figure_that_comes_in_part_is_a_note_and_what_was_seen_counts() {
    for (share, status) in [(0.62, "ok"), (0.97, "critical")] {
        let mut world = quiet(1);
        let arn = world.instances[0].arn(&world);
        world.quotas.set_instance(CALLS, &arn, 100.0);
        put(&mut world, "ConcurrentCalls", "VoiceCalls", 62.0);
        put(&mut world, "ConcurrentCallsPercentage", "VoiceCalls", share);
        world.metrics.parts.insert("ConcurrentCallsPercentage".to_owned(), 1);
        let row = row_of(world, CALLS).await;
        assert_eq!(row["status"], status, "{row}");
        assert!(row["note"].as_str().unwrap().contains("ConcurrentCallsPercentage could not be read"), "{row}");
    }
}
