//! Accounts of 1 to 1,000 instances, in virtual time: calls grow linearly, memory stays flat, and what
//! leaves fits AWS's limits. A binary of its own, because its allocator counts what all its threads hold.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, reason = "in a test a panic is the message")]
#![allow(clippy::cast_precision_loss, reason = "bytes and calls")]

#[path = "../it/harness.rs"]
mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use connect_quota_monitor::aws::Aws;
use connect_quota_monitor::aws::pace::{PacingPlan, Rate};
use connect_quota_monitor::config::Pacing;
use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::run::sinks::Sinks;
use connect_quota_monitor::run::{App, MetricsLog, Moment};
use peak_alloc::PeakAlloc;
use serde_json::Value;
use simaws::{Throttle, World};

use harness::{Bench, NOON};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What Lambda takes as an answer.
const MOST_BYTES: usize = 6 * 1024 * 1024;

/// Every instance with a violation, on an AWS with a bucket for each operation.
fn account(instances: usize) -> Bench {
    let mut world = World::with_instances(instances);
    world.throttle = Throttle::PerOperation;
    world.quotas.set_account("L-AA17A6B9", 2_000.0);
    // Values of single instances are not what is measured here: tests/it/kept.rs does that.
    for code in world.quotas.codes("connect") {
        if !["L-AA17A6B9", "L-0865B754"].contains(&code) && world.quotas.usage_dimensions(code).is_none() {
            world.quotas.remove(code);
        }
    }
    for instance in &mut world.instances {
        instance.set("ListPrompts", 450);
    }
    let bench = Bench::new(world).plans(PacingPlan::ConnectPerOperation { share: 100 }, quotas());
    let bench = bench.with_table().with_bucket().with_topic().with_config(|c| c.pacing = Pacing::PerOperation);
    bench.sim.keep_nothing();
    bench
}

fn quotas() -> PacingPlan {
    PacingPlan::Flat(Rate::new(10_000.0, 10_000))
}

struct Measured {
    report: Value,
    /// Connect's calls, by operation.
    served: BTreeMap<String, usize>,
    /// What the run held at its highest point beyond what was there before.
    peak_bytes: usize,
}

/// One test at a time, from its first line to its last: the allocator counts for the whole process, so a
/// world that another test makes or drops would be counted too.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn measure(mut bench: Bench, request: &Request) -> Measured {
    bench.app().await;
    // The first call of a process fills caches that stay: that is no growth.
    let _ = bench.app().await.aws.account(&[], tokio::time::Instant::now() + bench.time).await;
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let report = bench.run_at(request, NOON).await.unwrap();
    Measured { report, peak_bytes: MEMORY.peak_usage() - before, served: bench.sim.served("connect") }
}

fn calls(report: &Value) -> usize {
    usize::try_from(report["connect_api"]["requests"].as_u64().unwrap()).unwrap()
}

