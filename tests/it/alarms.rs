//! The CloudWatch alarms that the monitor keeps, over several runs.

use std::time::Duration;

use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::run::Moment;
use connect_quota_monitor::run::error::RunError;
use jiff::Timestamp;
use serde_json::{Value, json};
use simaws::{Fault, FaultKind, Sim, Throttle, Times, World};
use tokio::time::Instant;

use crate::harness::{Bench, NOON, TOPIC, demo, quiet};

const FOLDER: &str = "connect-quota-monitor/us-east-1";
const LIST_USERS: &str = "L-CCC38177";
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// The demo account, where five APIs are in use and three instances are.
fn kept(apis: bool, instances: bool) -> Bench {
    demo().with_topic().with_config(|c| (c.alarms.apis, c.alarms.instances) = (apis, instances))
}

fn api(operation: &str) -> String {
    format!("{FOLDER}/connect/{operation}")
}

fn names(sim: &Sim) -> Vec<String> {
    sim.world().alarms.keys().cloned().collect()
}

fn field(sim: &Sim, name: &str, field: &str) -> Value {
    sim.world().alarms[name].fields.get(field).cloned().unwrap_or_default()
}

fn call(world: &mut World, operation: &str, at: i64, calls: f64) {
    let dimensions = [("Type", "API"), ("Resource", operation), ("Service", "Connect"), ("Class", "None")];
    world.metrics.put("AWS/Usage", "CallCount", &dimensions, at, calls);
}

/// What was asked of CloudWatch about alarms since the last look.
fn asked(bench: &Bench) -> Vec<String> {
    let mut asked = bench.calls("monitoring");
    asked.retain(|operation| operation != "GetMetricData");
    bench.sim.clear_requests();
    asked
}

fn counts(answer: &Value) -> (u64, u64, u64, u64) {
    let count = |name: &str| answer["api_alarms"][name].as_u64().unwrap();
    (count("put"), count("deleted"), count("kept"), count("failed"))
}

async fn again(bench: &mut Bench) -> Value {
    bench.restart();
    bench.run().await.unwrap()
}

async fn remove(bench: &mut Bench, dry_run: bool) -> Result<Value, RunError> {
    let deadline = Instant::now() + Duration::from_secs(60);
    bench.app().await.remove_alarms(dry_run, deadline).await
}

#[tokio::test(start_paused = true)]
async fn every_api_in_use_gets_its_alarm_and_the_next_run_puts_none_again() {
    let mut bench = kept(true, false);
    let answer = bench.run().await.unwrap();
    assert_eq!(counts(&answer), (5, 0, 0, 0));
    let active = ["DescribeContact", "GetCurrentMetricData", "GetMetricDataV2", "ListUsers", "StartChatContact"];
    assert_eq!(names(&bench.sim), active.map(api));
    // One question for each service whose quotas have usage metrics: Connect, Cases, AppIntegrations.
    let read = [vec!["DescribeAlarms"], vec!["ListMetrics"; 3]].concat();
    // A first run also asks which of the rates that Service Quotas does not list were called.
    assert_eq!(asked(&bench), [vec!["ListMetrics"], read.clone(), vec!["PutMetricAlarm"; 5]].concat());

    let alarm = bench.sim.world().alarms[&api("ListUsers")].clone();
    assert_eq!(alarm.tags["connect-quota-monitor"], "connect-quota-monitor");
    for (name, expected) in [
        ("Threshold", json!(80.0)),
        ("ComparisonOperator", json!("GreaterThanOrEqualToThreshold")),
        ("EvaluationPeriods", json!(3)),
        ("DatapointsToAlarm", json!(3)),
        ("TreatMissingData", json!("notBreaching")),
        ("AlarmActions", json!([TOPIC])),
        ("OKActions", json!([TOPIC])),
        ("ActionsEnabled", json!(true)),
    ] {
        assert_eq!(alarm.fields[name], expected, "{name}");
    }
    let queries = alarm.fields["Metrics"].as_array().unwrap();
    let math = queries.iter().find(|q| q["ReturnData"] == true).unwrap();
    let source = queries.iter().find(|q| q["ReturnData"] == false).unwrap();
    assert_eq!((&math["Expression"], queries.len()), (&json!("m1/(10*60)*100"), 2));
    assert_eq!((&source["MetricStat"]["Stat"], &source["MetricStat"]["Period"]), (&json!("Sum"), &json!(60)));
    let metric = source["MetricStat"]["Metric"].to_string();
    for part in ["AWS/Usage", "CallCount", "ListUsers", "Connect", "API", "None"] {
        assert!(metric.contains(part), "{part} is missing in {metric}");
    }

    let answer = again(&mut bench).await;
    assert_eq!(counts(&answer), (0, 0, 5, 0));
    assert_eq!(asked(&bench), [vec!["ListMetrics"], read].concat(), "not one alarm is put, and no tag asked for");
}

