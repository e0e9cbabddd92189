//! What Lambda hands to a function from a queue that a rule of EventBridge fills.

use serde_json::{Value, json};

use crate::ids::uuid;
use crate::text::iso_time;

/// The payload of an event source mapping with these events, each as one message.
#[must_use]
pub fn batch(events: &[Value]) -> Value {
    let records = events.iter().enumerate().map(|(n, event)| {
        json!({
            "messageId": uuid("message", event["id"].as_str().unwrap_or_default(), n as u64),
            "receiptHandle": "AQEB", "body": event.to_string(), "attributes": { "ApproximateReceiveCount": "1" },
            "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs", "awsRegion": event["region"],
            "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:watch-queue",
        })
    });
    json!({ "Records": records.collect::<Vec<_>>() })
}

/// An event again and again, each time as another one: so many, all of one second (Unix seconds), with ids of their
/// own. `from` tells those of one storm from those of another.
#[must_use]
pub fn storm(event: &Value, from: usize, count: usize, second: i64) -> Vec<Value> {
    let name = event["detail"]["eventName"].as_str().unwrap_or_default();
    let again = |n: usize| {
        let mut event = event.clone();
        event["id"] = json!(uuid("event", name, n as u64));
        event["time"] = json!(iso_time(second).replace(".000", ""));
        if event["detail"]["eventID"].is_string() {
            event["detail"]["eventID"] = json!(uuid("record", name, n as u64));
            event["detail"]["eventTime"] = event["time"].clone();
        }
        event
    };
    (from..from + count).map(again).collect()
}
