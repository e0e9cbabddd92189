//! `doctor`, as a person runs it: what is well, what is broken and how to mend it. It changes nothing.

use serde_json::Value;
use simaws::{Fault, FaultKind, Sim, Table, Throttle, Times, World};

use crate::cli::{CREDENTIALS, run};
use crate::harness::{BUCKET, TABLE, TOPIC};

fn world() -> World {
    let mut world = World::with_instances(1);
    world.throttle = Throttle::None;
    world.tables.insert(TABLE.to_owned(), Table::new("subject", "timestamp"));
    world.buckets.entry(BUCKET.to_owned()).or_default();
    world.add_topic("quota-alerts");
    world
}

const PLACES: &[(&str, &str)] = &[
    ("CONNECT_PACING", "per-operation"),
    ("USE_DYNAMODB", "true"),
    ("DYNAMODB_TABLE", TABLE),
    ("ALERT_SNS_TOPIC_ARN", TOPIC),
];
const IN_BUCKET: &[(&str, &str)] =
    &[("CONNECT_PACING", "per-operation"), ("USE_S3_STORAGE", "true"), ("S3_BUCKET", BUCKET)];

async fn doctor(sim: &Sim, variables: &[(&str, &str)]) -> (i32, Value) {
    let (code, json, error) = run(sim, &["doctor", "--output", "json"], &[CREDENTIALS, variables].concat()).await;
    (code, serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e}: {json}{error}")))
}

fn check<'a>(findings: &'a Value, name: &str) -> &'a Value {
    let checks = findings["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("no {name} in {findings:#}"))
}

#[tokio::test]
async fn a_well_account_is_well_and_nothing_is_changed() {
    for (variables, topic) in [(PLACES, "ok"), (IN_BUCKET, "attention")] {
        let sim = Sim::new(world());
        let (code, findings) = doctor(&sim, variables).await;
        assert_eq!((code, &findings["broken"]), (0, &Value::Bool(false)), "{findings:#}");
        for name in ["credentials", "instances", "service quotas", "permissions", "store", "alarms"] {
            assert_eq!(check(&findings, name)["state"], "ok", "{name}: {findings:#}");
        }
        assert_eq!(check(&findings, "last run")["state"], "attention", "no run has been yet");
        assert_eq!(check(&findings, "topic")["state"], topic, "{findings:#}");
        let world = sim.world();
        assert!(world.tables[TABLE].plain_items().is_empty() && world.buckets[BUCKET].objects.is_empty());
        assert!(world.topics[TOPIC].messages.is_empty() && world.alarms.is_empty());
    }
}

#[tokio::test]
async fn what_is_broken_is_named_with_its_remedy_and_the_report_has_no_names() {
    let sim = Sim::new(world());
    let denied = |service, operation: &str| {
        sim.script(Fault::new(service, FaultKind::AccessDenied).operation(operation).times(Times::Forever));
    };
    denied("connect", "ListQueues");
    denied("connect", "ListPrompts");
    sim.world().tables.clear();
    sim.world().topics.get_mut(TOPIC).unwrap().confirmed = 0;
    let file = std::env::temp_dir().join(format!("doctor-{}.json", std::process::id()));
    let arguments = ["doctor", "--report", file.to_str().unwrap()];
    let (code, text, error) = run(&sim, &arguments, &[CREDENTIALS, PLACES].concat()).await;
    let report = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(code, 2, "{text}{error}");
    for told in ["broken     store", "nobody receives alerts", "\"connect:ListPrompts\",", "\"connect:ListQueues\""] {
        assert!(text.contains(told), "no {told} in {text}");
    }
    let world = sim.world();
    for name in [world.instances[0].id.as_str(), world.account_id.as_str(), TABLE, "quota-alerts", "arn:"] {
        assert!(!report.contains(name), "{name} stands in {report}");
    }
    assert!(report.contains("connect:ListQueues") && report.contains("access_denied"), "{report}");
}

#[tokio::test]
async fn without_instances_credentials_or_the_right_to_list_it_says_so() {
    let sim = Sim::new(world());
    let (code, text, _) = run(&sim, &["doctor"], &[("AWS_REGION", "us-east-1")]).await;
    assert!(code == 2 && text.contains("broken     credentials") && text.contains("aws configure"), "{text}");
    let (code, text, _) = run(&sim, &["doctor"], &CREDENTIALS[1..]).await;
    assert!(code == 2 && text.contains("AWS_REGION"), "{text}");
    sim.script(Fault::new("connect", FaultKind::AccessDenied).operation("ListInstances").times(Times::Forever));
    let (code, findings) = doctor(&sim, PLACES).await;
    assert_eq!((code, &check(&findings, "instances")["state"]), (2, &Value::from("broken")), "{findings:#}");
    let statement = &findings["missing_permissions"]["Statement"][0];
    assert_eq!(statement["Action"][0], "connect:ListInstances", "{findings:#}");
    assert_eq!(check(&findings, "store")["state"], "ok", "the rest is looked at");
}