#[tokio::test(start_paused = true)]
async fn the_apis_of_companion_services_have_alarms_under_their_own_names() {
    let mut bench = kept(true, false);
    for (service, operation) in [("Amazon Connect Cases", "GetLayout"), ("AppIntegrations", "GetDataIntegration")] {
        let dimensions = [("Type", "API"), ("Resource", operation), ("Service", service), ("Class", "None")];
        bench.sim.world().metrics.put("AWS/Usage", "CallCount", &dimensions, NOON - 60, 1.0);
    }
    assert_eq!(counts(&bench.run().await.unwrap()), (7, 0, 0, 0));
    let cases = field(&bench.sim, &format!("{FOLDER}/cases/GetLayout"), "Metrics").to_string();
    assert!(cases.contains("Amazon Connect Cases") && cases.contains("m1/(6*60)*100"), "{cases}");
    assert!(names(&bench.sim).contains(&format!("{FOLDER}/app-integrations/GetDataIntegration")));
    assert_eq!(counts(&again(&mut bench).await), (0, 0, 7, 0));
}

#[tokio::test(start_paused = true)]
async fn a_changed_quota_threshold_or_topic_updates_what_it_touches() {
    let mut bench = kept(true, false);
    bench.run().await.unwrap();
    bench.sim.world().quotas.set_account(LIST_USERS, 25.0);
    assert_eq!(counts(&again(&mut bench).await), (1, 0, 4, 0));
    assert!(field(&bench.sim, &api("ListUsers"), "Metrics").to_string().contains("m1/(25*60)*100"));
    // Somebody changed one by hand, and switched another one's actions off.
    bench.sim.world().alarms.get_mut(&api("ListUsers")).unwrap().fields["Threshold"] = json!(1.0);
    let muted = api("DescribeContact");
    bench.sim.world().alarms.get_mut(&muted).unwrap().fields["ActionsEnabled"] = json!(false);
    assert_eq!(counts(&again(&mut bench).await), (1, 0, 4, 0));
    bench.config.alarms.threshold = Some(70.0);
    bench.config.alarms.period = 300;
    bench.config.alarms.datapoints = "2 of 4".parse().unwrap();
    assert_eq!(counts(&again(&mut bench).await), (5, 0, 0, 0));
    assert_eq!(field(&bench.sim, &muted, "ActionsEnabled"), false, "that is the user's");
    assert_eq!(field(&bench.sim, &muted, "Threshold"), 70.0);
    assert_eq!(field(&bench.sim, &muted, "DatapointsToAlarm"), 2);
    assert_eq!(counts(&again(&mut bench).await), (0, 0, 5, 0));
}

#[tokio::test(start_paused = true)]
async fn silent_apis_and_vanished_quotas_lose_their_alarms() {
    let mut bench = kept(true, false);
    bench.run().await.unwrap();
    bench.sim.world().quotas.remove(LIST_USERS);
    assert_eq!(counts(&again(&mut bench).await), (0, 1, 4, 0));
    {
        let mut world = bench.sim.world();
        world.metrics.now = Some(NOON + 15 * DAY);
        call(&mut world, "DescribeContact", NOON + 14 * DAY, 1.0);
    }
    assert_eq!(counts(&again(&mut bench).await), (0, 3, 1, 0));
    assert_eq!(names(&bench.sim), [api("DescribeContact")]);
}

