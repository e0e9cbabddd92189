//! What runs leave to each other beside incidents, and what becomes of it when a write is refused, a schedule differs,
//! or a listing was not visited.

use connect_quota_monitor::domain::instances::InstancePattern;
use connect_quota_monitor::domain::request::Request;
use serde_json::{Value, json};
use simaws::FaultKind;

use crate::harness::{BUCKET, Bench, NOON, roomy, row};

const HOUR: i64 = 3600;

fn benches(instances: usize) -> [Bench; 2] {
    let bench = || Bench::new(roomy(instances)).with_topic();
    [bench().with_table(), bench().with_bucket()]
}

/// A run that may fail.
async fn run(bench: &mut Bench, second: i64) -> Option<Value> {
    bench.restart();
    bench.run_at(&Request::default(), second).await.ok()
}

fn mails(bench: &Bench) -> Vec<String> {
    bench.mails().into_iter().map(|mail| mail.event).collect()
}

#[tokio::test(start_paused = true)]
async fn a_deleted_instance_whose_recovery_cannot_be_written_down_is_over_later() {
    for (mut bench, (service, operation)) in benches(2).into_iter().zip([("dynamodb", "PutItem"), ("s3", "PutObject")])
    {
        bench.sim.world().instances[1].set("ListPrompts", 490);
        run(&mut bench, NOON).await;
        bench.sim.world().instances.truncate(1);
        bench.always(service, operation, FaultKind::AccessDenied);
        run(&mut bench, NOON + HOUR).await;
        assert_eq!(mails(&bench), ["raised"], "{service}: nothing is called over that cannot be written down");
        bench.sim.clear_faults();
        for hour in 2..5 {
            run(&mut bench, NOON + hour * HOUR).await;
        }
        assert_eq!(mails(&bench), ["raised", "recovered"], "{service}");
    }
}

/// Two functions share the instances and the store; one runs every hour, the other once a day.
#[tokio::test(start_paused = true)]
async fn functions_of_different_schedules_do_not_take_each_others_instances_for_gone() {
    let mut bench = Bench::new(roomy(2)).with_table().with_topic();
    bench.sim.world().instances[1].set("ListPrompts", 430);
    let ids: Vec<String> = bench.sim.world().instances.iter().map(|i| i.id.clone()).collect();
    for hour in [0, 1, 4, 12, 23, 24, 25, 30, 47, 48] {
        let second = NOON + hour * HOUR;
        (bench.config.include, bench.config.lookback_minutes) = (vec![InstancePattern::new(&ids[0])], 60);
        run(&mut bench, second).await.unwrap();
        if hour % 24 == 0 {
            (bench.config.include, bench.config.lookback_minutes) = (vec![InstancePattern::new(&ids[1])], 1440);
            run(&mut bench, second + 600).await.unwrap();
        }
    }
    assert_eq!(mails(&bench).iter().filter(|event| *event != "reminder").collect::<Vec<_>>(), ["raised"]);
}

/// That a function cannot read CloudWatch does not make its instances nobody's.
#[tokio::test(start_paused = true)]
async fn an_instance_whose_metrics_cannot_be_read_is_looked_at_all_the_same() {
    let mut bench = Bench::new(roomy(2)).with_table().with_topic();
    bench.sim.world().instances[1].set("ListPrompts", 430);
    let ids: Vec<String> = bench.sim.world().instances.iter().map(|i| i.id.clone()).collect();
    for hour in 0..7 {
        bench.config.include = vec![InstancePattern::new(&ids[0])];
        run(&mut bench, NOON + hour * HOUR).await.unwrap();
        bench.config.include = vec![InstancePattern::new(&ids[1])];
        bench.always("monitoring", "GetMetricData", FaultKind::AccessDenied);
        run(&mut bench, NOON + hour * HOUR + 600).await.unwrap();
        bench.sim.clear_faults();
    }
    let about_it: Vec<String> =
        bench.mails().into_iter().filter(|m| m.instance_id == ids[1]).map(|m| m.event).collect();
    assert!(!about_it.contains(&"recovered".to_owned()), "{about_it:?}");
    // It is deleted, though no run could ever read its metrics: that is noticed.
    bench.config.include = Vec::new();
    bench.sim.world().instances.truncate(1);
    run(&mut bench, NOON + 8 * HOUR).await.unwrap();
    let last = bench.mails().into_iter().rfind(|m| m.instance_id == ids[1]).unwrap();
    assert_eq!(last.event, "recovered", "{}", last.text);
}

