//! What the monitor takes of AWS: attempts, time, and its own calls among everybody's.

use std::time::Duration;

use connect_quota_monitor::aws::pace::PacingPlan;
use connect_quota_monitor::config::Pacing;
use connect_quota_monitor::domain::request::Request;
use serde_json::Value;
use simaws::{Fault, FaultKind, Throttle, Times, World};
use tokio::time::{Instant, advance};

use crate::harness::{Bench, NOON, quiet, row, with_status};

const HOUR: i64 = 3_600;

fn account_pacing(mut world: World) -> Bench {
    world.throttle = Throttle::Shared;
    Bench::new(world).plans(PacingPlan::ConnectAccount { share: 100 }, PacingPlan::ServiceQuotas)
}

#[tokio::test(start_paused = true)]
async fn throttles_and_faults_on_the_way_are_counted_apart() {
    for (throttles, resets, complete) in [(4, 1, true), (7, 3, true), (1, 4, false), (8, 0, false)] {
        let mut bench = Bench::new(quiet(1));
        let fault = |kind| Fault::new("connect", kind).operation("ListUsers");
        bench.sim.script(fault(FaultKind::Throttle).times(Times::N(throttles)));
        bench.sim.script(fault(FaultKind::Reset).times(Times::N(resets)));
        let report = bench.dry_run().await;
        assert_eq!(report["complete"], complete, "{throttles} throttles, {resets} resets: {}", report["faults"]);
    }
}

#[tokio::test(start_paused = true)]
async fn one_operation_that_is_throttled_for_ever_holds_up_nobody() {
    let mut free = account_pacing(quiet(3));
    let began = Instant::now();
    free.dry_run().await;
    let undisturbed = began.elapsed();
    let mut bench = account_pacing(quiet(3));
    bench.always("connect", "ListPrompts", FaultKind::Throttle);
    for run in 0..2 {
        bench.sim.clear_requests();
        let began = Instant::now();
        let report = bench.dry_run().await;
        let throttled = report["connect_api"]["throttled"].as_u64().unwrap();
        assert!((10..=12).contains(&throttled), "run {run}: {throttled}");
        assert!(began.elapsed() < Duration::from_secs(90), "{:?}, undisturbed {undisturbed:?}", began.elapsed());
        for instance in report["instances"].as_array().unwrap() {
            assert_eq!(with_status(instance, "unknown"), ["L-0865B754"], "only what it serves");
        }
        advance(Duration::from_secs(3_600)).await;
    }
    // AWS has room again, and the process is the same.
    bench.sim.clear_faults();
    assert_eq!(bench.dry_run().await["complete"], true);
}

#[tokio::test(start_paused = true)]
async fn the_monitor_pages_nobody_about_its_own_calls() {
    let instances = 100;
    let mut world = quiet(instances);
    world.quotas.set_account("L-AA17A6B9", 2_000.0);
    // Limits of single instances are another matter, and take their time.
    for code in world.quotas.codes("connect") {
        if code != "L-AA17A6B9" && world.quotas.usage_dimensions(code).is_none() {
            world.quotas.remove(code);
        }
    }
    (world.throttle, world.counts_calls) = (Throttle::PerOperation, true);
    let mut bench = Bench::new(world)
        .plans(PacingPlan::ConnectPerOperation { share: 100 }, PacingPlan::ServiceQuotas)
        .with_topic()
        .with_config(|c| (c.pacing, c.detail_calls) = (Pacing::PerOperation, 0));
    for hour in 0..2 {
        let report = bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap();
        assert_eq!(report["account"]["violations_count"], 0, "hour {hour}: {}", report["account"]);
    }
    let subjects: Vec<String> = bench.mails().into_iter().map(|mail| mail.subject).collect();
    assert!(subjects.is_empty(), "{subjects:?}");
    let request = Request { dry_run: true, ..Request::default() };
    let calls = bench.sim.served("connect")["ListUsers"];
    // What others call counts as ever.
    call(&bench, "ListQueues", NOON + 2 * HOUR - 600, 118.0);
    let seen = bench.run_at(&request, NOON + 2 * HOUR).await.unwrap();
    let users = row(&seen["account"], "L-CCC38177");
    let own = users["own_calls"].as_u64().unwrap();
    assert!(own >= instances as u64 && own <= calls as u64, "{calls} calls: {users}");
    assert!(users["usage"].as_f64().unwrap() < 0.2, "{users}");
    let queues = row(&seen["account"], "Rate of ListQueues API requests");
    assert!((1.9..2.0).contains(&queues["usage"].as_f64().unwrap()), "{queues}");
}

