//! The documents that programs read are what their JSON Schemas say, and the examples for other systems
//! make what these systems take.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use jsonschema::Validator;
use serde_json::{Value, json};
use simaws::FaultKind;

use crate::harness::{Bench, NOON, demo};

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

pub fn schema(name: &str) -> Validator {
    let schema: Value = serde_json::from_str(&read(&format!("docs/{name}.schema.json"))).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

pub fn assert_valid(schema: &Validator, document: &Value) {
    let problems: Vec<String> = schema.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?} in {document:#}");
}

/// Documents and events of runs in which everything happens: violations of instances and the account,
/// mutes, a lost permission, an escalation, a recovery, a reminder, and a test.
async fn everything() -> (Vec<Value>, Vec<Value>) {
    let mut bench = demo().with_table().with_topic().with_events_topic().with_bus().with_config(|c| {
        let text = r#"{"*": {"instances": {"acme-sandbox": {"mute": {"reason": "a toy", "until": "2999-01-01"}}}}}"#;
        c.overrides = connect_quota_monitor::config::overrides::Overrides::parse(text).unwrap();
    });
    let run = async |bench: &mut Bench, hour: i64| {
        bench.restart();
        bench.run_at(&connect_quota_monitor::domain::request::Request::default(), NOON + hour * 3600).await.unwrap();
    };
    bench.sim.world().instances[2].set("ListPrompts", 499);
    run(&mut bench, 0).await;
    bench.always("connect", "ListQueues", FaultKind::AccessDenied);
    bench.sim.world().instances[0].set("ListPrompts", 430).set("ListContactFlows", 10);
    run(&mut bench, 1).await;
    bench.sim.world().instances[0].set("ListPrompts", 499);
    run(&mut bench, 2).await;
    run(&mut bench, 27).await;
    let now = Timestamp::from_second(NOON).unwrap();
    bench
        .app()
        .await
        .test_alert(connect_quota_monitor::run::Moment::within(now, std::time::Duration::from_secs(60)))
        .await
        .unwrap();
    let documents = bench.mails().into_iter().map(|m| m.document).collect();
    let events = bench.sim.world().buses["default"].events.iter().map(|e| e.detail.clone()).collect();
    (documents, events)
}

fn kinds(documents: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<&str> = documents.iter().map(|d| d["event"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// The schema is strict: a field that is not described, or one that is missing, is found.
fn assert_strict(schema: &Validator, document: &Value) {
    for name in document.as_object().unwrap().keys() {
        let mut less = document.clone();
        less.as_object_mut().unwrap().remove(name);
        assert!(!schema.is_valid(&less), "{name} may be missing");
    }
    let mut more = document.clone();
    more["new_field"] = json!(1);
    assert!(!schema.is_valid(&more), "an unknown field is let through");
}

#[tokio::test(start_paused = true)]
async fn documents_and_events_are_what_their_schemas_say() {
    let (documents, events) = everything().await;
    let (of_document, of_event) = (schema("alert-document"), schema("event"));
    assert_eq!(
        kinds(&documents),
        ["escalated", "raised", "recovered", "reminder", "test", "unseen"]
            .into_iter()
            .filter(|kind| documents.iter().any(|d| d["event"] == *kind))
            .collect::<Vec<_>>()
    );
    assert!(kinds(&documents).len() >= 4, "{:?}", kinds(&documents));
    assert_eq!(kinds(&events), ["escalated", "raised", "recovered", "test", "unseen"]);
    for document in &documents {
        assert_valid(&of_document, document);
    }
    for event in &events {
        assert_valid(&of_event, event);
    }
    assert!(documents.iter().any(|d| d["recovered"][0]["key"].is_string()), "a recovery was looked at");
    assert!(
        documents.iter().any(|d| d["summary"]["muted_count"].as_u64() > Some(0))
            || events.iter().all(|e| e["instance"]["alias"] != "acme-sandbox")
    );
    assert_strict(&of_document, &documents[0]);
    assert_strict(&of_event, &events[0]);
    let violation = documents.iter().find(|d| d["violations"][0].is_object()).unwrap();
    let mut wrong = violation.clone();
    wrong["violations"][0]["new_field"] = json!(1);
    assert!(!of_document.is_valid(&wrong));
    let mut wrong = violation.clone();
    wrong["violations"][0].as_object_mut().unwrap().remove("usage");
    assert!(!of_document.is_valid(&wrong));
}

/// The blocks of JSON in a document.
fn blocks(path: &str) -> Vec<Value> {
    let text = read(path);
    let blocks = text.split("```json\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    blocks.map(|block| serde_json::from_str(block).unwrap_or_else(|e| panic!("{path}: {e}: {block}"))).collect()
}

#[test]
fn the_examples_in_the_documentation_are_valid() {
    assert_valid(&schema("alert-document"), &blocks("docs/ALERT-DOCUMENT.md")[0]);
    assert_valid(&schema("event"), &blocks("docs/EVENTS.md")[0]);
}

/// What EventBridge sends to the target of an example's rule.
fn transformed(template: &str, detail: &Value) -> Value {
    let template: Value = serde_json::from_str(&read(&format!("docs/examples/{template}.template.json"))).unwrap();
    let rule = &template["Resources"]["Rule"]["Properties"];
    assert_eq!(rule["EventPattern"]["source"], json!(["connect-quota-monitor"]));
    assert_eq!(rule["EventPattern"]["detail-type"], json!(["Connect Quota Transition"]));
    let event = json!({ "source": "connect-quota-monitor", "detail": detail });
    let transformer = &rule["Targets"][0]["InputTransformer"];
    let paths: BTreeMap<String, String> = serde_json::from_value(transformer["InputPathsMap"].clone()).unwrap();
    let mut text =
        transformer["InputTemplate"].as_str().unwrap().replace("<aws.events.event.json>", &event.to_string());
    for (name, path) in paths {
        let value = path.trim_start_matches("$.").split('.').fold(&event, |value, part| &value[part]);
        // A path that leads nowhere would leave a hole in the JSON.
        assert!(value.is_string(), "{path}");
        text = text.replace(&format!("<{name}>"), &value.to_string());
    }
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[tokio::test(start_paused = true)]
async fn the_pagerduty_and_slack_examples_make_what_these_take() {
    let (_, events) = everything().await;
    for event in events {
        let incident = transformed("pagerduty", &event);
        assert!(["trigger", "resolve"].contains(&incident["event_action"].as_str().unwrap()));
        assert!(incident["dedup_key"].as_str().unwrap().len() <= 255);
        let payload = &incident["payload"];
        assert!(payload["summary"].as_str().is_some_and(|s| !s.is_empty() && s.chars().count() <= 1024));
        assert!(["critical", "error", "warning", "info"].contains(&payload["severity"].as_str().unwrap()));
        assert_eq!((&payload["source"], &payload["custom_details"]["detail"]), (&event["account_id"], &event));

        let message = transformed("slack", &event);
        assert_eq!((message["version"].as_str(), message["source"].as_str()), (Some("1.0"), Some("custom")));
        assert_eq!(message["content"]["description"], event["summary"]);
        assert_eq!(message["metadata"]["threadId"], event["dedup_key"]);
    }
}
