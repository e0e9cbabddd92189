//! What is stored, where, and what happens when a store says no.

use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::run::error::RunError;
use serde_json::{Value, json};
use simaws::{FaultKind, Throttle};

use crate::harness::{BUCKET, Bench, NOON, demo, quiet};

#[tokio::test(start_paused = true)]
async fn snapshots_stand_in_both_stores_as_documented() {
    let mut bench = demo().with_table().with_bucket().with_topic();
    let report = bench.run().await.unwrap();
    assert_eq!(report["snapshots"], json!({ "dynamodb": 4, "s3": 4, "failed": 0 }));
    let items = bench.items();
    assert_eq!(items.len(), 4);
    let item = items.iter().find(|i| i["instance_alias"] == "acme-support").unwrap();
    let id = item["instance_id"].as_str().unwrap();
    assert_eq!(item["id"], json!(format!("instance_{id}_{NOON}")));
    assert_eq!(item["timestamp"], "2026-03-02T12:00:00Z");
    assert_eq!(item["expires_at"], json!(NOON + 90 * 86_400));
    assert_eq!((&item["schema_version"], &item["execution_id"]), (&json!(1), &report["execution_id"]));
    assert_eq!(item["metrics_count"], json!(stored_rows(item)));
    assert!(item.get("truncated").is_none());
    let account = items.iter().find(|i| i["instance_id"] == "account").unwrap();
    assert_eq!(account["id"], json!(format!("account_111122223333_{NOON}")));

    let world = bench.sim.world();
    let keys: Vec<&String> = world.buckets[BUCKET].objects.keys().collect();
    for key in [
        format!("connect-metrics/111122223333/us-east-1/2026/03/02/instance-metrics-{id}-20260302T120000Z.json"),
        "connect-metrics/111122223333/us-east-1/2026/03/02/account-metrics-20260302T120000Z.json".to_owned(),
        "connect-reports/111122223333/us-east-1/2026/03/02/execution-summary-20260302T120000Z.json".to_owned(),
        "connect-reports/111122223333/us-east-1/latest/report.json".to_owned(),
        "connect-reports/111122223333/us-east-1/latest/index.html".to_owned(),
    ] {
        assert!(keys.contains(&&key), "{key} is not among {keys:#?}");
    }
    let object = &world.buckets[BUCKET].objects
        [&format!("connect-metrics/111122223333/us-east-1/2026/03/02/instance-metrics-{id}-20260302T120000Z.json")];
    let stored: Value = serde_json::from_slice(&object.body).unwrap();
    assert!(same(&stored["metrics"], &item["metrics"]), "both stores hold the same rows");
    assert!(same(&stored["summary"], &item["summary"]));
}

/// Of some rows only the codes are stored.
fn stored_rows(item: &Value) -> usize {
    let count = |member: &str| item[member].as_array().map_or(0, Vec::len);
    count("metrics") + count("idle") + count("empty") + count("limit_only")
}

/// Equal but for the spelling of numbers: DynamoDB has no 6.0.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|other| same(v, other)))
        }
        _ => a == b,
    }
}

#[tokio::test(start_paused = true)]
async fn snapshots_are_stored_before_alerts_are_sent() {
    let mut bench = demo().with_table().with_bucket().with_topic();
    bench.run().await.unwrap();
    let order: Vec<String> = bench.sim.requests().into_iter().map(|r| r.operation).collect();
    let alerts = order.iter().filter(|o| *o == "Publish").count();
    let first_alert = order.iter().position(|o| o == "Publish").unwrap();
    let (before, after) = order.split_at(first_alert);
    let writes = |calls: &[String]| calls.iter().filter(|o| *o == "PutItem").count();
    assert!(writes(before) > 4, "every snapshot is stored first, and the first ledger is claimed");
    // A ledger is written once where there is no news, and twice where there is: claimed, and released.
    assert_eq!(writes(before) + writes(after), 4 + 4 + alerts, "what was told is written down after it was told");
    let after_last = order.iter().rposition(|o| o == "Publish").unwrap();
    assert!(writes(&order[after_last..]) >= 1);
    let ledgers = bench.ledgers();
    assert_eq!(ledgers.len(), 4);
    for ledger in ledgers.values() {
        assert_eq!((&ledger["has_readers"], &ledger["claim"]), (&json!(true), &Value::Null));
        assert_eq!((&ledger["account_id"], &ledger["region"]), (&json!("111122223333"), &json!("us-east-1")));
    }
}

