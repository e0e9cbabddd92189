//! Which limit applies, as Service Quotas' wire tells it.

use serde_json::{Value, json};
use simaws::{FaultKind, World};

use crate::harness::{Bench, quiet, row, with_status};

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

#[tokio::test(start_paused = true)]
async fn the_fallback_is_not_taken_where_the_listing_tells_of_resources() {
    let mut world = quiet(1);
    let mine = world.instances[0].arn(&world);
    world.quotas.set_instance("L-22922690", &mine, 500.0);
    let mut bench = Bench::new(world);
    bench.dry_run().await;
    assert!(!bench.calls("servicequotas").contains(&"GetServiceQuota".to_owned()));
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

#[tokio::test(start_paused = true)]
async fn a_row_with_an_error_is_no_limit() {
    let mut world = quiet(1);
    world.quotas.set_error(USERS, "DEPENDENCY_SERVICE_ERROR");
    let report = Bench::new(world).dry_run().await;
    let users = row(&report["instances"][0], USERS);
    assert_eq!((&users["limit"], &users["limit_source"]), (&json!(500.0), &json!("default")));
    assert!(users["note"].as_str().unwrap().contains("DEPENDENCY_SERVICE_ERROR"), "{users}");
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
