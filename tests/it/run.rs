//! The hourly run: what it calls, what it finds, how it answers.

use connect_quota_monitor::aws::pace::PacingPlan;
use connect_quota_monitor::domain::instances::InstancePattern;
use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::measure::instance_listings as listings;
use connect_quota_monitor::run::error::RunError;
use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Throttle, Times, World};

use crate::harness::{BUCKET, Bench, NOON, demo, quiet, row, with_status};

/// Listings that visit one resource of Connect a call.
const VISITS: &[&str] = &[
    "ListUserProficiencies",
    "ListQueueEmailAddresses",
    "ListQueueQuickConnects",
    "ListDataTableAttributes",
    "ListDataTableValues",
    "GetTaskTemplate",
];

#[tokio::test(start_paused = true)]
async fn every_kind_of_quota_is_measured_in_one_run() {
    let mut bench = demo();
    let report = bench.dry_run().await;
    assert_eq!(report["complete"], true, "{report:#}");
    let support = &report["instances"][0];
    for (quota, usage, limit, source, utilization, status) in [
        ("L-9A46857E", 1200.0, 2000.0, "instance", 60.0, "ok"),
        ("L-19A87C94", 40.0, 100.0, "account", 40.0, "ok"),
        ("L-22922690", 147.0, 100.0, "account", 147.0, "critical"),
        ("L-E3D2F503", 42.0, 50.0, "account", 84.0, "warning"),
    ] {
        let row = row(support, quota);
        let got = (&row["usage"], &row["limit"], &row["limit_source"], &row["utilization"], &row["status"]);
        let expected = (&json!(usage), &json!(limit), &json!(source), &json!(utilization), &json!(status));
        assert_eq!(got, expected, "{quota}");
    }
    let calls = row(support, "L-12AB7C57");
    assert_eq!((&calls["source"], &calls["usage"]), (&json!("AWS/Connect ConcurrentCalls Maximum"), &json!(362.0)));
    let throttled = row(&report["instances"][1], "L-12AB7C57");
    assert_eq!(throttled["status"], "critical", "rejected calls make the gauge critical: {throttled}");
    assert!(throttled["utilization"].as_f64().unwrap() < 80.0, "whatever its utilization: {throttled}");
    assert!(throttled["note"].as_str().unwrap().contains("rejected"), "{throttled}");
    assert_eq!(row(support, "Approved origins per instance")["limit_source"], "default");
    assert_eq!(row(support, "L-F4C86B27")["approximate"], true, "a search's count is approximate");
    assert_eq!(row(support, "L-79564E52")["status"], "not_measurable");
    let rates = report["account"]["metrics"].as_array().unwrap();
    assert_eq!(rates.iter().filter(|m| m["source"] == "AWS/Usage CallCount peak minute").count(), 283 + 125 + 57);
    assert!(rates.iter().filter(|m| m["category"] == "API rates").all(|m| m["status"] != "unknown"));
    assert_eq!(row(&report["account"], "L-AA17A6B9")["usage"], 3.0);
}

#[tokio::test(start_paused = true)]
async fn each_listing_is_asked_once_and_what_serves_all_instances_once_for_all() {
    let mut bench = Bench::new(quiet(3));
    let report = bench.dry_run().await;
    let calls = bench.calls("connect");
    for listing in listings() {
        let times = calls.iter().filter(|c| *c == listing.operation()).count();
        assert_eq!(times, 3, "{} for 3 instances", listing.operation());
    }
    for shared in ["ListInstances", "ListPhoneNumbersV2", "ListTrafficDistributionGroups"] {
        assert_eq!(calls.iter().filter(|c| *c == shared).count(), 1, "{shared}");
    }
    let visits = |c: &&String| VISITS.contains(&c.as_str());
    let visits = calls.iter().filter(visits).count();
    assert!((45..=60).contains(&visits), "within DETAIL_CALL_BUDGET, a part of it kept for long lists: {visits}");
    assert_eq!(calls.len(), 3 * 31 + 3 + visits);
    assert_eq!(report["connect_api"]["requests"], calls.len());
    let read = bench.calls("monitoring").into_iter().filter(|call| call == "GetMetricData").count();
    assert_eq!(read, 1, "30 gauge and breach series and 340 rates fit one call");
    let lists = |r: &simaws::Recorded| r.service == "servicequotas" && r.operation.starts_with("List");
    let lists: Vec<_> = bench.sim.requests().into_iter().filter(lists).collect();
    assert!(!lists.is_empty() && lists.iter().all(|r| String::from_utf8_lossy(&r.body).contains("\"MaxResults\":100")));
}