#[tokio::test(start_paused = true)]
async fn one_stores_failure_stops_neither_the_other_nor_the_alerts() {
    let mut bench = demo().with_table().with_bucket().with_topic();
    bench.always("dynamodb", "PutItem", FaultKind::AccessDenied);
    let error = bench.run().await.unwrap_err();
    assert!(
        matches!(&error, RunError::Sink(why) if why.contains("DynamoDB") && why.contains("dynamodb:PutItem")),
        "{error}"
    );
    assert!(bench.mails().len() >= 2, "alerts went out all the same");
    let world = bench.sim.world();
    assert_eq!(world.buckets[BUCKET].objects.len(), 7, "four snapshots, the summary, the latest report and its page");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_some_is_a_fault_and_no_failure() {
    let mut bench = demo().with_table();
    bench.once("dynamodb", "PutItem", FaultKind::AccessDenied);
    let report = bench.run().await.unwrap();
    assert_eq!(report["snapshots"], json!({ "dynamodb": 3, "s3": 0, "failed": 1 }));
    assert_eq!(report["faults"][0]["operation"], "dynamodb:PutItem");
}

#[tokio::test(start_paused = true)]
async fn state_that_cannot_be_read_means_that_everything_is_news() {
    let mut bench = demo().with_table().with_topic();
    bench.run().await.unwrap();
    let first = bench.mails().len();
    bench.always("dynamodb", "GetItem", FaultKind::AccessDenied);
    let report = bench.run_at(&Request::default(), NOON + 60).await.unwrap();
    assert_eq!(bench.mails().len(), 2 * first, "an alert may be repeated, never lost");
    assert!(report["faults"].as_array().unwrap().iter().any(|f| f["operation"] == "dynamodb:GetItem"));
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_cannot_be_sent_fails_the_run_and_is_sent_by_the_next() {
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    bench.sim.world().instances[0].set("ListPrompts", 490);
    bench
        .sim
        .script(simaws::Fault::new("sns", FaultKind::AccessDenied).operation("Publish").times(simaws::Times::Once));
    let error = bench.run().await.unwrap_err();
    assert!(matches!(&error, RunError::Sink(why) if why.contains("sns:Publish")), "{error}");
    assert_eq!(bench.items().len(), 2, "snapshots are stored");
    bench.restart();
    bench.run_at(&Request::default(), NOON + 3600).await.unwrap();
    let mails = bench.mails();
    assert_eq!((mails.len(), mails[0].event.as_str()), (1, "raised"));
}

#[tokio::test(start_paused = true)]
async fn an_item_that_would_be_too_large_loses_its_ok_rows_and_says_so() {
    let mut bench = Bench::new(quiet(1)).with_table();
    // A fault's message stands in every row that it makes unknown: 283 rows of 2 KB are too much.
    let message = "x".repeat(2_000);
    bench.always(
        "monitoring",
        "GetMetricData",
        FaultKind::Status { status: 400, code: "ValidationError".to_owned(), message },
    );
    bench.run().await.unwrap();
    let items = bench.items();
    let account = items.iter().find(|i| i["instance_id"] == "account").unwrap();
    let rows = stored_rows(account);
    let dropped: u64 = account["truncated"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(rows as u64 + dropped, account["metrics_count"].as_u64().unwrap(), "nothing is lost silently");
    assert!(account["truncated"]["ok"].as_u64().is_some());
}

/// An account without instances costs next to nothing: no metric is read, no metric is made, no snapshot is kept.
#[tokio::test(start_paused = true)]
async fn where_there_is_nothing_to_watch_nothing_is_measured_and_nothing_is_stored_but_the_summary() {
    let mut world = quiet(0);
    world.throttle = Throttle::None;
    let mut bench = Bench::new(world).with_table().with_bucket().with_topic();
    for hour in 0..3 {
        bench.restart();
        let answer = bench.run_at(&Request::default(), NOON + hour * 3600).await.unwrap();
        assert_eq!(answer["complete"], true, "{answer:#}");
        assert_eq!((&answer["violations"], &answer["faults"]), (&json!(0), &json!([])));
        assert_eq!(answer["account"]["status"], "skipped");
        let note = answer["note"].as_str().unwrap();
        assert!(note.contains("111122223333 has no Amazon Connect instance in us-east-1"), "{note}");
    }
    assert!(bench.calls("monitoring").is_empty(), "{:?}", bench.calls("monitoring"));
    assert_eq!(bench.items().len() + bench.ledgers().len(), 0);
    let keys: Vec<String> = bench.sim.world().buckets[BUCKET].objects.keys().cloned().collect();
    assert!(keys.iter().all(|key| key.starts_with("connect-reports/")), "{keys:?}");
    assert_eq!(bench.calls("sns"), Vec::<String>::new());
    // The last instance of an account is deleted: that is news, once, and then it is such an account.
    let mut bench = Bench::new(quiet(1)).with_table().with_topic();
    bench.sim.world().quotas.set_account("L-AA17A6B9", 100.0);
    bench.sim.world().instances[0].set("ListPrompts", 499);
    for hour in 0..4 {
        bench.restart();
        bench.run_at(&Request::default(), NOON + hour * 3600).await.unwrap();
        if hour == 0 {
            bench.sim.world().instances.clear();
        }
    }
    let told: Vec<String> = bench.mails().into_iter().map(|mail| mail.event).collect();
    assert_eq!(told, ["raised", "recovered"]);
}

/// What docs/OPERATIONS.md says that such an account costs follows from the calls that are made.
#[tokio::test(start_paused = true)]
async fn an_account_without_instances_costs_what_the_documentation_says() {
    /// A month has 730 runs. Lambda at most counts this many seconds of each, at 256 MB.
    const SECONDS: f64 = 15.0;
    let mut bench = Bench::new(quiet(0)).with_table().with_bucket().with_topic();
    bench.run().await.unwrap();
    let first = bench.sim.requests().len();
    for hour in 1..=24 {
        bench.restart();
        let start = tokio::time::Instant::now();
        bench.run_at(&Request::default(), NOON + hour * 3_600).await.unwrap();
        assert!(start.elapsed().as_secs_f64() < SECONDS, "{:?}", start.elapsed());
    }
    let (mut reads, mut puts) = (0_u32, 0_u32);
    for call in bench.sim.requests().split_off(first) {
        match (call.service, &*call.operation) {
            ("connect" | "servicequotas" | "sts", _) => {}
            ("dynamodb", "GetItem") => reads += 1,
            ("s3", "PutObject") => puts += 1,
            other => panic!("{other:?} costs something that the documentation does not name"),
        }
    }
    assert_eq!((reads % 24, puts % 24), (0, 0), "the same in each run");
    // A consistent read of nothing is one unit.
    let rows = [
        ("Lambda", SECONDS * 0.25 * 730.0 * 0.000_013_333_4),
        ("DynamoDB reads", f64::from(reads / 24) * 730.0 * 0.125 / 1e6),
        ("S3 PUT", f64::from(puts / 24) * 730.0 * 0.005 / 1e3),
    ];
    let docs = include_str!("../../docs/OPERATIONS.md");
    let table = docs.split_once("### An account without instances").unwrap().1.split_once("\n## ").unwrap().0;
    for (name, cost) in rows {
        let line = table.lines().find(|line| line.starts_with(&format!("| {name}"))).unwrap();
        assert!(line.ends_with(&format!("| {cost:.4} |")), "{name} {cost}: {line}");
    }
    let sum: f64 = rows.iter().map(|(_, cost)| cost).sum();
    assert!(sum < 0.2 && table.contains(&format!("**{sum:.4}**")), "{sum}");
}

/// Nothing but the writer keeps an object from growing beyond what is read of it.
#[tokio::test(start_paused = true)]
async fn no_ledger_is_written_that_no_run_would_read() {
    const MOST: usize = 400 * 1024;
    let mut world = quiet(1);
    world.instances[0].set("ListPrompts", 490);
    let key = format!("connect-ledger/111122223333/us-east-1/{}.json", world.instances[0].id);
    let mut bench = Bench::new(world).with_bucket().with_topic();
    bench.run().await.unwrap();
    {
        let mut world = bench.sim.world();
        let object = world.buckets.get_mut(BUCKET).unwrap().objects.get_mut(&key).unwrap();
        let mut ledger: Value = serde_json::from_slice(&object.body).unwrap();
        let days = json!({ "from": 20_500, "peaks": vec![90.0; 30], "limits": [[0, 100.0]] });
        let room = (MOST - object.body.len() - 200) / (days.to_string().len() + 12);
        for n in 0..room {
            ledger["notes"]["history"][format!("L-{n:06}")] = days.clone();
        }
        object.body = serde_json::to_vec(&ledger).unwrap().into();
        assert!(object.body.len() <= MOST, "{}", object.body.len());
        // There is no room for these.
        for operation in ["ListUsers", "ListQueues", "ListContactFlows", "ListRoutingProfiles"] {
            world.instances[0].set(operation, 499);
        }
    }
    bench.restart();
    let report = bench.run_at(&Request::default(), NOON + 3_600).await.unwrap();
    let faults = report["faults"].to_string();
    assert!(faults.contains(&key) && faults.contains("at most 409600"), "{faults}");
    assert!(bench.sim.world().buckets[BUCKET].objects[&key].body.len() <= MOST);
}