#[tokio::test(start_paused = true)]
async fn alarms_without_our_tag_are_never_touched() {
    let mut bench = kept(true, false);
    let foreign = [format!("{FOLDER}/mine"), format!("{FOLDER}/connect/Gone"), api("ListUsers")];
    for name in &foreign {
        bench.sim.world().add_alarm(name, &[("connect-quota-monitor", "another-prefix"), ("team", "voice")]);
    }
    bench.sim.world().add_alarm("connect-quota-monitor/eu-west-1/connect/ListUsers", &[]);
    let before = bench.sim.world().alarms.clone();
    let answer = bench.run().await.unwrap();
    assert_eq!(counts(&answer), (4, 0, 0, 0));
    assert_eq!(answer["api_alarms"]["taken"], json!([api("ListUsers")]));
    assert!(answer["faults"].to_string().contains("is not the monitor's"), "{}", answer["faults"]);
    remove(&mut bench, false).await.unwrap();
    assert_eq!(bench.sim.world().alarms, before);
}

#[tokio::test(start_paused = true)]
async fn many_pages_short_ones_and_throttles_change_nothing() {
    let mut bench = kept(true, false).with_config(|c| c.alarms.limit = 5_000);
    {
        let mut world = bench.sim.world();
        (0..1_200).for_each(|n| call(&mut world, &format!("NoQuota{n}"), NOON - 60, 1.0));
        for quota in connect_quota_monitor::catalogue::per_account() {
            if let Some(operation) = quota.name.strip_prefix("Rate of ").and_then(|n| n.strip_suffix(" API requests")) {
                call(&mut world, operation.trim(), NOON - 60, 1.0);
            }
        }
        // Connect's own limits are not the point here; CloudWatch's are.
        (world.throttle, world.short_pages) = (Throttle::PerOperation, true);
        world.rates.connect = simaws::Rate::new(10_000.0, 10_000);
        (world.rates.quotas_list, world.rates.quotas_get) = (world.rates.connect, world.rates.connect);
    }
    for operation in ["ListMetrics", "DescribeAlarms", "PutMetricAlarm"] {
        bench.sim.script(Fault::new("monitoring", FaultKind::Throttle).operation(operation).times(Times::N(3)));
    }
    assert_eq!(counts(&bench.run().await.unwrap()), (283, 0, 0, 0));
    let throttled = bench.sim.requests().iter().filter(|r| r.service == "monitoring" && r.throttled).count();
    assert_eq!(throttled, 9, "only the scripted ones: our pace is CloudWatch's");
    bench.sim.clear_requests();
    bench.sim.script(Fault::new("monitoring", FaultKind::EmptyPageWithToken).operation("DescribeAlarms"));
    assert_eq!(counts(&again(&mut bench).await), (0, 0, 283, 0));
    let pages = asked(&bench);
    let count = |name: &str| pages.iter().filter(|operation| *operation == name).count();
    assert!(count("DescribeAlarms") >= 4 && count("ListMetrics") >= 3, "{pages:?}");
    assert_eq!(remove(&mut bench, false).await.unwrap()["api_alarms"]["deleted"], 283);
    assert_eq!(asked(&bench).iter().filter(|operation| *operation == "DeleteAlarms").count(), 3, "100 names a call");
    assert!(names(&bench.sim).is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_most_used_apis_of_two_weeks_get_the_alarms_and_the_others_are_named() {
    let mut bench = kept(true, false).with_config(|c| c.alarms.limit = 2);
    // Quiet in this hour, and the busiest of all a week ago.
    call(&mut bench.sim.world(), "SearchUsers", NOON - 7 * DAY, 36_000.0);
    let answer = bench.run().await.unwrap();
    assert_eq!(names(&bench.sim), [api("GetMetricDataV2"), api("SearchUsers")]);
    let left =
        ["connect/StartChatContact", "connect/DescribeContact", "connect/GetCurrentMetricData", "connect/ListUsers"];
    assert_eq!(answer["api_alarms"]["left_out"], json!(left), "the most used first");
    // The reading that decides fails: no alarm comes or goes for it.
    bench
        .sim
        .script(Fault::new("monitoring", FaultKind::AccessDenied).operation("GetMetricData").times(Times::Forever));
    bench.restart();
    // What rates need is read by the same call: the answer names it there, and it is no failure of the alarms.
    let answer = bench.run().await.unwrap();
    assert_eq!(
        (&answer["complete"], &answer["faults"][0]["operation"]),
        (&json!(false), &json!("cloudwatch:GetMetricData"))
    );
    assert_eq!(names(&bench.sim), [api("GetMetricDataV2"), api("SearchUsers")]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_held_and_fails_the_run_after_everything_else() {
    for (service, operation, fails) in [
        ("monitoring", "ListMetrics", true),
        ("monitoring", "DescribeAlarms", true),
        ("servicequotas", "ListServiceQuotas", false),
        ("servicequotas", "ListAWSDefaultServiceQuotas", false),
    ] {
        let mut bench = kept(true, true).with_table();
        bench.run().await.unwrap();
        let before = bench.sim.world().alarms.clone();
        let raised = |bench: &Bench| bench.mails().iter().filter(|mail| mail.event == "raised").count();
        let (mails, items) = (raised(&bench), bench.items().len());
        bench.sim.world().instances[0].set("ListPrompts", 500);
        bench.always(service, operation, FaultKind::AccessDenied);
        bench.restart();
        let result = bench.run_at(&Request::default(), NOON + HOUR).await;
        match result {
            Err(error) => {
                assert!(fails && error.error_type() == "SinkError", "{operation}: {error}");
                assert!(error.to_string().contains(operation), "{error}");
            }
            Ok(answer) => assert!(!fails && !answer["faults"].as_array().unwrap().is_empty(), "{operation}"),
        }
        assert_eq!(bench.sim.world().alarms, before, "{operation}");
        assert!(bench.items().len() > items, "{operation}: measured and stored");
        // Without limits nothing is known to be over one, and once unknown is no news yet.
        assert_eq!(raised(&bench) > mails, operation != "ListServiceQuotas", "{operation}: told");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_alarm_stops_no_other_and_fails_the_run() {
    let mut bench = kept(true, false);
    let bad = FaultKind::Status { status: 400, code: "ValidationError".to_owned(), message: "no".to_owned() };
    bench.once("monitoring", "PutMetricAlarm", bad);
    let error = bench.run().await.unwrap_err();
    assert!(error.to_string().contains("cloudwatch:PutMetricAlarm"), "{error}");
    assert_eq!(names(&bench.sim).len(), 4);
    assert_eq!(counts(&again(&mut bench).await), (1, 0, 4, 0));
    // Whose alarm it is cannot be told: it is left alone.
    bench.sim.world().quotas.set_account(LIST_USERS, 25.0);
    bench.always("monitoring", "ListTagsForResource", FaultKind::AccessDenied);
    bench.restart();
    let before = bench.sim.world().alarms.clone();
    assert_eq!(bench.run().await.unwrap_err().error_type(), "SinkError");
    assert_eq!(bench.sim.world().alarms, before);
    assert_eq!(remove(&mut bench, false).await.unwrap_err().error_type(), "SinkError");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_into_the_time_is_done_by_the_next_run() {
    let mut bench = kept(true, true);
    let app = bench.app().await;
    let now = Timestamp::from_second(NOON).unwrap();
    // 14 alarms, 3 a second. The looks into CloudTrail's event history take two seconds before that.
    let moment = Moment::within(now, Duration::from_secs(6));
    let answer = serde_json::to_value(app.run(&Request::default(), moment).await.unwrap()).unwrap();
    let (put, _, _, failed) = counts(&answer);
    assert!(put > 0 && failed > 0 && put + failed == 14, "{answer}");
    assert!(answer["faults"].to_string().contains("deadline"));
    assert_eq!(counts(&again(&mut bench).await), (14 - put, 0, put, 0));
}

#[tokio::test(start_paused = true)]
async fn runs_that_see_a_part_and_dry_runs_change_no_alarm() {
    let mut bench = kept(true, true);
    let answer = bench.dry_run().await;
    assert_eq!(answer["api_alarms"]["planned"]["put"].as_array().unwrap().len(), 14);
    let id = bench.sim.world().instances[0].id.clone();
    for request in [
        Request { instance_ids: vec![id], ..Request::default() },
        Request { threshold_percentage: Some(10.0), ..Request::default() },
    ] {
        let answer = bench.run_at(&request, NOON).await.unwrap();
        assert!(answer["api_alarms"]["note"].as_str().unwrap().contains("leaves the alarms alone"));
    }
    assert!(names(&bench.sim).is_empty());
    bench.run().await.unwrap();
    assert_eq!(names(&bench.sim).len(), 14);
}

#[tokio::test(start_paused = true)]
async fn instances_have_alarms_against_their_own_limits_and_lose_them_with_the_switch() {
    let mut bench = kept(false, true);
    assert_eq!(counts(&bench.run().await.unwrap()), (9, 0, 0, 0));
    let listed = asked(&bench).into_iter().filter(|operation| operation == "ListMetrics").count();
    assert_eq!(listed, 1, "no API is asked for: the one question is the measuring's");
    let id = bench.sim.world().instances[0].id.clone();
    let name = |metric: &str| format!("{FOLDER}/instance/{id}/{metric}");
    let concurrent = field(&bench.sim, &name("ConcurrentCalls"), "Metrics").to_string();
    assert!(
        concurrent.contains("m1/500*100") && concurrent.contains("Maximum") && concurrent.contains(&id),
        "{concurrent}"
    );
    for counter in ["CallsBreachingConcurrencyQuota", "ThrottledCalls"] {
        let is =
            |field_name: &str, expected: Value| assert_eq!(field(&bench.sim, &name(counter), field_name), expected);
        is("MetricName", json!(counter));
        is("Threshold", json!(0.0));
        is("ComparisonOperator", json!("GreaterThanThreshold"));
        is("Period", json!(60));
        is("EvaluationPeriods", json!(1));
        is("Statistic", json!("Sum"));
    }
    assert_eq!(counts(&again(&mut bench).await), (0, 0, 9, 0));
    bench.sim.world().instances.remove(0);
    assert_eq!(counts(&again(&mut bench).await), (0, 3, 6, 0));
    (bench.config.alarms.apis, bench.config.alarms.instances) = (true, false);
    assert_eq!(counts(&again(&mut bench).await), (5, 6, 0, 0));
    (bench.config.alarms.apis, bench.config.alarms.instances) = (false, false);
    let answer = again(&mut bench).await;
    assert!(answer.get("api_alarms").is_none());
    assert_eq!(names(&bench.sim).len(), 5, "switched off, nothing is looked at");
}

#[tokio::test(start_paused = true)]
async fn removal_takes_both_kinds_and_needs_neither_switch_nor_connect() {
    let mut bench = kept(true, true);
    bench.run().await.unwrap();
    bench.sim.world().add_alarm(&format!("{FOLDER}/mine"), &[]);
    (bench.config.alarms.apis, bench.config.alarms.instances) = (false, false);
    bench.restart();
    bench.sim.clear_requests();
    let planned = remove(&mut bench, true).await.unwrap();
    assert_eq!(planned["api_alarms"]["planned"]["delete"].as_array().unwrap().len(), 14);
    assert_eq!(names(&bench.sim).len(), 15);
    let answer = remove(&mut bench, false).await.unwrap();
    assert_eq!((&answer["api_alarms"]["deleted"], &answer["api_alarms"]["kept"]), (&json!(14), &json!(1)));
    assert_eq!(names(&bench.sim), [format!("{FOLDER}/mine")]);
    assert!(bench.calls("connect").is_empty() && bench.calls("servicequotas").is_empty());
    assert_eq!(remove(&mut bench, false).await.unwrap()["api_alarms"]["deleted"], 0);
}

#[tokio::test(start_paused = true)]
async fn an_account_where_nothing_is_called_has_no_alarms() {
    let mut bench = Bench::new(quiet(0)).with_config(|c| (c.alarms.apis, c.alarms.instances) = (true, true));
    assert_eq!(counts(&bench.run().await.unwrap()), (0, 0, 0, 0));
    assert!(names(&bench.sim).is_empty());
}
