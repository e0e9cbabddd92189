//! What `diff --since` and `doctor` read, served by moto.

use std::time::Duration;

use aws_sdk_cloudtrail::types::{EventSelector, ReadWriteType};
use connect_quota_monitor::answer::checks::RUNS;
use connect_quota_monitor::aws::Aws;
use connect_quota_monitor::aws::pace::{PacingPlan, Rate};
use connect_quota_monitor::config::Config;
use connect_quota_monitor::domain::around::RuleState;
use connect_quota_monitor::domain::snapshot::{Snapshot, Snapshots, Subject};
use connect_quota_monitor::domain::{Account, Named};
use connect_quota_monitor::keep::Stores;

use super::{Moto, buckets, make_table};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "needs moto: tests/all.sh runs it"]
async fn the_newest_snapshot_up_to_a_time_is_found_and_what_stands_around_is_read() {
    let moto = Moto::start().await;
    let sdk = moto.sdk().await;
    make_table(&sdk).await;
    buckets(&sdk).create_bucket().bucket("history").send().await.unwrap();
    let account = Account {
        id: "123456789012".to_owned(),
        region: "us-east-1".to_owned(),
        partition: "aws".to_owned(),
        named: Named::default(),
    };
    let time = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let in_table = Config { dynamodb_table: Some("history".to_owned()), ..Config::default() };
    for config in [in_table, Config { s3_bucket: Some("history".to_owned()), ..Config::default() }] {
        let stores = Stores::new(&sdk, &config, true);
        let (mut counts, mut faults) = (Snapshots::default(), Vec::new());
        for at in ["2026-03-01T23:59:59Z", "2026-03-02T00:00:00Z", "2026-03-02T12:00:00Z"] {
            let snapshot = Snapshot::new(&account, Subject::Account, "run", time(at), Vec::new());
            stores.put(&snapshot, &mut counts, &mut faults).await;
        }
        assert!(faults.is_empty(), "{faults:?}");
        let found = async |at: &str| {
            let found = stores.snapshot_at(&account.owner(), "account", time(at)).await.unwrap();
            found.map(|snapshot| snapshot["timestamp"].as_str().unwrap().to_owned())
        };
        for (at, newest) in [
            ("2026-03-01T23:59:58Z", None),
            ("2026-03-01T23:59:59Z", Some("2026-03-01T23:59:59Z")),
            ("2026-03-02T11:59:59Z", Some("2026-03-02T00:00:00Z")),
            ("2026-03-05T00:00:00Z", Some("2026-03-02T12:00:00Z")),
        ] {
            assert_eq!(found(at).await.as_deref(), newest, "{at} {counts:?}");
        }
    }
    let trails = aws_sdk_cloudtrail::Client::new(&sdk);
    for (name, kind) in [("audit", ReadWriteType::All), ("stopped", ReadWriteType::WriteOnly)] {
        trails.create_trail().name(name).s3_bucket_name("history").send().await.unwrap();
        let selector = EventSelector::builder().read_write_type(kind).include_management_events(true).build();
        trails.put_event_selectors().trail_name(name).event_selectors(selector).send().await.unwrap();
    }
    trails.start_logging().name("audit").send().await.unwrap();
    let rules = aws_sdk_eventbridge::Client::new(&sdk);
    let rule = rules.put_rule().name("hourly").description(RUNS).schedule_expression("rate(1 hour)");
    rule.state(aws_sdk_eventbridge::types::RuleState::Disabled).send().await.unwrap();
    let fast = PacingPlan::Flat(Rate::new(1_000.0, 1_000));
    let aws = Aws::with_plans(&sdk, fast.clone(), fast);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    let mut found = aws.trail.trails(deadline).await.unwrap();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let logging: Vec<_> =
        found.iter().map(|t| (t.name.as_str(), t.is_logging, t.takes_writes && t.takes_reads)).collect();
    assert_eq!(logging, [("audit", true, true), ("stopped", false, false)]);
    let found = aws.rules.all(deadline).await.unwrap();
    assert_eq!(
        (found.len(), found[0].state, found[0].schedule.as_deref()),
        (1, RuleState::Disabled, Some("rate(1 hour)"))
    );
    assert_eq!(found[0].description, RUNS);
}
