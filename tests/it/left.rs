//! What a run left behind: rows in the stores, messages and events.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{BUCKET, Bench, TABLE};

/// Rows by owner and quota.
pub type Rows = BTreeMap<(String, String), Value>;

/// What one run left behind.
#[derive(Debug, Default)]
pub struct Left {
    /// By store.
    pub rows: BTreeMap<&'static str, Rows>,
    /// Owner and quota of every violation that a message called new, for each message.
    pub raised: Vec<(String, String)>,
    /// Of those, by channel: what was raised, escalated and so on.
    pub events: BTreeMap<&'static str, Vec<(String, String)>>,
    /// `event` of each message.
    pub kinds: Vec<String>,
}

/// The members of a row that a fault elsewhere must not touch.
pub fn core(row: &Value) -> Value {
    let members = ["usage", "limit", "limit_source", "utilization", "status", "resource", "source", "approximate"];
    members.iter().map(|m| (*m, numbers(&row[*m]))).collect()
}

/// DynamoDB has no 6.0.
fn numbers(value: &Value) -> Value {
    value.as_f64().map_or_else(|| value.clone(), |n| json!(n))
}

fn key_of(row: &Value) -> String {
    let key = if row["quota_code"] == "-" { &row["quota_name"] } else { &row["quota_code"] };
    key.as_str().unwrap().to_owned()
}

fn rows_of(document: &Value) -> Vec<((String, String), Value)> {
    assert!(document.get("truncated").is_none(), "the world is small enough to be stored whole");
    let owner = document["instance_id"].as_str().unwrap().to_owned();
    let rows = document["metrics"].as_array().unwrap();
    // Of some rows only the codes are stored.
    let listed = |member: &str, row: Value| {
        let codes = document[member].as_array().cloned().unwrap_or_default();
        codes.into_iter().map(move |code| (code.as_str().unwrap().to_owned(), row.clone()))
    };
    let all = rows.iter().map(|row| (key_of(row), row.clone()));
    all.chain(listed("idle", json!({ "usage": 0.0, "status": "ok" })))
        .chain(listed("empty", json!({ "usage": 0.0, "status": "ok" })))
        .chain(listed("limit_only", json!({ "status": "not_measurable" })))
        .map(|(key, row)| ((owner.clone(), key), row))
        .collect()
}

/// What stands in the stores of the run at this moment, and what has been sent since `seen`.
pub fn left(bench: &Bench, at: i64, seen: &mut BTreeMap<&'static str, usize>) -> Left {
    let time = jiff::Timestamp::from_second(at).unwrap();
    let mut left = Left::default();
    let world = bench.sim.world();
    if let Some(table) = world.tables.get(TABLE) {
        let items = table.plain_items();
        let of_run = items.iter().filter(|item| item["timestamp"] == time.to_string());
        left.rows.insert("dynamodb", of_run.flat_map(rows_of).collect());
    }
    if let Some(bucket) = world.buckets.get(BUCKET) {
        let end = format!("-{}.json", time.strftime("%Y%m%dT%H%M%SZ"));
        let of_run = bucket.objects.iter().filter(|(k, _)| k.starts_with("connect-metrics/") && k.ends_with(&end));
        let of_run = of_run.map(|(_, object)| serde_json::from_slice(&object.body).unwrap());
        left.rows.insert("s3", of_run.flat_map(|document: Value| rows_of(&document)).collect());
    }
    let mut new = |channel: &'static str, all: Vec<Value>| {
        let from = seen.insert(channel, all.len()).unwrap_or(0);
        all.into_iter().skip(from).collect::<Vec<_>>()
    };
    let topic = |name: &str, protocol: &str| -> Vec<Value> {
        let topic = world.topics.iter().find(|(arn, _)| arn.ends_with(name)).map(|(_, topic)| &topic.messages);
        topic.into_iter().flatten().map(|m| serde_json::from_str(m.delivered(protocol)).unwrap()).collect()
    };
    for mail in new("mail", topic("quota-alerts", "sqs")) {
        left.kinds.push(mail["event"].as_str().unwrap().to_owned());
        let owner = mail["instance"]["id"].as_str().unwrap_or("account").to_owned();
        assert_eq!(mail["violations_omitted"], 0);
        let of_mail = mail["violations"].as_array().unwrap().iter().filter(|v| v["change"] == "new");
        left.raised.extend(of_mail.map(|v| (owner.clone(), key_of(v))));
    }
    let bus = world.buses.get("default").map(|bus| bus.events.iter().map(|e| e.detail.clone()).collect());
    for (channel, all) in [("topic", topic("quota-events", "sqs")), ("bus", bus.unwrap_or_default())] {
        let raised = new(channel, all).into_iter().filter(|e| e["event"] == "raised");
        let owner = |e: &Value| e["instance"]["id"].as_str().unwrap_or("account").to_owned();
        let raised = raised.map(|e| (owner(&e), key_of(&e["metric"])));
        left.events.insert(channel, raised.collect());
    }
    left
}
