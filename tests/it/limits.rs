//! Which limit applies, as Service Quotas' wire tells it.

use connect_quota_monitor::catalogue::Service;
use connect_quota_monitor::domain::Impact;
use connect_quota_monitor::domain::request::Request;
use connect_quota_monitor::judge::limits::Listed;
use serde_json::{Value, json};
use simaws::{FaultKind, Place, World};

use crate::harness::{Bench, NOON, quiet, row, with_status};

const USERS: &str = "L-9A46857E";

async fn users_limit(world: World) -> (Value, Value, Value) {
    let report = Bench::new(world).dry_run().await;
    let row = row(&report["instances"][0], USERS);
    (row["limit"].clone(), row["limit_source"].clone(), row["status"].clone())
}

#[tokio::test(start_paused = true)]
async fn the_value_of_the_instance_wins_then_all_instances_then_the_account_then_the_default() {
    let mut world = quiet(2);
    let (mine, other) = (world.instances[0].arn(&world), world.instances[1].arn(&world));
    world.quotas.set_default(USERS, 400.0).without_applied(USERS).set_instance(USERS, &other, 9.0);
    assert_eq!(users_limit(world.clone()).await.0, json!(400.0));
    assert_eq!(users_limit(world.clone()).await.1, json!("default"));
    world.quotas.set_account(USERS, 300.0);
    assert_eq!(users_limit(world.clone()).await.1, json!("account"));
    world.quotas.set_any_instance(USERS, 200.0);
    assert_eq!(users_limit(world.clone()).await.0, json!(200.0));
    world.quotas.set_instance(USERS, &mine, 100.0);
    let (limit, source, _) = users_limit(world).await;
    assert_eq!((limit, source), (json!(100.0), json!("instance")));
}

#[tokio::test(start_paused = true)]
async fn where_the_listing_tells_of_no_resource_each_instance_is_asked_for() {
    let mut world = quiet(2);
    let mine = world.instances[0].arn(&world);
    world.quotas.set_instance(USERS, &mine, 123.0).list_resource_level = false;
    let mut bench = Bench::new(world);
    let report = bench.dry_run().await;
    let of = |n: usize| {
        let row = row(&report["instances"][n], USERS);
        (row["limit"].clone(), row["limit_source"].clone())
    };
    assert_eq!(of(0), (json!(123.0), json!("instance")));
    assert_eq!(of(1).1, json!("account"));
    let asked = bench.calls("servicequotas").iter().filter(|c| *c == "GetServiceQuota").count();
    assert!(asked > 0 && asked % 2 == 0, "{asked}");
    assert_eq!(report["complete"], true, "that nothing is applied is no fault: {}", report["faults"]);
}

/// Decided for each instance and quota: a row of one says nothing about the others.
#[tokio::test(start_paused = true)]
async fn only_what_the_listing_shows_of_this_very_instance_is_not_asked_for() {
    let mut world = quiet(2);
    let (mine, other) = (world.instances[0].arn(&world), world.instances[1].arn(&world));
    world.quotas.set_instance(USERS, &mine, 500.0).set_instance("L-22922690", &mine, 120.0);
    world.quotas.set_instance(USERS, &other, 700.0).hide_from_listings(&other);
    let mut bench = Bench::new(world);
    let report = bench.dry_run().await;
    let asked: Vec<(String, String)> = bench
        .sim
        .requests()
        .into_iter()
        .filter(|r| r.operation == "GetServiceQuota")
        .map(|r| serde_json::from_slice::<Value>(&r.body).unwrap())
        .map(|body| (body["QuotaCode"].as_str().unwrap().to_owned(), body["ContextId"].as_str().unwrap().to_owned()))
        .collect();
    let is_asked = |code: &str, arn: &str| asked.contains(&(code.to_owned(), arn.to_owned()));
    assert!(!is_asked(USERS, &mine) && !is_asked("L-22922690", &mine));
    assert!(is_asked("L-0865B754", &mine) && is_asked(USERS, &other) && is_asked("L-22922690", &other));
    assert_eq!(row(&report["instances"][1], USERS)["limit"], 700.0);
    assert_eq!(row(&report["instances"][1], USERS)["limit_source"], "instance");
}

