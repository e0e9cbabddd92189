//! `doctor`, as a person runs it: what is well, what is broken and how to mend it. It changes nothing.

use connect_quota_monitor::answer::checks::{RUNS, WATCHES};
use serde_json::{Value, json};
use simaws::{Delivery, Fault, FaultKind, Rule, Sim, Table, Throttle, Times, World};

use crate::cli::{CREDENTIALS, run};
use crate::harness::{BUCKET, TABLE, TOPIC};

fn world() -> World {
    let mut world = World::with_instances(1);
    world.throttle = Throttle::None;
    world.tables.insert(TABLE.to_owned(), Table::new("subject", "timestamp"));
    world.buckets.entry(BUCKET.to_owned()).or_default();
    world.add_topic("quota-alerts");
    world.rules = vec![rule("connect-quota-monitor-Schedule", RUNS, Some("rate(1 hour)"), "ENABLED")];
    world
}

fn rule(name: &str, description: &str, schedule: Option<&str>, state: &'static str) -> Rule {
    let (name, description) = (name.to_owned(), description.to_owned());
    Rule { name, description, schedule: schedule.map(str::to_owned), state }
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
        for name in [
            "credentials",
            "instances",
            "service quotas",
            "permissions",
            "store",
            "alarms",
            "schedule",
            "trail",
            "metric groups",
            "usage names",
        ] {
            assert_eq!(check(&findings, name)["state"], "ok", "{name}: {findings:#}");
        }
        assert_eq!(check(&findings, "last run")["state"], "attention", "no run has been yet");
        assert_eq!(check(&findings, "topic")["state"], topic, "{findings:#}");
        // It only reads; the one attempt to write has a condition that cannot hold.
        let all = sim.requests();
        let verbs = ["Get", "List", "Lookup", "Describe", "Search", "BatchGet"];
        let writes: Vec<_> = all.iter().filter(|r| !verbs.iter().any(|verb| r.operation.starts_with(verb))).collect();
        assert!(!all.is_empty() && writes.iter().all(|r| r.operation.starts_with("Put")), "{writes:?}");
        assert_eq!(writes.len(), 1, "{writes:?}");
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
    assert_eq!(check(&findings, "permissions")["state"], "unknown", "nothing could be tried");
    let statement = &findings["missing_permissions"]["Statement"][0];
    assert_eq!(statement["Action"][0], "connect:ListInstances", "{findings:#}");
    assert_eq!(check(&findings, "store")["state"], "ok", "the rest is looked at");
}

#[test]
fn the_rules_are_known_by_what_the_template_says_of_them() {
    let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/template.yaml")).unwrap();
    for description in [RUNS, WATCHES] {
        assert!(template.contains(&format!("Description: {description}\n")), "{description}");
    }
}