fn call(bench: &Bench, operation: &str, at: i64, calls: f64) {
    let dimensions = [("Type", "API"), ("Resource", operation), ("Service", "Connect"), ("Class", "None")];
    bench.sim.world().metrics.put("AWS/Usage", "CallCount", &dimensions, at, calls);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_the_monitor_alone_calls_gets_no_alarm() {
    let mut world = quiet(2);
    world.counts_calls = true;
    let mut bench = Bench::new(world).with_topic().with_config(|c| c.alarms.apis = true);
    call(&bench, "ListQueues", NOON - HOUR, 40.0);
    call(&bench, "StartOutboundVoiceContact", NOON - 9 * 24 * HOUR, 40.0);
    for hour in 0..2 {
        bench.run_at(&Request::default(), NOON + hour * HOUR).await.unwrap();
        let alarms: Vec<String> = bench.sim.world().alarms.keys().cloned().collect();
        let folder = "connect-quota-monitor/us-east-1/connect";
        assert_eq!(alarms, [format!("{folder}/ListQueues"), format!("{folder}/StartOutboundVoiceContact")]);
    }
}

/// Agents, of whom the first cannot be looked into; the last has the most.
async fn tour(budget: u32, refused: usize) -> (Bench, Value) {
    let mut bench = Bench::new(quiet(1)).with_table().with_config(|c| c.detail_calls = budget);
    bench.dry_run().await;
    let visits = bench.sim.requests().into_iter().filter(|r| r.operation == "ListUserProficiencies");
    let mut agents: Vec<String> = visits.filter_map(|r| Some(r.path.split('/').nth(3)?.to_owned())).collect();
    agents.sort();
    for n in 0..20 {
        bench.sim.world().instances[0].set_children("ListUserProficiencies", n, 6);
    }
    let kind = |code: &str, status| FaultKind::Status { status, code: code.to_owned(), message: "this one".to_owned() };
    for (n, agent) in agents.iter().take(refused).enumerate() {
        let kind = if n % 2 == 0 { kind("InvalidRequestException", 400) } else { kind("AccessDeniedException", 403) };
        let fault = Fault::new("connect", kind).operation("ListUserProficiencies").instance(agent);
        bench.sim.script(fault.times(Times::Forever));
    }
    let seen = bench.dry_run().await;
    (bench, seen)
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_refuses_stops_no_tour() {
    for refused in [1, 3] {
        let (_, seen) = tour(600, refused).await;
        let row = row(&seen["instances"][0], "L-50375162");
        assert_eq!((row["usage"].as_f64(), row["status"].as_str()), (Some(6.0), Some("ok")), "{row}");
        let note = row["note"].as_str().unwrap();
        assert!(note.contains(&format!("{refused} refused to be looked into")), "{note}");
        assert_eq!(row["approximate"], true);
    }
    let (_, seen) = tour(600, 20).await;
    let row = row(&seen["instances"][0], "L-50375162");
    assert_eq!((row["status"].as_str(), row["usage"].as_f64()), (Some("unknown"), None), "nothing was seen: {row}");
    assert_eq!(row["fault"]["operation"], "connect:ListUserProficiencies");
}