/// A bus that is gone for days must not repeat the mail in every run.
#[tokio::test(start_paused = true)]
async fn what_a_bus_refuses_is_sent_to_it_again_and_mailed_once() {
    for bench in benches(1) {
        let mut bench = bench.with_bus();
        bench.sim.world().instances[0].set("ListPrompts", 430);
        bench.always("events", "PutEvents", FaultKind::AccessDenied);
        for hour in 0..4 {
            assert!(run(&mut bench, NOON + hour * HOUR).await.is_none(), "a channel that refuses fails the run");
        }
        assert_eq!(mails(&bench), ["raised"]);
        // It gets worse meanwhile: that is other news.
        bench.sim.world().instances[0].set("ListPrompts", 499);
        run(&mut bench, NOON + 4 * HOUR).await;
        assert_eq!(mails(&bench).len(), 2);
        bench.sim.clear_faults();
        for hour in 5..7 {
            run(&mut bench, NOON + hour * HOUR).await.unwrap();
        }
        assert_eq!(mails(&bench).len(), 2, "{:?}", mails(&bench));
        let sent: usize = bench.sim.world().buses.values().map(|bus| bus.events.len()).sum();
        assert_eq!(sent, 1, "the bus has heard of it");
        bench.sim.world().instances[0].set("ListPrompts", 10);
        for hour in 7..9 {
            run(&mut bench, NOON + hour * HOUR).await.unwrap();
        }
        assert_eq!(mails(&bench).last().unwrap(), "recovered");
    }
}

/// What stands in a resource that nobody has looked into is not none.
#[tokio::test(start_paused = true)]
async fn what_stands_in_unvisited_resources_is_never_none() {
    const RULES: &str = "L-8F7DFC0D";
    let mut world = roomy(1);
    let domain = world.add("cases", "ListDomains", "support");
    domain.add("ListTemplates", 3);
    let arn = world.arn_of("cases", "ListDomains", 0);
    world.instances[0].associate("CASES_DOMAIN", &arn);
    let mut looked = Vec::new();
    for calls in [1, 2, 3, 6, 60] {
        let mut bench = Bench::new(world.clone()).with_config(|config| config.detail_calls = calls);
        let report = bench.dry_run().await;
        let rules = row(&report["instances"][0], RULES);
        let has_looked = bench.calls("cases").iter().any(|operation| operation == "ListTemplates");
        if !has_looked {
            assert_eq!((&rules["status"], &rules["usage"]), (&Value::from("not_measurable"), &Value::Null), "{rules}");
        }
        looked.push(has_looked);
    }
    assert_eq!((looked[0], looked[4]), (false, true), "the smallest budget is too small to look into the domain");
}

/// A quota that Service Quotas lists no more has nothing left to violate.
#[tokio::test(start_paused = true)]
async fn a_violation_of_a_quota_that_is_withdrawn_is_over_once() {
    const LIST_USERS: &str = "L-CCC38177";
    for mut bench in benches(1) {
        bench.sim.world().quotas.set_account(LIST_USERS, 10.0);
        let dimensions = [("Class", "None"), ("Resource", "ListUsers"), ("Service", "Connect"), ("Type", "API")];
        bench.sim.world().metrics.put("AWS/Usage", "CallCount", &dimensions, NOON - 600, 590.0);
        run(&mut bench, NOON).await;
        bench.sim.world().quotas.remove(LIST_USERS);
        for hour in 1..5 {
            run(&mut bench, NOON + hour * HOUR).await;
        }
        assert_eq!(mails(&bench), ["raised", "recovered"]);
    }
}

/// A damaged document ends no run: it is named where it cannot be believed, and left alone.
#[tokio::test(start_paused = true)]
async fn a_ledger_with_absurd_numbers_ends_no_run() {
    let days = |from: i64| json!({ "from": from, "peaks": [1.0], "limits": [[0, 1.0]] });
    let times = "-9223372036854775808:4294967295;9223372036854775807:5";
    let since = "-009999-01-02T01:59:59Z";
    let damages = [
        ("/version", json!(u64::MAX), true),
        ("/notes/history/L-0865B754", days(i64::MIN), true),
        ("/notes/history/L-0865B754", days(i64::MAX), true),
        ("/notes/history/L-0865B754", days(-9_000_000_000_000), true),
        ("/notes/history/L-0865B754", days(50_000_000_000), true),
        ("/notes/seen_until", json!(i64::MIN), true),
        ("/notes/kept_limits/L-0865B754", json!({ "asked_at": i64::MIN }), true),
        ("/notes/own_calls", json!({ "connect": { "ListUsers": times } }), false),
        ("/incidents/L-0865B754/violation/since", json!(since), false),
    ];
    for (place, damage, is_named) in damages {
        let mut bench = Bench::new(roomy(1)).with_topic().with_bucket();
        bench.sim.world().instances[0].set("ListPrompts", 490);
        run(&mut bench, NOON).await;
        for (key, object) in &mut bench.sim.world().buckets.get_mut(BUCKET).unwrap().objects {
            if key.starts_with("connect-ledger/") {
                let mut ledger: Value = serde_json::from_slice(&object.body).unwrap();
                let (parent, name) = place.rsplit_once('/').unwrap();
                if let Some(members) = ledger.pointer_mut(parent).and_then(Value::as_object_mut) {
                    members.insert(name.to_owned(), damage.clone());
                }
                object.body = serde_json::to_vec(&ledger).unwrap().into();
            }
        }
        let answer = run(&mut bench, NOON + HOUR).await.unwrap_or_else(|| panic!("{place}: the run ended"));
        let faults = answer["faults"].to_string();
        assert_eq!(faults.contains("connect-ledger/"), is_named, "{place}: {faults}");
        assert!(!is_named || faults.contains("delete it"), "{place}: {faults}");
    }
}