#[tokio::test(start_paused = true)]
async fn a_run_at_account_pacing_takes_the_bound_and_is_never_throttled() {
    let mut world = World::demo_at(NOON);
    world.throttle = Throttle::Shared;
    let mut bench = Bench::new(world)
        .plans(PacingPlan::ConnectAccount { share: 100 }, PacingPlan::ServiceQuotas)
        .with_table()
        .with_bucket()
        .with_topic();
    let report = bench.run().await.unwrap();
    let calls = bench.calls("connect").len();
    #[expect(clippy::cast_precision_loss)]
    let bound = (calls - 5) as f64 / 2.0;
    let took = report["duration_ms"].as_f64().unwrap() / 1000.0;
    assert_eq!(report["connect_api"]["throttled"], 0);
    assert!(bench.sim.requests().iter().all(|r| !r.throttled), "Service Quotas' own rates are kept too");
    assert!((bound..bound * 1.05 + 2.0).contains(&took), "{calls} calls took {took} s, the bound is {bound} s");
}

#[tokio::test(start_paused = true)]
async fn live_traffic_on_the_same_bucket_is_made_way_for() {
    let mut world = quiet(2);
    world.throttle = Throttle::Shared;
    world.live_traffic = Some(1.0);
    let mut bench = Bench::new(world).plans(PacingPlan::ConnectAccount { share: 100 }, PacingPlan::ServiceQuotas);
    let report = bench.dry_run().await;
    assert_eq!(report["complete"], true, "throttles are absorbed: {}", report["faults"]);
    let calls = report["connect_api"]["requests"].as_u64().unwrap();
    let throttled = report["connect_api"]["throttled"].as_u64().unwrap();
    assert!(throttled > 0, "this world must throttle, or the test proves nothing");
    assert!(throttled * 4 < calls, "the bucket slows down instead of hammering: {throttled} of {calls}");
    // Half the share is what is left beside such traffic: nobody is throttled then.
    let mut world = quiet(2);
    world.throttle = Throttle::Shared;
    world.live_traffic = Some(0.9);
    let mut bench = Bench::new(world).plans(PacingPlan::ConnectAccount { share: 50 }, PacingPlan::ServiceQuotas);
    assert_eq!(bench.dry_run().await["connect_api"]["throttled"], 0);
}

#[tokio::test(start_paused = true)]
async fn per_operation_pacing_falls_back_where_aws_has_one_bucket_for_all() {
    let mut world = quiet(3);
    world.throttle = Throttle::Shared;
    let mut bench = Bench::new(world).plans(PacingPlan::ConnectPerOperation { share: 100 }, PacingPlan::ServiceQuotas);
    let report = bench.dry_run().await;
    assert_eq!(report["complete"], true, "{}", report["faults"]);
    let (first, calls) = (report["connect_api"]["throttled"].as_u64().unwrap(), bench.calls("connect").len() as u64);
    assert!(first > 0 && first * 3 < calls, "{first} of {calls}");
    // The process remembers it: the next run is hardly throttled any more.
    let second = bench.dry_run().await["connect_api"]["throttled"].as_u64().unwrap();
    assert!(second * 10 < calls, "{second} of {calls}");
}