#[tokio::test(start_paused = true)]
async fn a_refused_fallback_makes_the_row_unknown_and_never_takes_the_accounts_limit() {
    let world = quiet(1);
    let mut bench = Bench::new(world);
    bench.always("servicequotas", "GetServiceQuota", FaultKind::AccessDenied);
    let report = bench.dry_run().await;
    let users = row(&report["instances"][0], USERS);
    assert_eq!((&users["status"], &users["limit"]), (&json!("unknown"), &Value::Null));
    assert_eq!(users["fault"]["operation"], "servicequotas:GetServiceQuota");
    assert_eq!(users["fault"]["kind"], "access_denied");
}

/// Whatever could override is not known: neither AWS's default nor a less specific value takes its place.
#[tokio::test(start_paused = true)]
async fn an_error_at_any_level_makes_the_limit_unknown_unless_a_more_specific_value_exists() {
    let quiet = {
        let mut world = quiet(1);
        world.instances[0].set("ListUsers", 600);
        world.quotas.set_account(USERS, 5_000.0);
        world
    };
    let arn = quiet.instances[0].arn(&quiet);
    let of_instance = Place::Context(arn.clone());
    for place in [Place::Account, Place::Context("*".to_owned()), of_instance.clone()] {
        for hidden in [false, true] {
            let mut world = quiet.clone();
            world.quotas.set_error_at(USERS, place.clone(), "DEPENDENCY_THROTTLING_ERROR");
            if hidden {
                world.quotas.hide_from_listings(&arn);
            }
            let mut bench = Bench::new(world.clone()).with_config(|c| c.auto_request_increase = true);
            let report = bench.dry_run().await;
            let users = row(&report["instances"][0], USERS);
            let what = format!("{place:?}, hidden {hidden}: {users}");
            assert_eq!((&users["status"], &users["limit"]), (&json!("unknown"), &Value::Null), "{what}");
            assert_eq!((&users["usage"], &report["complete"]), (&json!(600.0), &json!(false)), "{what}");
            let message = users["fault"]["message"].as_str().unwrap();
            assert!(message.contains(USERS) && message.contains("DEPENDENCY_THROTTLING_ERROR"), "{what}");
            assert!(bench.sim.world().quotas.change_requests.is_empty());
            if place != of_instance {
                world.quotas.set_instance(USERS, &arn, 2_000.0);
                let report = Bench::new(world).dry_run().await;
                let users = row(&report["instances"][0], USERS);
                let found = (&users["limit"], &users["limit_source"], &users["status"]);
                assert_eq!(found, (&json!(2_000.0), &json!("instance"), &json!("ok")), "{what}");
            }
        }
    }
}

