//! CloudTrail's event history over its wire.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test a panic is the message")]

mod common;

use http::Request;
use serde_json::{Value, json};
use simaws::{Reply, Sim, Throttle, World};

const NOON: i64 = 1_772_452_800;

async fn call(sim: &Sim, input: &Value) -> (u16, Value) {
    let mut request: Request<bytes::Bytes> = common::request("cloudtrail", "POST", "/", input.to_string());
    request.headers_mut().insert("x-amz-target", "CloudTrail_20131101.LookupEvents".parse().unwrap());
    match sim.handle(request).await {
        Reply::Http(response) => (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap()),
        other => panic!("no answer but {other:?}"),
    }
}

/// 120 calls of two operations, one a second, the last of them at noon.
fn history() -> Sim {
    let mut world = World::empty();
    for n in 0..120 {
        world.trail.records.push(json!({
            "eventID": format!("e{n}"), "eventTime": format!("2026-03-02T11:{:02}:{:02}Z", 58 + n / 60, n % 60),
            "eventName": if n % 2 == 0 { "ListUsers" } else { "ListQueues" }, "eventSource": "connect.amazonaws.com",
            "readOnly": true, "userIdentity": { "type": "IAMUser", "userName": "Alice", "accessKeyId": "AKID" },
        }));
    }
    let sim = Sim::new(world);
    sim.set_clock(NOON);
    sim
}

fn by_name(name: &str) -> Value {
    json!({ "LookupAttributes": [{ "AttributeKey": "EventName", "AttributeValue": name }] })
}

#[tokio::test]
async fn the_newest_come_first_in_pages_of_fifty() {
    let sim = history();
    let (status, first) = call(&sim, &by_name("ListUsers")).await;
    assert_eq!((status, first["Events"].as_array().unwrap().len()), (200, 50));
    assert_eq!(first["Events"][0]["EventId"], "e118");
    let record: Value = serde_json::from_str(first["Events"][0]["CloudTrailEvent"].as_str().unwrap()).unwrap();
    assert_eq!((&record["eventName"], &first["Events"][0]["Username"]), (&json!("ListUsers"), &json!("Alice")));
    let mut next = by_name("ListUsers");
    next["NextToken"] = first["NextToken"].clone();
    let (_, second) = call(&sim, &next).await;
    assert_eq!((second["Events"].as_array().unwrap().len(), second.get("NextToken")), (10, None));
    // The token belongs to the parameters that it came with.
    next["LookupAttributes"][0]["AttributeValue"] = json!("ListQueues");
    let (status, refused) = call(&sim, &next).await;
    assert_eq!((status, &refused["__type"]), (400, &json!("InvalidNextTokenException")));
}

#[tokio::test]
async fn a_time_range_takes_both_ends_in_and_nothing_is_older_than_90_days_or_younger_than_the_delay() {
    let sim = history();
    let ids = |answer: &Value| -> Vec<String> {
        answer["Events"].as_array().unwrap().iter().map(|e| e["EventId"].as_str().unwrap().to_owned()).collect()
    };
    let range = json!({ "StartTime": NOON - 120, "EndTime": NOON - 118 });
    assert_eq!(ids(&call(&sim, &range).await.1), ["e2", "e1", "e0"]);
    sim.world().trail.delay = 119;
    assert_eq!(ids(&call(&sim, &json!({})).await.1), ["e1", "e0"]);
    sim.world().trail.delay = 0;
    sim.set_clock(NOON + 90 * 86_400 - 2);
    assert_eq!(ids(&call(&sim, &json!({})).await.1), ["e119", "e118"]);
}

#[tokio::test]
async fn what_is_refused() {
    let sim = history();
    let one = by_name("ListUsers")["LookupAttributes"][0].clone();
    for (input, code) in [
        (json!({ "LookupAttributes": [one, one] }), "InvalidLookupAttributesException"),
        (
            json!({ "LookupAttributes": [{ "AttributeKey": "ErrorCode", "AttributeValue": "x" }] }),
            "InvalidLookupAttributesException",
        ),
        (
            json!({ "LookupAttributes": [{ "AttributeKey": "EventName", "AttributeValue": "" }] }),
            "InvalidLookupAttributesException",
        ),
        (json!({ "MaxResults": 51 }), "InvalidMaxResultsException"),
        (json!({ "MaxResults": 0 }), "InvalidMaxResultsException"),
        (json!({ "StartTime": NOON, "EndTime": NOON - 1 }), "InvalidTimeRangeException"),
        (json!({ "NextToken": "x" }), "InvalidNextTokenException"),
        (json!({ "EventCategory": "management" }), "InvalidEventCategoryException"),
    ] {
        let (status, answer) = call(&sim, &input).await;
        assert_eq!((status, &answer["__type"]), (400, &json!(code)), "{input}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_requests_a_second_are_served() {
    let sim = history();
    sim.world().throttle = Throttle::Shared;
    let mut served = Vec::new();
    for _ in 0..4 {
        served.push(call(&sim, &json!({})).await.0);
    }
    assert_eq!(served, [200, 200, 400, 400]);
    assert_eq!(call(&sim, &json!({})).await.1["__type"], "ThrottlingException");
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(call(&sim, &json!({})).await.0, 200);
}