#[tokio::test(start_paused = true)]
async fn short_and_empty_pages_are_read_to_the_end() {
    let mut world = World::demo_at(NOON);
    world.throttle = Throttle::None;
    world.short_pages = true;
    world.metrics.page_datapoints = Some(7);
    // Short pages cost more calls: visits of single resources would stop at different places.
    let enough = |bench: Bench| bench.with_config(|c| c.detail_calls = 10_000);
    let short = enough(Bench::new(world)).dry_run().await;
    let full = enough(demo()).dry_run().await;
    let rows = |report: &Value| {
        report["instances"].as_array().unwrap().iter().map(|i| i["metrics"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(rows(&short), rows(&full));
    assert_eq!(short["account"]["metrics"], full["account"]["metrics"]);
}

#[tokio::test(start_paused = true)]
async fn a_peak_anywhere_in_the_window_counts_and_nothing_outside_it() {
    let mut world = quiet(1);
    let id = world.instances[0].id.clone();
    let dimensions = [("InstanceId", id.as_str()), ("MetricGroup", "VoiceCalls")];
    world.metrics.put("AWS/Connect", "ConcurrentCalls", &dimensions, NOON - 59 * 60, 9.0);
    world.metrics.put("AWS/Connect", "ConcurrentCalls", &dimensions, NOON - 60, 3.0);
    world.metrics.put("AWS/Connect", "ConcurrentCalls", &dimensions, NOON - 90 * 60, 10.0);
    let usage = [("Type", "API"), ("Resource", "ListUsers"), ("Service", "Connect"), ("Class", "None")];
    world.metrics.put("AWS/Usage", "CallCount", &usage, NOON - 30 * 60, 540.0);
    let report = Bench::new(world).dry_run().await;
    let calls = row(&report["instances"][0], "L-12AB7C57");
    assert_eq!(
        (&calls["usage"], &calls["utilization"], &calls["status"]),
        (&json!(9.0), &json!(90.0), &json!("warning"))
    );
    let chats = row(&report["instances"][0], "L-D4BA6F6E");
    assert_eq!((&chats["usage"], &chats["status"]), (&json!(0.0), &json!("ok")), "no datapoint means idle");
    let rate = row(&report["account"], "Rate of ListUsers API requests");
    assert_eq!((&rate["usage"], &rate["utilization"]), (&json!(9.0), &json!(90.0)), "{rate}");
}

#[tokio::test(start_paused = true)]
async fn instances_that_are_not_active_are_skipped_with_their_state() {
    let mut world = quiet(3);
    world.instances[1].status = "CREATION_IN_PROGRESS".to_owned();
    world.instances[2].status = "CREATION_FAILED".to_owned();
    let report = Bench::new(world).dry_run().await;
    let of = |n: usize| report["instances"].as_array().unwrap()[n].clone();
    assert_eq!((of(0)["status"].as_str(), of(1)["status"].as_str()), (Some("complete"), Some("skipped")));
    assert_eq!(of(1)["reason"], "CREATION_IN_PROGRESS");
    assert_eq!(row(&report["account"], "L-AA17A6B9")["usage"], 2.0, "a failed creation does not count");
    assert_eq!(report["complete"], true);
}

#[tokio::test(start_paused = true)]
async fn filters_choose_instances_and_never_leave_nothing_silently() {
    let world = quiet(3);
    let (id, alias) = (world.instances[0].id.clone(), world.instances[1].alias.clone().unwrap());
    let chosen = |report: &Value| -> Vec<String> {
        let all = report["instances"].as_array().unwrap().iter();
        all.filter(|i| i["status"] != "skipped").map(|i| i["instance_id"].as_str().unwrap().to_owned()).collect()
    };
    let pattern = |text: &str| vec![InstancePattern::new(text)];
    let mut bench = Bench::new(world.clone()).with_config(|c| c.include = pattern(&id));
    let report = bench.dry_run().await;
    assert_eq!(chosen(&report), [id.as_str()]);
    let connectors = row(&report["account"], "L-2BE4D75F");
    assert_eq!(connectors["status"], "not_measurable", "a count over some instances is no count: {connectors}");
    let mut bench = Bench::new(world.clone()).with_config(|c| c.exclude = pattern(&alias));
    assert_eq!(chosen(&bench.dry_run().await).len(), 2);
    let mut bench = Bench::new(world.clone()).with_config(|c| c.include = pattern("nobody-*"));
    let error = bench.run().await.unwrap_err();
    assert!(matches!(&error, RunError::Discovery(why) if why.contains("INCLUDE_INSTANCES")), "{error}");
    let request = Request { instance_ids: vec!["nope".to_owned()], ..Request::default() };
    let error = Bench::new(world).run_at(&request, NOON).await.unwrap_err();
    assert!(matches!(&error, RunError::Payload(why) if why.0.contains("nope")), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_account_without_instances_is_a_sensible_answer() {
    let report = Bench::new(World::empty()).dry_run().await;
    assert_eq!(
        (&report["complete"], &report["instances"], &report["violations"]),
        (&json!(true), &json!([]), &json!(0))
    );
    assert_eq!(row(&report["account"], "L-AA17A6B9")["usage"], 0.0);
    assert_eq!(report["account_id"], "111122223333");
}

#[tokio::test(start_paused = true)]
async fn other_partitions_work() {
    let mut world = World::with_instances(1);
    world.throttle = Throttle::None;
    world.partition = "aws-us-gov".to_owned();
    world.region = "us-gov-west-1".to_owned();
    let id = world.instances[0].id.clone();
    world.quotas.set_instance("L-9A46857E", &world.instances[0].arn(&world), 77.0);
    let report = Bench::new(world).dry_run().await;
    let users = row(&report["instances"][0], "L-9A46857E");
    assert_eq!((&users["limit"], &users["limit_source"]), (&json!(77.0), &json!("instance")), "{id}");
    assert_eq!(report["region"], "us-gov-west-1");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_and_sends_nothing() {
    let mut world = World::demo_at(NOON);
    world.throttle = Throttle::None;
    let mut bench = Bench::new(world).with_table().with_bucket().with_topic();
    let report = bench.dry_run().await;
    assert!(report["violations"].as_u64().unwrap() > 0);
    for service in ["dynamodb", "s3", "sns"] {
        assert!(bench.calls(service).is_empty(), "{service} was called");
    }
    assert!(bench.sim.world().buckets[BUCKET].objects.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_warm_process_has_new_execution_ids_and_keeps_its_buckets() {
    let mut world = quiet(1);
    world.throttle = Throttle::Shared;
    let mut bench = Bench::new(world).plans(PacingPlan::ConnectAccount { share: 100 }, PacingPlan::ServiceQuotas);
    let (first, second) = (bench.dry_run().await, bench.dry_run().await);
    assert_ne!(first["execution_id"], second["execution_id"]);
    assert_eq!(second["connect_api"]["throttled"], 0, "the second run starts with the bucket the first left");
    assert_eq!(second["connect_api"]["requests"], first["connect_api"]["requests"], "counters are per run");
    let took = |r: &Value| r["duration_ms"].as_u64().unwrap();
    assert!(took(&second) > took(&first) + 1_500, "the burst was spent: {} then {}", took(&first), took(&second));
}

#[tokio::test(start_paused = true)]
async fn two_thousand_agents_and_their_queues_are_counted_page_by_page() {
    let mut world = quiet(1);
    world.instances[0].set("ListUsers", 12_345).set("ListQueues", 17).set("ListLambdaFunctions", 101);
    world.instances[0].agent_queues = 12_345;
    let report = Bench::new(world).dry_run().await;
    let instance = &report["instances"][0];
    assert_eq!(row(instance, "L-9A46857E")["usage"], 12_345.0);
    assert_eq!(row(instance, "L-19A87C94")["usage"], 17.0, "agents' own queues are not standard queues");
    assert_eq!(row(instance, "L-E3D2F503")["usage"], 101.0);
    assert!(with_status(instance, "unknown").is_empty());
}

/// A run of one instance does not look at what the account counts over all: two scheduled runs that could not see
/// it stay two.
#[tokio::test(start_paused = true)]
async fn a_run_of_one_instance_between_two_keeps_no_blindness_from_being_told() {
    let mut world = quiet(2);
    world.quotas.set_account("L-AA17A6B9", 100.0);
    let ids: Vec<String> = world.instances.iter().map(|i| i.id.clone()).collect();
    let mut bench = Bench::new(world).with_table().with_topic();
    bench.run_at(&Request::default(), NOON - 3_600).await.unwrap();
    let denied = Fault::new("connect", FaultKind::AccessDenied).operation("ListIntegrationAssociations");
    bench.sim.script(denied.instance(&ids[1]).times(Times::Forever));
    let one = Request { instance_ids: vec![ids[0].clone()], ..Request::default() };
    for hour in 0..4 {
        bench.run_at(&Request::default(), NOON + hour * 3_600).await.unwrap();
        bench.run_at(&one, NOON + hour * 3_600 + 1_800).await.unwrap();
    }
    let mails = bench.mails().into_iter().filter(|mail| mail.instance_id == "account");
    assert_eq!(mails.map(|mail| mail.event).collect::<Vec<_>>(), ["unseen"]);
}