/// 600 of 5,000 until Service Quotas cannot read the 5,000 any more: nobody is paged because of AWS's 500.
#[tokio::test(start_paused = true)]
async fn a_limit_that_cannot_be_read_pages_nobody_and_the_last_one_is_marked_with_its_time() {
    const PROMPTS: &str = "L-0865B754";
    for stored in [false, true] {
        let mut bench = Bench::new(quiet(1)).with_topic().with_config(|c| c.auto_request_increase = true);
        if stored {
            bench = bench.with_table();
        }
        {
            let mut world = bench.sim.world();
            world.quotas.set_account("L-AA17A6B9", 100.0).set_account(PROMPTS, 5_000.0);
            world.instances[0].set("ListPrompts", 600);
        }
        bench.with_metrics = true;
        bench.run_at(&Request::default(), NOON).await.unwrap();
        bench.sim.world().quotas.set_error(PROMPTS, "DEPENDENCY_THROTTLING_ERROR");
        bench.restart();
        let report = bench.run_at(&Request::default(), NOON + 3_600).await.unwrap();
        let prompts = row(&report["instances"][0], PROMPTS);
        if stored {
            assert_eq!((&prompts["status"], &prompts["limit"]), (&json!("ok"), &json!(5_000.0)), "{prompts}");
            assert_eq!(prompts["limit_read_at"], "2026-03-02T12:00:00Z");
        } else {
            assert_eq!((&prompts["status"], &prompts["limit"]), (&json!("unknown"), &Value::Null), "{prompts}");
        }
        assert!(bench.mails().iter().all(|mail| mail.event != "raised"), "{:?}", bench.mails());
        assert!(bench.sim.world().quotas.change_requests.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_aws_no_longer_lists_falls_back_to_its_documented_default() {
    let mut world = quiet(1);
    world.quotas.remove(USERS);
    let report = Bench::new(world).dry_run().await;
    let users = row(&report["instances"][0], USERS);
    assert_eq!((&users["limit"], &users["limit_source"]), (&json!(500.0), &json!("default")));
    assert!(users["note"].as_str().unwrap().contains("documented default"));
}

#[tokio::test(start_paused = true)]
async fn usage_against_a_limit_of_zero_is_critical() {
    let mut world = quiet(1);
    world.instances[0].set("ListUsers", 3).set("ListPrompts", 0);
    world.quotas.set_account(USERS, 0.0).set_account("L-0865B754", 0.0);
    let report = Bench::new(world).dry_run().await;
    let users = row(&report["instances"][0], USERS);
    assert_eq!((&users["status"], &users["utilization"]), (&json!("critical"), &Value::Null));
    let prompts = row(&report["instances"][0], "L-0865B754");
    assert_eq!((&prompts["status"], &prompts["utilization"]), (&json!("ok"), &Value::Null));
}

/// The instance on which nobody can call.
#[tokio::test(start_paused = true)]
async fn concurrency_with_an_applied_limit_of_zero_is_a_warning() {
    for code in ["L-12AB7C57", "L-D4BA6F6E", "L-60553137", "L-B117F12F"] {
        let mut world = quiet(1);
        let arn = world.instances[0].arn(&world);
        world.quotas.set_instance(code, &arn, 0.0);
        let report = Bench::new(world).dry_run().await;
        let calls = row(&report["instances"][0], code);
        assert_eq!((&calls["status"], &calls["usage"], &calls["limit"]), (&json!("warning"), &json!(0.0), &json!(0.0)));
        assert!(calls["note"].as_str().unwrap().contains("limit 0: nothing can be handled here"), "{calls}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_service_quotas_no_limit_is_believed() {
    let mut bench = Bench::new(quiet(1));
    bench.always("servicequotas", "ListServiceQuotas", FaultKind::AccessDenied);
    let report = bench.dry_run().await;
    let instance = &report["instances"][0];
    let users = row(instance, USERS);
    assert_eq!((&users["status"], &users["limit"]), (&json!("unknown"), &Value::Null));
    assert!(users["usage"].is_number(), "what was counted is shown");
    // Quotas that Service Quotas never lists keep their documented limit.
    assert_eq!(row(instance, "Approved origins per instance")["status"], "ok");
    assert_eq!(instance["status"], "partial");
    assert!(with_status(&report["account"], "unknown").len() >= 283);
    assert!(report["faults"].as_array().unwrap().iter().any(|f| f["operation"] == "servicequotas:ListServiceQuotas"));
}

#[test]
fn a_code_that_only_service_quotas_knows_is_live_where_its_metric_counts_calls() {
    for (has_usage_metric, counts_calls, impact) in
        [(true, true, Impact::Live), (true, false, Impact::Build), (false, false, Impact::Build)]
    {
        let listed = Listed { code: "L-FFFFFFFF", name: "Something new", has_usage_metric, counts_calls };
        assert_eq!(listed.uncatalogued(Service::Connect).impact, impact);
    }
}