fn bytes(report: &Value) -> usize {
    serde_json::to_vec(report).unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_instances_cost_a_thousand_times_the_calls_and_hardly_more_memory() {
    let _alone = ALONE.lock().await;
    let mut table = Vec::new();
    for instances in [1, 20, 100, 1_000] {
        let Measured { report, peak_bytes, served } = measure(account(instances), &Request::default()).await;
        assert_eq!(report["complete"], true, "{instances}: {}", report["plan"]);
        assert_eq!(report["connect_api"]["throttled"], 0, "{instances}");
        assert_eq!(report["alerts"]["sent"], instances, "{instances}: one message each");
        assert_eq!(report["snapshots"]["s3"], instances + 1, "{instances}: and the account's");
        assert!(bytes(&report) < MOST_BYTES, "{instances}: {}", bytes(&report));
        let seconds = report["duration_ms"].as_u64().unwrap() as f64 / 1_000.0;
        eprintln!(
            "{instances:>5} instances: {:>6} Connect calls, {seconds:>6.1} s, peak {:>6} KiB, answer {:>7} bytes",
            calls(&report),
            peak_bytes / 1024,
            bytes(&report)
        );
        // One listing of an instance a call, its further pages, two for all, and at most the budget's visits.
        let listings = connect_quota_monitor::measure::instance_listings().len();
        let least = listings * instances + 2;
        let most = least + instances / 10 + instances.div_ceil(10) + 60;
        assert!((least..=most).contains(&calls(&report)), "{instances}: {} calls, {least} to {most}", calls(&report));
        let busiest = served.values().max().copied().unwrap();
        // The instances must be known, ten a call, before they can be asked.
        let bound = wait(served["ListInstances"]) + wait(busiest);
        // Each instance has something to tell, and five mails a second leave.
        let mails = instances as f64 / 5.0;
        assert!(seconds <= bound * 1.03 + 2.0 + mails, "{instances}: {seconds} s, bound {bound}, mails {mails}");
        table.push((instances, peak_bytes));
    }
    let (few, many) = (table[2], table[3]);
    let per_instance = many.1.saturating_sub(few.1) / (many.0 - few.0);
    assert!(per_instance < 6 * 1024, "each instance adds {per_instance} bytes to the peak");
}

/// Seconds that a bucket of 2 calls a second and a burst of 5 asks of so many calls at least.
fn wait(calls: usize) -> f64 {
    calls.saturating_sub(5) as f64 / 2.0
}

/// Seconds that the slowest bucket asks.
fn bound(bench: &Bench, pacing: Pacing) -> f64 {
    let served = |service: &str| bench.sim.served(service).into_values();
    let mut buckets: Vec<usize> =
        ["cases", "profile", "wisdom", "app-integrations", "connect-campaigns"].into_iter().flat_map(served).collect();
    match pacing {
        Pacing::Account => buckets.push(served("connect").sum()),
        Pacing::PerOperation => buckets.extend(served("connect")),
    }
    let questions = bench.sim.served("servicequotas").get("GetServiceQuota").copied().unwrap_or(0);
    let of_questions = questions.saturating_sub(5) as f64 / 5.0;
    buckets.into_iter().max().map_or(0.0, wait).max(of_questions)
}

#[tokio::test(start_paused = true)]
async fn a_run_with_companion_services_takes_hardly_longer_than_its_slowest_bucket() {
    let _alone = ALONE.lock().await;
    for (pacing, connect, throttle) in [
        (Pacing::Account, PacingPlan::ConnectAccount { share: 100 }, Throttle::Shared),
        (Pacing::PerOperation, PacingPlan::ConnectPerOperation { share: 100 }, Throttle::PerOperation),
    ] {
        let mut world = World::demo_at(NOON);
        world.throttle = throttle;
        let mut bench = Bench::new(world).plans(connect, PacingPlan::ServiceQuotas).with_config(|c| c.pacing = pacing);
        bench.latency = Duration::from_millis(20);
        let report = bench.run().await.unwrap();
        assert_eq!((&report["complete"], &report["connect_api"]["throttled"]), (&true.into(), &0.into()));
        let (seconds, bound) = (report["duration_ms"].as_f64().unwrap() / 1_000.0, bound(&bench, pacing));
        eprintln!("the demo, {pacing:?}: {seconds:.1} s, bound {bound:.1} s");
        assert!(bound > 5.0 && seconds <= bound * 1.03 + 2.0, "{seconds} s, bound {bound}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_of_a_large_fleet_stays_below_lambdas_limit_and_says_what_it_left_out() {
    let _alone = ALONE.lock().await;
    let request = Request { dry_run: true, ..Request::default() };
    let Measured { report, .. } = measure(account(200), &request).await;
    assert!(bytes(&report) < MOST_BYTES, "{}", bytes(&report));
    let instances = report["instances"].as_array().unwrap();
    let with_rows = instances.iter().filter(|i| i["metrics"].is_array()).count();
    assert!(with_rows > 80 && with_rows < 200, "{with_rows}");
    assert!(instances.iter().all(|i| i["metrics_count"].as_u64().unwrap() > 60), "each was measured");
    let note = report["metrics_note"].as_str().unwrap();
    let left_out = 200 - with_rows + usize::from(report["account"].get("metrics").is_none());
    assert!(note.starts_with(&format!("the rows of {left_out} snapshots are left out")), "{note}");
}

/// The log has no limit: a quota's metric must not end where an answer's rows would.
#[tokio::test(start_paused = true)]
async fn the_metrics_of_a_large_fleet_stand_all_in_the_log() {
    static WITH_QUOTAS: AtomicUsize = AtomicUsize::new(0);
    let _alone = ALONE.lock().await;
    let bench = account(200);
    let sdk = harness::sdk(&bench.sim, Duration::ZERO).await;
    let connect = PacingPlan::ConnectPerOperation { share: 100 };
    let aws = Aws::with_plans(&sdk, connect, quotas());
    let mut app = App::new(bench.config.clone(), aws, Sinks::new(&sdk, &bench.config, true));
    let write = |line: &str| {
        if line.contains("Prompts per instance") {
            WITH_QUOTAS.fetch_add(1, Ordering::Relaxed);
        }
    };
    app.metrics_log = Some(MetricsLog { function: "f".to_owned(), per_quota: true, write });
    let moment = Moment::within(jiff::Timestamp::from_second(NOON).unwrap(), bench.time);
    let report = app.run(&Request::default(), moment).await.unwrap();
    assert!(report.complete && report.metrics_note.is_none());
    assert_eq!(WITH_QUOTAS.load(Ordering::Relaxed), 200);
}

#[tokio::test(start_paused = true)]
async fn many_thousands_are_counted_page_by_page() {
    let _alone = ALONE.lock().await;
    let bench = account(1);
    {
        let mut world = bench.sim.world();
        world.instances[0].set("ListUsers", 48_213);
        world.instances[0].set("ListQuickConnects", 20_001);
    }
    let request = Request { dry_run: true, ..Request::default() };
    let Measured { report, peak_bytes, .. } = measure(bench, &request).await;
    for (code, expected) in [("L-9A46857E", 48_213.0), ("Quick connects per instance", 20_001.0)] {
        assert_eq!(harness::row(&report["instances"][0], code)["usage"], expected, "{code}");
    }
    // Agents are kept as ids only, because they are visited in turn.
    assert!(peak_bytes / 48_213 < 600, "{} bytes per agent", peak_bytes / 48_213);
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_invocations_in_one_process_do_not_grow() {
    let _alone = ALONE.lock().await;
    let mut world = harness::small();
    world.instances[0].set("ListPrompts", 450);
    let mut bench = Bench::new(world).with_table().with_topic().with_config(|c| c.detail_calls = 0);
    bench.sim.keep_nothing();
    let (mut ids, mut held) = (BTreeSet::new(), Vec::new());
    for hour in 0..240 {
        let report = bench.run_at(&Request::default(), NOON + hour * 3600).await.unwrap();
        assert_eq!(report["complete"], true);
        ids.insert(report["execution_id"].to_string());
        held.push(MEMORY.current_usage());
    }
    assert_eq!(ids.len(), 240, "a new id for each run");
    let (early, late) = (held[80..120].iter().min().unwrap(), held[200..].iter().min().unwrap());
    assert!(late.saturating_sub(*early) < 64 * 1024, "{early} bytes after 80 runs, {late} after 200");
}

/// The watcher at 10,000 events, in batches as the template makes them, with what the batches hold themselves.
#[tokio::test(start_paused = true)]
async fn a_storm_of_ten_thousand_events_takes_less_than_32_mib() {
    let _alone = ALONE.lock().await;
    let mut bench = Bench::new(World::with_instances(1)).with_table().with_topic();
    let app = bench.app().await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/inputs/events/connect-throttled-lambda.json");
    let event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let moment = || Moment::within(jiff::Timestamp::from_second(NOON).unwrap(), Duration::from_secs(60));
    app.watch_batch(&simaws::sqs::batch(&simaws::sqs::storm(&event, 0, 1, NOON)), moment()).await.unwrap();
    bench.sim.clear_requests();
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    for from in (1..10_001).step_by(1_000) {
        // Lambda's client holds the text while it is read.
        let text = simaws::sqs::batch(&simaws::sqs::storm(&event, from, 1_000, NOON)).to_string();
        let payload: Value = serde_json::from_str(&text).unwrap();
        let answer = app.watch_batch(&payload, moment()).await.unwrap();
        assert_eq!(answer["batchItemFailures"], serde_json::json!([]));
        bench.sim.clear_requests();
    }
    let peak = MEMORY.peak_usage() - before;
    eprintln!("10,000 events: peak {} KiB", peak / 1024);
    assert!(peak < 32 * 1024 * 1024, "{peak} bytes");
    assert_eq!(bench.mails().len(), 1);
}