#[tokio::test]
async fn what_stands_around_is_looked_at_over_all_pages() {
    let mut world = world();
    world.rules = (0..150).map(|n| rule(&format!("a-{n:03}"), "another", None, "ENABLED")).collect();
    world.rules.push(rule("z-schedule", RUNS, Some("rate(1 hour)"), "DISABLED"));
    world.rules.push(rule("z-watch", WATCHES, None, "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"));
    let trail = |name: &str, is_logging, selectors| Delivery { name: name.to_owned(), is_logging, selectors };
    let writes = json!({"EventSelectors": [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": true}]});
    let fields = json!({"AdvancedEventSelectors": [{"Name": "all",
        "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]});
    world.trail.deliveries = vec![trail("audit", true, writes), trail("stopped", false, fields)];
    for (name, metric) in [("breach", "CallsBreachingConcurrencyQuota"), ("missed", "MissedCalls")] {
        world.add_alarm(name, &[]);
        let fields = &mut world.alarms.get_mut(name).unwrap().fields;
        fields.insert("Namespace".to_owned(), json!("AWS/Connect"));
        fields.insert("MetricName".to_owned(), json!(metric));
        if name == "breach" {
            fields.insert("AlarmActions".to_owned(), json!(["arn:aws:sns:us-east-1:111122223333:ops"]));
            fields.insert("ActionsEnabled".to_owned(), json!(true));
            fields.insert("StateValue".to_owned(), json!("ALARM"));
        }
    }
    let sim = Sim::new(world);
    let (code, findings) = doctor(&sim, PLACES).await;
    assert_eq!(code, 2, "a schedule that is off is broken");
    assert_eq!(check(&findings, "schedule")["state"], "broken");
    assert!(check(&findings, "schedule")["remedy"].as_str().unwrap().contains("enable-rule --name z-schedule"));
    let found = |name: &str| check(&findings, name)["finding"].as_str().unwrap().to_owned();
    assert!(found("trail").contains("audit logs calls that write only"), "{}", found("trail"));
    let alarms = found("recommended alarms");
    assert!(
        alarms.contains("missing: full queues") && alarms.contains("without an action: missed calls (missed)"),
        "{alarms}"
    );
    assert!(!alarms.contains("breaches") && found("alarms").contains("breach"), "{alarms}");
    sim.world().trail.deliveries[1].is_logging = true;
    sim.world().rules[150].state = "ENABLED";
    let (code, findings) = doctor(&sim, PLACES).await;
    assert_eq!((code, &check(&findings, "trail")["state"]), (0, &Value::from("ok")), "{findings:#}");
}

#[tokio::test]
async fn who_may_not_look_around_gets_unknown_and_names_of_aws_stand_in_the_report() {
    let sim = Sim::new(world());
    for (service, operation) in
        [("events", "ListRules"), ("cloudtrail", "DescribeTrails"), ("monitoring", "DescribeAlarms")]
    {
        sim.script(Fault::new(service, FaultKind::AccessDenied).operation(operation).times(Times::Forever));
    }
    {
        let mut world = sim.world();
        let id = world.instances[0].id.clone();
        let now = jiff::Timestamp::now().as_second() / 60 * 60 - 900;
        let email = [("InstanceId", id.as_str()), ("MetricGroup", "Mails")];
        world.metrics.put("AWS/Connect", "ConcurrentEmails", &email, now, 3.0);
        let calls = [("Type", "API"), ("Resource", "ListUsers"), ("Service", "Connect Mystery"), ("Class", "None")];
        world.metrics.put("AWS/Usage", "CallCount", &calls, now, 3.0);
    }
    let file = std::env::temp_dir().join(format!("doctor-names-{}.json", std::process::id()));
    let arguments = ["doctor", "--report", file.to_str().unwrap(), "--output", "json"];
    let (code, json, error) = run(&sim, &arguments, &[CREDENTIALS, PLACES].concat()).await;
    let report = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let findings: Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e} {json} {error}"));
    for (name, action) in [
        ("schedule", "events:ListRules"),
        ("trail", "cloudtrail:DescribeTrails"),
        ("recommended alarms", "cloudwatch:DescribeAlarms"),
    ] {
        let check = check(&findings, name);
        assert_eq!(check["state"], "unknown", "{findings:#}");
        assert!(check["remedy"].as_str().unwrap().contains(action), "{check}");
    }
    assert!(findings["missing_permissions"].is_null(), "the function lacks nothing: {findings:#}");
    assert_eq!((code, &check(&findings, "metric groups")["state"]), (2, &Value::from("broken")));
    assert_eq!(check(&findings, "usage names")["state"], "attention", "{findings:#}");
    assert!(report.contains("ConcurrentEmails under Mails") && report.contains("Connect Mystery"), "{report}");
    let world = sim.world();
    for name in [world.instances[0].id.as_str(), world.account_id.as_str(), "connect-quota-monitor-Schedule"] {
        assert!(!report.contains(name), "{name} stands in {report}");
    }
}

#[tokio::test]
async fn both_stores_are_tried_and_the_own_share_is_read() {
    use crate::harness::Bench;
    use connect_quota_monitor::domain::request::Request;
    let mut bench = Bench::new(world()).with_table().with_bucket().with_topic();
    let now = jiff::Timestamp::now().as_second();
    bench.run_at(&Request::default(), now - 1_800).await.unwrap();
    let both = [PLACES, &IN_BUCKET[1..]].concat();
    let (code, findings) = doctor(&bench.sim, &both).await;
    assert_eq!(code, 0, "{findings:#}");
    let stores = findings["checks"].as_array().unwrap().iter().filter(|check| check["check"] == "store");
    assert_eq!(stores.count(), 2);
    assert_eq!(check(&findings, "last run")["state"], "ok");
    assert!(check(&findings, "own usage")["counts"]["own"].as_u64().unwrap() > 0, "{findings:#}");
    bench.sim.world().buckets.remove(BUCKET);
    let (code, findings) = doctor(&bench.sim, &both).await;
    assert_eq!(code, 2, "{findings:#}");
}
